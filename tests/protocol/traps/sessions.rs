//! Traps 29, 44 and 47: a retry is applied once and gets the first result, every client gets an answer, and the final
//! state is a function of the log alone.

use bytes::Bytes;

use epoca::protocol::apply::{Applied, HistoryLimits, Outcome, SessionLimits};
use epoca::protocol::{Answer, Change, Command, Entry, Expect, Kind, NodeId, Once, Refusal, RequestId};
use epoca::verify::host::Database;
use epoca::verify::rng::Rng;

use crate::world::{World, logs};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn put(key: &str, value: &str) -> Change {
    Change::Put { key: bytes(key), value: bytes(value) }
}

fn set(key: &str, expect: Expect, value: &str) -> Change {
    Change::CompareAndSet { key: bytes(key), expect, value: bytes(value) }
}

/// A write of a session created at `born`; the client acknowledges no earlier answers.
fn named(session: u64, sequence: u64, born: u64, change: Change) -> Bytes {
    Command { session, sequence, once: Some(Once { born, answered: 0 }), change }.encode()
}

/// A log of commands after an opening entry, applied as it grows.
struct Log {
    entries: Vec<Entry>,
    database: Database,
}

impl Log {
    fn new(limits: SessionLimits) -> Log {
        let mut log = Log { entries: Vec::new(), database: Database::new(limits, HistoryLimits::default()) };
        log.add(Kind::Opening, logs::opening(None));
        log
    }

    fn add(&mut self, kind: Kind, body: Bytes) -> Applied {
        let last = self.entries.last().map(Entry::point);
        let entry = Entry::after(last, logs::next_id(last, 1), kind, body);
        self.entries.push(entry);
        self.database.apply(&self.entries[self.entries.len() - 1]).expect("a command")
    }

    fn write(&mut self, command: Bytes) -> Applied {
        self.add(Kind::Command, command)
    }

    fn value(&self, key: &str) -> Option<String> {
        self.database.read(key).map(|(value, _)| String::from_utf8_lossy(value).into_owned())
    }
}

const FEW: SessionLimits = SessionLimits { sessions: 2, results: 3, lifetime: 10 };

/// The outcome with which the request was answered.
fn outcome(world: &World, request: RequestId) -> Applied {
    let Some(Answer::Applied { applied, .. }) = world.answer(request) else { panic!("{:?}", world.answer(request)) };
    *applied
}

#[test]
fn trap_29_a_retry_at_the_next_leader_applies_once_and_gets_the_first_answer() {
    let mut world = World::led(4);
    let command = named(7, 1, 1, put("x", "mine"));
    let first = world.write(1, command.clone());
    world.settle();
    let answer = outcome(&world, first);
    // The answer is lost with the leader; another client writes before the client retries.
    world.crash(1);
    world.elapse_until(20, "another leads", |world| world.leader().is_some_and(|leader| leader != 1));
    let leader = world.leader().expect("a node leads");
    world.put(leader, "x=other");
    world.settle();
    let retry = world.write(leader, command);
    world.settle();
    assert_eq!(outcome(&world, retry), answer, "the place and the revision of the first try");
    world.start(1);
    world.elapse_millis(3_000);
    for id in world.ids() {
        assert_eq!(world.value(id, "x"), Some("other".to_owned()), "n{id}");
        assert_eq!(world.host(id).database, world.host(leader).database, "n{id}");
    }
    // A restart rebuilds the same state from the log, including sessions.
    world.kill(leader);
    world.restart(leader);
    world.elapse_millis(3_000);
    let leader = world.leader().expect("a node leads");
    let retry = world.write(leader, named(7, 1, 1, put("x", "mine")));
    world.settle();
    assert_eq!(outcome(&world, retry), answer);
}

#[test]
fn trap_29_two_tries_in_one_log_are_applied_once() {
    let mut world = World::led(4);
    let command = named(7, 1, 1, set("counter", Expect::Absent, "1"));
    let tries = [world.write(1, command.clone()), world.write(1, command)];
    world.settle();
    let [one, two] = tries.map(|request| outcome(&world, request));
    assert_eq!(one, two);
    assert!(matches!(one.outcome, Outcome::Done { revision: 1 }), "{one:?}");
    assert_eq!(world.host(3).database.revision(), 1);
}

