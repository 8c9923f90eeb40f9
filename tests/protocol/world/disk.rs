//! A simulated disk: what was written, and what of it is durable.
//!
//! Writes are ordered, as in the log store. A power cut keeps what was flushed and, of the rest, a beginning; a killed
//! process loses nothing that was written. What a disk must never be asked to do (cut committed entries, leave a gap,
//! forget a promise) is asserted here, whatever the test is about.
//!
//! Snapshots are files of their own, durable once they are there.
//!
//! Left out on purpose: bytes, checksums and files; those are tested with the real storage.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use epoca::protocol::{
    Append, Base, ChainCheck, Entry, Lists, LogPoint, Operation, Position, Promise, ReadLog, Restored, RunEnd,
    SnapshotId, Store, digest_after,
};

use super::database::Database;

/// The content of a log store at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Image {
    pub promise: Option<Promise>,
    pub entries: Vec<Entry>,
    pub forged_from: Option<Position>,
    pub committed: Option<LogPoint>,
    /// With what the log begins if its first entries are gone.
    pub base: Option<Base>,
}

/// A complete snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    pub id: SnapshotId,
    pub base: Base,
    pub database: Database,
}

#[derive(Clone, Hash, Debug)]
enum Write {
    Store(Operation, Store),
    Commit(LogPoint),
}

#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// In order of what they stand for.
    snapshots: Vec<SnapshotFile>,
    durable: Image,
    written: Image,
    pending: VecDeque<Write>,
    /// The last operation of this run that is durable.
    done: Option<Operation>,
}

/// Two disks with the same hash behave the same from now on. What is written follows from what is durable and what is
/// pending; the number of the last operation that is done is history, all that are still to come are greater.
impl Hash for Disk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.durable.hash(state);
        self.pending.hash(state);
    }
}

impl Disk {
    pub fn holding(image: Image) -> Disk {
        Disk { durable: image.clone(), written: image, ..Disk::default() }
    }

    /// The same snapshots with another log.
    pub fn with(&self, image: Image) -> Disk {
        Disk { snapshots: self.snapshots.clone(), ..Disk::holding(image) }
    }

    pub fn durable(&self) -> &Image {
        &self.durable
    }

    /// What readers of the log see: also what is not yet durable.
    pub fn written(&self) -> &Image {
        &self.written
    }

    pub fn is_done(&self, operation: Operation) -> bool {
        self.done >= Some(operation)
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Option<&SnapshotFile> {
        self.snapshots.last()
    }

    pub fn snapshot_of(&self, id: SnapshotId) -> Option<&SnapshotFile> {
        self.snapshots.iter().find(|known| known.id == id)
    }

    pub fn keep_snapshot(&mut self, file: SnapshotFile) {
        self.snapshots.retain(|known| known.id.point.position != file.id.point.position);
        self.snapshots.push(file);
        self.snapshots.sort_by_key(|known| known.id.point.position);
    }

    /// What a start does with a snapshot that was received and not installed: the log begins after it.
    pub fn end_install(&mut self) {
        let Some(file) = self.snapshots.last() else { return };
        let holds = self.written.has(file.id.point) && !self.written.is_forged(file.id.point.position);
        if !holds && file.id.point.position.0 > self.written.gone() {
            self.durable.replace(&file.base);
            self.written.replace(&file.base);
        }
    }

    pub fn store(&mut self, operation: Operation, store: Store) {
        if let Store::Compact(base) | Store::Replace(base) = &store {
            let position = base.last.position;
            let newest = self.snapshots.last().map(|file| file.id.point.position);
            assert!(newest >= Some(position), "{} is given up, and the newest snapshot is at {newest:?}", base.last);
            self.snapshots.retain(|file| file.id.point.position >= position);
        }
        self.write(Write::Store(operation, store));
    }

    /// Written, not synced: a later flush makes it durable too.
    pub fn record_commit(&mut self, up_to: LogPoint) {
        self.write(Write::Commit(up_to));
    }

    fn write(&mut self, write: Write) {
        self.written.write(&write);
        self.pending.push_back(write);
    }

    /// Makes the first `count` pending writes durable; the last operation among them is what [`Disk::is_done`] knows
    /// then.
    pub fn flush(&mut self, count: usize) -> Option<Operation> {
        let mut last = None;
        for write in self.pending.drain(..count.min(self.pending.len())) {
            self.durable.write(&write);
            if let Write::Store(operation, _) = write {
                last = Some(operation);
            }
        }
        self.done = self.done.max(last);
        last
    }

    /// A power cut that keeps the first `kept` writes of those that no flush covered.
    pub fn cut_power(&mut self, kept: usize) {
        self.flush(kept);
        self.pending.clear();
        self.written = self.durable.clone();
        self.done = None;
    }

    /// Changes the content of an entry behind the back of its digest.
    pub fn damage(&mut self, position: Position) {
        for image in [&mut self.durable, &mut self.written] {
            let gone = image.gone();
            image.entries[(position.0 - 1 - gone) as usize].body = b"damaged".as_slice().into();
        }
    }

    pub fn read(&self, read: &ReadLog) -> Vec<Entry> {
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
        entries
    }
}

impl Image {
    pub fn of(entries: Vec<Entry>) -> Image {
        Image { entries, ..Image::default() }
    }

