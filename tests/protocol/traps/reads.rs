//! Traps 26–29: what a linearizable read must wait for, and which outcome of a write a client gets.

use epoca::protocol::{Answer, Input, Kind, NodeId};

use crate::world::{Auto, Pick, World};

#[test]
fn trap_26_a_new_leader_reads_nothing_before_it_committed_in_its_own_epoch() {
    let mut world = World::led(4);
    // n2 never learns that x is committed, but the client knows it.
    world.network.hold(NodeId(2), "commit-order");
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write));
    world.crash(1);
    world.network.release(NodeId(2), "commit-order");
    world.drop_messages(&Pick::default());
    world.elapse_millis(999);
    world.elect(2);
    let read = world.read(2);
    // All nodes answer n2's rounds, but no ack of the opening arrives.
    for _ in 0..5 {
        world.deliver(&Pick::kind("push"));
        world.drop_messages(&Pick::kind("ack"));
        world.deliver(&Pick::kind("heartbeat"));
        world.deliver(&Pick::kind("round-answer"));
    }
    assert_eq!(world.answer(read), None, "x is confirmed and not yet readable here");
    world.elapse_millis(500);
    assert_eq!(world.answer(read), Some(&Answer::Readable));
    assert_eq!(world.value(2, "x"), Some("1".to_owned()));
}

#[test]
fn trap_27_a_read_waits_for_a_round_that_was_sent_after_it() {
    let mut world = World::led(4);
    let first = world.read(1);
    world.deliver(&Pick::kind("heartbeat"));
    // The answers to the first round are in flight when the second read arrives: they do not count for it.
    let second = world.read(1);
    world.deliver(&Pick::kind("round-answer"));
    assert_eq!(world.answer(first), Some(&Answer::Readable));
    assert_eq!(world.answer(second), None);
    world.settle();
    assert_eq!(world.answer(second), Some(&Answer::Readable));
}

#[test]
fn a_read_waits_until_the_commit_point_of_its_moment_is_applied() {
    let mut world = World::led(4);
    world.auto(1, Auto { apply: false, ..Auto::ALL });
    world.put(1, "x=1");
    world.settle();
    let read = world.read(1);
    world.settle();
    assert_eq!(world.answer(read), None, "x is committed and not yet in the final database");
    world.apply(1);
    assert_eq!(world.answer(read), Some(&Answer::Readable));
}

#[test]
fn a_read_at_a_leader_without_a_quorum_is_refused_and_never_answered() {
    let mut world = World::led(4);
    [2, 3].into_iter().for_each(|id| world.network.cut(NodeId(1), NodeId(id)));
    let read = world.read(1);
    world.elapse_millis(500);
    assert_eq!(world.answer(read), None);
    world.elapse_millis(2_000);
    assert!(matches!(world.answer(read), Some(Answer::Refused(_))), "{:?}", world.answer(read));
}

/// The leader is frozen while the answers to its last heartbeat are in its socket. A lease that starts when they are
/// processed would let it serve reads after another leader was elected.
#[test]
fn trap_28_a_leader_that_hears_old_answers_late_gives_no_stale_read() {
    let mut world = World::led(4);
    world.put(1, "x=old");
    world.settle();
    world.tick(1);
    world.deliver(&Pick::kind("heartbeat"));
    let late = world.network.take(&Pick::default().to(1));
    assert_eq!(late.len(), 3, "every node got it and answers");
    (2..=4).for_each(|id| world.network.cut(NodeId(1), NodeId(id)));
    world.elect(2);
    let write = world.put(2, "x=new");
    world.settle();
    assert!(world.is_written(write));

    for envelope in late {
        world.step(1, Input::Message(envelope));
    }
    let read = world.read(1);
    world.settle();
    assert_eq!(world.answer(read), None, "n1 believes that it leads, and has the old value");
    world.elapse_millis(3_000);
    assert!(matches!(world.answer(read), Some(Answer::Refused(_))), "{:?}", world.answer(read));
}

#[test]
fn trap_29_a_write_whose_leader_stepped_down_is_unknown_and_happens_at_most_once() {
    let mut world = World::led(4);
    [2, 3].into_iter().for_each(|id| world.crash(id));
    let write = world.put(1, "x=1");
    world.elapse_millis(3_000);
    assert_eq!(world.answer(write), Some(&Answer::Unknown), "it is in two logs, and may be committed yet");
    [2, 3].into_iter().for_each(|id| world.start(id));
    world.elapse_until(30, "a node leads", |world| world.leader().is_some());
    world.elapse_millis(1_000);
    assert_eq!(world.value(2, "x"), Some("1".to_owned()), "committed with the next leader's opening");
    let times = world.host(2).disk.durable().entries.iter().filter(|entry| entry.kind == Kind::Command).count();
    assert_eq!(times, 1);
}
