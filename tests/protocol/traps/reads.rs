//! Trap 26, and what else a linearizable read must wait for.

use epoca::protocol::{Answer, NodeId};

use crate::world::{Auto, Pick, World};

#[test]
fn trap_26_a_new_leader_reads_nothing_before_it_committed_in_its_own_epoch() {
    let mut world = World::led(4);
    // n2 never hears that x is committed, and the client knows that it is.
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
    // Everybody answers n2's rounds, but nobody's ack of the opening arrives.
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
fn a_read_waits_for_a_round_that_was_sent_after_it() {
    let mut world = World::led(4);
    let first = world.read(1);
    world.deliver(&Pick::kind("heartbeat"));
    // The answers to the first round are under way when the second read comes: they do not count for it.
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
