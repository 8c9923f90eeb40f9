//! Membership changes: traps 31 to 38 (30 is in the conformance cases).

use epoca::protocol::trace::{Fact, RoleName};
use epoca::protocol::{
    Ack, Answer, EntryId, Envelope, Epoch, Input, Limits, MemberChange, MemberKind, Message, NodeId, PreVoteAsked,
    Refusal, VoteAsked,
};

use crate::world::{Options, Pick, World};

/// n1 leads three voters and has added n4, which is still a learner.
fn grown() -> World {
    let mut world = World::led(3);
    world.newcomer(4);
    let added = world.add(1, 4);
    world.elapse_millis(500);
    assert!(world.is_written(added), "{:?}", world.answer(added));
    assert_eq!(world.voters(1), [1, 2, 3, 4]);
    world
}

fn refusal(world: &mut World, at: u64, change: MemberChange) -> Option<Refusal> {
    let request = world.change(at, change);
    match world.answer(request) {
        Some(Answer::Refused(refusal)) => Some(*refusal),
        _ => None,
    }
}

fn isolate(world: &mut World, id: u64) {
    for other in world.ids() {
        world.network.cut(NodeId(id), NodeId(other));
    }
}

#[test]
fn a_newcomer_learns_everything_catches_up_and_votes() {
    let mut world = World::led(3);
    let writes: Vec<_> = (0..50).map(|number| world.put(1, &format!("k{number}={number}"))).collect();
    world.settle();
    assert!(writes.iter().all(|write| world.is_written(*write)));
    world.newcomer(4);
    world.take_events();
    world.add(1, 4);
    world.settle();
    assert_eq!((world.voters(1), world.learners(1)), (vec![1, 2, 3], vec![4]), "it counts in no quorum yet");
    world.elapse_millis(500);
    assert_eq!((world.voters(4), world.learners(4)), (vec![1, 2, 3, 4], vec![]));
    assert_eq!(world.value(4, "k49"), Some("49".to_owned()));
    let promoted = |(node, fact): (u64, &Fact)| node == 1 && matches!(fact, Fact::Promoted { node: NodeId(4) });
    assert_eq!(world.facts().filter(|event| promoted(*event)).count(), 1);
    // Three of four voters are a majority now: with n2 down n3 and n4 are needed.
    world.kill(2);
    world.kill(3);
    let write = world.put(1, "x=1");
    world.settle();
    assert!(!world.is_written(write));
    world.restart(3);
    world.elapse_millis(500);
    assert!(world.is_written(write), "n1, n3 and n4 have it");
}

#[test]
fn a_learner_stays_one_until_promoted_and_never_leads() {
    let mut world = World::led(3);
    world.newcomer(4);
    let learner = world.member(4, MemberKind::Learner);
    world.change(1, MemberChange::Add(learner));
    world.elapse_millis(5_000);
    assert_eq!(world.learners(4), [4]);
    world.kill(1);
    world.kill(2);
    world.elapse_millis(20_000);
    assert_eq!(world.leader(), None, "n3 is one of three voters, and n4 none");
    assert_eq!(world.role(4), RoleName::Replica);
    world.restart(2);
    world.elapse_until(20, "a node leads", |world| world.leader().is_some());
    let leader = world.leader().expect("a leader");
    world.elapse_millis(500);
    assert_eq!(refusal(&mut world, leader, MemberChange::Promote(NodeId(4))), None);
    world.elapse_millis(500);
    assert_eq!(world.voters(4), [1, 2, 3, 4]);
}

#[test]
fn trap_31_a_voter_whose_list_is_older_grants_its_vote() {
    let mut world = World::led(3);
    world.newcomer(4);
    world.network.cut(NodeId(1), NodeId(3));
    world.add(1, 4);
    world.elapse_millis(500);
    assert_eq!((world.voters(4), world.voters(3)), (vec![1, 2, 3, 4], vec![1, 2, 3]), "n3 has not heard of n4");
    // Of n1 to n4 only n2, n3 and n4 are left: n4 needs the vote of n3.
    world.kill(1);
    world.network.heal_all();
    world.now = world.now.plus_micros(2_500_000);
    world.elect(4);
}

