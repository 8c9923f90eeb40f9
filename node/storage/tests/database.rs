//! Final data: the effects of committed entries, independent of batch sizes, rebuilt whenever the database cannot be
//! trusted.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::protocol::apply::{Record, Write};
use crate::protocol::{Change, Command, Entry, Kind};
use crate::storage::tests::support::*;
use crate::storage::{Opened, StorageError};

/// The expected state after a prefix of the log, computed with a simple model.
pub fn expected(entries: &[Entry]) -> (Vec<Record>, u64) {
    let (mut records, mut revision) = (BTreeMap::<Bytes, Record>::new(), 0);
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Command) {
        match Command::decode(&entry.body).unwrap().change {
            Change::Put { key, value } => {
                revision += 1;
                let before = records.get(&key);
                let create_revision = before.map_or(revision, |record| record.create_revision);
                let version = before.map_or(0, |record| record.version) + 1;
                let record = Record { key: key.clone(), value, id: entry.id, create_revision, revision, version };
                records.insert(key, record);
            }
            Change::Delete { key } => revision += u64::from(records.remove(&key).is_some()),
            change => unreachable!("these chains have puts and deletes only, not {change:?}"),
        }
    }
    (records.into_values().collect(), revision)
}

fn check(opened: &Opened, entries: &[Entry]) {
    let (records, revision) = expected(entries);
    assert!(all_records(opened) == records, "after {} entries", entries.len());
    assert_eq!(opened.database.revision(), revision);
    assert_eq!(opened.database.applied(), entries.last().map(Entry::point));
}

/// Puts, overwrites, deletes, deletes of absent keys, and values in pieces.
pub fn varied_chain(rounds: u64) -> Chain {
    let mut chain = Chain::default();
    chain.open(1);
    for round in 0..rounds {
        let key = format!("key-{}", round % 11);
        match round % 5 {
            0 => chain.put(1, &key, vec![round as u8; 3000 + 997 * (round as usize % 9)]),
            1 | 2 => chain.put(1, &key, format!("small {round}")),
            3 => chain.delete(1, &key),
            _ => chain.delete(1, "absent"),
        };
    }
    chain
}

fn applied(folder: &Folder, chain: &Chain) -> Opened {
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, chain.entries.len() as u64));
    opened
}

#[test]
fn the_data_are_the_same_whatever_the_batches_were() {
    let chain = varied_chain(300);
    for sizes in [vec![1], vec![301], vec![1, 7, 64, 2], vec![128, 129]] {
        let folder = Folder::new();
        let mut opened = folder.open();
        store(&mut opened, &chain.from(1));
        let (mut from, end) = (1, chain.entries.len() as u64);
        for size in sizes.iter().cycle() {
            if from > end {
                break;
            }
            let to = (from + size - 1).min(end);
            commit(&mut opened, &chain.apply(from, to));
            check(&opened, &chain.entries[..to as usize]);
            from = to + 1;
        }
    }
}

#[test]
fn revisions_and_versions_count_as_the_readme_says() {
    let folder = Folder::new();
    let mut chain = Chain::default();
    chain
        .open(1)
        .put(1, "a", "1")
        .put(1, "b", "1")
        .put(1, "a", "2")
        .delete(1, "absent")
        .delete(1, "b")
        .put(1, "b", "2");
    let opened = applied(&folder, &chain);
    let record = |key: &str| opened.database.read(key.as_bytes()).unwrap().unwrap();
    let numbers = |record: Record| (record.create_revision, record.revision, record.version, record.id.to_string());
    assert_eq!(numbers(record("a")), (1, 3, 2, "e1·o3".into()));
    assert_eq!(numbers(record("b")), (5, 5, 1, "e1·o6".into()));
    assert_eq!(opened.database.revision(), 5);
    assert!(opened.database.read(b"absent").unwrap().is_none());
}

#[test]
fn an_entry_is_applied_once_and_in_order() {
    let folder = Folder::new();
    let chain = small_chain(10);
    let opened = applied(&folder, &chain);
    for (from, to) in [(11, 11), (5, 11)] {
        let error = opened.database.apply(&chain.apply(from, to)).unwrap_err();
        assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    }
    let mut longer = chain.clone();
    longer.put(1, "x", "1").put(1, "y", "2");
    let error = opened.database.apply(&longer.apply(13, 13)).unwrap_err();
    assert!(matches!(error, StorageError::OutOfOrder { .. }), "{error}");
    check(&opened, &chain.entries);
}

