//! Files of another format version: refused by name and version, not treated as damage, and left unchanged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::protocol::Position;
use crate::storage::tests::snapshots::snapshot_and_compact;
use crate::storage::tests::support::*;
use crate::storage::{StorageError, examine, inspect, quarantine, read_backup};

/// A version that no program reads yet.
const NEWER: u32 = 7;

/// A folder with every kind of file: with compacted entries and a quarantined earlier content.
fn full() -> Folder {
    let mut folder = Folder::new();
    folder.segment_bytes = 400;
    drop(folder.open());
    quarantine(&folder.path(), &examine(&folder.path(), NODE, "a test")).unwrap();
    let chain = small_chain(60);
    let mut opened = folder.open();
    opened.log.save_promise(promise(1, Some(1))).unwrap();
    for number in 1..=61 {
        let entries = vec![chain.entries[number - 1].clone()];
        store(&mut opened, &crate::protocol::Append { entries, ..chain.from(1) });
    }
    snapshot_and_compact(&mut opened, &chain, 50, 40);
    opened.database.close().unwrap();
    folder
}

/// All files below a folder with their content, except the empty lock.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("lock") {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// The files with one of this program's formats, without the quarantine.
fn versioned(folder: &Path) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| {
        let path = path.strip_prefix(folder).unwrap();
        let aside = path.starts_with("quarantine-1") && !path.ends_with("why.txt");
        let sled = path.starts_with("final") && !path.ends_with("format");
        !aside && !sled
    };
    files(folder).into_keys().filter(ours).collect()
}

/// The file as another version of this program could have written it: only the header is the same.
fn as_version(file: &[u8], version: u32) -> Vec<u8> {
    let rest = b"\nwhatever a later version writes";
    if let Some(magic) = file.get(..8).filter(|magic| magic.starts_with(b"EPOCA")) {
        let mut beginning = [magic, &version.to_le_bytes()].concat();
        beginning.extend_from_slice(&crc32fast::hash(&beginning).to_le_bytes());
        return [&beginning[..], rest].concat();
    }
    let text = String::from_utf8(file.to_vec()).unwrap();
    let title = text.split(", version").next().unwrap();
    let beginning = format!("{title}, version {version}");
    let checksum = crc32fast::hash(beginning.as_bytes());
    [format!("{beginning}, checksum {checksum:08x}").as_bytes(), rest].concat()
}

#[test]
fn a_file_of_a_newer_version_is_refused_by_name_and_nothing_is_changed() {
    let folder = full();
    let kinds = ["identity", "commit", "final.clean", "final/format", "log/base", "quarantine-1/why.txt"];
    let versioned = versioned(&folder.path());
    assert!(kinds.iter().all(|kind| versioned.contains(&folder.path().join(kind))), "{versioned:?}");
    for end in ["log", "snapshot"] {
        assert!(versioned.iter().any(|path| path.extension().is_some_and(|other| other == end)), "{versioned:?}");
    }
    for path in versioned {
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, as_version(&whole, NEWER)).unwrap();
        let before = files(&folder.path());
        for refused in [folder.try_open().err(), inspect(&folder.path()).err()] {
            let Some(error) = refused else { panic!("{} is not refused", path.display()) };
            assert!(!error.is_damage(), "{error}");
            let StorageError::FormatTooNew { path: named, found, newest } = &error else { panic!("{error}") };
            assert_eq!((named, *found), (&path, NEWER));
            let text = error.to_string();
            assert!(text.contains("has format version 7") && text.contains(&format!("up to {newest}")), "{text}");
            assert!(text.contains("use a newer epoca"), "{text}");
        }
        assert!(before == files(&folder.path()), "something was changed because of {}", path.display());
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(folder.open().restored.committed.map(|point| point.position), Some(Position(50)));
}

#[test]
fn a_file_of_a_version_that_is_no_longer_read_is_refused_by_name() {
    let folder = full();
    for path in versioned(&folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, as_version(&whole, 0)).unwrap();
        let error = folder.try_open().err().unwrap();
        assert!(
            matches!(&error, StorageError::FormatTooOld { path: named, found: 0, .. } if *named == path),
            "{error}"
        );
        assert!(!error.is_damage() && error.to_string().contains("use an older epoca"), "{error}");
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_backup_of_a_newer_version_is_refused_by_name() {
    let folder = full();
    let snapshot = folder.path().join("snapshot/0000000000000050.snapshot");
    std::fs::write(&snapshot, as_version(&std::fs::read(&snapshot).unwrap(), NEWER)).unwrap();
    let error = read_backup(&snapshot).unwrap_err();
    assert!(matches!(error, StorageError::FormatTooNew { found: NEWER, .. }), "{error}");
}
