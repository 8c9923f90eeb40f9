//! Traps 1–9, 11, 12: what must be on disk before a message leaves. The storage's own guarantees are tested with the
//! real storage.

use epoca::protocol::trace::RoleName;
use epoca::protocol::{Epoch, Input, LogPoint, Message, Position, Promise, VoteAsked};
use epoca::verify::host::{Database, Image};

use crate::traps::{acked, durable, push, remember, voter};
use crate::world::{Auto, Options, Pick, World, logs};

#[test]
fn trap_01_after_the_clients_ok_a_power_cut_of_all_nodes_loses_nothing() {
    let mut world = World::led(4);
    let mut confirmed = Vec::new();
    for number in 0..20 {
        // The disk of a different replica is slow each time; a quorum confirms without it.
        let late = 2 + number % 3;
        world.hold_disk(late);
        let write = world.put(1, &format!("k{number}={number}"));
        world.settle();
        assert!(world.is_written(write), "write {number}");
        confirmed.push(number);
        world.ids().into_iter().for_each(|id| world.crash(id));
        world.network.pool.clear();
        world.auto(late, Auto::ALL);
        world.start_all();
        world.elapse_until(30, "a node leads", |world| world.leader().is_some());
        world.elapse_millis(1_000);
        for id in world.ids() {
            let lost = confirmed.iter().find(|key| world.value(id, &format!("k{key}")) != Some(key.to_string()));
            assert_eq!(lost, None, "n{id} has lost a confirmed write after power cut {number}");
        }
        if world.leader() != Some(1) {
            // The loop writes at n1.
            world.ids().into_iter().filter(|id| *id != 1).for_each(|id| world.crash(id));
            world.ids().into_iter().filter(|id| *id != 1).for_each(|id| world.start(id));
            world.elect(1);
            world.settle();
        }
    }
}

#[test]
fn trap_01_a_write_is_confirmed_only_when_a_quorum_has_flushed_it() {
    let mut world = World::led(4);
    [2, 3].into_iter().for_each(|id| world.hold_disk(id));
    let write = world.put(1, "x=1");
    world.settle();
    let next = world.put(1, "y=1");
    world.settle();
    assert!(!world.is_written(write), "two of four have it on disk");
    world.flush_some(2, 1);
    world.settle();
    assert!(world.is_written(write));
    assert!(!world.is_written(next), "n2 has the first one on disk, and still writes the second");
}

#[test]
fn trap_02_no_ack_leaves_before_a_flush_that_came_after_the_append() {
    let mut world = World::led(4);
    world.hold_disk(2);
    let before = world.snapshot(1).beliefs[&epoca::protocol::NodeId(2)].matched;
    let write = world.put(1, "x=1");
    world.settle();
    assert_eq!(world.snapshot(1).beliefs[&epoca::protocol::NodeId(2)].matched, before, "n2 acked from memory");
    world.flush(2);
    let entry = world.host(2).disk.durable().last();
    assert_eq!(acked(&world, 2), [entry], "the flush brings the ack");
    world.settle();
    assert!(world.is_written(write));
}

#[test]
fn trap_03_a_replica_that_holds_an_entry_of_an_epoch_accepts_no_smaller_epoch_after_a_crash() {
    for kept in 0..=2 {
        let mut world = voter(&[1], 1);
        let log = logs::log(&[1, 5], &world.founding());
        world.hold_disk(1);
        world.send_as(2, 1, Some(5), Message::Push(push(&log, 1)));
        assert_eq!(world.host(1).disk.pending(), 2, "a promise, then an entry");
        world.crash_keeping(1, kept);
        world.free_disk(1);
        world.start(1);
        let image = world.host(1).disk.durable().clone();
        let promised = image.promise.map(|promise| promise.epoch);
        assert!(promised >= image.last().map(|last| last.id.epoch), "{kept} writes kept: {image:?}");
        let older = logs::log(&[1, 3], &world.founding());
        world.send_as(3, 1, Some(3), Message::Push(push(&older, 1)));
        let refused = world.messages_from(1, "refused").count() == 1;
        assert_eq!(refused, kept > 0, "epoch 3 after {kept} of the writes of epoch 5");
    }
}