#[test]
fn values_of_any_size_come_back_and_leave_no_pieces_behind() {
    let folder = Folder::new();
    let mut chain = Chain::default();
    chain.open(1);
    let sizes = [0, 1, 2047, 2048, 2049, 4096, 4097, 8192, 100_000, 1 << 20];
    for size in sizes {
        chain.put(1, &format!("size-{size}"), (0..size).map(|byte| (byte % 251) as u8).collect::<Vec<_>>());
        chain.put(1, "same", vec![9; size]);
    }
    let mut opened = applied(&folder, &chain);
    check_values(&opened, &chain);
    let end = chain.entries.len() as u64;
    for size in sizes {
        chain.delete(1, &format!("size-{size}")).delete(1, "same");
    }
    store(&mut opened, &chain.from(end + 1));
    commit(&mut opened, &chain.apply(end + 1, chain.entries.len() as u64));
    check_values(&opened, &chain);
    opened.database.close().unwrap();
    drop(opened);
    let blobs = std::fs::read_dir(folder.path().join("final/blobs")).unwrap().count();
    assert_eq!(blobs, 0, "the database moved nodes into files of their own");
    let tree = sled::open(folder.path().join("final")).unwrap();
    let left: Vec<_> = tree.iter().keys().map(|key| key.unwrap()).collect();
    assert_eq!(left, [vec![0]], "only the mark is left");
}

/// Read one by one, because a list ends early after some megabytes.
fn check_values(opened: &Opened, chain: &Chain) {
    let (records, _) = expected(&chain.entries);
    for record in &records {
        assert_eq!(opened.database.read(&record.key).unwrap().as_ref(), Some(record));
    }
}

#[test]
fn lists_are_pages_in_the_order_of_keys_bounded_in_number_and_bytes() {
    let folder = Folder::new();
    let mut chain = Chain::default();
    chain.open(1);
    for key in ["a", "b/1", "b/2", "b/3", "b0", "c"] {
        chain.put(1, key, "value");
    }
    for number in 0..9 {
        chain.put(1, &format!("large/{number}"), vec![1; 1 << 20]);
    }
    let opened = applied(&folder, &chain);
    let page = |prefix: &str, after: Option<&str>, limit| {
        let (records, more) = opened.database.list(prefix.as_bytes(), after.map(str::as_bytes), limit).unwrap();
        let keys = records.iter().map(|record| String::from_utf8(record.key.to_vec()).unwrap()).collect::<Vec<_>>();
        (keys.join(" "), more)
    };
    assert_eq!(page("b/", None, 9), ("b/1 b/2 b/3".into(), false));
    assert_eq!(page("b/", None, 2), ("b/1 b/2".into(), true));
    assert_eq!(page("b/", Some("b/2"), 2), ("b/3".into(), false));
    assert_eq!(page("b/", Some("b/3"), 2), ("".into(), false));
    assert_eq!(page("b", Some("a"), 9), ("b/1 b/2 b/3 b0".into(), false));
    assert_eq!(page("", Some("b0"), 1), ("c".into(), true));
    assert_eq!(page("", Some("c"), 9), ("large/0 large/1 large/2 large/3".into(), true));
}

#[test]
fn after_a_clean_end_the_database_is_used_as_it_is() {
    let folder = Folder::new();
    let chain = varied_chain(100);
    let opened = applied(&folder, &chain);
    opened.database.close().unwrap();
    assert!(opened.database.read(b"key-1").is_err());
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.notes, Vec::<String>::new());
    assert_eq!(opened.restored.committed, chain.last());
    check(&opened, &chain.entries);
}

/// Changes a cleanly closed folder, and expects a note about the recovery.
fn mended_after(why: &str, happens: impl Fn(&Path)) {
    let folder = Folder::new();
    let chain = varied_chain(200);
    let opened = applied(&folder, &chain);
    opened.database.close().unwrap();
    drop(opened);
    happens(&folder.path());
    let opened = folder.open();
    assert!(opened.notes.iter().any(|note| note.contains(why)), "{why}: {:?}", opened.notes);
    assert_eq!(opened.restored.committed, chain.last());
    check(&opened, &chain.entries);
}

