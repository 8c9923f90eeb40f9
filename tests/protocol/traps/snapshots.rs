//! Traps 24 and 39 to 43: a snapshot never moves back, survives crashes intact, reaches every node that needs it, and
//! leaves no gap.

use bytes::Bytes;

use epoca::protocol::trace::Fact;
use epoca::protocol::{
    Change, Command, Epoch, Input, Message, NodeId, Once, Position, Push, SnapshotAck, SnapshotChunk, SnapshotId,
};
use epoca::verify::host::{Image, snapshot_content};

use crate::world::{Auto, Options, Pick, World};

/// A snapshot every ten entries, no log kept before it, and files of many parts.
fn small() -> Options {
    let mut options = Options::voters(4);
    options.limits.snapshot_entries = 10;
    options.limits.snapshot_margin = 0;
    options.limits.snapshot_chunk_bytes = 16;
    options.limits.window_entries = 4;
    options
}

fn led(options: &Options) -> World {
    let mut world = World::new(options);
    world.start_all();
    world.stand(1);
    world.settle();
    assert_eq!(world.leader(), Some(1));
    world.take_events();
    world
}

fn put_many(world: &mut World, count: u64) {
    for number in 0..count {
        world.put(1, &format!("k{}={number}", number % 5));
        world.settle();
    }
}

/// Node 4 was down during writes that the other logs no longer have.
fn behind(count: u64) -> World {
    let mut world = led(&small());
    put_many(&mut world, 2);
    world.crash(4);
    put_many(&mut world, count);
    assert!(purged(&world, 1) > Some(Position(4)), "{:?}", purged(&world, 1));
    world.take_events();
    world
}

fn purged(world: &World, id: u64) -> Option<Position> {
    world.snapshot(id).purged.map(|point| point.position)
}

fn count_of(world: &World, id: u64, wanted: impl Fn(&Fact) -> bool) -> usize {
    world.facts().filter(|(node, fact)| *node == id && wanted(fact)).count()
}

fn is_installed(fact: &Fact) -> bool {
    matches!(fact, Fact::SnapshotInstalled { .. })
}

fn assert_equal(world: &World) {
    for id in [2, 3, 4] {
        assert_eq!(world.host(id).database, world.host(1).database, "n{id}");
        assert_eq!(world.host(id).disk.durable().last(), world.host(1).disk.durable().last(), "n{id}");
    }
}

/// All parts of a snapshot arrive except the last one.
fn all_but_the_last_part(world: &mut World) -> SnapshotId {
    let is_last = |world: &World| {
        world.network.pool.iter().find_map(|envelope| match &envelope.message {
            Message::SnapshotChunk(SnapshotChunk { snapshot, offset, bytes, .. })
                if offset + bytes.len() as u64 == snapshot.bytes =>
            {
                Some(*snapshot)
            }
            _ => None,
        })
    };
    for _ in 0..10_000 {
        if let Some(snapshot) = is_last(world) {
            return snapshot;
        }
        if world.deliver(&Pick::default()) == 0 {
            world.tick(1);
        }
    }
    panic!("the last part never leaves: {:?}", world.network.pool);
}

#[test]
fn trap_24_after_a_snapshot_the_log_is_its_point_and_a_suffix_without_gaps() {
    let mut world = behind(34);
    world.restart(4);
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_eq!(count_of(&world, 4, is_installed), 1);
    let image = world.host(4).disk.durable().clone();
    let base = image.base.clone().expect("it begins after a snapshot").last;
    let positions: Vec<u64> = image.entries.iter().map(|entry| entry.position.0).collect();
    let last = world.host(1).disk.durable().last().expect("n1 has a log").position.0;
    assert_eq!(positions, (base.position.0 + 1..=last).collect::<Vec<_>>());
    assert_eq!(image.check_chain(), epoca::protocol::ChainCheck::Whole);
    put_many(&mut world, 3);
    assert_equal(&world);
    // A push that leaves a gap after the snapshot is not stored.
    let before = world.host(4).disk.durable().clone();
    let mut prev = before.last().expect("it has a log");
    prev.position = Position(prev.position.0 + 5);
    let push = Push { prev: Some(prev), entries: Vec::new(), resync: 1, replaces: false, round: 0, acked: None };
    world.send_as(1, 4, Some(1), Message::Push(push));
    assert_eq!(world.host(4).disk.durable(), &before);
}