#[test]
fn trap_31_a_voter_does_not_know_yet_that_it_was_promoted_and_votes() {
    let mut world = World::led(2);
    world.newcomer(3);
    let learner = world.member(3, MemberKind::Learner);
    world.change(1, MemberChange::Add(learner));
    world.elapse_millis(500);
    world.network.cut(NodeId(1), NodeId(3));
    world.change(1, MemberChange::Promote(NodeId(3)));
    world.elapse_millis(300);
    assert_eq!((world.voters(2), world.voters(3)), (vec![1, 2, 3], vec![1, 2]));
    world.kill(1);
    world.network.heal_all();
    world.now = world.now.plus_micros(2_500_000);
    world.elect(2);
    let write = world.put(2, "x=1");
    world.settle();
    world.elapse_millis(300);
    assert!(world.is_written(write));
}

#[test]
fn trap_32_a_list_that_is_not_committed_counts_after_a_restart() {
    let mut world = World::led(4);
    isolate(&mut world, 1);
    world.remove(1, 4);
    world.settle();
    assert_eq!(world.voters(1), [1, 2, 3]);
    world.crash(1);
    world.restart(1);
    assert_eq!(world.voters(1), [1, 2, 3]);
}

#[test]
fn trap_33_truncating_a_change_brings_back_the_earlier_list() {
    let mut world = World::led(4);
    isolate(&mut world, 1);
    let change = world.remove(1, 4);
    world.settle();
    assert_eq!(world.voters(1), [1, 2, 3]);
    world.now = world.now.plus_micros(2_500_000);
    world.elect(2);
    world.settle();
    world.network.heal_all();
    world.elapse_millis(1_000);
    assert_eq!(world.answer(change), Some(&Answer::Unknown));
    assert_eq!(world.voters(1), [1, 2, 3, 4]);
    world.crash(1);
    world.restart(1);
    assert_eq!(world.voters(1), [1, 2, 3, 4]);
}

#[test]
fn trap_34_no_change_before_the_last_one_is_committed() {
    let mut world = World::led(4);
    isolate(&mut world, 1);
    world.remove(1, 4);
    assert_eq!(refusal(&mut world, 1, MemberChange::Remove(NodeId(3))), Some(Refusal::ChangeUnderWay));
    world.network.heal_all();
    world.elapse_millis(300);
    assert_eq!(refusal(&mut world, 1, MemberChange::Remove(NodeId(3))), None);
}

#[test]
fn trap_34_a_change_counts_by_the_new_list_alone() {
    let mut world = World::led(3);
    let first = world.remove(1, 3);
    world.elapse_millis(500);
    assert!(world.is_written(first), "{:?}", world.answer(first));
    world.kill(2);
    // n1 alone is a majority of one; but the leader must have heard the remaining voters, or a typo would end the
    // cluster.
    world.elapse_millis(500);
    let removed = world.remove(1, 2);
    world.settle();
    assert!(world.is_written(removed), "{:?}", world.answer(removed));
    assert_eq!(world.voters(1), [1]);
}

/// A quorum read by the founders' list asks two of four; n1 and n2 are a majority of the new list only.
#[test]
fn the_first_change_is_committed_only_with_a_majority_of_the_founders() {
    let mut world = World::led(4);
    for (here, there) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
        world.network.cut(NodeId(here), NodeId(there));
    }
    let removed = world.remove(1, 4);
    let write = world.put(1, "x=1");
    world.elapse_millis(300);
    assert_eq!(world.voters(1), [1, 2, 3]);
    assert!(!world.is_written(removed) && !world.is_written(write), "n3 and n4 know nothing of it");
    // The removed node is a founder, too: it is enough that it has the new list.
    world.network.heal(NodeId(1), NodeId(4));
    world.elapse_millis(300);
    assert!(world.is_written(removed) && world.is_written(write));
}