    pub fn last(&self) -> Option<LogPoint> {
        self.entries.last().map(Entry::point).or(self.purged())
    }

    /// The last entry that is gone.
    pub fn purged(&self) -> Option<LogPoint> {
        self.base.as_ref().map(|base| base.last)
    }

    /// How many entries are gone.
    pub fn gone(&self) -> u64 {
        self.purged().map_or(0, |purged| purged.position.0)
    }

    pub fn at(&self, position: Position) -> Option<&Entry> {
        position.0.checked_sub(1 + self.gone()).and_then(|index| self.entries.get(index as usize))
    }

    /// What it has given up was committed, and counts as held.
    pub fn has(&self, point: LogPoint) -> bool {
        let gone = self.purged() == Some(point) || point.position.0 < self.gone();
        gone || self.at(point.position).is_some_and(|entry| entry.point() == point)
    }

    pub fn is_forged(&self, position: Position) -> bool {
        self.forged_from.is_some_and(|from| position >= from)
    }

    /// The log without its forged end: what the invariants count.
    pub fn honest(&self) -> &[Entry] {
        let count = self.forged_from.map_or(self.entries.len(), |from| (from.0 - 1 - self.gone()) as usize);
        &self.entries[..count]
    }

    pub fn check_chain(&self) -> ChainCheck {
        let mut before = self.purged().map(|purged| purged.digest);
        for entry in &self.entries {
            if digest_after(before, entry.id, entry.kind, &entry.body) != entry.digest {
                return ChainCheck::Broken(entry.point());
            }
            before = Some(entry.digest);
        }
        ChainCheck::Whole
    }

    /// What storage hands to a core at its start, with `more` entries before those that are not committed.
    pub fn restored(&self, more: usize) -> Restored {
        let committed = self.committed.map_or(0, |point| point.position.0 as usize);
        let from = committed.saturating_sub(more).saturating_sub(self.gone() as usize);
        let mut lists = Lists::new(self.base.as_ref().map_or(Vec::new(), |base| base.lists.clone()));
        self.entries.iter().for_each(|entry| lists.append(entry));
        Restored {
            promise: self.promise,
            runs: self.runs(),
            tail: self.entries[from..].to_vec(),
            before_tail: from.checked_sub(1).map_or(self.purged(), |index| Some(self.entries[index].point())),
            purged: self.purged(),
            snapshot: None,
            bytes_since_snapshot: 0,
            weights: Vec::new(),
            forged_from: self.forged_from,
            committed: self.committed,
            lists: lists.all().to_vec(),
        }
    }

