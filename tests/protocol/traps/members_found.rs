//! Regressions of membership changes. The simulator found most of them.

use epoca::protocol::trace::Fact;
use epoca::protocol::{Answer, EntryId, Epoch, MemberChange, MemberKind, Message, NodeId, Promise, VoteAsked};
use epoca::verify::host::Image;

use crate::world::{Options, World};

/// Five voters led by n1. The disk of n2 was replaced, and n2 is a voter again; n4 was down meanwhile.
fn with_another_disk() -> World {
    let mut options = Options::voters(5);
    (options.limits.push_entries, options.limits.in_flight_pushes) = (1, 1);
    let mut world = World::new(&options);
    world.start_all();
    world.stand(1);
    world.settle();
    world.kill(4);
    world.crash(2);
    world.replace_disk(2, 1);
    world.restart(2);
    world.elapse_millis(1_500);
    // The change is committed by n1, n3 and n5.
    let added = world.add(1, 2);
    world.elapse_millis(1_500);
    assert!(world.is_written(added), "{:?}", world.answer(added));
    assert_eq!(world.voters(1), [1, 2, 3, 4, 5]);
    world
}

/// Seed 25 of 2026-11-21: its acks named the leader's former disk, and were refused forever.
#[test]
fn a_replica_with_an_older_list_replicates_from_a_leader_whose_disk_was_replaced() {
    let mut world = with_another_disk();
    world.transfer(1, Some(2));
    world.elapse_millis(500);
    assert_eq!(world.leader(), Some(2));
    world.restart(4);
    world.elapse_millis(1_500);
    assert_eq!(world.core(4).last(), world.core(2).last());
}

/// The same with votes: only n2 has the last entry, so it needs the vote of n4, too.
#[test]
fn trap_31_a_vote_of_a_node_that_knows_an_earlier_disk_of_the_candidate_counts() {
    let mut world = with_another_disk();
    world.kill(3);
    world.kill(5);
    world.put(1, "x=1");
    world.settle();
    world.kill(1);
    world.restart(3);
    world.restart(4);
    world.elapse_until(20, "n2, n3 and n4 elect n2", |world| world.leader() == Some(2));
}

/// Seed 33 of 2026-11-21: watchers of a nonmember took it for a replica of its last leader forever.
#[test]
fn a_node_that_may_not_lead_reports_the_loss_of_its_leader() {
    let mut world = World::led(3);
    world.kill(3);
    let removed = world.remove(1, 3);
    world.elapse_millis(500);
    assert!(world.is_written(removed));
    world.restart(3);
    world.elapse_millis(500);
    assert_eq!(world.node(3).view.leader, Some(NodeId(1)), "it learns of its removal");
    world.elapse_millis(20_000);
    assert_eq!((world.core(3).leader(), world.node(3).view.leader), (None, None));
}

/// Seed 3000912 of 2026-11-21: the first change needs a majority of the founders, and the next leader did not push to
/// the founder that the change removes.
#[test]
fn the_first_change_is_committed_by_a_later_leader_too() {
    let mut world = World::led(4);
    world.kill(4);
    world.network.cut(NodeId(1), NodeId(2));
    let removed = world.remove(1, 2);
    world.elapse_millis(300);
    assert!(!world.is_written(removed), "n1 and n3 are two of three, but not three of the four founders");
    world.kill(1);
    world.restart(1);
    world.network.heal_all();
    world.elapse_until(20, "n1, n3 and n2 have the change", |world| {
        [1, 3].iter().all(|id| world.core(*id).committed() == world.core(*id).last())
            && world.leader().is_some()
            && world.voters(2) == [1, 3, 4]
    });
}

/// The node that the first change removes may be the missing founder, however long it is down.
#[test]
fn a_founder_that_the_first_change_removes_is_pushed_to_until_that_is_committed() {
    let mut world = World::led(4);
    world.kill(4);
    world.network.cut(NodeId(1), NodeId(2));
    let removed = world.remove(1, 2);
    world.elapse_millis(12_000);
    assert!(!world.is_written(removed), "n1 and n3 are two of the four founders");
    world.network.heal_all();
    world.elapse_millis(1_000);
    assert!(world.is_written(removed), "{:?}", world.answer(removed));
}