#[test]
fn trap_35_a_leader_that_is_asked_to_leave_hands_over_first() {
    let mut world = World::led(4);
    let request = world.remove(1, 1);
    world.elapse_millis(500);
    let leader = world.leader().expect("a node leads");
    assert_ne!(leader, 1);
    assert_eq!(world.answer(request), Some(&Answer::Forward(NodeId(leader))), "the client goes on there");
    let removed = world.remove(leader, 1);
    world.elapse_millis(500);
    assert!(world.is_written(removed));
    assert!(!world.voters(1).contains(&1), "n1 has heard of it");
    world.take_events();
    world.elapse_millis(10_000);
    assert_eq!((world.leader(), world.role(1)), (Some(leader), RoleName::Replica));
    assert_eq!(world.facts().filter(|(node, fact)| *node == 1 && matches!(fact, Fact::PreVoteAsked { .. })).count(), 0);
}

/// n1 removes n2, the entry reaches only n2, and n1 crashes: n2 has to lead once more, for the others.
fn led_by_the_removed() -> World {
    // This is not the first list change, which also needs a majority of the founders.
    let mut world = grown();
    world.network.cut(NodeId(1), NodeId(3));
    world.network.cut(NodeId(1), NodeId(4));
    world.remove(1, 2);
    world.settle();
    assert_eq!((world.voters(2), world.voters(3)), (vec![1, 3, 4], vec![1, 2, 3, 4]));
    world.kill(1);
    world.now = world.now.plus_micros(2_500_000);
    world
}

#[test]
fn trap_35_a_removed_voter_leads_until_its_removal_is_committed_and_does_not_count_itself() {
    let mut world = led_by_the_removed();
    world.network.cut(NodeId(2), NodeId(4));
    world.begin_election(2);
    world.settle();
    assert_ne!(world.role(2), RoleName::Leader, "n3 is one of three; n2 does not count");
    world.network.heal_all();
    world.take_events();
    world.elapse_until(20, "n3 or n4 leads", |world| matches!(world.leader(), Some(3 | 4)));
    assert_eq!(world.voters(3), [1, 3, 4], "no other node had the change");
    let left =
        |(node, fact): (u64, &Fact)| node == 2 && matches!(fact, Fact::SteppedDown { why, .. } if why == "removed");
    assert!(world.facts().any(left), "n2 led, and left");
}

#[test]
fn trap_35_a_removed_leader_commits_with_the_others_alone() {
    let mut world = led_by_the_removed();
    world.elect(2);
    world.network.cut(NodeId(2), NodeId(4));
    world.settle();
    let opening = world.core(2).last();
    assert_ne!(world.core(2).committed(), opening, "it is on n2 and n3, and n2 does not count");
}

#[test]
fn trap_35_a_removed_replica_that_is_down_is_not_pushed_to_forever() {
    let mut world = grown();
    world.kill(4);
    world.remove(1, 4);
    world.elapse_millis(12_000);
    world.drop_messages(&Pick::default());
    world.network.pool.clear();
    let to_n4 =
        |world: &World| world.facts().filter(|(_, fact)| matches!(fact, Fact::Sent { to: NodeId(4), .. })).count();
    world.take_events();
    world.elapse_millis(2_000);
    assert_eq!(to_n4(&world), 0);
}

#[test]
fn trap_36_a_fresh_folder_under_an_old_id_is_no_voter_of_old_lists() {
    let limits = Limits { push_entries: 1, ..Limits::default() };
    let mut world = World::new(&Options { limits, ..Options::voters(1) });
    world.start_all();
    world.stand(1);
    for id in [2, 3] {
        world.newcomer(id);
        world.add(1, id);
        world.elapse_millis(500);
    }
    world.remove(1, 1);
    world.elapse_millis(500);
    let leader = world.leader().expect("a leader");
    world.remove(leader, 1);
    world.elapse_millis(500);
    // n1 returns with an empty disk and receives the old lists one by one: by the first one it alone is a majority.
    world.kill(1);
    world.replace_disk(1, 9);
    world.restart(1);
    let learner = world.member(1, MemberKind::Learner);
    world.change(leader, MemberChange::Add(learner));
    while world.core(1).members().is_none() {
        if world.network.pool.is_empty() {
            world.tick(leader);
        }
        let next = world.network.pool.remove(0);
        world.deliver_message(next);
    }
    assert_eq!(world.voters(1), [1], "the first list");
    isolate(&mut world, 1);
    world.elapse_millis(20_000);
    assert_ne!(world.role(1), RoleName::Leader);
}