    fn runs(&self) -> Vec<(RunEnd, Position)> {
        let mut runs = self.base.as_ref().map_or(Vec::new(), |base| base.runs.clone());
        for entry in &self.entries {
            if runs.last().is_some_and(|(run, _)| run.epoch == entry.id.epoch) {
                runs.pop();
            }
            let run = RunEnd { epoch: entry.id.epoch, last: entry.id.offset, digest: entry.digest };
            runs.push((run, entry.position));
        }
        runs
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Store(_, Store::Promise(promise)) => self.promise(*promise),
            Write::Store(_, Store::Append(append)) => self.append(append),
            Write::Store(_, Store::Compact(base)) => self.compact(base),
            Write::Store(_, Store::Replace(base)) => {
                let committed = self.committed.map(|point| point.position);
                assert!(
                    committed < Some(base.last.position),
                    "{committed:?} is committed and {} replaces it",
                    base.last
                );
                self.replace(base);
            }
            Write::Commit(up_to) => {
                assert!(self.has(*up_to), "commit recorded of {up_to}, which the log does not hold");
                assert!(!self.is_forged(up_to.position), "commit recorded of the forged {up_to}");
                assert!(
                    self.committed.is_none_or(|committed| committed.position <= up_to.position),
                    "the recorded commit goes back from {:?} to {up_to}",
                    self.committed
                );
                self.committed = Some(*up_to);
            }
        }
    }

    fn compact(&mut self, base: &Base) {
        assert!(self.has(base.last), "the log is to begin after {}, which it does not hold", base.last);
        self.entries.retain(|entry| entry.position > base.last.position);
        self.base = Some(base.clone());
    }

    fn replace(&mut self, base: &Base) {
        self.entries.clear();
        (self.base, self.forged_from, self.committed) = (Some(base.clone()), None, Some(base.last));
    }

    fn promise(&mut self, promise: Promise) {
        if let Some(known) = self.promise {
            let votes_again = known.epoch == promise.epoch && known.vote.is_some() && known.vote != promise.vote;
            assert!(promise.epoch >= known.epoch && !votes_again, "{known:?} is broken by {promise:?}");
        }
        self.promise = Some(promise);
    }

    fn append(&mut self, append: &Append) {
        if let Some(from) = append.truncate_from {
            let committed = self.committed.map(|point| point.position);
            assert!(Some(from) > committed, "{:?} is committed and would be truncated from {from}", self.committed);
            self.entries.truncate((from.0 - 1 - self.gone()) as usize);
            self.forged_from = self.forged_from.filter(|forged| *forged < from);
        }
        let first = Position::after(self.last());
        for entry in &append.entries {
            let expected = Entry::after(self.last(), entry.id, entry.kind, entry.body.clone());
            assert_eq!(entry.point(), expected.point(), "the entry does not continue the log");
            let follows = self.last().is_none_or(|last| follows(last, entry));
            assert!(follows, "{} does not follow {:?}", entry.id, self.last());
            let promised = self.promise.map(|promise| promise.epoch);
            assert!(promised >= Some(entry.id.epoch), "{} is stored under the promise {promised:?}", entry.id);
            self.entries.push(entry.clone());
        }
        if append.forged && !append.entries.is_empty() {
            self.forged_from = self.forged_from.or(Some(first));
        } else {
            let buried = !append.entries.is_empty() && self.forged_from.is_some();
            assert!(!buried, "honest entries were appended after forged ones");
        }
    }
}

/// The next offset of the same epoch, or offset 0 of a greater one.
fn follows(last: LogPoint, entry: &Entry) -> bool {
    if entry.id.epoch == last.id.epoch {
        entry.id.offset.0 == last.id.offset.0 + 1
    } else {
        entry.id.epoch > last.id.epoch && entry.id.offset.0 == 0
    }
}
