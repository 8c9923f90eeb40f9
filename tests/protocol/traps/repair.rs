//! Traps 24 and 25: no gap is stored; the sync point is found in one round trip, with forged entries in at most two.
//! Also the forged mark of entries.

use epoca::protocol::trace::Fact;
use epoca::protocol::{Answer, EntryId, Message, NodeId, Offset, Position, Pushed, Refusal};

use crate::traps::{acked, durable, push, voter};
use crate::world::{World, logs};

const FORGED: usize = 100;

fn reports(world: &World, id: u64) -> usize {
    world.facts().filter(|(node, fact)| *node == id && matches!(fact, Fact::Reported { .. })).count()
}

fn inject(world: &mut World, id: u64) {
    let writes = vec!["x=666"; FORGED];
    let request = world.inject(id, &writes, None);
    assert!(matches!(world.answer(request), Some(Answer::Injected(_))), "{:?}", world.answer(request));
}

fn assert_repaired(world: &World) {
    for id in [2, 3, 4] {
        assert_eq!(world.host(id).disk.durable().entries, world.host(1).disk.durable().entries, "n{id}");
        assert_eq!(world.value(id, "x"), Some("1".to_owned()), "n{id}");
    }
}

#[test]
fn trap_25_a_hundred_conflicting_entries_are_reconciled_in_one_round_trip() {
    let mut world = World::led(4);
    inject(&mut world, 2);
    world.put(1, "x=1");
    world.settle();
    assert_eq!(reports(&world, 2), 1);
    assert_repaired(&world);
}

#[test]
fn trap_25_forged_entries_across_an_election_are_reconciled_in_at_most_two_round_trips() {
    let mut world = World::led(4);
    // n2 lacks the end of epoch 1 and has forged entries instead, more than the epoch had.
    world.network.cut(NodeId(1), NodeId(2));
    for number in 0..5 {
        world.put(1, &format!("y={number}"));
        world.settle();
    }
    inject(&mut world, 2);
    // The next leader opens epoch 2.
    [1, 3, 4].into_iter().for_each(|id| world.crash(id));
    [1, 3, 4].into_iter().for_each(|id| world.start(id));
    world.network.heal_all();
    world.elect(1);
    world.take_events();
    world.settle();
    assert!(reports(&world, 2) <= 2, "{} round trips", reports(&world, 2));
    world.put(1, "x=1");
    world.settle();
    assert!(reports(&world, 2) <= 2, "{} round trips", reports(&world, 2));
    assert_repaired(&world);
}

/// The leader's end of the epoch is beyond the replica's, and nothing in between is equal.
#[test]
fn trap_25_forged_entries_amid_a_longer_epoch_are_replaced_in_one_round_trip() {
    let mut world = World::led(4);
    inject(&mut world, 2);
    world.network.cut(NodeId(1), NodeId(2));
    for number in 0..FORGED + 5 {
        world.put(1, &format!("y={number}"));
        world.settle();
    }
    world.put(1, "x=1");
    world.settle();
    world.network.heal_all();
    world.take_events();
    world.elapse_millis(500);
    assert_eq!(reports(&world, 2), 1);
    assert_repaired(&world);
}

#[test]
fn trap_25_many_lost_pushes_are_made_up_for_in_one_round_trip() {
    let mut world = World::led(4);
    world.network.cut(NodeId(1), NodeId(2));
    for number in 0..FORGED {
        world.put(1, &format!("y={number}"));
        world.settle();
    }
    world.network.heal_all();
    world.take_events();
    world.put(1, "x=1");
    world.elapse_millis(500);
    assert_eq!(reports(&world, 2), 1);
    assert_repaired(&world);
}

#[test]
fn trap_24_an_entry_behind_a_gap_in_the_offsets_is_not_stored() {
    let mut world = voter(&[1], 1);
    let truth = logs::log(&[1, 1], &world.founding());
    for id in [EntryId::new(1, 2), EntryId::new(2, 1)] {
        let mut gap = push(&truth, 1);
        gap.entries = gap.entries.into_iter().map(|pushed| Pushed { id, ..pushed }).collect();
        world.send_as(2, 1, Some(2), Message::Push(gap));
        assert_eq!(durable(&world, 1).last().map(|entry| entry.id.offset), Some(Offset(0)), "{id}");
    }
}

#[test]
fn a_forged_entry_that_a_push_confirms_loses_its_mark_durably_before_the_ack() {
    let founding = World::solo(4).founding();
    let truth = logs::log(&[1, 1, 1], &founding);
    let mut world = voter(&[1], 1);
    let commands = truth[1..].iter().map(|entry| entry.body.clone()).collect();
    world.inject_commands(1, commands, None);
    assert_eq!(world.host(1).disk.durable().entries, truth, "forged, but equal to the leader's entry by chance");
    assert_eq!(world.host(1).disk.durable().forged_from, Some(Position(2)));

    world.hold_disk(1);
    world.send_as(2, 1, Some(1), Message::Push(push(&truth[..2], 1)));
    assert_eq!(acked(&world, 1), [], "still marked on the disk");
    world.flush(1);
    assert_eq!(acked(&world, 1), [Some(truth[1].point())]);
    assert_eq!(world.host(1).disk.durable().forged_from, Some(Position(3)), "the next one is still marked");
}

#[test]
fn an_injection_that_cannot_be_is_refused_with_the_reason() {
    let mut world = World::led(4);
    let refusal = |world: &mut World, id: u64, count: usize, epoch: Option<u64>| {
        let request = world.inject(id, &vec!["x=666"; count], epoch);
        world.answer(request).cloned()
    };
    assert_eq!(refusal(&mut world, 1, 1, None), Some(Answer::Refused(Refusal::Leads)));
    assert_eq!(refusal(&mut world, 2, 0, None), Some(Answer::Refused(Refusal::TooMany)));
    assert_eq!(refusal(&mut world, 2, 1_001, None), Some(Answer::Refused(Refusal::TooMany)));
    assert_eq!(
        refusal(&mut world, 2, 1, Some(2)),
        Some(Answer::Refused(Refusal::EpochOutOfRange)),
        "above the promise"
    );
    let mut fresh = World::started(4);
    assert_eq!(refusal(&mut fresh, 2, 1, None), Some(Answer::Refused(Refusal::EmptyLog)));
    let mut standing = voter(&[1], 1);
    standing.begin_election(1);
    assert_eq!(refusal(&mut standing, 1, 1, None), Some(Answer::Refused(Refusal::Standing)));
}
