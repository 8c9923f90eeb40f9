//! A simulated disk: what was written, what of it is durable, and what is pending between the two.
//!
//! Writes are ordered, as in the log store. A power loss keeps what was flushed and, of the rest, a beginning, perhaps
//! with a torn write after it: of an append of several entries only the first ones. A killed process loses nothing that
//! it wrote, since the operating system writes it out.
//!
//! Snapshots are files of their own, durable once they are there. A record with a flipped bit stays unnoticed until it
//! is read: by the core, or by the next start, which reads all.
//!
//! Left out: bytes, checksums and files. Those are tested with the real storage.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::protocol::{Append, Base, Entry, LogPoint, Operation, Position, ReadLog, SnapshotId, Store};
use crate::verify::host::database::Database;
use crate::verify::host::image::Image;

/// A complete snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    /// The last entry, length and digest.
    pub id: SnapshotId,
    /// The end of the log that the snapshot stands for.
    pub base: Base,
    /// The content.
    pub database: Database,
}

/// How commit points are recorded. They are never synced: losing one is safe, since the next commit order repeats it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CommitRecords {
    /// In a file of its own, as the real storage does. A power loss may leave any of the points of this run.
    #[default]
    Apart,
    /// In order with the writes of the log: the next flush makes them durable. A test that flushes write by write
    /// decides about them, too, and a model checker has fewer cases.
    InOrder,
}

#[derive(Clone, Hash, Debug)]
enum Write {
    Store(Operation, Store),
    Commit(LogPoint),
}

/// The disk of one node: a log store and snapshots.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// In the order of their positions. Those that the log no longer continues are deleted.
    snapshots: Vec<SnapshotFile>,
    durable: Image,
    /// `durable` with all of `pending`: what readers of the log see.
    written: Image,
    pending: VecDeque<Write>,
    commit_records: CommitRecords,
    /// Commit points of this run that are recorded [apart](CommitRecords::Apart).
    recorded: Vec<LogPoint>,
    /// How many of the pending writes the flush in progress covers.
    covered: usize,
    /// The last operation of this run that is durable.
    done: Option<Operation>,
    /// An entry whose record cannot be read.
    flipped: Option<LogPoint>,
}

impl Disk {
    /// An empty disk.
    pub fn new(commit_records: CommitRecords) -> Disk {
        Disk { commit_records, ..Disk::default() }
    }

    /// The same disk with another log, all of it durable. For tests that begin with a log.
    pub fn with_log(&self, image: Image) -> Disk {
        let Disk { snapshots, commit_records, .. } = self.clone();
        Disk { snapshots, commit_records, durable: image.clone(), written: image, ..Disk::default() }
    }

    /// Exchanges the log, as [`Disk::with_log`] does.
    pub fn set_log(&mut self, image: Image) {
        *self = self.with_log(image);
    }

    /// The log after a power loss that keeps no pending write.
    pub fn durable(&self) -> &Image {
        &self.durable
    }

    /// What readers of the log see: also what is not yet durable.
    pub fn written(&self) -> &Image {
        &self.written
    }

    /// Whether an operation of this run is durable.
    pub fn is_done(&self, operation: Operation) -> bool {
        self.done >= Some(operation)
    }

