//! Snapshots and compaction on disk: restarts, power cuts in between, damaged files.

use std::sync::Arc;

use crate::protocol::{
    Base, ChunkOutcome, EntryId, Epoch, Listed, LogPoint, Offset, Position, Restored, RunEnd, SnapshotId, WriteSnapshot,
};
use crate::storage::tests::faulty::FaultyDisk;
use crate::storage::tests::support::*;
use crate::storage::{Opened, StorageError};

/// The log's marks for the entries of a chain up to a position.
pub fn base_of(chain: &Chain, position: u64) -> Base {
    let last = chain.entries[position as usize - 1].point();
    let mut runs: Vec<(RunEnd, Position)> = Vec::new();
    for entry in &chain.entries[..position as usize] {
        runs.retain(|(end, _)| end.epoch != entry.id.epoch);
        let end = RunEnd { epoch: entry.id.epoch, last: entry.id.offset, digest: entry.digest };
        runs.push((end, entry.position));
    }
    let lists = chain.entries[..position as usize].iter().filter_map(Listed::of).collect();
    Base { last, runs, lists }
}

fn take(opened: &Opened, base: &Base) -> SnapshotId {
    let mut dump = opened.database.begin_snapshot().unwrap();
    assert_eq!(dump.applied(), Some(base.last));
    opened.snapshots.take(base, &mut *dump).unwrap()
}

/// As in a running node: applied up to `to`, a snapshot there, the log compacted up to `cut`.
pub fn snapshot_and_compact(opened: &mut Opened, chain: &Chain, to: u64, cut: u64) -> SnapshotId {
    let from = opened.database.applied().map_or(1, |point| point.position.0 + 1);
    commit(opened, &chain.apply(from, to));
    let id = take(opened, &base_of(chain, to));
    opened.log.compact(&base_of(chain, cut)).unwrap();
    flush(&mut *opened.log);
    opened.snapshots.remove_before(Position(cut)).unwrap();
    id
}

/// A folder with small segments and a log of `count` entries.
fn filled(disk: Option<FaultyDisk>, count: u64) -> (Folder, Chain, Opened) {
    let mut folder = disk.map_or_else(Folder::new, |disk| Folder::on(Arc::new(disk)));
    folder.segment_bytes = 2_000;
    let chain = small_chain(count);
    let mut opened = folder.open();
    opened.log.save_promise(promise(1, Some(1))).unwrap();
    for entry in &chain.entries {
        store(&mut opened, &crate::protocol::Append { entries: vec![entry.clone()], ..chain.from(1) });
    }
    (folder, chain, opened)
}

fn first_of(restored: &Restored) -> u64 {
    restored.tail.first().map_or(0, |entry| entry.position.0)
}

fn segments(folder: &Folder) -> usize {
    let files = std::fs::read_dir(folder.path().join("log")).unwrap();
    files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".log")).count()
}

#[test]
fn a_compacted_log_begins_after_its_base_and_everything_else_is_as_it_was() {
    let (folder, mut chain, mut opened) = filled(None, 100);
    let before = segments(&folder);
    let id = snapshot_and_compact(&mut opened, &chain, 90, 80);
    assert!(segments(&folder) < before, "{} segments of {before}", segments(&folder));
    chain.open(3).put(3, "later", "1");
    opened.log.save_promise(promise(3, None)).unwrap();
    store(&mut opened, &chain.from(102));
    let records = all_records(&opened);
    drop(opened);
    let opened = folder.open();
    let restored = &opened.restored;
    let first = first_of(restored);
    assert!((2..=81).contains(&first), "the log begins at {first}");
    assert_eq!(restored.purged, Some(chain.entries[first as usize - 2].point()));
    assert_eq!(restored.before_tail, restored.purged);
    assert_eq!(restored.tail, chain.entries[first as usize - 1..]);
    assert_eq!(restored.committed, Some(chain.entries[89].point()));
    assert_eq!(restored.snapshot, Some(id));
    assert_eq!(restored.promise, Some(promise(3, None)));
    assert_eq!(restored.lists, base_of(&chain, 1).lists);
    let runs = [(1, 100, 101), (3, 1, 103)].map(|(epoch, last, position)| {
        let digest = chain.entries[position as usize - 1].digest;
        (RunEnd { epoch: Epoch(epoch), last: Offset(last), digest }, Position(position))
    });
    assert_eq!(restored.runs, runs);
    assert_eq!(all_records(&opened), records);
    assert_eq!(opened.log.reader().check_chain().unwrap(), crate::protocol::ChainCheck::Whole);
    assert_eq!(opened.log.reader().read(Position(1), Position(5), u64::MAX).unwrap(), []);
}

