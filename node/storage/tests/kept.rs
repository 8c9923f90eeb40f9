//! Which snapshots stay on disk: the newest few, and those that are being read.

use crate::protocol::{SnapshotId, WriteSnapshot};
use crate::storage::tests::snapshots::base_of;
use crate::storage::tests::support::*;
use crate::storage::{Dump, Opened, Rows, StorageError};

fn take(opened: &mut Opened, chain: &Chain, up_to: u64) -> SnapshotId {
    let from = opened.database.applied().map_or(1, |point| point.position.0 + 1);
    commit(opened, &chain.apply(from, up_to));
    let mut dump = opened.database.begin_snapshot().unwrap();
    opened.snapshots.take(&base_of(chain, up_to), &mut *dump).unwrap()
}

fn there(folder: &Folder) -> Vec<String> {
    let files = std::fs::read_dir(folder.path().join("snapshot")).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn names(positions: &[u64]) -> Vec<String> {
    positions.iter().map(|position| format!("{position:016}.snapshot")).collect()
}

fn filled(count: u64) -> (Folder, Opened, Chain) {
    let folder = Folder::new();
    let mut opened = folder.open();
    let chain = small_chain(count);
    store(&mut opened, &chain.from(1));
    (folder, opened, chain)
}

#[test]
fn of_all_snapshots_the_newest_two_stay_also_after_a_restart() {
    let (folder, mut opened, chain) = filled(40);
    (1..=10).for_each(|number| _ = take(&mut opened, &chain, number));
    opened.snapshots.remove_superfluous().unwrap();
    assert_eq!(there(&folder), names(&[9, 10]));
    // Left by an earlier version or a crash.
    (11..=20).for_each(|number| _ = take(&mut opened, &chain, number));
    drop(opened);
    let opened = folder.open();
    assert_eq!(there(&folder), names(&[19, 20]));
    assert_eq!(opened.restored.snapshot.map(|id| id.point.position.0), Some(20));
}

#[test]
fn a_damaged_snapshot_takes_no_place_of_one_that_can_be_used() {
    let (folder, mut opened, chain) = filled(40);
    (1..=4).for_each(|number| _ = take(&mut opened, &chain, number));
    std::fs::write(folder.path().join("snapshot").join(&names(&[4])[0]), "spoiled").unwrap();
    opened.snapshots.remove_superfluous().unwrap();
    assert_eq!(there(&folder), names(&[2, 3, 4]));
}

#[test]
fn a_snapshot_stays_while_it_is_read_and_goes_then() {
    let (folder, mut opened, chain) = filled(40);
    let first = take(&mut opened, &chain, 1);
    let part = opened.snapshots.read(first, 0, 100).unwrap().unwrap();
    assert_eq!(opened.snapshots.being_read(), 1);
    (2..=5).for_each(|number| _ = take(&mut opened, &chain, number));
    opened.snapshots.remove_superfluous().unwrap();
    assert_eq!(there(&folder), names(&[1, 4, 5]));
    let rest = opened.snapshots.read(first, part.len() as u64, u64::MAX).unwrap().unwrap();
    assert_eq!((part.len() + rest.len()) as u64, first.bytes);
    assert_eq!(opened.snapshots.being_read(), 0);
    opened.snapshots.remove_superfluous().unwrap();
    assert_eq!(there(&folder), names(&[4, 5]));
}

/// A part of another snapshot arrives during the read.
struct Meanwhile<'a> {
    dump: Box<dyn Dump>,
    happens: &'a mut (dyn FnMut() + Send),
}

impl Dump for Meanwhile<'_> {
    fn applied(&self) -> Option<crate::protocol::LogPoint> {
        self.dump.applied()
    }

    fn revision(&self) -> u64 {
        self.dump.revision()
    }

    fn next(&mut self) -> Result<Option<Rows>, StorageError> {
        (self.happens)();
        self.dump.next()
    }
}

#[test]
fn a_snapshot_that_comes_from_a_leader_leaves_alone_the_one_that_is_being_taken() {
    let (_leaders, mut leader, chain) = filled(40);
    let theirs = take(&mut leader, &chain, 30);
    let begins = leader.snapshots.read(theirs, 0, 200).unwrap().unwrap();
    let (folder, mut opened, chain) = filled(40);
    commit(&mut opened, &chain.apply(1, 10));
    let snapshots = opened.snapshots.clone();
    let mut happens = || {
        let part = WriteSnapshot { snapshot: theirs, offset: 0, bytes: begins.clone() };
        snapshots.write(&part).unwrap();
        // The transfer restarts repeatedly: each time the partial file is deleted.
        std::fs::read_dir(folder.path().join("snapshot")).unwrap().flatten().for_each(|file| {
            let incoming = file.file_name().to_string_lossy().starts_with("0000000000000030-");
            if incoming {
                std::fs::remove_file(file.path()).unwrap();
            }
        });
    };
    let dump = opened.database.begin_snapshot().unwrap();
    let mut dump = Meanwhile { dump, happens: &mut happens };
    opened.snapshots.take(&base_of(&chain, 10), &mut dump).unwrap();
    assert_eq!(there(&folder), names(&[10]));
}

#[test]
fn the_log_reports_its_length_before_each_segment() {
    let mut folder = Folder::new();
    folder.segment_bytes = 2_000;
    let mut opened = folder.open();
    let chain = small_chain(100);
    for entry in &chain.entries {
        store(&mut opened, &crate::protocol::Append { entries: vec![entry.clone()], ..chain.from(1) });
    }
    drop(opened);
    let weights = folder.open().restored.weights;
    assert!(weights.len() > 3, "{weights:?}");
    assert_eq!(weights[0], (crate::protocol::Position(0), 0));
    assert!(weights.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 + 2_000 <= pair[1].1), "{weights:?}");
}
