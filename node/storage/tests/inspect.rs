//! Inspecting a folder from outside: everything is shown, nothing is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::protocol::{Append, Position};
use crate::storage::tests::support::*;
use crate::storage::{EntryContent, EntryState, StorageError, inspect};
use crate::verify::patience::Patience;

/// Every file with its content, except the empty lock.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_stopped_node_shows_intermediate_and_final_data_with_epoch_and_offset() {
    let folder = Folder::new();
    let mut chain = small_chain(6);
    let mut opened = folder.open();
    opened.log.save_promise(promise(3, Some(1))).unwrap();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 5));
    chain.put(1, "forged", "666");
    store(&mut opened, &Append { forged: true, ..chain.from(8) });
    let incarnation = opened.incarnation;
    opened.database.close().unwrap();
    drop(opened);

    let before = files(&folder.path());
    let seen = inspect(&folder.path()).unwrap();
    assert_eq!((seen.running, seen.node, seen.incarnation), (false, NODE, incarnation));
    assert_eq!((seen.promise, seen.first, seen.last), (Some(promise(3, Some(1))), Some(Position(1)), chain.last()));
    assert_eq!((seen.committed, seen.applied), (Some(chain.entries[4].point()), Some(chain.entries[4].point())));
    assert!(seen.cluster.is_some() && seen.notes.is_empty(), "{:?}", seen.notes);
    let mut entries = seen.entries(Position(1), 5).unwrap();
    entries.extend(seen.entries(Position(6), 100).unwrap());
    let states: Vec<_> = entries.iter().map(|entry| (entry.state, entry.forged)).collect();
    let (committed, intermediate) = ((EntryState::Committed, false), (EntryState::Intermediate, false));
    let forged = (EntryState::Intermediate, true);
    assert_eq!(states, [[committed; 5].as_slice(), &[intermediate; 2], &[forged]].concat());
    assert!(matches!(&entries[0].content, EntryContent::Opening(opening) if opening.founding.is_some()));
    assert!(matches!(&entries[7].content, EntryContent::Command(command) if command.change.preview().0 == "forged"));
    assert_eq!(entries.into_iter().map(|entry| entry.entry).collect::<Vec<_>>(), chain.entries);
    let (first, more) = seen.records(None, 3).unwrap();
    let (rest, end) = seen.records(Some(&first[2].key), 3).unwrap();
    let keys: Vec<_> = first.iter().chain(&rest).map(|record| record.key.clone()).collect();
    assert_eq!((keys.join(&b' '), more, end), (b"key-0 key-1 key-2 key-3".to_vec(), true, false));
    assert_eq!(rest[0].id, chain.entries[4].id);
    drop(seen);
    assert_eq!(files(&folder.path()), before, "nothing was written");
}

#[test]
fn a_running_node_is_reported_as_running_and_not_disturbed() {
    let folder = Folder::new();
    let mut chain = small_chain(30);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 20));
    let seen = inspect(&folder.path()).unwrap();
    assert!(seen.running && seen.notes.iter().any(|note| note.contains("uses this folder")), "{:?}", seen.notes);
    assert_eq!((seen.last, seen.committed), (chain.last(), Some(chain.entries[19].point())));
    // The files of the final database are closed shortly after its readers.
    let patience = Patience::of(Duration::from_secs(20));
    while inspect(&folder.path()).unwrap().applied != Some(chain.entries[19].point()) {
        assert!(!patience.is_over(), "applied data never reached the files");
    }
    chain.put(1, "after", "the look");
    store(&mut opened, &chain.from(32));
    commit(&mut opened, &chain.apply(21, 32));
    assert_eq!(opened.database.applied(), chain.last());
}

#[test]
fn an_unclean_end_and_a_torn_log_are_notes_and_stay_as_they_are() {
    let folder = Folder::new();
    let chain = small_chain(8);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    drop(opened);
    let file = folder.path().join("log/00000001.log");
    let length = std::fs::metadata(&file).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length - 5).unwrap();
    let before = files(&folder.path());
    let seen = inspect(&folder.path()).unwrap();
    assert!(seen.notes.iter().any(|note| note.contains("torn")), "{:?}", seen.notes);
    assert!(seen.notes.iter().any(|note| note.contains("not closed cleanly")), "{:?}", seen.notes);
    assert_eq!(seen.last, None);
    drop(seen);
    assert_eq!(files(&folder.path()), before, "nothing was written");
}

#[test]
fn a_folder_of_another_program_is_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_path_buf(), folder.path().join("absent")] {
        let error = inspect(&path).err().unwrap();
        assert!(matches!(error, StorageError::NoFolder { .. }), "{error}");
    }
}