#[test]
fn the_database_is_rebuilt_from_the_snapshot_and_the_log_after_it() {
    let (folder, chain, mut opened) = filled(None, 100);
    let large = vec![7; 9_000];
    let mut chain = chain;
    chain.put(1, "large", &large).delete(1, "key-3");
    store(&mut opened, &chain.from(102));
    snapshot_and_compact(&mut opened, &chain, 103, 103);
    chain.put(1, "key-3", "again");
    store(&mut opened, &chain.from(104));
    commit(&mut opened, &chain.apply(104, 104));
    let (records, revision) = (all_records(&opened), opened.database.revision());
    drop(opened);
    folder.lose_database();
    let opened = folder.open();
    assert_eq!((all_records(&opened), opened.database.revision()), (records, revision));
    assert!(opened.notes.iter().any(|note| note.contains("from a snapshot of e1·o102")), "{:?}", opened.notes);
}

#[test]
fn nothing_that_is_applied_while_a_snapshot_is_read_is_in_it() {
    let (folder, chain, mut opened) = filled(None, 0);
    let mut chain = chain;
    let value = |number: u64| vec![number as u8; if number.is_multiple_of(5) { 6_000 } else { 20 }];
    for number in 0..900 {
        chain.put(1, &format!("key-{number:04}"), value(number));
    }
    store(&mut opened, &chain.from(2));
    commit(&mut opened, &chain.apply(1, 901));
    let records = all_records(&opened);
    let mut dump = opened.database.begin_snapshot().unwrap();
    assert!(matches!(opened.database.begin_snapshot(), Err(StorageError::Database { .. })), "one at a time");
    let mut rows = dump.next().unwrap().unwrap();
    for number in 0..900 {
        match number % 3 {
            0 => chain.put(1, &format!("key-{number:04}"), value(number + 1)),
            1 => chain.delete(1, &format!("key-{number:04}")),
            _ => chain.put(1, &format!("new-{number:04}"), value(number)),
        };
    }
    store(&mut opened, &chain.from(902));
    commit(&mut opened, &chain.apply(902, 1_801));
    while let Some(more) = dump.next().unwrap() {
        rows.extend(more);
    }
    assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, each key once");
    drop(dump);
    let newer = all_records(&opened);
    // The rows rebuild the database as of the start of the snapshot.
    let id = {
        let mut dump = Given { rows: Some(rows), applied: chain.entries[900].point(), revision: 900 };
        opened.snapshots.take(&base_of(&chain, 901), &mut dump).unwrap()
    };
    let mut other = Folder::new();
    other.segment_bytes = 2_000;
    drop(opened);
    copy_folder(&folder.path(), &other.path());
    std::fs::remove_file(other.path().join("commit")).unwrap();
    other.lose_database();
    let restored = other.open();
    assert_eq!(restored.restored.committed, Some(id.point));
    assert_eq!(all_records(&restored), records);
    let opened = folder.open();
    assert_eq!(all_records(&opened), newer);
}

struct Given {
    rows: Option<crate::storage::Rows>,
    applied: LogPoint,
    revision: u64,
}

impl crate::storage::Dump for Given {
    fn applied(&self) -> Option<LogPoint> {
        Some(self.applied)
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn next(&mut self) -> Result<Option<crate::storage::Rows>, StorageError> {
        Ok(self.rows.take())
    }
}

#[test]
fn a_damaged_snapshot_is_refused_and_the_older_one_or_the_whole_log_is_used() {
    let (folder, chain, mut opened) = filled(None, 100);
    commit(&mut opened, &chain.apply(1, 40));
    take(&opened, &base_of(&chain, 40));
    commit(&mut opened, &chain.apply(41, 90));
    let newer = take(&opened, &base_of(&chain, 90));
    let records = all_records(&opened);
    drop(opened);
    let path = folder.path().join(format!("snapshot/{:016}.snapshot", 90));
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        std::fs::write(&path, &damaged).unwrap();
        folder.lose_database();
        let opened = folder.open();
        assert_eq!(all_records(&opened), records, "byte {at}");
        assert!(opened.notes.iter().any(|note| note.contains("damaged")), "byte {at}: {:?}", opened.notes);
        assert!(opened.notes.iter().any(|note| note.contains("snapshot of e1·o39")), "{at}: {:?}", opened.notes);
    }
    for length in (0..whole.len()).step_by(11) {
        std::fs::write(&path, &whole[..length]).unwrap();
        folder.lose_database();
        assert_eq!(all_records(&folder.open()), records, "{length} bytes");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(folder.open().restored.snapshot, Some(newer));
}

#[test]
fn a_node_whose_log_needs_a_damaged_snapshot_reports_it_and_does_not_start() {
    let (folder, chain, mut opened) = filled(None, 100);
    let id = snapshot_and_compact(&mut opened, &chain, 101, 101);
    drop(opened);
    let path = folder.path().join(format!("snapshot/{:016}.snapshot", id.point.position.0));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    folder.lose_database();
    let refused = folder.try_open().err();
    assert!(matches!(refused, Some(StorageError::SnapshotLost { .. })), "{refused:?}");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(folder.try_open().err(), Some(StorageError::SnapshotLost { .. })));
}