#[test]
fn a_missing_database_is_rebuilt() {
    mended_after("it was missing", |folder| {
        std::fs::remove_dir_all(folder.join("final")).unwrap();
    });
}

#[test]
fn trap_06_a_database_that_was_not_closed_cleanly_is_checked_row_by_row() {
    mended_after("was not closed cleanly: its ", |folder| {
        std::fs::remove_file(folder.join("final.clean")).unwrap();
    });
}

/// Changes rows of a database that was not closed cleanly, as a power cut might.
fn unclean(folder: &Path, happens: impl Fn(&sled::Db)) {
    std::fs::remove_file(folder.join("final.clean")).unwrap();
    let database = sled::open(folder.join("final")).unwrap();
    happens(&database);
    database.flush().unwrap();
}

fn first_of(database: &sled::Db, kind: u8) -> (sled::IVec, sled::IVec) {
    database.scan_prefix([kind]).next().expect("there is one").unwrap()
}

#[test]
fn trap_06_an_unclean_database_with_a_row_too_few_or_of_another_moment_is_rebuilt() {
    let why = "it was not closed cleanly, and it does not hold what its mark says";
    mended_after(why, |folder| unclean(folder, |rows| drop(rows.remove(first_of(rows, 1).0).unwrap())));
    mended_after(why, |folder| {
        unclean(folder, |rows| {
            let (key, value) = first_of(rows, 1);
            let mut other = value.to_vec();
            other[20] ^= 1;
            rows.insert(key, other).unwrap();
        });
    });
    mended_after(why, |folder| unclean(folder, |rows| drop(rows.insert([1, b'?'], first_of(rows, 1).1).unwrap())));
    mended_after("its creation was interrupted", |folder| unclean(folder, |rows| drop(rows.remove([0]).unwrap())));
}

#[test]
fn trap_06_an_unclean_database_without_a_piece_of_a_value_is_rebuilt_and_pieces_of_none_are_removed() {
    let missing = "it was not closed cleanly, and a piece of a value is missing";
    mended_after(missing, |folder| unclean(folder, |rows| drop(rows.remove(first_of(rows, 2).0).unwrap())));
    // No revision is that great.
    let of_none = [2; 13];
    mended_after("rows were verified", |folder| {
        unclean(folder, |rows| drop(rows.insert(of_none, &b"left over"[..]).unwrap()));
    });
}

#[test]
fn a_damaged_clean_mark_counts_as_none() {
    mended_after("was not closed cleanly: its ", |folder| {
        let mut bytes = std::fs::read(folder.join("final.clean")).unwrap();
        bytes[20] ^= 4;
        std::fs::write(folder.join("final.clean"), bytes).unwrap();
    });
}

#[test]
fn an_unclean_database_of_another_moment_is_rebuilt() {
    mended_after("is not in the log", |folder| {
        let other = Folder::new();
        let mut chain = Chain::default();
        chain.open(1).put(1, "other", "content");
        let opened = applied(&other, &chain);
        opened.database.close().unwrap();
        drop(opened);
        std::fs::remove_file(folder.join("final.clean")).unwrap();
        std::fs::remove_dir_all(folder.join("final")).unwrap();
        copy_folder(&other.path().join("final"), &folder.join("final"));
    });
}

#[test]
fn a_database_of_another_moment_is_rebuilt() {
    mended_after("it does not hold what it did when it was closed", |folder| {
        let other = Folder::new();
        let opened = applied(&other, &small_chain(5));
        opened.database.close().unwrap();
        drop(opened);
        std::fs::remove_dir_all(folder.join("final")).unwrap();
        copy_folder(&other.path().join("final"), &folder.join("final"));
    });
}

#[test]
fn a_database_of_another_node_is_rebuilt() {
    mended_after("it belongs to another node", |folder| {
        let other = Folder::new();
        let opened = applied(&other, &small_chain(5));
        opened.database.close().unwrap();
        drop(opened);
        std::fs::remove_dir_all(folder.join("final")).unwrap();
        copy_folder(&other.path().join("final"), &folder.join("final"));
        std::fs::copy(other.path().join("final.clean"), folder.join("final.clean")).unwrap();
    });
}

