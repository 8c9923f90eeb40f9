//! The loss of committed log entries is detected by every other record of them: the final database, closed or not, and
//! the node's own snapshots. A torn end was never acked, so it is no loss.

use std::path::{Path, PathBuf};

use crate::protocol::{Append, Position};
use crate::storage::database::read_clean;
use crate::storage::log::scan;
use crate::storage::quarantine::{examine, quarantine};
use crate::storage::tests::snapshots::base_of;
use crate::storage::tests::support::*;
use crate::storage::{Opened, StorageError, inspect};

fn log_file(folder: &Folder) -> PathBuf {
    folder.path().join("log/00000001.log")
}

/// A node with 21 committed entries, each in a separate operation; returns the log's length after each.
fn used() -> (Folder, Opened, Chain, Vec<u64>) {
    let folder = Folder::new();
    let chain = small_chain(20);
    let mut opened = folder.open();
    let mut lengths = Vec::new();
    for entry in &chain.entries {
        store(&mut opened, &Append { entries: vec![entry.clone()], ..chain.from(1) });
        lengths.push(std::fs::metadata(log_file(&folder)).unwrap().len());
    }
    commit(&mut opened, &chain.apply(1, 21));
    (folder, opened, chain, lengths)
}

fn cut(path: &Path, length: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn a_final_database_that_holds_more_than_the_log_proves_that_committed_entries_were_lost() {
    for closed in [true, false] {
        // At the end of an entry, and in the middle of one; only the latter looks like a torn end.
        for torn in [0, 7] {
            let (folder, opened, _, lengths) = used();
            if closed {
                opened.database.close().unwrap();
            }
            drop(opened);
            assert_eq!(read_clean(&folder.path()).is_some(), closed);
            std::fs::remove_file(folder.path().join("commit")).unwrap();
            cut(&log_file(&folder), lengths[3] + torn);
            let error = folder.try_open().err().unwrap_or_else(|| panic!("closed {closed}, torn {torn}: it starts"));
            assert!(matches!(error, StorageError::LogLost { .. }) && error.is_damage(), "{error}");
            assert!(error.to_string().contains("ends at position 4"), "{error}");
            let length = std::fs::metadata(log_file(&folder)).unwrap().len();
            assert_eq!(length, lengths[3] + torn, "nothing is cut off before it is moved aside");
            let notes = inspect(&folder.path()).unwrap().notes;
            assert!(notes.iter().any(|note| note.contains("lost committed entries")), "{notes:?}");
            assert!(!notes.iter().any(|note| note.contains("never acked")), "{notes:?}");
        }
    }
}

#[test]
fn a_clean_final_database_whose_last_entry_was_replaced_in_the_log_proves_a_loss() {
    let (folder, opened, mut chain, lengths) = used();
    opened.database.close().unwrap();
    let incarnation = opened.incarnation;
    drop(opened);
    let aside = Folder::new();
    copy_folder(&folder.path(), &aside.path());
    // Only the log is truncated and continued differently; then the database is restored.
    for name in ["final", "final.clean", "commit"] {
        let path = folder.path().join(name);
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    }
    cut(&log_file(&folder), lengths[3]);
    let mut opened = folder.open();
    assert_eq!(opened.incarnation, incarnation);
    chain.truncate(5);
    (0..20).for_each(|number| _ = chain.put(1, "other", number.to_string()));
    store(&mut opened, &chain.from(5));
    drop(opened);
    let _ = std::fs::remove_dir_all(folder.path().join("final"));
    copy_folder(&aside.path().join("final"), &folder.path().join("final"));
    std::fs::copy(aside.path().join("final.clean"), folder.path().join("final.clean")).unwrap();
    let error = folder.try_open().err().expect("a committed entry is missing");
    assert!(matches!(error, StorageError::LogLost { .. }), "{error}");
}

#[test]
fn a_snapshot_that_was_taken_here_and_is_beyond_the_log_proves_a_loss() {
    let (folder, opened, chain, lengths) = used();
    let mut dump = opened.database.begin_snapshot().unwrap();
    opened.snapshots.take(&base_of(&chain, 21), &mut *dump).unwrap();
    drop((dump, opened));
    std::fs::remove_file(folder.path().join("commit")).unwrap();
    folder.lose_database();
    cut(&log_file(&folder), lengths[3]);
    let error = folder.try_open().err().expect("17 committed entries are missing");
    assert!(matches!(error, StorageError::LogLost { .. }), "{error}");
    assert!(error.to_string().contains("0000000000000021.snapshot"), "{error}");
    // A damaged snapshot proves nothing.
    let path = folder.path().join("snapshot/0000000000000021.snapshot");
    let length = std::fs::metadata(&path).unwrap().len();
    cut(&path, length - 5);
    let opened = folder.open();
    assert_eq!(opened.restored.tail.len(), 4);
}

#[test]
fn a_log_file_that_is_shorter_than_its_header_is_damage_whichever_it_is_and_can_be_moved_aside() {
    for segment in 1..=3 {
        for left in [0, 40, 79] {
            let mut folder = Folder::new();
            folder.segment_bytes = 150;
            let mut opened = folder.open();
            let chain = small_chain(4);
            for entry in &chain.entries[..3] {
                store(&mut opened, &Append { entries: vec![entry.clone()], ..chain.from(1) });
            }
            drop(opened);
            let log = folder.path().join("log");
            assert_eq!(std::fs::read_dir(&log).unwrap().count(), 3);
            cut(&log.join(format!("{segment:08}.log")), left);
            let error = folder.try_open().err().expect("an entry was acked");
            assert!(error.is_damage(), "segment {segment}, {left} bytes: {error}");
            let label = examine(&folder.path(), NODE, &error.to_string());
            assert_eq!(label.members.len(), usize::from(segment > 1), "the list is in the first file");
            quarantine(&folder.path(), &label).unwrap();
            let opened = folder.open();
            assert_eq!((opened.restored.tail.len(), opened.quarantines.len()), (0, 1));
        }
    }
}

/// The next file is created with its header before the previous one is sealed. So a newest file without a header after
/// an unsealed one is left by a crash, and contains nothing that was acked.
#[test]
fn a_newest_log_file_without_a_header_is_a_crash_if_the_one_before_it_is_not_sealed() {
    for left in [0, 40, 80] {
        let (folder, opened, chain, _) = used();
        drop(opened);
        let log = folder.path().join("log");
        std::fs::write(log.join("00000002.log"), vec![0; left]).unwrap();
        let opened = folder.open();
        assert_eq!(opened.restored.tail, chain.entries, "{left} bytes");
        assert!(scan(&log).unwrap().is_some());
    }
}

#[test]
fn a_log_that_was_deleted_or_moved_away_confirms_nothing_more() {
    for moved in [true, false] {
        let (folder, mut opened, mut chain, _) = used();
        if moved {
            std::fs::rename(folder.path(), folder.path().with_extension("moved")).unwrap();
        } else {
            std::fs::remove_dir_all(folder.path()).unwrap();
        }
        chain.put(1, "late", "value");
        opened.log.append(&chain.from(22)).unwrap();
        let flushed = try_flush(&mut *opened.log);
        assert!(matches!(flushed, Err(StorageError::Gone { .. })), "moved {moved}: {flushed:?}");
        assert!(!flushed.unwrap_err().is_damage(), "there is nothing to move aside");
        // The reader does not report writes that were never durable as damage either.
        assert!(opened.log.reader().read(Position(22), Position(22), 1).is_ok());
    }
}
