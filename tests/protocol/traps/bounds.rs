//! Bounds and implausible messages: rules that no other test covers.

use std::collections::BTreeSet;

use epoca::protocol::trace::Fact;
use epoca::protocol::{
    Answer, ClusterId, Entry, Epoch, Input, LogState, Message, NodeId, Output, Position, Push, Refusal, Rejection,
    VoteAsked,
};

use crate::traps::{acked, durable, push, remember, voter};
use crate::world::{Auto, Options, World, logs};

/// n1 leads four voters with these options.
fn led(options: &Options) -> World {
    let mut world = World::new(options);
    world.start_all();
    world.stand(1);
    world.settle();
    world
}

#[test]
fn no_more_pushes_are_in_flight_than_the_bound_allows() {
    let mut options = Options::voters(4);
    options.limits.in_flight_pushes = 2;
    let mut world = led(&options);
    for number in 0..5 {
        world.put(1, &format!("x={number}"));
    }
    for replica in 2..=4 {
        let pushes = world.messages_from(1, "push").filter(|envelope| envelope.to == NodeId(replica)).count();
        assert_eq!(pushes, 2, "to n{replica}");
    }
    world.settle();
    assert_eq!(world.value(4, "x"), Some("4".to_owned()), "the rest follows the acks");
}

#[test]
fn trap_48_a_leader_without_a_quorum_refuses_writes_beyond_its_bound() {
    let mut options = Options::voters(4);
    options.limits.uncommitted_entries = 3;
    let mut world = led(&options);
    (2..=4).for_each(|id| world.crash(id));
    let writes: Vec<_> = (0..5).map(|number| world.put(1, &format!("x={number}"))).collect();
    let answers: Vec<_> = writes.into_iter().map(|write| world.answer(write).cloned()).collect();
    let overloaded = Some(Answer::Refused(Refusal::Overloaded));
    assert_eq!(answers, [None, None, None, overloaded.clone(), overloaded]);
}

#[test]
fn trap_48_a_leader_whose_database_is_slow_refuses_writes_beyond_its_bound() {
    let mut options = Options::voters(4);
    options.limits.uncommitted_entries = 3;
    let mut world = led(&options);
    world.auto(1, Auto { apply: false, ..Auto::ALL });
    let mut writes = Vec::new();
    for number in 0..5 {
        writes.push(world.put(1, &format!("x={number}")));
        world.settle();
    }
    let committed = world.snapshot(1).committed.map(|point| point.position);
    assert_eq!(committed, Some(Position(4)), "a quorum has everything that was accepted");
    let refused = Some(Answer::Refused(Refusal::Overloaded));
    let answers: Vec<_> = writes.into_iter().map(|write| world.answer(write).cloned()).collect();
    assert_eq!(answers, [None, None, None, refused.clone(), refused]);
    world.auto(1, Auto::ALL);
    let write = world.put(1, "x=9");
    world.settle();
    assert!(matches!(world.answer(write), Some(Answer::Applied { .. })), "there is room again");
}

#[test]
fn a_slow_database_is_handed_no_more_than_the_bound_and_acks_continue() {
    let mut options = Options::voters(4);
    options.limits.applying_entries = 3;
    options.limits.window_entries = 2;
    let mut world = led(&options);
    world.auto(4, Auto { apply: false, ..Auto::ALL });
    for number in 0..20 {
        world.put(1, &format!("x={number}"));
        world.settle();
        let waiting = world.host(4).entries_to_apply();
        assert!(waiting <= 3, "{waiting} entries are with the database");
    }
    let end = world.core(1).last();
    assert_eq!((world.snapshot(4).committed, durable(&world, 4).len()), (end, 21));
    let matched = world.snapshot(1).beliefs.into_iter().find(|(id, _)| *id == NodeId(4));
    assert_eq!(matched.and_then(|(_, belief)| belief.matched), end, "it acks entries that it cannot apply yet");
    world.auto(4, Auto::ALL);
    world.settle();
    assert_eq!((world.value(4, "x"), world.core(4).applied()), (Some("19".to_owned()), end));
}

#[test]
fn a_message_of_another_cluster_is_refused() {
    let mut world = World::led(4);
    world.put(1, "x=1");
    let mut other = world.messages_from(1, "push").next().expect("a push").clone();
    other.cluster = Some(ClusterId([7; 16]));
    let (to, last) = (other.to, world.core(other.to.0).last());
    let outputs = world.core(to.0).clone().step(world.now, Input::Message(other));
    let refused = |output: &Output| matches!(output, Output::Rejected { why: Rejection::OtherCluster, .. });
    assert!(outputs.iter().any(refused), "{outputs:?}");
    assert_eq!(world.core(to.0).last(), last);
}

#[test]
fn a_second_leader_of_one_epoch_is_not_obeyed() {
    let mut world = World::led(4);
    let prev = world.core(2).last();
    let heartbeat = Push { prev, entries: Vec::new(), resync: 0, replaces: false, round: 0, acked: None };
    world.send_as(3, 2, Some(1), Message::Push(heartbeat));
    assert_eq!(world.snapshot(2).leader, Some(NodeId(1)));
    assert_eq!(world.messages_from(2, "ack").count(), 0);
}

