//! The history of changes that a node keeps for watchers, and each watcher's progress.

use bytes::Bytes;
use epoca::protocol::EntryId;
use epoca::protocol::apply::{History, HistoryLimits, TooOld, WatchCursor, Write};

fn write(revision: u64) -> Write {
    let key = Bytes::from(if revision.is_multiple_of(2) { "even" } else { "odd" });
    Write { key, id: EntryId::new(1, revision), revision, record: None }
}

fn revisions(history: &History, after: u64, prefix: &str, limit: usize) -> (Vec<u64>, u64) {
    let page = history.after(after, prefix.as_bytes(), limit).expect("it reaches back");
    (page.changes.iter().map(|write| write.revision).collect(), page.up_to)
}

#[test]
fn changes_are_found_from_any_revision_on_without_gaps() {
    let mut history = History::new(10);
    history.add((11..=20).map(write).collect());
    assert_eq!(revisions(&history, 10, "", 100).0, (11..=20).collect::<Vec<_>>());
    assert_eq!(revisions(&history, 15, "even", 2), (vec![16, 18], 18));
    assert_eq!(revisions(&history, 18, "odd", 2), (vec![19], 20));
    assert_eq!(revisions(&history, 20, "", 100), (vec![], 20));
    assert_eq!(revisions(&history, 25, "", 100), (vec![], 25), "this database is behind");
    assert_eq!(history.after(9, b"", 1), Err(TooOld { oldest: 11 }));
}

#[test]
fn a_database_from_a_snapshot_has_no_changes_and_reports_it() {
    let history = History::new(10);
    assert_eq!(history.after(9, b"", 1), Err(TooOld { oldest: 11 }));
    assert_eq!(revisions(&history, 10, "", 1), (vec![], 10));
}

#[test]
fn the_oldest_go_first_and_it_says_from_where_it_can() {
    let mut history = History::bounded(0, HistoryLimits { changes: 100, ..HistoryLimits::default() });
    history.add((1..=105).map(write).collect());
    assert_eq!(history.after(4, b"", 1), Err(TooOld { oldest: 6 }));
    assert_eq!(revisions(&history, 5, "", 1), (vec![6], 6));
}

#[test]
fn a_watcher_takes_each_revision_once_from_any_node() {
    let mut seen = WatchCursor::starting_at(4);
    let told = [4, 6, 4, 5, 6, 7];
    let new: Vec<u64> = told.into_iter().filter(|revision| seen.advance(*revision)).collect();
    assert_eq!((new, seen.revision()), (vec![4, 6, 7], 7));
    seen.advance_to(5);
    assert_eq!(seen.revision(), 7);
    seen.advance_to(9);
    assert!(!seen.advance(9) && seen.advance(10));
}