#[test]
fn trap_36_what_the_old_folder_had_acked_does_not_count_for_the_new_one() {
    let mut world = World::led(3);
    world.put(1, "x=1");
    world.settle();
    let last = world.core(1).last();
    let old_folder = world.host(3).config.incarnation;
    world.kill(3);
    world.elapse_millis(1_500);
    world.replace_disk(3, 9);
    let back = world.add(1, 3);
    world.settle();
    assert!(world.is_written(back), "{:?}", world.answer(back));
    assert_eq!(world.learners(1), [3], "the old n3 votes no more, and the new one not yet");
    // An ack of the old folder was in flight throughout.
    let ack = Message::Ack(Ack { up_to: last, finalized: last, answers: 1 });
    let from_old = Envelope {
        cluster: Some(world.list(1).cluster),
        incarnation: Some(world.host(1).config.incarnation),
        epoch: Some(Epoch(1)),
        sender: Some(old_folder),
        ..Envelope::bare(NodeId(3), NodeId(1), 77, ack)
    };
    world.step(1, Input::Message(from_old));
    assert_eq!(world.snapshot(1).beliefs[&NodeId(3)].matched, None);
    // The new folder starts, receives everything and votes.
    world.restart(3);
    world.elapse_millis(1_000);
    assert_eq!((world.voters(3), world.value(3, "x")), (vec![1, 2, 3], Some("1".to_owned())));
}

#[test]
fn trap_36_an_entry_is_not_committed_by_counting_a_damaged_replica_that_was_replaced() {
    let mut world = World::led(3);
    world.kill(3);
    world.elapse_millis(1_500);
    world.replace_disk(3, 9);
    world.take_events();
    let learner = world.member(3, MemberKind::Learner);
    let back = world.change(1, MemberChange::Add(learner));
    world.settle();
    assert!(world.is_written(back));
    let told = |(node, fact): (u64, &Fact)| node == 1 && matches!(fact, Fact::FolderReplaced { node: NodeId(3) });
    assert_eq!(world.facts().filter(|event| told(*event)).count(), 1);
    world.network.cut(NodeId(1), NodeId(2));
    world.restart(3);
    let write = world.put(1, "x=1");
    world.elapse_millis(300);
    assert_eq!(world.core(3).last(), world.core(1).last(), "the new n3 has it on its disk");
    assert!(!world.is_written(write), "n1 is one of two voters");
    world.network.heal_all();
    world.elapse_millis(1_000);
    assert!(world.is_written(write));
}

#[test]
fn trap_36_the_id_of_a_live_node_is_not_given_to_another_folder() {
    let mut world = World::led(3);
    let mut other = world.member(3, MemberKind::Joining);
    other.incarnation.0[1] = 9;
    assert_eq!(refusal(&mut world, 1, MemberChange::Add(other.clone())), Some(Refusal::IdInUse));
    other.id = NodeId(1);
    assert_eq!(refusal(&mut world, 1, MemberChange::Add(other)), Some(Refusal::IdInUse));
}

#[test]
fn trap_37_a_joiner_that_never_answers_blocks_no_other_node() {
    let mut world = World::led(2);
    // n3 does not exist.
    let added = world.add(1, 3);
    world.elapse_millis(3_000);
    assert!(world.is_written(added));
    assert_eq!((world.voters(1), world.learners(1)), (vec![1, 2], vec![3]), "it is never promoted");
    assert_eq!(refusal(&mut world, 1, MemberChange::Promote(NodeId(3))), Some(Refusal::NotCaughtUp));
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write));
    let removed = world.remove(1, 3);
    world.settle();
    assert!(world.is_written(removed));
}