#[test]
fn trap_04_the_election_compares_the_last_entry_and_not_the_promised_epoch() {
    let mut world = voter(&[1], 1);
    let log = logs::log(&[1, 5], &world.founding());
    world.hold_disk(1);
    world.send_as(2, 1, Some(5), Message::Push(push(&log, 1)));
    // The promise of epoch 5 survives, its entry does not.
    world.crash_keeping(1, 1);
    world.free_disk(1);
    world.start(1);
    world.begin_election(1);
    let asked = world.messages_from(1, "pre-vote").next().expect("n1 starts an election").message.clone();
    let Message::PreVoteAsked(asked) = asked else { panic!("{asked:?}") };
    assert_eq!(asked.epoch, Epoch(6), "above the promise");
    let last = durable(&world, 1).last().map(|entry| entry.id);
    assert_eq!(asked.last, last, "and with the entry that it really has");
    for asked in world.network.take(&Pick::kind("pre-vote")) {
        world.answer_pre_vote(&asked, true);
    }
    let asked = world.messages_from(1, "vote").next().expect("n1 asks for votes").message.clone();
    assert!(
        matches!(asked, Message::VoteAsked(VoteAsked { epoch: Epoch(6), last: told, .. }) if told == last),
        "{asked:?}"
    );
    // It also accepts a candidate whose last entry is of epoch 1.
    let vote = VoteAsked { epoch: Epoch(7), last, transfer: false };
    world.send_as(3, 1, Some(7), Message::VoteAsked(vote));
    let answer = &world.messages_from(1, "vote-answer").next().expect("an answer").message;
    assert!(matches!(answer, Message::VoteAnswer(answer) if answer.granted));
}

#[test]
fn trap_05_a_crash_during_a_resync_leaves_the_old_log_or_the_new_one() {
    let founding = World::solo(4).founding();
    let old = logs::log(&[1, 1, 2, 2], &founding);
    let new = logs::log(&[1, 1, 3, 3, 3], &founding);
    for kept in 0..=2 {
        let mut world = voter(&[1, 1, 2, 2], 3);
        world.hold_disk(1);
        let mut push = push(&new, 2);
        (push.replaces, push.resync) = (true, 1);
        world.send_as(2, 1, Some(3), Message::Push(push));
        world.crash_keeping(1, kept);
        let after = durable(&world, 1);
        assert!(after == old || after == new, "{kept} writes kept leave {after:?}");
    }
}

#[test]
fn trap_05_an_append_that_overlaps_an_equal_prefix_writes_nothing_twice() {
    let mut world = voter(&[1, 1, 1, 1], 1);
    let log = logs::log(&[1, 1, 1, 1], &world.founding());
    world.hold_disk(1);
    world.send_as(2, 1, Some(1), Message::Push(push(&log[..3], 1)));
    assert_eq!(world.host(1).disk.pending(), 0, "nothing to write");
    assert_eq!(durable(&world, 1), log, "nothing deleted");
    assert_eq!(acked(&world, 1), [Some(log[2].point())], "acked up to the push's end, not the log's");
}

