//! A node that ends while it installs a snapshot: from any state of its folder, the next start has all of the snapshot,
//! including sessions and members, and nothing else.

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::{Change, ChunkOutcome, Command, LogPoint, Once, SnapshotId, WriteSnapshot};
use crate::storage::tests::faulty::FaultyDisk;
use crate::storage::tests::snapshots::base_of;
use crate::storage::tests::support::*;
use crate::storage::{Dump, Opened, Rows, StorageError};

/// The position of the snapshot, and the length of the log.
const TAKEN: u64 = 700;
const LAST: u64 = 720;

fn write(number: u64) -> Command {
    // Large values are stored in pieces, so there is more than one range of rows.
    let value = Bytes::from(vec![number as u8; if number.is_multiple_of(50) { 9_000 } else { 30 }]);
    let key = Bytes::from(format!("key-{number:04}"));
    let once = Some(Once { born: 0, answered: 0 });
    Command { session: number % 9, sequence: number, once, change: Change::Put { key, value } }
}

/// Writes of nine sessions.
fn chain() -> Chain {
    let mut chain = Chain::default();
    chain.open(1);
    (1..LAST).for_each(|number| _ = chain.command(&write(number)));
    chain
}

/// A leader with a snapshot, and the contents of the snapshot.
fn leader(chain: &Chain) -> (Folder, Opened, SnapshotId) {
    let folder = Folder::new();
    let mut opened = folder.open();
    store(&mut opened, &chain.from(1));
    commit(&mut opened, &chain.apply(1, TAKEN));
    let mut dump = opened.database.begin_snapshot().unwrap();
    let id = opened.snapshots.take(&base_of(chain, TAKEN), &mut *dump).unwrap();
    drop(dump);
    (folder, opened, id)
}

/// A replica on a disk, whose log diverges after a few entries.
fn behind(chain: &Chain, disk: &FaultyDisk) -> (Folder, Opened) {
    let folder = Folder::on(Arc::new(disk.clone()));
    let mut opened = folder.open();
    let mut other = chain.clone();
    other.truncate(31);
    other.open(3).put(3, "conflict", "never committed");
    opened.log.save_promise(promise(7, Some(2))).unwrap();
    store(&mut opened, &other.from(1));
    commit(&mut opened, &chain.apply(1, 20));
    (folder, opened)
}

fn receive(opened: &Opened, from: &Opened, id: SnapshotId) {
    let bytes = from.snapshots.read(id, 0, u64::MAX).unwrap().unwrap();
    let written = opened.snapshots.write(&WriteSnapshot { snapshot: id, offset: 0, bytes }).unwrap();
    assert!(matches!(written, ChunkOutcome::Complete(_)));
}

/// A dump that copies the data folder at each read: the state that a kill would leave.
struct Killed<'a> {
    dump: Box<dyn Dump>,
    copy: &'a mut (dyn FnMut() + Send),
}

impl Dump for Killed<'_> {
    fn applied(&self) -> Option<LogPoint> {
        self.dump.applied()
    }

    fn revision(&self) -> u64 {
        self.dump.revision()
    }

    fn next(&mut self) -> Result<Option<Rows>, StorageError> {
        (self.copy)();
        self.dump.next()
    }
}

/// Checks that the folder contains the snapshot and nothing else.
fn assert_is_the_snapshot(folder: &Folder, leader: &Opened, chain: &Chain, id: SnapshotId, what: &str) {
    let mut opened = folder.try_open().unwrap_or_else(|error| panic!("{what}: {error}"));
    let restored = &opened.restored;
    assert_eq!((restored.committed, restored.purged), (Some(id.point), Some(id.point)), "{what}");
    assert_eq!((restored.tail.len(), restored.promise), (0, Some(promise(7, Some(2)))), "{what}");
    assert_eq!(restored.lists, base_of(chain, TAKEN).lists, "{what}");
    assert!(all_records(&opened) == all_records(leader), "{what}: the records are others");
    // All sessions were installed: a retry of an earlier write gets its first result.
    let mut again = chain.clone();
    again.truncate(TAKEN + 1);
    (1..TAKEN).rev().take(40).for_each(|number| _ = again.command(&write(number)));
    let apply = again.apply(TAKEN + 1, again.entries.len() as u64);
    store(&mut opened, &again.from(TAKEN + 1));
    opened.log.record_commit(apply.up_to).unwrap();
    let outcomes = opened.database.apply(&apply).unwrap();
    for (applied, number) in outcomes.iter().zip((1..TAKEN).rev()) {
        assert_eq!(applied.position.0, number + 1, "{what}: write {number} was done at its first place");
    }
    assert_eq!(opened.database.revision(), leader.database.revision(), "{what}: no retry has changed anything");
}

#[test]
fn trap_43_killed_at_any_step_of_an_install_sessions_and_members_are_the_snapshots() {
    let chain = chain();
    let (_leaders, leader, id) = leader(&chain);
    let (folder, mut opened) = behind(&chain, &FaultyDisk::default());
    let mut copies = Vec::new();
    let mut copy = |what: &str| {
        let copy = Folder::new();
        copy_folder(&folder.path(), &copy.path());
        copies.push((format!("copy {} ({what})", copies.len()), copy));
    };
    receive(&opened, &leader, id);
    copy("the file is whole");
    let dump = opened.snapshots.open(id).unwrap();
    let mut killed = Killed { dump, copy: &mut || copy("the database is being filled") };
    opened.database.install(&mut killed).unwrap();
    copy("the database is filled");
    opened.log.replace(&base_of(&chain, TAKEN)).unwrap();
    copy("the log is about to be replaced");
    flush(&mut *opened.log);
    copy("the log is replaced");
    assert!(copies.len() > 5, "only {} steps: the rows came at once", copies.len());
    for (what, copy) in &copies {
        assert_is_the_snapshot(copy, &leader, &chain, id, what);
    }
}

#[test]
fn trap_40_a_power_cut_anywhere_in_replacing_the_log_leaves_the_old_one_or_the_new_one() {
    let chain = chain();
    let (_leaders, leader, id) = leader(&chain);
    for syncs in 0..8 {
        let disk = FaultyDisk::default();
        let (folder, mut opened) = behind(&chain, &disk);
        receive(&opened, &leader, id);
        opened.database.install(&mut *opened.snapshots.open(id).unwrap()).unwrap();
        disk.fail_syncs_after(syncs);
        opened.log.replace(&base_of(&chain, TAKEN)).unwrap();
        // It may fail, because the power is cut.
        let _ = try_flush(&mut *opened.log);
        drop(opened);
        disk.cut_power(0);
        assert_is_the_snapshot(&folder, &leader, &chain, id, &format!("{syncs} syncs"));
    }
}

#[test]
fn an_interrupted_install_with_a_torn_log_is_finished_without_a_loss() {
    let chain = chain();
    let (_leaders, leader, id) = leader(&chain);
    let (folder, opened) = behind(&chain, &FaultyDisk::default());
    receive(&opened, &leader, id);
    opened.database.install(&mut *opened.snapshots.open(id).unwrap()).unwrap();
    drop(opened);
    let path = folder.path().join("log/00000001.log");
    let mut log = std::fs::read(&path).unwrap();
    log.extend_from_slice(&[1, 2, 3]);
    std::fs::write(&path, log).unwrap();
    assert_is_the_snapshot(&folder, &leader, &chain, id, "a torn end");
}
