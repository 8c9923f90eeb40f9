//! A restore creates a whole folder or nothing, and the remains of a killed restore are recognized.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::protocol::{FeatureLevel, NodeId};
use crate::storage::tests::snapshots::base_of;
use crate::storage::tests::support::*;
use crate::storage::{OpenOptions, StorageError, half_restored, open, restore_backup};

/// A folder that contains a backup and nothing else.
fn backed_up() -> (tempfile::TempDir, PathBuf) {
    let folder = Folder::new();
    let chain = small_chain(20);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 21));
    let mut dump = opened.database.begin_snapshot().unwrap();
    let id = opened.snapshots.take(&base_of(&chain, 21), &mut *dump).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup");
    std::fs::write(&file, opened.snapshots.read(id, 0, u64::MAX).unwrap().unwrap()).unwrap();
    (place, file)
}

fn nodes() -> Vec<(NodeId, String)> {
    (1..=3).map(|id| (NodeId(id), format!("127.0.0.1:{id}"))).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn start(folder: &Path, id: u64) -> Result<(), StorageError> {
    let folder = folder.join(format!("n{id}"));
    open(&OpenOptions {
        folder,
        node: NodeId(id),
        tail_bytes: 0,
        tail_entries: 0,
        level_max: FeatureLevel::NEWEST,
        progress: &|_| {},
    })
    .map(drop)
}

#[test]
fn a_restore_that_is_interrupted_leaves_nothing() {
    let (place, file) = backed_up();
    let refused = restore_backup(&file, &place.path().join("data"), &nodes(), &AtomicBool::new(true));
    assert!(matches!(refused, Err(StorageError::Interrupted { .. })), "{refused:?}");
    assert_eq!(names(place.path()), ["backup"]);
}

#[test]
fn what_a_killed_restore_leaves_starts_no_node_and_goes_with_the_next_restore() {
    let (place, file) = backed_up();
    let data = place.path().join("data");
    let left = place.path().join("data.restoring-abc");
    std::fs::create_dir_all(left.join("n1")).unwrap();
    std::fs::write(left.join("restoring"), "half").unwrap();
    assert_eq!(half_restored(&data), Some(left.clone()));
    for folder in [&data, &left] {
        let refused = start(folder, 1);
        assert!(matches!(refused, Err(StorageError::HalfRestored { .. })), "{refused:?}");
    }
    assert_eq!(names(place.path()), ["backup", "data.restoring-abc"], "no empty cluster was begun");
    restore_backup(&file, &data, &nodes(), &AtomicBool::default()).unwrap();
    assert_eq!(
        (names(place.path()), names(&data)),
        (vec!["backup".into(), "data".into()], vec!["n1".into(), "n2".into(), "n3".into()])
    );
    assert_eq!(half_restored(&data), None);
    (1..=3).for_each(|id| start(&data, id).unwrap());
}

#[test]
fn a_restore_never_goes_over_what_is_there() {
    let (place, file) = backed_up();
    let data = place.path().join("data");
    for there in ["file", "folder", "link"] {
        match there {
            "file" => std::fs::write(&data, "mine").unwrap(),
            "folder" => std::fs::create_dir(&data).unwrap(),
            _ => std::os::unix::fs::symlink("nowhere", &data).unwrap(),
        }
        let refused = restore_backup(&file, &data, &nodes(), &AtomicBool::default());
        assert!(matches!(refused, Err(StorageError::NotNew { .. })), "{there}: {refused:?}");
        assert_eq!(names(place.path()), ["backup", "data"]);
        if there == "folder" { std::fs::remove_dir(&data).unwrap() } else { std::fs::remove_file(&data).unwrap() }
    }
}

/// The mode of every file and folder below a folder, by path.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut modes = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        modes.push((path.clone(), path.metadata().unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            modes.extend(self::modes(&path));
        }
    }
    modes
}

#[test]
fn a_start_removes_the_rights_of_others_from_a_data_folder_and_nothing_else() {
    let folder = Folder::new();
    drop(folder.open());
    let other = folder.path().join("notes.txt");
    std::fs::write(&other, "a person's own").unwrap();
    for (path, _) in modes(&folder.path()) {
        let mode = if path.is_dir() { 0o755 } else { 0o666 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let _opened = folder.open();
    for (path, mode) in modes(&folder.path()) {
        let wanted = match path.is_dir() {
            _ if path == other => 0o666,
            true => 0o700,
            false => 0o600,
        };
        assert_eq!(mode, wanted, "{}: {mode:o}", path.display());
    }
}