#[test]
fn trap_40_a_power_cut_anywhere_in_a_compaction_loses_nothing() {
    for syncs in 0..14 {
        let disk = FaultyDisk::default();
        let (folder, chain, mut opened) = filled(Some(disk.clone()), 60);
        commit(&mut opened, &chain.apply(1, 61));
        let records = all_records(&opened);
        disk.fail_syncs_after(syncs);
        let mut dump = opened.database.begin_snapshot().unwrap();
        let taken = opened.snapshots.take(&base_of(&chain, 61), &mut *dump);
        drop(dump);
        if taken.is_ok() {
            opened.log.compact(&base_of(&chain, 50)).unwrap();
            // It may fail, because the power is cut.
            let _ = try_flush(&mut *opened.log);
        }
        drop(opened);
        disk.cut_power(0);
        disk.mend();
        let opened = folder.open();
        let restored = &opened.restored;
        let first = first_of(restored) as usize;
        assert_eq!(restored.tail, chain.entries[first - 1..], "{syncs} syncs");
        let purged = first.checked_sub(2).map(|index| chain.entries[index].point());
        assert_eq!(restored.purged, purged, "{syncs} syncs");
        // The commit point is never synced: only a snapshot shows what is committed then.
        let committed = restored.committed.map_or(0, |point| point.position.0);
        assert!(committed >= restored.snapshot.map_or(0, |id| id.point.position.0), "{syncs} syncs");
        if committed == 61 {
            assert_eq!(all_records(&opened), records, "{syncs} syncs");
        }
    }
}

/// A snapshot of `to` entries, received in parts as from a leader; returns the result of the last part.
fn receive(opened: &Opened, from: &Opened, id: SnapshotId) -> ChunkOutcome {
    let mut offset = 0;
    loop {
        let bytes = from.snapshots.read(id, offset, 700).unwrap().expect("it is whole");
        let part = WriteSnapshot { snapshot: id, offset, bytes: bytes.clone() };
        offset += bytes.len() as u64;
        match opened.snapshots.write(&part).unwrap() {
            ChunkOutcome::UpTo(received) => assert_eq!(received, offset),
            end => return end,
        }
    }
}

#[test]
fn trap_40_a_snapshot_that_was_received_and_not_installed_is_installed_by_the_next_start() {
    let (_leaders, chain, mut leader) = filled(None, 100);
    commit(&mut leader, &chain.apply(1, 90));
    let id = take(&leader, &base_of(&chain, 90));
    let records = all_records(&leader);
    // The replica's log is short, or diverges, or has the same entries marked as forged.
    for case in 0..3 {
        let (folder, _, mut opened) = filled(None, 9);
        opened.log.save_promise(promise(7, None)).unwrap();
        flush(&mut *opened.log);
        let mut other = chain.clone();
        other.truncate(11);
        other.open(5).put(5, "other", "1");
        match case {
            0 => {}
            1 => store(&mut opened, &other.from(11)),
            _ => store(&mut opened, &crate::protocol::Append { forged: true, ..chain.from(11) }),
        }
        commit(&mut opened, &chain.apply(1, 5));
        assert_eq!(receive(&opened, &leader, id), ChunkOutcome::Complete(base_of(&chain, 90)));
        drop(opened);
        let mut opened = folder.open();
        let restored = &opened.restored;
        let point = Some(id.point);
        assert_eq!((restored.committed, restored.purged, restored.before_tail), (point, point, point), "case {case}");
        assert_eq!((restored.tail.len(), restored.forged_from, restored.snapshot), (0, None, Some(id)), "case {case}");
        assert_eq!(restored.promise, Some(promise(7, None)), "a promise stays");
        assert_eq!(all_records(&opened), records, "case {case}");
        store(&mut opened, &chain.from(91));
        drop(opened);
        assert_eq!(folder.open().restored.tail, chain.entries[90..], "case {case}");
    }
}