#[test]
fn trap_37_a_joiner_that_has_only_the_beginning_is_not_promoted() {
    let mut options = Options::voters(3);
    (options.limits.push_entries, options.limits.in_flight_pushes) = (1, 1);
    let mut world = World::new(&options);
    world.start_all();
    world.stand(1);
    world.settle();
    for number in 0..20 {
        world.put(1, &format!("k{number}={number}"));
    }
    world.settle();
    world.newcomer(4);
    let added = world.add(1, 4);
    let position = |world: &World| world.core(4).last().map_or(0, |last| last.position.0);
    while position(&world) < 3 {
        if world.network.pool.is_empty() {
            world.tick(1);
        }
        let next = world.network.pool.remove(0);
        world.deliver_message(next);
    }
    // Its acks arrive, but nothing more is sent to it.
    let acks = world.network.take(&Pick { from: Some(NodeId(4)), ..Pick::default() });
    isolate(&mut world, 4);
    acks.into_iter().for_each(|ack| world.deliver_message(ack));
    world.elapse_millis(500);
    assert!(world.is_written(added), "{:?}", world.answer(added));
    assert_eq!((world.voters(1), world.learners(1)), (vec![1, 2, 3], vec![4]), "it lacks most of the log");
    assert_eq!(refusal(&mut world, 1, MemberChange::Promote(NodeId(4))), Some(Refusal::NotCaughtUp));
    world.network.heal_all();
    world.elapse_millis(2_000);
    assert_eq!(world.voters(4), [1, 2, 3, 4]);
}

#[test]
fn trap_37_a_silent_learner_is_not_promoted() {
    let mut world = World::led(3);
    world.newcomer(4);
    let learner = world.member(4, MemberKind::Learner);
    world.change(1, MemberChange::Add(learner));
    world.elapse_millis(500);
    assert_eq!(world.core(4).last(), world.core(1).last());
    isolate(&mut world, 4);
    // Three heartbeats, far less than an election timeout.
    world.elapse_millis(350);
    assert_eq!(refusal(&mut world, 1, MemberChange::Promote(NodeId(4))), Some(Refusal::NotCaughtUp));
}

#[test]
fn trap_37_a_change_that_would_leave_too_few_live_voters_is_refused() {
    let mut world = World::led(3);
    world.kill(3);
    world.elapse_millis(1_500);
    assert_eq!(refusal(&mut world, 1, MemberChange::Remove(NodeId(2))), Some(Refusal::QuorumAtRisk));
    let mut alone = World::led(1);
    assert_eq!(refusal(&mut alone, 1, MemberChange::Remove(NodeId(1))), Some(Refusal::LastVoter));
}

#[test]
fn trap_38_only_the_log_defines_the_members() {
    let mut world = grown();
    world.remove(1, 3);
    world.elapse_millis(500);
    // n2 was started with n1, n2 and n3 on its command line.
    world.kill(2);
    world.restart(2);
    assert_eq!(world.voters(2), [1, 2, 4]);
    world.kill(1);
    world.now = world.now.plus_micros(2_500_000);
    // With n4 two of three are a majority, whoever was a voter before.
    world.elect(2);
    isolate(&mut world, 4);
    world.elapse_millis(20_000);
    assert_eq!(world.leader(), None, "n2 is one of three, and n3 runs on and would vote for it");
    world.network.heal_all();
    world.elapse_until(20, "two of n1, n2 and n4 elect a leader", |world| world.leader().is_some());
    assert_ne!(world.leader(), Some(3));
}

#[test]
fn a_removed_node_that_missed_its_removal_disturbs_no_election() {
    let mut world = grown();
    world.kill(4);
    world.remove(1, 4);
    world.elapse_millis(10_000);
    world.restart(4);
    world.take_events();
    world.elapse_millis(10_000);
    assert_eq!((world.leader(), world.core(1).epoch()), (Some(1), Some(Epoch(1))));
    assert!(world.facts().all(|(_, fact)| !matches!(fact, Fact::SteppedDown { .. })));
    // A request for votes in a great epoch is ignored, too.
    let last = Some(EntryId::new(49, 0));
    world.send_as(4, 2, Some(50), Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(50), last }));
    world.send_as(4, 2, Some(50), Message::VoteAsked(VoteAsked { epoch: Epoch(50), last, transfer: false }));
    world.elapse_millis(3_000);
    assert_eq!(world.core(2).epoch(), Some(Epoch(1)));
}