#[test]
fn trap_29_a_failed_comparison_is_an_answer_that_a_retry_gets_too() {
    let mut log = Log::new(FEW);
    log.write(named(1, 1, 0, put("x", "1")));
    let refused = log.write(named(1, 2, 0, set("x", Expect::Value(bytes("7")), "8")));
    assert_eq!(refused.outcome, Outcome::NotEqual { present: Some(1) });
    log.write(named(2, 1, 0, put("x", "7")));
    // The comparison would succeed now; the retry gets the result of the first attempt.
    assert_eq!(log.write(named(1, 2, 0, set("x", Expect::Value(bytes("7")), "8"))), refused);
    assert_eq!(log.value("x"), Some("7".to_owned()));
}

#[test]
fn trap_29_a_late_retry_of_a_forgotten_session_is_refused_and_never_a_new_write() {
    let mut log = Log::new(FEW);
    log.write(named(1, 1, 0, put("x", "1")));
    // Two more sessions evict the least recently used one.
    log.write(named(2, 1, 2, put("y", "1")));
    log.write(named(3, 1, 3, put("y", "2")));
    let late = log.write(named(1, 1, 0, put("x", "again")));
    assert_eq!(late.outcome, Outcome::SessionLost);
    assert_eq!(log.value("x"), Some("1".to_owned()));
    // A session young enough to be new is accepted.
    let born = log.entries.len() as u64;
    let young = log.write(named(4, 1, born, put("z", "1")));
    assert!(matches!(young.outcome, Outcome::Done { .. }), "{young:?}");
}

#[test]
fn trap_29_an_idle_session_expires_by_the_count_of_entries() {
    for idle in [FEW.lifetime - 1, FEW.lifetime] {
        let mut log = Log::new(FEW);
        let first = log.write(named(1, 1, 0, put("x", "1")));
        for number in 0..idle {
            log.write(logs::put("y", &number.to_string(), number));
        }
        let retry = log.write(named(1, 1, 0, put("x", "again")));
        if idle < FEW.lifetime {
            assert_eq!(retry, first, "after {idle} entries");
        } else {
            assert_eq!(retry.outcome, Outcome::SessionLost, "after {idle} entries");
        }
        assert_eq!(log.value("x"), Some("1".to_owned()));
    }
}

#[test]
fn trap_29_what_a_client_has_the_answer_to_is_refused_if_it_comes_again() {
    let mut log = Log::new(FEW);
    log.write(named(1, 1, 0, put("x", "1")));
    let once = Some(Once { born: 0, answered: 2 });
    log.write(Command { session: 1, sequence: 2, once, change: put("x", "2") }.encode());
    let delayed = log.write(named(1, 1, 0, put("x", "1")));
    assert_eq!(delayed.outcome, Outcome::SessionLost, "it was on the way for long");
    // The number of results is bounded, too.
    for sequence in 3..=6 {
        log.write(named(1, sequence, 0, put("x", "later")));
    }
    assert_eq!(log.write(named(1, 3, 0, put("x", "3"))).outcome, Outcome::SessionLost);
    assert!(matches!(log.write(named(1, 4, 0, put("x", "4"))).outcome, Outcome::Done { .. }));
    assert_eq!(log.value("x"), Some("later".to_owned()));
}

#[test]
fn a_batch_is_one_entry_whose_changes_are_seen_together() {
    let mut log = Log::new(FEW);
    log.write(named(1, 1, 0, put("old", "1")));
    let delete = Change::Delete { key: bytes("old") };
    let changes = vec![put("a", "1"), delete, put("a", "2"), Change::Delete { key: bytes("absent") }];
    let command = named(1, 2, 0, Change::Batch(changes));
    let done = log.write(command.clone());
    assert_eq!(done.outcome, Outcome::Done { revision: 4 }, "three changes after the first one, absent counts none");
    assert_eq!((log.value("a"), log.value("old")), (Some("2".to_owned()), None));
    assert_eq!(log.write(command), done);
    assert_eq!(log.database.revision(), 4);
}