#[test]
fn trap_39_an_older_snapshot_does_not_wind_back_what_is_applied() {
    let mut world = led(&small());
    put_many(&mut world, 12);
    let old = world.host(1).disk.snapshot().expect("one was taken").id;
    put_many(&mut world, 4);
    let applied = world.snapshot(4).applied;
    let committed = world.core(4).committed();
    assert!(applied.map(|point| point.position) > Some(old.point.position));
    world.take_events();
    let chunk = SnapshotChunk { snapshot: old, offset: 0, bytes: snapshot_content(old).into(), resync: 0 };
    world.send_as(1, 4, Some(1), Message::SnapshotChunk(chunk));
    assert_eq!(world.snapshot(4).applied, applied);
    assert_eq!(world.core(4).committed(), committed);
    assert_eq!(count_of(&world, 4, is_installed), 0);
    world.settle();
    put_many(&mut world, 1);
    assert_equal(&world);
}

#[test]
fn trap_39_a_snapshot_is_installed_after_what_was_handed_to_the_database_before() {
    let mut world = led(&small());
    put_many(&mut world, 2);
    // n4 applies slowly, then misses many entries.
    world.auto(4, Auto { apply: false, ..Auto::ALL });
    put_many(&mut world, 3);
    world.network.cut(NodeId(1), NodeId(4));
    put_many(&mut world, 30);
    world.network.heal_all();
    world.elapse_until(20, "the file is whole", |world| world.host(4).disk.snapshot().is_some());
    world.elapse_millis(500);
    assert_eq!(count_of(&world, 4, is_installed), 0, "entries before it wait to be applied");
    world.auto(4, Auto::ALL);
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_eq!(count_of(&world, 4, is_installed), 1);
    assert_equal(&world);
}

#[test]
fn trap_40_a_crash_between_installing_and_replacing_the_log_is_ended_by_the_next_start() {
    for conflicting in [false, true] {
        let mut world = behind(34);
        world.restart(4);
        if conflicting {
            world.inject(4, &["x=666"; 3], None);
        }
        let snapshot = all_but_the_last_part(&mut world);
        // The database is replaced; the log is not reset yet, because its disk is slow.
        world.hold_disk(4);
        world.auto(4, Auto { flush: false, ..Auto::ALL });
        world.deliver(&Pick::kind("snapshot").to(4));
        assert_eq!(world.snapshot(4).applied, Some(snapshot.point));
        world.crash(4);
        assert!(world.host(4).disk.durable().base.is_none(), "the old log is still there");
        world.free_disk(4);
        world.auto(4, Auto::ALL);
        world.restart(4);
        assert_eq!(world.host(4).disk.durable().base.as_ref().map(|base| base.last), Some(snapshot.point));
        assert_eq!(world.snapshot(4).applied, Some(snapshot.point));
        world.elapse_millis(3_000);
        assert_eq!(world.value(4, "x"), None, "the forged entries are gone");
        put_many(&mut world, 3);
        assert_equal(&world);
    }
}

#[test]
fn trap_40_a_crash_while_the_parts_come_leaves_the_node_as_it_was() {
    let mut world = behind(34);
    world.restart(4);
    let before = world.host(4).disk.durable().clone();
    all_but_the_last_part(&mut world);
    world.crash(4);
    assert_eq!(world.host(4).disk.durable(), &before);
    world.restart(4);
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_equal(&world);
}

/// After a power cut half of a partially received file is left; after a kill, everything that was written.
#[test]
fn trap_40_a_restarted_node_continues_a_partly_received_snapshot() {
    for power_cut in [false, true] {
        let mut world = behind(34);
        world.restart(4);
        let snapshot = all_but_the_last_part(&mut world);
        let parts = |world: &World| count_of(world, 1, |fact| matches!(fact, Fact::SnapshotSent { .. }));
        let whole = parts(&world);
        assert_eq!(whole as u64, snapshot.bytes.div_ceil(16));
        assert!(whole >= 4, "{whole} parts");
        world.network.pool.clear();
        if power_cut {
            world.crash(4)
        } else {
            world.kill(4)
        }
        world.restart(4);
        world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
        assert_eq!(count_of(&world, 4, is_installed), 1);
        assert_equal(&world);
        // The first part again, and the missing parts; the part that was in flight may be sent again first.
        let missing = if power_cut { whole.div_ceil(2) + 1 } else { 1 };
        let again = parts(&world) - whole;
        assert!(again <= missing + 2, "{again} of {whole} parts were sent again, power cut: {power_cut}");
    }
}