/// Kills n3 after each of its disk writes and applies; it must apply each entry once, in order, and its database must
/// match a prefix of the log. The simulated database panics on any violation.
#[test]
fn trap_06_each_entry_is_applied_exactly_once_whenever_the_node_is_killed() {
    for killed_at in 0..40 {
        let mut world = World::led(3);
        world.auto(3, Auto::NONE);
        let mut actions = 0;
        for number in 0..6 {
            world.put(1, &format!("x={number}"));
            world.propose(1, &["y=1", "y"]);
            for _ in 0..4 {
                world.settle();
                if actions == killed_at {
                    world.kill(3);
                    world.start(3);
                }
                if actions % 2 == 0 {
                    world.flush_some(3, 1)
                } else {
                    world.apply(3)
                }
                actions += 1;
            }
        }
        world.auto(3, Auto::ALL);
        world.elapse_millis(1_000);
        assert_eq!(world.value(3, "x"), Some("5".to_owned()), "killed at {killed_at}");
        let mut expected = Database::default();
        expected.apply_all(durable(&world, 1)).expect("the log of n1 is all commands");
        assert_eq!(world.host(3).database, expected, "killed at {killed_at}");
        assert_eq!(world.host(3).database.revision(), 18, "killed at {killed_at}");
    }
}

#[test]
fn trap_07_a_single_node_commits_its_first_entry_only_when_its_flush_is_done() {
    let mut world = World::solo(1);
    world.start(1);
    world.elect_by_script(1);
    assert_eq!(world.snapshot(1).committed, None, "the opening is not durable yet");
    world.flush(1);
    let write = world.put(1, "x=1");
    assert!(!world.is_written(write));
    world.flush(1);
    assert_eq!(world.snapshot(1).committed.map(|point| point.position), Some(Position(2)));
    world.apply(1);
    assert!(world.is_written(write));
}

#[test]
fn trap_07_a_leader_does_not_count_its_own_unflushed_copy() {
    let mut world = voter(&[1], 1);
    world.elect_by_script(1);
    let opening = world.host(1).disk.written().last();
    for voter in [2, 3] {
        world.ack_by_script(voter, 1, opening);
    }
    assert_eq!(world.snapshot(1).committed, None, "two replicas are no quorum of four");
    world.flush(1);
    assert_eq!(world.snapshot(1).committed, opening);
}

#[test]
fn trap_07_a_leader_makes_final_nothing_that_is_not_on_its_own_disk() {
    let mut world = World::led(4);
    world.hold_disk(1);
    let write = world.put(1, "x=1");
    world.settle();
    let committed = world.snapshot(1).committed.map(|point| point.position);
    assert_eq!(committed, Some(Position(2)), "the three others are a quorum");
    assert_eq!(world.value(1, "x"), None);
    assert!(!world.is_written(write));
    world.flush(1);
    assert_eq!(world.value(1, "x"), Some("1".to_owned()));
    assert!(world.is_written(write));
}

#[test]
fn trap_08_a_failed_read_of_the_log_stops_the_node_and_sends_nothing() {
    let mut options = Options::voters(4);
    options.limits.window_entries = 1;
    let mut world = World::new(&options);
    world.start_all();
    world.stand(1);
    world.settle();
    world.network.cut(epoca::protocol::NodeId(1), epoca::protocol::NodeId(4));
    for number in 0..5 {
        world.put(1, &format!("x={number}"));
        world.settle();
    }
    world.network.heal_all();
    world.auto(1, Auto { read: false, ..Auto::ALL });
    world.elapse_millis(300);
    world.network.pool.clear();
    world.step(1, Input::StorageFailed("entry e1·o2 cannot be read".to_owned()));
    assert!(!world.host(1).is_up(), "the node stops");
    assert!(world.node(1).fatal.as_ref().is_some_and(|text| text.contains("e1·o2")), "{:?}", world.node(1).fatal);
    assert_eq!(world.messages_from(1, "push").count(), 0, "and pushes nothing as if the log began later");
}