    /// The number of writes that are not durable.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Option<&SnapshotFile> {
        self.snapshots.last()
    }

    /// The complete snapshot with this id.
    pub fn snapshot_of(&self, id: SnapshotId) -> Option<&SnapshotFile> {
        self.snapshots.iter().find(|known| known.id == id)
    }

    /// A snapshot is complete. It replaces one of the same position.
    pub fn add_snapshot(&mut self, file: SnapshotFile) {
        self.snapshots.retain(|known| known.id.point.position != file.id.point.position);
        self.snapshots.push(file);
        self.snapshots.sort_by_key(|known| known.id.point.position);
    }

    /// What a start does with a snapshot that was received and not installed: the log begins after it.
    pub(super) fn complete_install(&mut self) {
        let Some(file) = self.snapshots.last().filter(|file| !self.written.has_genuine(file.id.point)) else { return };
        for image in [&mut self.written, &mut self.durable] {
            image.replace(&file.base);
        }
    }

    /// `Err`: a log store must never be asked for this write, and why.
    pub(super) fn store(&mut self, operation: Operation, store: Store) -> Result<(), String> {
        if let Store::Compact(base) | Store::Replace(base) = &store {
            self.drop_older_snapshots(base)?;
        }
        self.written.store(&store)?;
        self.flipped = self.damage();
        self.pending.push_back(Write::Store(operation, store));
        Ok(())
    }

    fn drop_older_snapshots(&mut self, base: &Base) -> Result<(), String> {
        let position = base.last.position;
        if self.snapshots.last().is_none_or(|snapshot| snapshot.id.point.position < position) {
            return Err(format!("the log compacts {}, which no durable snapshot covers", base.last));
        }
        self.snapshots.retain(|snapshot| snapshot.id.point.position >= position);
        Ok(())
    }

    pub(super) fn record_commit(&mut self, up_to: LogPoint) -> Result<(), String> {
        if !self.durable.has_genuine(up_to) {
            return Err(format!("{up_to} is recorded as committed, but is not durable in the log"));
        }
        self.written.commit(up_to)?;
        match self.commit_records {
            CommitRecords::Apart => self.recorded.push(up_to),
            CommitRecords::InOrder => self.pending.push_back(Write::Commit(up_to)),
        }
        Ok(())
    }

    /// A flush of everything pending begins, unless one is in progress or nothing is pending.
    pub fn begin_flush(&mut self) -> bool {
        if self.covered > 0 || self.pending.is_empty() {
            return false;
        }
        self.covered = self.pending.len();
        true
    }

    /// The flush in progress is done. Returns the last operation that it covers.
    pub fn end_flush(&mut self) -> Option<Operation> {
        let covered = std::mem::take(&mut self.covered);
        self.flush(covered)
    }

    /// Makes the first `count` pending writes durable. Returns the last operation among them.
    pub fn flush(&mut self, count: usize) -> Option<Operation> {
        let mut last = None;
        for write in self.pending.drain(..count.min(self.pending.len())) {
            let result = match &write {
                Write::Store(_, store) => self.durable.store(store),
                Write::Commit(up_to) => self.durable.commit(*up_to),
            };
            result.expect("the same writes in the same order were accepted before");
            if let Write::Store(operation, _) = write {
                last = Some(operation);
            }
        }
        self.done = self.done.max(last);
        last
    }

    /// A disk that lies: reports all pending writes as durable and makes none of them durable. Returns the last
    /// operation, unless it was reported before.
    pub fn report_unflushed(&mut self) -> Option<Operation> {
        let operation = |write: &Write| match write {
            Write::Store(operation, _) => Some(*operation),
            Write::Commit(_) => None,
        };
        let last = self.pending.iter().filter_map(operation).next_back();
        let new = last.filter(|last| self.done < Some(*last));
        self.done = self.done.max(last);
        new
    }

    /// The process ends; everything that it wrote stays.
    pub fn kill(&mut self) {
        self.flush(self.pending.len());
        self.keep_commit(self.recorded.len());
        self.stop();
    }

    /// A power loss that keeps the first `kept` of the pending writes, and no commit point that is recorded apart.
    pub fn lose_power(&mut self, kept: usize) {
        self.flush(kept);
        self.stop();
    }

    /// A power loss that keeps a share of the pending writes and of the recorded commit points, each from the first on;
    /// `torn`: also the same share of the entries of the append after them.
    pub fn lose_power_percent(&mut self, kept_percent: u64, torn: bool) {
        let share = |count: usize| count * kept_percent as usize / 100;
        self.flush(share(self.pending.len()));
        self.keep_commit(share(self.recorded.len()));
        if torn && let Some(Write::Store(_, Store::Append(append))) = self.pending.pop_front() {
            let entries = append.entries[..share(append.entries.len())].to_vec();
            let torn = Append { truncate_from: append.truncate_from, entries, forged: append.forged };
            self.durable.append(&torn).expect("the beginning of a write that was accepted before");
        }
        self.stop();
    }

    /// A point that the durable log has meanwhile compacted away or replaced says nothing new.
    fn keep_commit(&mut self, count: usize) {
        let last = count.checked_sub(1).map(|index| self.recorded[index]);
        if let Some(up_to) = last.filter(|up_to| up_to.position.0 > self.durable.purged_count()) {
            self.durable.commit(up_to).expect("it was durable before it was recorded");
        }
    }

    fn stop(&mut self) {
        self.pending.clear();
        self.recorded.clear();
        self.covered = 0;
        self.written = self.durable.clone();
        self.done = None;
    }

    /// A bit flips in the record of the n-th durable entry from the end, modulo their number.
    pub fn flip_bit(&mut self, nth: u64) {
        let entries = &self.durable.entries;
        let entry = entries.iter().rev().nth(nth as usize % entries.len().max(1));
        self.flipped = entry.map(Entry::point).or(self.flipped);
        self.flipped = self.damage();
    }

    /// The entry whose record cannot be read. Damage to an entry that was truncated or compacted away is gone with it.
    pub fn damage(&self) -> Option<LogPoint> {
        self.flipped.filter(|point| self.written.at(point.position).is_some_and(|entry| entry.point() == *point))
    }

    /// Changes the content of an entry and leaves its digest, so that only a check of the chain finds it.
    pub fn corrupt_content(&mut self, position: Position) {
        for image in [&mut self.durable, &mut self.written] {
            let index = position.0 - 1 - image.purged_count();
            image.entries[index as usize].body = b"damaged".as_slice().into();
        }
    }

    /// `Err`: the entry whose record is damaged.
    pub fn read(&self, read: &ReadLog) -> Result<Vec<Entry>, LogPoint> {
        let wanted = self.written.entries.iter().filter(|entry| (read.from..=read.to).contains(&entry.position));
        let mut bytes = 0;
        let mut entries = Vec::new();
        for entry in wanted {
            bytes += entry.body.len() as u64;
            if bytes > read.bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        let is_read = |damage: &LogPoint| entries.iter().any(|entry| entry.position == damage.position);
        self.damage().filter(is_read).map_or(Ok(()), Err)?;
        Ok(entries)
    }

    /// Two disks that hash the same behave the same from now on. `written` follows from `durable` and `pending`. `done`
    /// is history: operations that are pending or still to come are greater.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Disk { snapshots, durable, written: _, pending, commit_records: _, recorded, covered, done: _, flipped } =
            self;
        snapshots.len().hash(hasher);
        snapshots.iter().for_each(|file| file.id.hash(hasher));
        (durable, pending, recorded, covered, flipped).hash(hasher);
    }
}