#[test]
fn trap_41_a_wholly_compacted_log_still_serves_a_replica_whose_progress_is_unknown() {
    let mut world = behind(17);
    let last = world.host(1).disk.durable().last().map(|last| last.position);
    assert_eq!(purged(&world, 1), last, "nothing is left of the log");
    world.restart(4);
    // No new writes.
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_eq!(count_of(&world, 4, is_installed), 1);
    assert_equal(&world);
}

#[test]
fn trap_42_a_trigger_while_a_snapshot_is_taken_is_not_lost() {
    let mut world = led(&small());
    world.auto(1, Auto { snapshot: false, ..Auto::ALL });
    put_many(&mut world, 25);
    assert_eq!(count_of(&world, 1, |fact| matches!(fact, Fact::SnapshotTaken { .. })), 0);
    world.auto(1, Auto::ALL);
    world.settle();
    assert_eq!(
        count_of(&world, 1, |fact| matches!(fact, Fact::SnapshotTaken { .. })),
        2,
        "what fell due meanwhile, too"
    );
    assert!(world.snapshot(1).snapshot.is_some_and(|point| point.position.0 >= 20));
}

#[test]
fn trap_42_a_replica_that_gets_no_further_loses_its_turn() {
    let mut world = led(&Options { voters: 5, ..small() });
    put_many(&mut world, 2);
    world.crash(3);
    world.network.cut(NodeId(1), NodeId(4));
    put_many(&mut world, 12);
    // n3 is back and receives everything except the parts of its snapshot.
    world.network.hold(NodeId(3), "snapshot");
    world.restart(3);
    put_many(&mut world, 22);
    world.elapse_millis(500);
    assert!(count_of(&world, 1, |fact| matches!(fact, Fact::SnapshotSent { to: NodeId(3), .. })) > 0);
    world.network.heal_all();
    world.elapse_until(40, "n4 gets its turn", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    world.network.release(NodeId(3), "snapshot");
    world.elapse_until(40, "n3 gets it too", |world| world.snapshot(3).applied == world.snapshot(1).applied);
    assert_equal(&world);
}

#[test]
fn trap_42_lost_parts_and_answers_are_sent_again() {
    let mut world = behind(34);
    world.restart(4);
    for round in 0..400 {
        world.elapse_millis(20);
        if round % 3 == 0 {
            world.drop_messages(&Pick::kind("snapshot"));
        }
        if round % 5 == 0 {
            world.drop_messages(&Pick::kind("snapshot-ack"));
        }
    }
    world.elapse_until(40, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_equal(&world);
}

/// Found by the simulator, seed 2001513 of 2026-11-21: the node stopped itself.
#[test]
fn a_snapshot_that_is_lost_while_the_log_is_about_to_be_cut_behind_it_costs_nothing() {
    let mut options = small();
    (options.limits.snapshot_margin, options.limits.window_entries) = (3, 1);
    let mut world = led(&options);
    put_many(&mut world, 2);
    world.crash(4);
    put_many(&mut world, 20);
    world.auto(1, Auto { read: false, snapshot: false, ..Auto::ALL });
    put_many(&mut world, 4);
    world.restart(4);
    let lost = |world: &mut World| {
        let read = |input| match input {
            Some(Input::SnapshotRead { read, .. }) => Some(read),
            _ => None,
        };
        world.elapse_until(20, "n1 reads its snapshot for n4", |world| world.host(1).has_snapshot_reads());
        let read = read(world.work_on_snapshots(1)).expect("a part is to be read");
        world.step(1, Input::SnapshotRead { read, bytes: None });
    };
    lost(&mut world);
    // Another snapshot is taken: the read of the entry up to which the log may be compacted is pending, and n4 receives
    // this snapshot.
    let taken = world.work_on_snapshots(1).expect("another one is taken");
    assert!(matches!(taken, Input::SnapshotTaken(_)));
    world.step(1, taken);
    lost(&mut world);
    let before = purged(&world, 1);
    world.answer_read(1);
    assert_eq!((purged(&world, 1), &world.node(1).fatal), (before, &None));
    world.auto(1, Auto::ALL);
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_equal(&world);
}

#[test]
fn trap_43_sessions_and_members_come_with_the_snapshot() {
    let mut world = led(&small());
    world.crash(4);
    let change = |value: &str| Change::Put { key: "x".into(), value: Bytes::copy_from_slice(value.as_bytes()) };
    let once = Some(Once { born: 1, answered: 0 });
    let write = Command { session: 9, sequence: 1, once, change: change("mine") }.encode();
    world.write(1, write.clone());
    world.settle();
    world.put(1, "x=other");
    put_many(&mut world, 25);
    world.restart(4);
    world.elapse_until(20, "n4 catches up", |world| world.snapshot(4).applied == world.snapshot(1).applied);
    assert_eq!(count_of(&world, 4, is_installed), 1);
    assert_eq!(world.core(4).members(), world.core(1).members());
    // It remembers both after its own restart, and as a leader.
    world.kill(4);
    world.restart(4);
    world.elapse_millis(3_000);
    assert_eq!(world.core(4).members(), world.core(1).members());
    world.kill(1);
    world.elect(4);
    world.settle();
    world.write(4, write);
    world.settle();
    assert_eq!(world.value(4, "x"), Some("other".to_owned()), "the retry is not applied again");
    for id in [2, 3] {
        assert_eq!(world.host(id).database, world.host(4).database, "n{id}");
    }
}

#[test]
fn an_answer_of_another_snapshot_or_part_moves_nothing() {
    let mut world = behind(34);
    world.restart(4);
    let snapshot = all_but_the_last_part(&mut world);
    let sent = |world: &World| count_of(world, 1, |fact| matches!(fact, Fact::SnapshotSent { .. }));
    let before = sent(&world);
    let far = SnapshotAck { snapshot, answers: 0, received: 3 };
    let other = SnapshotId { bytes: snapshot.bytes + 1, ..snapshot };
    let of_other = SnapshotAck { snapshot: other, answers: 0, received: 3 };
    for ack in [far, of_other] {
        world.send_as(4, 1, Some(1), Message::SnapshotAck(ack));
    }
    assert_eq!(sent(&world), before);
    world.elapse_millis(3_000);
    assert_equal(&world);
}

/// Found by the simulator (seed 60000767): the leader kept sending the end of an old epoch, which the replica knew
/// although its log began later by then. The replica acked it, and the leader waited for a log state that never came.
#[test]
fn a_replica_whose_log_begins_later_reports_it_though_it_knows_the_old_epochs_end() {
    let mut world = led(&small());
    put_many(&mut world, 2);
    let end = world.host(1).disk.durable().last().expect("the end of epoch 1");
    world.transfer(1, Some(2));
    world.settle();
    for number in 0..30 {
        world.put(2, &format!("k={number}"));
        world.settle();
    }
    assert!(purged(&world, 4) > Some(end.position), "{:?}", purged(&world, 4));
    let heartbeat = Push { prev: Some(end), entries: Vec::new(), resync: 0, replaces: false, round: 0, acked: None };
    world.send_as(2, 4, Some(2), Message::Push(heartbeat));
    assert!(world.messages_from(4, "log-state").next().is_some(), "the leader learns nothing from an ack of {end}");
}

/// Otherwise a node with much data writes all of it again and again for few new entries.
#[test]
fn no_snapshot_is_taken_before_as_much_was_written_as_the_latest_one_holds() {
    let mut options = Options::voters(4);
    options.limits.snapshot_entries = u64::MAX;
    options.limits.snapshot_bytes = 1;
    let mut world = led(&options);
    let (mut taken, mut held, mut written) = (0, 0, 0);
    for number in 0..400 {
        world.put(1, &format!("key-{number}=1"));
        world.settle();
        written += world.host(1).disk.durable().entries.last().map_or(0, |entry| entry.weight());
        let of_first = |(node, fact): (u64, &Fact)| match fact {
            Fact::SnapshotTaken { bytes, .. } if node == 1 => Some(*bytes),
            _ => None,
        };
        let found: Vec<u64> = world.facts().filter_map(of_first).collect();
        world.take_events();
        for bytes in found {
            assert!(written >= held, "{written} bytes were written after a snapshot of {held}");
            (taken, held, written) = (taken + 1, bytes, 0);
        }
    }
    assert!((10..300).contains(&taken), "{taken} snapshots");
}

/// Seed 180010378 of 2026-11-21: the node could not start any more.
#[test]
fn a_snapshot_that_was_whole_before_the_promise_that_came_with_it_starts_a_node() {
    let mut world = behind(30);
    world.restart(4);
    world.elapse_until(20, "n4 has the snapshot", |world| purged(world, 4).is_some());
    world.crash(4);
    let Image { base, .. } = world.host(4).disk.durable().clone();
    let committed = base.as_ref().map(|base| base.last);
    world.host_mut(4).disk.set_log(Image { base, committed, ..Image::default() });
    world.restart(4);
    assert_eq!(world.core(4).epoch(), Some(Epoch(1)), "a node with data of an epoch follows no leader before it");
    world.elapse_until(20, "n4 has everything", |world| world.core(4).last() == world.core(1).last());
}