/// A reader without the change asks n3 and n4, since any two of four intersect every majority of the four.
#[test]
fn while_the_first_change_is_not_committed_nothing_is_without_a_majority_of_the_founders() {
    let mut world = World::led(4);
    world.network.cut(NodeId(1), NodeId(3));
    world.network.cut(NodeId(1), NodeId(4));
    let write = world.put(1, "x=1");
    world.settle();
    let removed = world.remove(1, 4);
    world.settle();
    assert_eq!(world.voters(1), [1, 2, 3]);
    assert!(!world.is_written(write) && !world.is_written(removed), "only n1 and n2 have them");
}

/// Found by a mutant's seed 5713 of 2026-11-21: all later reads were blocked, too.
#[test]
fn a_read_that_waits_for_a_voter_is_answered_once_that_voter_is_removed() {
    let mut world = World::led(3);
    let removed = world.remove(1, 3);
    world.elapse_millis(300);
    assert!(world.is_written(removed));
    world.kill(2);
    let read = world.read(1);
    world.settle();
    assert_eq!(world.answer(read), None, "n2 is asked and does not answer");
    let removed = world.remove(1, 2);
    world.settle();
    assert!(world.is_written(removed));
    assert_eq!(world.answer(read), Some(&Answer::Readable));
}

/// Seed 90014912 of 2026-11-21: a disk was replaced, the leader that knew it to be committed crashed, and two of the
/// four founders' disks were left, a majority of the three voters of the new list.
#[test]
fn a_founder_whose_folder_was_replaced_is_not_waited_for() {
    let mut world = World::led(4);
    world.kill(4);
    world.elapse_millis(1_500);
    world.replace_disk(4, 9);
    world.network.hold(NodeId(2), "commit-order");
    world.network.hold(NodeId(3), "commit-order");
    let replaced = world.add(1, 4);
    world.settle();
    assert!(world.is_written(replaced));
    world.kill(1);
    world.network.held.clear();
    world.now = world.now.plus_micros(2_500_000);
    world.elect(2);
    world.network.release(NodeId(3), "commit-order");
    let write = world.put(2, "x=1");
    world.settle();
    assert!(world.is_written(write), "n2 and n3 are two of the three voters");
}

/// Seed 170083662 of 2026-11-21: it had started an election before its removal, and its disk took long to store its
/// vote.
#[test]
fn a_candidate_that_was_removed_meanwhile_does_not_unseat_the_leader() {
    let mut world = World::led(4);
    world.kill(4);
    let removed = world.remove(1, 4);
    world.elapse_millis(200);
    assert!(world.is_written(removed), "{:?}", world.answer(removed));
    let last = Some(EntryId::new(1, 0));
    world.send_as(4, 1, Some(2), Message::VoteAsked(VoteAsked { epoch: Epoch(2), last, transfer: false }));
    world.elapse_millis(200);
    assert_eq!((world.leader(), world.core(1).epoch()), (Some(1), Some(Epoch(1))));
}

/// With n3 down nothing is committed without n4, which has promised to follow no leader of a smaller epoch.
#[test]
fn a_founder_that_the_first_change_removes_counts_with_its_epoch_until_that_is_committed() {
    let mut world = World::led(4);
    world.settle();
    world.crash(4);
    let promise = Some(Promise { epoch: Epoch(5), vote: None });
    let image = Image { promise, ..world.host(4).disk.durable().clone() };
    world.host_mut(4).disk.set_log(image);
    world.kill(3);
    world.remove(1, 4);
    world.settle();
    assert_eq!(world.voters(1), [1, 2, 3]);
    world.restart(4);
    world.elapse_until(20, "n1, n2 and n4 commit the change", |world| {
        let leader = world.leader().map(|leader| world.core(leader));
        leader.is_some_and(|core| core.epoch() > Some(Epoch(5)) && core.committed() == core.last())
    });
}

#[test]
fn a_member_that_listens_elsewhere_keeps_its_vote() {
    let mut world = World::led(3);
    let mut moved = world.member(3, MemberKind::Joining);
    moved.address = "127.0.0.1:9999".to_owned();
    let request = world.change(1, MemberChange::Add(moved));
    world.elapse_millis(300);
    assert!(world.is_written(request));
    let member = world.list(2).member(NodeId(3)).expect("n3").clone();
    assert_eq!((member.address.as_str(), member.kind), ("127.0.0.1:9999", MemberKind::Voter));
    let taken_up = |(_, fact): (u64, &Fact)| matches!(fact, Fact::JoinAsked { .. });
    assert!(!world.facts().any(taken_up), "it is a member already");
    let again = world.change(1, MemberChange::Add(member));
    assert_eq!(world.answer(again), Some(&Answer::Done));
}