/// n2's committed entries differ from those of n1 and the others; `break_chain` damages n2's copy so that its digests
/// show it.
fn with_another_commit(break_chain: bool) -> World {
    let mut world = World::new(&Options::voters(4));
    for id in [1, 3, 4] {
        remember(&mut world, id, &[1, 1, 1], 1);
        let mut image = world.host(id).disk.durable().clone();
        image.committed = image.last();
        world.host_mut(id).disk.set_log(image);
    }
    let founding = world.founding();
    let mut entries = logs::log(&[1], &founding);
    logs::extend(&mut entries, &[1, 1], logs::Content::Other, &founding);
    if break_chain {
        entries[1].body = logs::put("k1", "damaged", 0);
    }
    let committed = entries.last().map(epoca::protocol::Entry::point);
    let promise = Some(Promise { epoch: Epoch(1), vote: None });
    world.host_mut(2).disk.set_log(Image { promise, committed, forged_from: None, entries, base: None });
    world.start_all();
    world.elect(1);
    world.settle();
    world.elapse_millis(500);
    world
}

#[test]
fn trap_09_a_damaged_committed_entry_stops_its_node_and_is_not_truncated() {
    let world = with_another_commit(true);
    assert!(!world.host(2).is_up(), "n2 stops");
    let fatal = world.node(2).fatal.clone().unwrap_or_default();
    assert!(fatal.contains("e1·o1"), "the message names the entry: {fatal}");
    assert_eq!(durable(&world, 2).len(), 3, "nothing is truncated");
    assert!(!world.facts().any(|(id, fact)| id == 2 && fact.rule() == "A1"), "nothing is acked");
    assert_eq!(world.role(1), RoleName::Leader, "the others go on");
}

#[test]
fn trap_09_if_neither_log_is_broken_both_stop() {
    let world = with_another_commit(false);
    assert!(!world.host(1).is_up() && !world.host(2).is_up(), "a person has to look");
    assert_eq!(durable(&world, 2).len(), 3, "nothing is truncated");
}

#[test]
fn trap_11_a_restart_does_not_truncate_to_the_local_commit_mark() {
    let mut world = World::led(4);
    [2, 3, 4].into_iter().for_each(|id| world.network.hold(epoca::protocol::NodeId(id), "commit-order"));
    let write = world.put(1, "x=1");
    world.settle();
    assert!(world.is_written(write), "confirmed, although no replica knows it yet");
    for id in [2, 3, 4] {
        world.crash(id);
        world.start(id);
        assert_eq!(durable(&world, id).len(), 2, "n{id} keeps what it acked");
        assert_eq!(world.value(id, "x"), None, "and shows nothing before the order");
    }
    world.crash(1);
    world.network.held.clear();
    world.network = crate::world::Network::default();
    world.elapse_until(30, "x is final", |world| world.value(2, "x").is_some());
}

#[test]
fn trap_12_a_late_completion_confirms_nothing_that_was_written_since() {
    let mut world = voter(&[1], 1);
    world.hold_disk(1);
    let first = logs::log(&[1, 2, 2], &world.founding());
    world.send_as(2, 1, Some(2), Message::Push(push(&first, 1)));
    let second = logs::log(&[1, 3, 3], &world.founding());
    world.send_as(3, 1, Some(3), Message::Push(push(&second, 1)));
    let mut resync = push(&second, 1);
    (resync.replaces, resync.resync) = (true, 1);
    world.send_as(3, 1, Some(3), Message::Push(resync));
    let last: LogPoint = second[2].point();
    assert_eq!(world.host(1).disk.written().last(), Some(last), "rewritten, not flushed");
    // Promise and entries of epoch 2, then the rest one by one: only the last completion may confirm the new entries.
    while world.host(1).disk.pending() > 1 {
        world.flush_some(1, 1);
        assert!(!acked(&world, 1).contains(&Some(last)), "{} writes are still under way", world.host(1).disk.pending());
    }
    world.flush(1);
    assert!(acked(&world, 1).contains(&Some(last)));
    world.drop_messages(&Pick::kind("ack").to(3));
    let older = acked(&world, 1);
    assert!(older.iter().flatten().all(|point| point.id.epoch == Epoch(1)), "{older:?} is acked to the older leader");
}