#[test]
fn a_snapshot_whose_parts_were_mangled_on_the_way_is_thrown_away() {
    let (_leaders, chain, mut leader) = filled(None, 60);
    commit(&mut leader, &chain.apply(1, 50));
    let id = take(&leader, &base_of(&chain, 50));
    let (folder, _, opened) = filled(None, 3);
    let mut bytes = leader.snapshots.read(id, 0, u64::MAX).unwrap().unwrap().to_vec();
    bytes[200] ^= 1;
    let part = WriteSnapshot { snapshot: id, offset: 0, bytes: bytes.into() };
    assert_eq!(opened.snapshots.write(&part).unwrap(), ChunkOutcome::Damaged);
    drop(opened);
    let opened = folder.open();
    assert_eq!((opened.restored.snapshot, opened.restored.purged), (None, None));
}

/// A snapshot of several blocks, and its file.
fn large() -> (Folder, Opened, SnapshotId, Vec<u8>) {
    let (folder, mut chain, mut opened) = filled(None, 0);
    for number in 0..60_u64 {
        // Their lengths do not distinguish them.
        let value = blake3::hash(&number.to_le_bytes()).as_bytes().repeat(150);
        chain.put(1, &format!("key-{number}"), value);
    }
    store(&mut opened, &chain.from(2));
    commit(&mut opened, &chain.apply(1, 61));
    let id = take(&opened, &base_of(&chain, 61));
    let file = opened.snapshots.read(id, 0, u64::MAX).unwrap().unwrap().to_vec();
    assert!(file.len() > 200_000, "{} bytes", file.len());
    (folder, opened, id, file)
}

fn part(id: SnapshotId, file: &[u8], from: usize, to: usize) -> WriteSnapshot {
    WriteSnapshot { snapshot: id, offset: from as u64, bytes: file[from..to].to_vec().into() }
}

/// The result of the first part at the next start, then the rest of the file.
fn goes_on(folder: &Folder, id: SnapshotId, file: &[u8]) -> u64 {
    let opened = folder.open();
    let ChunkOutcome::UpTo(from) = opened.snapshots.write(&part(id, file, 0, 700)).unwrap() else {
        panic!("it is whole")
    };
    let rest = opened.snapshots.write(&part(id, file, from as usize, file.len())).unwrap();
    assert!(matches!(rest, ChunkOutcome::Complete(_)), "{rest:?}");
    from
}