#[test]
fn trap_44_a_waiting_client_is_answered_when_the_leader_steps_down_and_its_entry_is_truncated() {
    let mut world = World::led(4);
    let others = [2, 3, 4].map(NodeId);
    for other in others {
        world.network.cut(NodeId(1), other);
    }
    let write = world.put(1, "x=lost");
    let read = world.read(1);
    world.elapse_until(20, "the others elect", |world| world.leader().is_some_and(|leader| leader != 1));
    assert_eq!(world.answer(write), Some(&Answer::Unknown));
    assert_eq!(world.answer(read), Some(&Answer::Refused(Refusal::SteppedDown)));
    let leader = world.leader().expect("a node leads");
    world.put(leader, "x=kept");
    for other in others {
        world.network.heal(NodeId(1), other);
    }
    world.elapse_millis(3_000);
    // The world asserts that no request is answered twice.
    assert_eq!(world.value(1, "x"), Some("kept".to_owned()), "its entry was truncated");
    assert_eq!(world.answer(write), Some(&Answer::Unknown));
}

#[test]
fn trap_45_a_stale_hint_leads_to_no_node_that_appends() {
    let mut world = World::led(4);
    world.crash(1);
    world.elapse_until(20, "another leads", |world| world.leader().is_some_and(|leader| leader != 1));
    let leader = world.leader().expect("a node leads");
    world.start(1);
    world.elapse_millis(3_000);
    for id in world.ids().into_iter().filter(|id| *id != leader) {
        let before = world.core(id).last();
        let write = world.put(id, "x=1");
        assert_eq!(world.answer(write), Some(&Answer::Forward(NodeId(leader))), "n{id} passes it on, once");
        assert_eq!(world.core(id).last(), before, "and appends nothing itself");
    }
}

/// Random writes of a few clients, many of them duplicated and late.
fn random_log(seed: u64, count: u64) -> Log {
    let mut rng = Rng::new(seed);
    let mut draw = |bound: u64| rng.below(bound);
    let mut log = Log::new(FEW);
    let mut sent: Vec<Bytes> = Vec::new();
    for number in 0..count {
        let key = format!("k{}", draw(3));
        let change = match draw(4) {
            0 => put(&key, &number.to_string()),
            1 => Change::Delete { key: bytes(&key) },
            2 => set(&key, if draw(2) == 0 { Expect::Absent } else { Expect::Revision(draw(number + 1)) }, "set"),
            _ => Change::Batch(vec![put(&key, "batch"), Change::Delete { key: bytes("k0") }]),
        };
        let born = number.saturating_sub(draw(8));
        let command = named(draw(5) + 10 * (number / 9), draw(6) + 1, born, change);
        let again = (!sent.is_empty() && draw(3) == 0).then(|| sent[draw(sent.len() as u64) as usize].clone());
        sent.push(command.clone());
        log.write(again.unwrap_or(command));
    }
    log
}

#[test]
fn trap_47_equal_applied_positions_are_equal_states_whatever_the_way_there() {
    let (mut lost, mut again) = (0, 0);
    for seed in 0..50 {
        let mut log = random_log(seed, 120);
        let whole = log.database.clone();
        // Applied in one pass, from a snapshot made in another one, and by a node that starts in the middle.
        for middle in [0, 1, 37, 90] {
            let mut database = Database::new(FEW, HistoryLimits::default());
            let mut outcomes = database.apply_all(&log.entries[..middle]).expect("commands");
            outcomes.extend(database.clone().apply_all(&log.entries[middle..]).expect("commands"));
            database.apply_all(&log.entries[middle..]).expect("commands");
            assert!(database == whole && database.hash() == whole.hash(), "seed {seed}, cut at {middle}");
            lost += outcomes.iter().filter(|applied| applied.outcome == Outcome::SessionLost).count();
            let late = |(entry, applied): &(&Entry, &Applied)| entry.position != applied.position;
            again += log.entries.iter().zip(&outcomes).filter(late).count();
        }
        log.write(named(99, 1, 1_000, put("x", "born in the future")));
        assert!(log.database != whole, "the applied write changes the state");
    }
    assert!(lost > 100 && again > 100, "{lost} lost, {again} answered again: nothing was tested");
}
