//! The guarantee of `watch`, kept and broken: each way to break it is detected.

use bytes::Bytes;

use epoca::protocol::EntryId;
use epoca::protocol::apply::{Numbers, Write};
use epoca::verify::watching::{Commits, Watched};

/// Changes the key `a`, and at each third revision `b`.
fn change(revision: u64) -> Write {
    let key = Bytes::from(if revision.is_multiple_of(3) { "b" } else { "a" });
    let numbers = Numbers { create_revision: 1, revision, version: revision };
    Write { key, id: EntryId::new(1, revision), revision, record: Some((Bytes::from("value"), numbers)) }
}

/// Ten changes.
fn commits() -> Commits {
    let mut commits = Commits::default();
    commits.add(&(1..=10).map(change).collect::<Vec<_>>()).expect("they follow each other");
    commits
}

/// A watcher of all keys from the third change on receives these changes.
fn watched(revisions: &[u64]) -> Result<Watched, String> {
    let mut watched = Watched::from(Bytes::new(), 3);
    revisions.iter().try_for_each(|revision| watched.on_change(&commits(), &change(*revision)))?;
    Ok(watched)
}

#[track_caller]
fn assert_broken(result: Result<impl std::fmt::Debug, String>, why: &str) {
    let text = result.expect_err("the guarantee is broken");
    assert!(text.contains(why), "{text}");
}

#[test]
fn all_changes_in_order_keep_the_promise() {
    let mut watched = watched(&[3, 4, 5, 6, 7, 8, 9, 10]).expect("it is kept");
    watched.on_reached(&commits(), 10).expect("that is the end");
    assert_eq!(watched.up_to(), 10);
}

#[test]
fn a_change_that_is_left_out_comes_twice_or_late_is_seen() {
    assert_broken(watched(&[3, 5]), "change 4 of b\"a\" is missing");
    assert_broken(watched(&[3, 4, 4]), "is repeated");
    assert_broken(watched(&[3, 4, 5, 3]), "is repeated");
    assert_broken(watched(&[2]), "is repeated");
    assert_broken(watched(&[4]), "change 3 of b\"b\" is missing");
}

#[test]
fn a_change_that_was_never_committed_or_is_another_is_seen() {
    assert_broken(watched(&[3, 4, 5, 6, 7, 8, 9, 10, 11]), "is committed");
    let mut watched = watched(&[3]).expect("it is kept");
    let other = Write { record: None, ..change(4) };
    assert_broken(watched.on_change(&commits(), &other), "is committed");
    let forged = Write { id: EntryId::new(2, 0), ..change(4) };
    assert_broken(watched.on_change(&commits(), &forged), "is committed");
}

#[test]
fn keys_that_are_not_watched_may_be_left_out_and_others_may_not() {
    let commits = commits();
    let mut watched = Watched::from(Bytes::from("b"), 1);
    watched.on_change(&commits, &change(3)).expect("1 and 2 are not wanted");
    assert_broken(watched.clone().on_change(&commits, &change(4)), "is watched");
    watched.on_reached(&commits, 5).expect("nothing is left out");
    assert_broken(watched.on_reached(&commits, 6), "change 6 of b\"b\" is missing");
    watched.on_change(&commits, &change(6)).expect("it comes in time");
    assert_broken(watched.on_reached(&commits, 11), "10 is the last");
}

#[test]
fn a_report_of_dropped_changes_must_concern_changes_not_seen_yet() {
    let commits = commits();
    let mut watched = watched(&[3, 4]).expect("it is kept");
    assert_broken(watched.on_gone(5), "reported as compacted");
    watched.on_gone(8).expect("5, 6 and 7 are gone");
    assert_broken(watched.on_change(&commits, &change(7)), "is repeated");
    watched.on_change(&commits, &change(8)).expect("from there on");
}

#[test]
fn revisions_without_a_gap_are_the_only_commits() {
    let mut commits = commits();
    assert_broken(commits.add(&[change(12)]), "11 is next");
    assert_broken(commits.add(&[change(10)]), "11 is next");
}
