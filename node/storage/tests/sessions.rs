//! Sessions are stored with the records: across any restart, a retry gets the first result, and a watcher gets each
//! change once.

use bytes::Bytes;

use crate::protocol::apply::{Applied, Outcome, SessionLimits, TooOld};
use crate::protocol::{Change, Command, Expect, Once};
use crate::storage::Opened;
use crate::storage::tests::support::*;

fn put(key: &str, value: impl Into<Bytes>) -> Change {
    Change::Put { key: Bytes::copy_from_slice(key.as_bytes()), value: value.into() }
}

fn write(session: u64, sequence: u64, born: u64, change: Change) -> Command {
    Command { session, sequence, once: Some(Once { born, answered: 0 }), change }
}

/// Writes of several sessions: values of all sizes, comparisons that fail and succeed, batches.
fn commands() -> Vec<Command> {
    let large = |fill: u8| Bytes::from(vec![fill; 9_000]);
    let set = |expect| Change::CompareAndSet { key: Bytes::from_static(b"x"), expect, value: large(3) };
    let delete = Change::Delete { key: Bytes::from_static(b"y") };
    vec![
        write(1, 1, 0, put("x", large(1))),
        write(2, 1, 1, put("y", "small")),
        write(1, 2, 0, set(Expect::Value(large(2)))),
        write(1, 3, 0, set(Expect::Value(large(1)))),
        write(1, 4, 0, set(Expect::Absent)),
        write(2, 2, 1, Change::Batch(vec![put("a", large(4)), delete.clone(), put("a", large(5)), put("b", large(6))])),
        write(3, 7, 2, set(Expect::Revision(3))),
        write(3, 8, 2, delete),
    ]
}

/// All commands, then all of them again.
fn twice() -> Chain {
    let mut chain = Chain::default();
    chain.open(1);
    for command in commands().iter().chain(&commands()) {
        chain.command(command);
    }
    chain
}

fn apply(opened: &mut Opened, chain: &Chain, from: u64, to: u64) -> Vec<Applied> {
    let apply = chain.apply(from, to);
    opened.log.record_commit(apply.up_to).unwrap();
    opened.database.apply(&apply).unwrap()
}

#[test]
fn trap_29_a_retry_after_any_restart_gets_the_first_answer() {
    let chain = twice();
    let end = chain.entries.len() as u64;
    for (middle, cleanly) in (1..end).flat_map(|middle| [(middle, true), (middle, false)]) {
        let folder = Folder::new();
        let mut opened = folder.open();
        store(&mut opened, &chain.from(1));
        let mut outcomes = apply(&mut opened, &chain, 1, middle);
        if cleanly {
            opened.database.close().unwrap();
        }
        drop(opened);
        let mut opened = folder.open();
        outcomes.extend(apply(&mut opened, &chain, middle + 1, end));
        let half = commands().len();
        let (first, again) = outcomes[1..].split_at(half);
        assert_eq!(first, again, "restarted after {middle}, cleanly: {cleanly}");
        let done = first.iter().filter(|applied| matches!(applied.outcome, Outcome::Done { .. })).count();
        assert_eq!((done, opened.database.revision()), (6, 8), "restarted after {middle}, cleanly: {cleanly}");
        let read = |key: &str| opened.database.read(key.as_bytes()).unwrap().map(|record| record.value);
        assert_eq!(read("a"), Some(Bytes::from(vec![5; 9_000])));
        assert_eq!((read("y"), read("b").map(|value| value.len())), (None, Some(9_000)));
    }
}

#[test]
fn trap_29_what_was_forgotten_stays_forgotten_over_a_restart() {
    let most = SessionLimits::default().sessions as u64;
    let mut chain = Chain::default();
    chain.open(1).command(&write(2, 1, 1, put("x", "before")));
    // This session is the least recently used one at the end, and the youngest: later evictions do not reveal that it
    // was forgotten.
    chain.command(&write(1, 1, 2, put("x", "first"))).command(&write(2, 2, 1, put("x", "other")));
    for session in 3..=most + 1 {
        chain.command(&write(session, 1, 1, put("x", "other")));
    }
    let filled = chain.entries.len() as u64;
    chain.command(&write(1, 1, 2, put("x", "again")));
    let folder = Folder::new();
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    apply(&mut opened, &chain, 1, filled);
    opened.database.close().unwrap();
    drop(opened);
    let mut opened = folder.open();
    let late = apply(&mut opened, &chain, filled + 1, filled + 1);
    assert_eq!(late[0].outcome, Outcome::SessionLost);
    assert_eq!(opened.database.read(b"x").unwrap().unwrap().value, "other");
}

#[test]
fn a_watcher_gets_every_change_once_also_after_a_rebuild() {
    let chain = twice();
    let end = chain.entries.len() as u64;
    let folder = Folder::new();
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    apply(&mut opened, &chain, 1, end);
    let seen = |opened: &Opened, after, prefix: &str| {
        let page = opened.database.changes(after, prefix.as_bytes(), 100).unwrap();
        let shown = |write: &crate::protocol::apply::Write| (write.revision, write.key.clone(), write.record.is_some());
        (page.changes.iter().map(shown).collect::<Vec<_>>(), page.up_to)
    };
    let (all, up_to) = seen(&opened, 0, "");
    assert_eq!((all.iter().map(|change| change.0).collect::<Vec<_>>(), up_to), ((1..=8).collect(), 8));
    assert_eq!(seen(&opened, 3, "a").0, [(4, Bytes::from("a"), true), (6, Bytes::from("a"), true)]);
    // The database is rebuilt from the log, including the history.
    drop(opened);
    folder.lose_database();
    let opened = folder.open();
    assert_eq!(seen(&opened, 0, "").0, all);
    // After a clean shutdown the history is empty, and reports its first revision.
    opened.database.close().unwrap();
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.database.changes(0, b"", 1), Err(TooOld { oldest: 9 }));
    assert_eq!(seen(&opened, 8, ""), (Vec::new(), 8));
}
