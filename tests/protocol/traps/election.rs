//! Traps 10, 13–18 and 50: votes, and when nodes ask for them.

use std::collections::BTreeSet;

use epoca::protocol::trace::{Fact, NodeState, RoleName};
use epoca::protocol::{
    EntryId, Epoch, Leadership, Message, NodeId, PreVoteAnswer, PreVoteAsked, Promise, Refused, VoteAsked,
};

use crate::traps::{push, voter};
use crate::world::{Options, Pick, World, logs};

/// Whether the voter grants n2 its vote in epoch 10.
fn grants(world: &mut World, last: EntryId) -> bool {
    world.now = world.now.plus_micros(5_000_000);
    world.send_as(
        2,
        1,
        Some(10),
        Message::VoteAsked(VoteAsked { epoch: Epoch(10), last: Some(last), transfer: false }),
    );
    match &world.messages_from(1, "vote-answer").last().expect("an answer").message {
        Message::VoteAnswer(answer) => answer.granted,
        other => panic!("{other:?}"),
    }
}

/// n1 and n2 have a confirmed write, n3 does not. Then n2 loses its disk: n2 and n3 would be a quorum without the
/// write.
#[test]
fn trap_10_a_replica_with_a_wiped_disk_helps_no_candidate() {
    let mut world = World::led(3);
    [1, 2].into_iter().for_each(|id| world.network.cut(NodeId(id), NodeId(3)));
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write));
    [1, 2].into_iter().for_each(|id| world.crash(id));
    world.wipe(2);
    world.network.heal_all();
    world.start(2);
    world.take_events();
    world.elapse_millis(20_000);
    assert_eq!(world.leader(), None, "no node that could lead has the write");
    let granted = world.facts().any(|(node, fact)| node == 2 && matches!(fact, Fact::Granted { .. }));
    assert!(!granted, "n2 is asked for the vote of a data folder that it has no more");
    world.start(1);
    world.elapse_until(20, "n1 leads", |world| world.leader() == Some(1));
    world.elapse_millis(1_000);
    assert_eq!(world.value(3, "x"), Some("1".to_owned()));
}

#[test]
fn trap_13_ids_are_compared_by_epoch_first() {
    assert!(grants(&mut voter(&[1; 10], 1), EntryId::new(2, 1)), "(2,1) beats (1,9)");
    assert!(!grants(&mut voter(&[1, 2, 2], 2), EntryId::new(1, 9)), "(1,9) does not beat (2,1)");
}

#[test]
fn trap_14_the_last_entry_counts_and_not_the_promised_epoch() {
    assert!(grants(&mut voter(&[1, 1], 9), EntryId::new(1, 1)), "the voter's promise of epoch 9 is no entry");
    let mut world = voter(&[1, 2], 2);
    assert!(!grants(&mut world, EntryId::new(1, 9)), "the candidate's epoch 10 is no entry either");
}

#[test]
fn trap_15_a_candidate_steps_down_for_the_epochs_leader_whatever_its_push_holds() {
    let mut world = voter(&[1], 1);
    world.begin_election(1);
    for asked in world.network.take(&Pick::kind("pre-vote")) {
        world.answer_pre_vote(&asked, true);
    }
    assert_eq!(world.messages_from(1, "vote").count(), 3, "n1 is a candidate in epoch 2");
    let other = logs::log(&[1, 1, 1, 1, 2], &world.founding());
    world.send_as(3, 1, Some(2), Message::Push(push(&other, 4)));
    assert_eq!(world.role(1), RoleName::Replica);
    assert_eq!(world.snapshot(1).leader.map(|leader| leader.0), Some(3));
    assert_eq!(world.messages_from(1, "log-state").count(), 1, "and the failed check is reported to that leader");
}

#[test]
fn trap_15_a_greater_epoch_is_obeyed_before_logs_are_compared() {
    let mut world = voter(&[1, 1], 1);
    world.elect_by_script(1);
    world.free_disk(1);
    world.drop_messages(&Pick::default());
    let vote = VoteAsked { epoch: Epoch(7), last: Some(EntryId::new(1, 0)), transfer: false };
    world.send_as(3, 1, Some(7), Message::VoteAsked(vote));
    assert_eq!(world.role(1), RoleName::Replica, "the leader of epoch 2 hears of epoch 7");
    assert_eq!(world.host(1).disk.durable().promise.map(|promise| promise.epoch), Some(Epoch(7)));
    let answer = &world.messages_from(1, "vote-answer").next().expect("an answer").message;
    assert!(matches!(answer, Message::VoteAnswer(answer) if !answer.granted), "the candidate's log is behind");
}