#[test]
fn a_restart_continues_after_the_intact_blocks_of_a_snapshot() {
    let (_leaders, _leader, id, file) = large();
    for (received, spoiled) in [(150_000, None), (150_000, Some(149_000)), (150_000, Some(90_000)), (150_000, Some(30))]
    {
        let folder = Folder::new();
        let opened = folder.open();
        opened.snapshots.write(&part(id, &file, 0, 700)).unwrap();
        opened.snapshots.write(&part(id, &file, 700, received)).unwrap();
        drop(opened);
        let path = folder.path().join(format!("snapshot/{:016}-{}.tmp", id.point.position.0, id.digest));
        if let Some(byte) = spoiled {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[byte] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        let from = goes_on(&folder, id, &file) as usize;
        let most = spoiled.unwrap_or(received);
        assert!(from <= most.max(700), "{from}: the bytes after {most} differ from those sent");
        assert!(from + (72 << 10) > most, "{from}: all blocks before byte {most} are whole");
    }
}

#[test]
fn a_power_cut_while_a_snapshot_is_received_loses_only_what_was_not_synced() {
    let (_leaders, _leader, id, file) = large();
    for kept in [0, 100, 40_000, 100_000] {
        let disk = FaultyDisk::default();
        let folder = Folder::on(Arc::new(disk.clone()));
        let opened = folder.open();
        opened.snapshots.write(&part(id, &file, 0, 700)).unwrap();
        opened.snapshots.write(&part(id, &file, 700, 150_000)).unwrap();
        drop(opened);
        disk.cut_power(kept);
        let from = goes_on(&folder, id, &file);
        assert!(from <= kept.max(700), "{from} of {kept}");
    }
}

#[test]
fn a_file_that_was_all_received_and_not_named_is_whole_with_its_first_part() {
    let (_leaders, _leader, id, file) = large();
    let folder = Folder::new();
    drop(folder.open());
    let path = folder.path().join(format!("snapshot/{:016}-{}.tmp", id.point.position.0, id.digest));
    std::fs::write(&path, &file).unwrap();
    let opened = folder.open();
    let written = opened.snapshots.write(&part(id, &file, 0, 700)).unwrap();
    assert!(matches!(written, ChunkOutcome::Complete(_)), "{written:?}");
    assert!(!path.exists());
}

#[test]
fn received_parts_of_an_unwanted_snapshot_are_removed() {
    let (folder, chain, mut opened) = filled(None, 100);
    let (_leaders, mut leader) = (filled(None, 0).0, filled(None, 100));
    commit(&mut leader.2, &chain.apply(1, 40));
    let old = take(&leader.2, &base_of(&chain, 40));
    commit(&mut leader.2, &chain.apply(41, 90));
    let new = take(&leader.2, &base_of(&chain, 90));
    let first = |id| {
        let bytes = leader.2.snapshots.read(id, 0, 300).unwrap().unwrap();
        WriteSnapshot { snapshot: id, offset: 0, bytes }
    };
    let unfinished = || {
        let names = std::fs::read_dir(folder.path().join("snapshot")).unwrap();
        names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")).count()
    };
    opened.snapshots.write(&first(old)).unwrap();
    opened.snapshots.write(&first(new)).unwrap();
    assert_eq!(unfinished(), 1, "one snapshot comes at a time");
    commit(&mut opened, &chain.apply(1, 50));
    drop(opened);
    let mut opened = folder.open();
    assert_eq!(unfinished(), 1, "it may go on");
    commit(&mut opened, &chain.apply(51, 95));
    drop(opened);
    drop(folder.open());
    assert_eq!(unfinished(), 0, "the log has brought as much");
}

#[test]
fn trap_39_installing_replaces_the_database_and_never_goes_back() {
    let (_leaders, chain, mut leader) = filled(None, 100);
    commit(&mut leader, &chain.apply(1, 40));
    let old = take(&leader, &base_of(&chain, 40));
    commit(&mut leader, &chain.apply(41, 90));
    let id = take(&leader, &base_of(&chain, 90));
    let (_folder, _, mut opened) = filled(None, 60);
    commit(&mut opened, &chain.apply(1, 61));
    assert!(matches!(receive(&opened, &leader, old), ChunkOutcome::Complete(_)));
    let back = opened.database.install(&mut *opened.snapshots.open(old).unwrap());
    assert!(matches!(back, Err(StorageError::OutOfOrder { .. })), "{back:?}");
    assert!(matches!(receive(&opened, &leader, id), ChunkOutcome::Complete(_)));
    opened.database.install(&mut *opened.snapshots.open(id).unwrap()).unwrap();
    assert_eq!((opened.database.applied(), all_records(&opened)), (Some(id.point), all_records(&leader)));
    opened.log.replace(&base_of(&chain, 90)).unwrap();
    store(&mut opened, &chain.from(91));
    commit(&mut opened, &chain.apply(91, 101));
    commit(&mut leader, &chain.apply(91, 101));
    assert_eq!(all_records(&opened), all_records(&leader));
}

#[test]
fn entries_that_are_truncated_and_written_again_across_segments_survive_compaction() {
    let (folder, chain, mut opened) = filled(None, 50);
    let mut chain = chain;
    chain.truncate(30);
    chain.open(4).put(4, "other", "1").put(4, "other", "2");
    opened.log.save_promise(promise(4, None)).unwrap();
    let append = crate::protocol::Append { truncate_from: Some(Position(30)), ..chain.from(30) };
    store(&mut opened, &append);
    snapshot_and_compact(&mut opened, &chain, 31, 31);
    drop(opened);
    let opened = folder.open();
    let first = first_of(&opened.restored) as usize;
    assert_eq!(opened.restored.tail, chain.entries[first - 1..]);
    assert_eq!(opened.restored.tail.last().map(|entry| entry.id), Some(EntryId::new(4, 2)));
}

#[test]
fn disk_use_follows_the_data_and_not_the_writes() {
    let (folder, mut chain, mut opened) = filled(None, 0);
    let mut most = 0;
    for round in 0..30_u64 {
        let from = chain.entries.len() as u64 + 1;
        for number in 0..50 {
            chain.put(1, &format!("key-{}", number % 5), [round as u8; 100]);
        }
        store(&mut opened, &chain.from(from));
        let to = chain.entries.len() as u64;
        snapshot_and_compact(&mut opened, &chain, to, to - 10);
        most = most.max(bytes_of(&folder.path().join("log")) + bytes_of(&folder.path().join("snapshot")));
    }
    assert!(most < 60_000, "{most} bytes for some {} bytes of writes", 30 * 50 * 200);
}

pub fn bytes_of(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}