#[test]
fn a_damaged_database_is_rebuilt_even_if_opening_it_panics() {
    for damage in ["zeros", "garbage", "empty", "short"] {
        mended_after("was rebuilt from the log, 201 entries in ", |folder| {
            let file = folder.join("final/db");
            let mut bytes = std::fs::read(&file).unwrap();
            match damage {
                "zeros" => bytes.fill(0),
                "garbage" => bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= (at % 7) as u8 * 31),
                "empty" => bytes.clear(),
                _ => bytes.truncate(1000),
            }
            std::fs::write(&file, bytes).unwrap();
        });
    }
}

/// sled reads pages on demand: damage is detected late, and must not recur at every start.
#[test]
fn damage_that_shows_while_the_node_runs_leads_to_a_rebuild_at_the_next_start() {
    let folder = Folder::new();
    let chain = varied_chain(3000);
    let opened = applied(&folder, &chain);
    opened.database.close().unwrap();
    drop(opened);
    let file = folder.path().join("final/db");
    let mut bytes = std::fs::read(&file).unwrap();
    // Damages everything except the start, because the location of live pages depends on when the database wrote them.
    for at in (200_000..bytes.len()).step_by(97) {
        bytes[at] ^= 0x55;
    }
    std::fs::write(&file, bytes).unwrap();
    let mut rebuilt = false;
    for _ in 0..2 {
        let opened = folder.open();
        rebuilt |= opened.notes.iter().any(|note| note.contains("was rebuilt"));
        let database = opened.database.clone();
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| database.list(b"", None, usize::MAX)));
        if rebuilt {
            check(&opened, &chain.entries);
        } else {
            assert!(!matches!(read, Ok(Ok(_))), "the damage was read as if nothing were");
        }
        // A close that panics or fails leaves no clean mark either.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| database.close()));
    }
    assert!(rebuilt);
}

#[test]
fn trap_06_a_database_that_is_merely_behind_applies_what_it_lacks_and_nothing_twice() {
    let folder = Folder::new();
    let chain = varied_chain(200);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 50));
    opened.database.close().unwrap();
    opened.log.record_commit(chain.entries[149].point()).unwrap();
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.notes, ["the final database was behind: 100 entries applied from the log"]);
    check(&opened, &chain.entries[..150]);
    assert_eq!(opened.restored.tail.last(), chain.entries.last());
}

#[test]
fn a_rebuild_stops_at_the_recorded_commit_point() {
    let folder = Folder::new();
    let chain = varied_chain(100);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 60));
    drop(opened);
    let opened = folder.open();
    assert_eq!(opened.restored.committed, Some(chain.entries[59].point()));
    check(&opened, &chain.entries[..60]);
}

#[test]
fn without_the_commit_file_a_clean_database_says_what_is_committed() {
    let folder = Folder::new();
    let chain = varied_chain(30);
    let opened = applied(&folder, &chain);
    opened.database.close().unwrap();
    drop(opened);
    std::fs::remove_file(folder.path().join("commit")).unwrap();
    let mut opened = folder.open();
    assert_eq!(opened.restored.committed, chain.last());
    let append = crate::protocol::Append { truncate_from: Some(crate::protocol::Position(3)), ..chain.from(3) };
    assert!(opened.log.append(&append).is_err(), "committed entries are not truncated");
}

#[test]
fn each_change_is_reported_as_it_is_applied_and_the_keys_are_counted() {
    let folder = Folder::new();
    let chain = varied_chain(60);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    let mut told = BTreeMap::new();
    for end in [20, chain.entries.len() as u64] {
        let begin = opened.database.applied().map_or(1, |applied| applied.position.0 + 1);
        let mut take = |write: &Write| match &write.record {
            Some((value, _)) => _ = told.insert(write.key.clone(), value.clone()),
            None => assert!(told.remove(&write.key).is_some(), "only existing keys are deleted"),
        };
        opened.database.apply_telling(&chain.apply(begin, end), &mut take).unwrap();
    }
    let records = all_records(&opened);
    assert!(told.into_iter().eq(records.iter().map(|record| (record.key.clone(), record.value.clone()))));
    let count = records.len() as u64;
    assert_eq!(opened.database.count(count), Ok(Some(count)));
    assert_eq!(opened.database.count(count - 1), Ok(None), "there are more");
}