#[test]
fn trap_16_a_leader_stays_although_some_nodes_see_only_one_other() {
    let mut world = World::led(5);
    // n1, n2 and n3 see each other; n4 sees only n2, n5 only n3.
    for (a, b) in [(1, 4), (3, 4), (5, 4), (1, 5), (2, 5)] {
        world.network.cut(NodeId(a), NodeId(b));
    }
    // The first election timeouts may elect another leader; from then on it stays.
    world.elapse_millis(5_000);
    let before = (world.leader(), world.leader().map(|leader| world.snapshot(leader).epoch));
    assert!(before.0.is_some());
    world.elapse_millis(10_000);
    let after = (world.leader(), world.leader().map(|leader| world.snapshot(leader).epoch));
    assert_eq!(before, after);
}

#[test]
fn trap_16_a_node_that_misses_the_leader_gets_no_pre_vote_of_nodes_that_hear_it() {
    let mut world = World::led(5);
    world.network.cut(NodeId(1), NodeId(4));
    world.elapse_millis(10_000);
    assert_eq!(world.leader(), Some(1));
    assert_eq!(world.snapshot(4).epoch, Some(Epoch(1)), "no pre-vote let it ask for votes");
}

#[test]
fn trap_17_a_pre_vote_changes_nothing_at_the_voter() {
    let mut world = voter(&[1], 1);
    world.now = world.now.plus_micros(900_000);
    // Compares everything but the message numbers: it answers.
    let state = |world: &World| {
        let snapshot = NodeState { sent: None, ..world.snapshot(1) };
        (snapshot, world.core(1).deadline(), world.host(1).disk.written().clone())
    };
    let before = state(&world);
    let asked = PreVoteAsked { epoch: Epoch(40), last: Some(EntryId::new(1, 0)) };
    world.send_as(2, 1, Some(39), Message::PreVoteAsked(asked));
    assert_eq!(before, state(&world));
    let answer = &world.messages_from(1, "pre-vote-answer").next().expect("an answer").message;
    assert!(matches!(answer, Message::PreVoteAnswer(answer) if answer.granted && answer.epoch == Epoch(40)));
}

#[test]
fn trap_17_a_refused_pre_vote_carries_the_greater_epoch() {
    let mut world = voter(&[1], 30);
    let asked = PreVoteAsked { epoch: Epoch(2), last: Some(EntryId::new(1, 0)) };
    world.send_as(2, 1, Some(1), Message::PreVoteAsked(asked));
    let envelope = world.messages_from(1, "pre-vote-answer").next().expect("an answer");
    assert!(matches!(&envelope.message, Message::PreVoteAnswer(answer) if !answer.granted));
    assert_eq!(envelope.epoch, Some(Epoch(30)), "so that the candidate can ask above it");
}

#[test]
fn trap_17_a_candidate_that_hears_of_a_greater_epoch_asks_above_it() {
    let mut world = voter(&[1], 1);
    world.begin_election(1);
    let asked = world.network.take(&Pick::kind("pre-vote"));
    let last = Some(EntryId::new(1, 0));
    let incarnation = world.host(1).config.incarnation;
    let refusal = PreVoteAnswer { epoch: Epoch(2), granted: false, last, incarnation };
    world.send_as(asked[0].to.0, 1, Some(30), Message::PreVoteAnswer(refusal));
    let epochs: Vec<_> = world.messages_from(1, "pre-vote").map(|envelope| &envelope.message).collect();
    assert_eq!(epochs.len(), 3);
    assert!(epochs.iter().all(|asked| matches!(asked, Message::PreVoteAsked(asked) if asked.epoch == Epoch(31))));
    assert_eq!(
        world.host(1).disk.durable().promise.map(|promise| promise.epoch),
        Some(Epoch(1)),
        "nothing is promised"
    );
}

#[test]
fn trap_17_a_late_pre_vote_answer_after_the_win_changes_nothing() {
    let mut world = voter(&[1], 1);
    world.begin_election(1);
    let asked = world.network.take(&Pick::kind("pre-vote"));
    asked[..2].iter().for_each(|asked| world.answer_pre_vote(asked, true));
    world.grant_by_script();
    assert_eq!(world.role(1), RoleName::Leader);
    let before = world.snapshot(1);
    world.answer_pre_vote(&asked[2], true);
    world.answer_pre_vote(&asked[2], false);
    assert_eq!(world.snapshot(1), before);
}

#[test]
fn trap_17_a_node_that_is_cut_off_does_not_come_back_with_a_greater_epoch() {
    let mut world = World::led(4);
    [1, 2, 3].into_iter().for_each(|id| world.network.cut(NodeId(id), NodeId(4)));
    world.elapse_millis(20_000);
    assert_eq!(world.snapshot(4).epoch, Some(Epoch(1)), "it only asked for pre-votes");
    world.network.heal_all();
    world.elapse_millis(5_000);
    assert_eq!(world.leader(), Some(1), "and disturbs no node when it is back");
    assert_eq!(world.snapshot(1).epoch, Some(Epoch(1)));
}