#[test]
fn a_leader_that_contradicts_what_it_confirmed_is_not_believed() {
    let mut world = voter(&[1], 1);
    let founding = world.founding();
    let truth = logs::log(&[1, 1, 1], &founding);
    let mut other = truth[..2].to_vec();
    logs::extend(&mut other, &[1], logs::Content::Other, &founding);
    world.send_as(2, 1, Some(1), Message::Push(push(&truth, 1)));
    assert_eq!(acked(&world, 1).last(), Some(&Some(truth[2].point())));
    for replaces in [false, true] {
        world.send_as(2, 1, Some(1), Message::Push(Push { replaces, ..push(&other, 2) }));
        assert_eq!(durable(&world, 1), truth, "a leader only appends");
    }
}

#[test]
fn a_late_ack_lowers_no_match() {
    let mut world = World::solo(4);
    remember(&mut world, 1, &[1, 1], 1);
    world.start(1);
    world.elect_by_script(1);
    world.free_disk(1);
    let points: Vec<_> = durable(&world, 1).iter().map(Entry::point).collect();
    for position in [3, 2] {
        world.ack_by_script(2, 1, Some(points[position - 1]));
        let belief = world.snapshot(1).beliefs.into_iter().find(|(id, _)| *id == NodeId(2));
        let matched = belief.and_then(|(_, belief)| belief.matched);
        assert_eq!(matched.map(|point| point.position), Some(Position(3)));
    }
}

#[test]
fn each_attempt_draws_a_new_election_timeout() {
    let mut world = voter(&[1], 1);
    let mut timeouts = BTreeSet::new();
    for epoch in 2..10 {
        let heartbeat = push(&logs::log(&[1], &world.founding()), 1);
        world.send_as(2, 1, Some(epoch), Message::Push(heartbeat));
        assert_eq!(world.snapshot(1).epoch, Some(Epoch(epoch)));
        timeouts.extend(world.deadline(1));
    }
    assert!(timeouts.len() > 4, "at one time the deadlines of eight epochs are {timeouts:?}");
}

#[test]
fn a_node_that_hears_its_leader_votes_for_no_other() {
    let mut world = World::led(4);
    let last = world.core(2).last().map(|point| point.id);
    world.send_as(3, 2, Some(5), Message::VoteAsked(VoteAsked { epoch: Epoch(5), last, transfer: false }));
    let answer = &world.messages_from(2, "vote-answer").next().expect("an answer").message;
    assert!(matches!(answer, Message::VoteAnswer(answer) if !answer.granted));
    assert_eq!(world.snapshot(2).epoch, Some(Epoch(1)));
}

#[test]
fn a_log_state_of_an_older_resync_number_is_ignored() {
    let mut world = World::solo(4);
    remember(&mut world, 1, &[1, 1], 1);
    world.start(1);
    world.elect_by_script(1);
    world.free_disk(1);
    world.take_events();
    for _ in 0..2 {
        let state = LogState { runs: Vec::new(), committed: None, purged: None, answers: 1, resync: 0 };
        world.send_as(2, 1, Some(2), Message::LogState(state));
        let resyncs = world.facts().filter(|(_, fact)| matches!(fact, Fact::Resynced { .. }));
        assert_eq!(resyncs.count(), 1, "the second report came before the first resync");
    }
}

#[test]
fn a_node_asks_for_no_vote_before_the_deletion_of_its_forged_entries_is_durable() {
    let mut world = World::led(4);
    world.inject(2, &["x=forged"], None);
    world.settle();
    world.hold_disk(2);
    world.begin_election(2);
    assert_eq!(world.messages_from(2, "pre-vote").count(), 0, "a power cut now would bring the forged entry back");
    world.flush(2);
    assert_eq!(world.messages_from(2, "pre-vote").count(), 3);
}

#[test]
fn a_log_of_large_entries_keeps_no_more_than_the_margin_in_bytes_before_a_snapshot() {
    let mut options = Options::voters(3);
    options.limits.snapshot_bytes = 1 << 20;
    // Ten thousand entries would remain.
    options.limits.snapshot_margin_bytes = 512 << 10;
    let mut world = World::new(&options);
    world.start_all();
    world.stand(1);
    world.settle();
    let value = "v".repeat(64 << 10);
    for number in 0..60 {
        world.put(1, &format!("k{}={value}", number % 4));
        world.settle();
    }
    for id in 1..=3 {
        let node = world.snapshot(id);
        let (purged, snapshot) =
            (node.purged.map(|point| point.position.0), node.snapshot.map(|point| point.position.0));
        let kept = snapshot.unwrap_or(0) - purged.unwrap_or(0);
        assert!(snapshot > Some(40), "n{id}: {snapshot:?}");
        // Eight of 64 KiB, or one less because of their overhead.
        assert!((6..=8).contains(&kept), "n{id}: {kept} entries stay before the snapshot");
    }
}
