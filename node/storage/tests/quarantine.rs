//! Quarantine moves a damaged folder aside as a whole, survives any interruption, and loses nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::protocol::{Incarnation, NodeId};
use crate::storage::disk::{Disk, DiskFile, SystemDisk};
use crate::storage::open::identity::Identity;
use crate::storage::open::lock::FolderLock;
use crate::storage::quarantine::{examine, quarantine, quarantine_on, quarantines};
use crate::storage::tests::support::*;
use crate::storage::{Label, StorageError};

/// A disk that ends the process after its nth operation.
struct Ends {
    left: AtomicUsize,
}

impl Ends {
    fn after(operations: usize) -> Ends {
        Ends { left: AtomicUsize::new(operations) }
    }

    fn goes_on(&self) -> io::Result<()> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| io::Error::other("the process has ended"))
    }
}

impl Disk for Ends {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.goes_on()?;
        SystemDisk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.goes_on()?;
        SystemDisk.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.goes_on()?;
        SystemDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        SystemDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.goes_on()?;
        SystemDisk.sync_folder(folder)
    }
}

/// A cleanly closed folder with a log of some entries.
fn used() -> Folder {
    let folder = Folder::new();
    let chain = small_chain(8);
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, 6));
    opened.database.close().unwrap();
    folder
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn without_lock(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().filter(|(path, _)| path != Path::new("lock")).collect()
}

/// Reads it without opening it, because opening changes files of the final database.
fn whose(folder: &Folder) -> Incarnation {
    Identity::read(&folder.path()).unwrap().expect("it has one").incarnation
}

fn label_at(folder: &Folder, seconds: u64) -> Label {
    Label { seconds, ..examine(&folder.path(), NODE, "a flipped bit") }
}

#[test]
fn trap_10_a_quarantined_folder_comes_back_as_another_incarnation_that_has_promised_nothing() {
    let folder = used();
    let before = without_lock(&folder.path());
    let incarnation = whose(&folder);
    let label = examine(&folder.path(), NODE, "e1·o3 is damaged");
    let moved = quarantine(&folder.path(), &label).unwrap();
    let mut aside = files(&moved.folder);
    assert!(String::from_utf8(aside.remove(Path::new("why.txt")).unwrap()).unwrap().contains("e1·o3 is damaged"));
    assert_eq!(aside, before);
    let opened = folder.open();
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!((opened.restored.promise, opened.restored.tail.len()), (None, 0));
    assert_eq!(opened.quarantines.len(), 1);
    assert_eq!(opened.quarantines[0].label, Label { incarnation: Some(incarnation), ..label });
}

#[test]
fn members_are_read_from_the_rest_of_a_damaged_log() {
    let folder = used();
    let segment = folder.path().join("log/00000001.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let end = bytes.len() - 20;
    bytes[end] ^= 4;
    std::fs::write(&segment, &bytes).unwrap();
    assert!(folder.try_open().is_err_and(|error| error.is_damage()));
    let members = examine(&folder.path(), NODE, "found").members;
    assert_eq!(members.iter().map(|member| &member.address[..]).collect::<Vec<_>>(), ["127.0.0.1:1"]);
    std::fs::write(&segment, vec![7; bytes.len()]).unwrap();
    assert!(examine(&folder.path(), NODE, "found").members.is_empty());
}

/// The process ends after each operation of the move: the next start continues, and no file is lost or changed.
#[test]
fn trap_09_an_interrupted_move_of_damaged_data_is_finished_by_the_next_start() {
    let mut interrupted = 0;
    for operations in 0.. {
        let folder = used();
        let incarnation = whose(&folder);
        let before = without_lock(&folder.path());
        let label = label_at(&folder, 100);
        let moved = quarantine_on(&Ends::after(operations), &folder.path(), &label);
        let decided = ["moving", "why.txt"].iter().any(|name| folder.path().join("quarantine-1").join(name).exists());
        let opened = folder.open();
        let aside: BTreeMap<_, _> = files(&folder.path().join("quarantine-1"))
            .into_iter()
            .filter(|(path, _)| path != Path::new("why.txt") && !path.to_string_lossy().starts_with(".moving."))
            .collect();
        if moved.is_ok() || decided {
            assert_eq!(aside, before, "after {operations} operations");
            assert_eq!(opened.quarantines.len(), 1);
            assert_ne!(opened.incarnation, incarnation);
        } else {
            // The move has not begun: the folder is unchanged, and its damage is found again.
            assert_eq!(opened.incarnation, incarnation, "after {operations} operations");
        }
        interrupted += usize::from(decided && moved.is_err());
        if moved.is_ok() {
            break;
        }
    }
    assert!(interrupted >= 5, "only {interrupted} times in the middle of the move");
}

#[test]
fn the_fourth_damage_within_an_hour_is_a_broken_disk() {
    let folder = used();
    for time in 0..3 {
        quarantine(&folder.path(), &label_at(&folder, 1_000 + time)).unwrap();
        drop(folder.open());
    }
    let before = without_lock(&folder.path());
    let refused = quarantine(&folder.path(), &label_at(&folder, 1_900)).unwrap_err();
    assert!(matches!(refused, StorageError::DiskBroken { times: 3, .. }), "{refused}");
    assert!(refused.to_string().contains("Replace the disk"), "{refused}");
    assert_eq!(without_lock(&folder.path()), before, "nothing was changed");
    quarantine(&folder.path(), &label_at(&folder, 1_002 + 3_600)).unwrap();
    assert_eq!(quarantines(&folder.path()).unwrap().len(), 4);
}

#[test]
fn a_folder_that_is_in_use_is_not_moved_aside() {
    let folder = used();
    let opened = folder.open();
    let wait = FolderLock::take_within(&folder.path(), std::time::Duration::ZERO);
    assert!(matches!(wait, Err(StorageError::InUse { .. })));
    drop(opened);
}

#[test]
fn what_a_disk_that_is_full_or_forbidden_says_is_no_damage() {
    let path = PathBuf::from("x");
    let full = StorageError::DiskFull { path: path.clone() };
    let rights = StorageError::NoRights { action: "read", path: path.clone() };
    let sync = StorageError::Io { action: "sync", path, reason: "no".into() };
    let other = StorageError::OtherNode { folder: "x".into(), found: NODE, expected: NodeId(2) };
    assert!([full, rights, sync, other].iter().all(|error| !error.is_damage()));
}