#[test]
fn trap_18_a_voter_that_promised_a_huge_epoch_makes_the_leader_step_down_once_and_rejoins() {
    let mut world = World::led(4);
    world.crash(4);
    let mut image = world.host(4).disk.durable().clone();
    image.promise = Some(Promise { epoch: Epoch(40), vote: None });
    world.host_mut(4).disk.set_log(image);
    world.take_events();
    world.start(4);
    world.elapse_until(20, "a node leads above the promise", |world| {
        world.leader().is_some_and(|leader| world.snapshot(leader).epoch > Some(Epoch(40)))
    });
    world.elapse_millis(10_000);
    let stepped_down = |(_, fact): &(u64, &Fact)| matches!(fact, Fact::SteppedDown { epoch: Epoch(1), .. });
    assert_eq!(world.facts().filter(stepped_down).count(), 1, "the leader of epoch 1, once");
    let leader = world.leader().expect("a node leads");
    let write = world.put(leader, "x=1");
    world.settle();
    assert!(world.is_written(write));
    world.elapse_millis(500);
    assert_eq!(world.value(4, "x"), Some("1".to_owned()), "n4 follows again");
}

#[test]
fn trap_18_a_stranger_with_a_huge_epoch_disturbs_no_node() {
    let mut world = World::led(4);
    let last = Some(EntryId::new(49, 0));
    world.send_as(9, 1, Some(50), Message::Refused(Refused { answers: 1 }));
    world.send_as(9, 1, Some(50), Message::VoteAsked(VoteAsked { epoch: Epoch(50), last, transfer: false }));
    world.elapse_millis(5_000);
    assert_eq!(world.leader(), Some(1));
    assert_eq!(world.snapshot(1).epoch, Some(Epoch(1)));
}

#[test]
fn trap_50_late_ticks_do_not_shift_the_heartbeats_that_follow() {
    let mut world = World::led(4);
    let deadline = |world: &World| world.deadline(1).expect("a leader has a next heartbeat");
    let begun = deadline(&world);
    for heartbeat in 1..=20 {
        // Each is late by up to most of an interval.
        world.now = deadline(&world).plus_micros(heartbeat * 37_000 % 90_000);
        world.tick(1);
        world.settle();
        assert_eq!(deadline(&world), begun.plus_micros(heartbeat * 100_000));
    }
    // Missed heartbeats are not sent later.
    world.now = deadline(&world).plus_micros(750_000);
    world.tick(1);
    assert_eq!(deadline(&world), world.now.plus_micros(100_000));
}

#[test]
fn trap_50_replicas_that_heard_the_last_heartbeat_together_do_not_start_elections_together() {
    for seed in 1..=30 {
        let mut world = World::new(&Options { seed, ..Options::voters(4) });
        world.start_all();
        world.stand(1);
        world.settle();
        // The nodes stay in step for long, because the simulated network delivers at once.
        world.elapse_millis(5_000);
        world.kill(1);
        let moments: BTreeSet<_> = [2, 3, 4].iter().filter_map(|id| world.deadline(*id)).collect();
        assert_eq!(moments.len(), 3, "seed {seed}");
        // The longest timeout is twice the shortest; one collision may happen by chance.
        world.elapse_until(5, "a new leader", |world| world.leader().is_some_and(|leader| leader != 1));
    }
}

/// No other node can lead or vote, so waiting is pointless.
#[test]
fn the_only_voter_leads_immediately_when_it_founds_a_cluster_and_after_a_restart() {
    let mut world = World::started(1);
    world.elapse_millis(1);
    assert_eq!(world.leader(), Some(1), "it is the only founder");
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write));
    world.crash(1);
    world.restart(1);
    world.elapse_millis(1);
    assert_eq!((world.leader(), world.value(1, "x")), (Some(1), Some("1".to_owned())));
}

#[test]
fn the_only_voter_starts_no_election_where_a_person_starts_them() {
    let leadership = Leadership { manual: true, ..Leadership::default() };
    let mut world = World::new(&Options { leadership, ..Options::voters(1) });
    world.start_all();
    world.elapse_millis(20_000);
    assert_eq!(world.leader(), None);
}

/// The others may only be late, and one of them may be due to lead first.
#[test]
fn one_of_several_founders_waits_for_the_others() {
    let mut world = World::started(2);
    world.elapse_millis(4_000);
    assert_eq!(world.leader(), None);
}
