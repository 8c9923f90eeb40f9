//! A node's simulated disk: what was written, what of it is durable, what is pending between the two.
//!
//! Writes are ordered, as in the log store. A power cut keeps what was flushed and, of the rest, a beginning, perhaps
//! with a torn write after it: of a write of several records (the cut, then each entry) only the first. A killed
//! process loses nothing that it wrote.
//!
//! Snapshots are files of their own: durable once they are there.
//!
//! A record with a flipped bit stays unnoticed until it is read: by the core, or by the next start, which reads all.
//!
//! Left out: bytes, checksums, files. Those are tested with the real storage.

use std::collections::VecDeque;

use crate::protocol::{
    Append, Base, ChainCheck, Entry, Lists, LogPoint, Operation, Position, Promise, ReadLog, Restored, RunEnd,
    SnapshotId, Store, digest_after,
};
use crate::verify::simulator::database::Database;

/// What a log store holds at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Image {
    pub(super) promise: Option<Promise>,
    /// With what the log begins if its first entries are gone.
    pub(super) base: Option<Base>,
    pub(super) entries: Vec<Entry>,
    pub(super) forged_from: Option<Position>,
    pub(super) committed: Option<LogPoint>,
}

/// A complete snapshot.
#[derive(Clone, Debug)]
pub(super) struct SnapshotFile {
    pub(super) id: SnapshotId,
    pub(super) base: Base,
    pub(super) database: Database,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// In order; those that the log does not continue any more are gone.
    snapshots: Vec<SnapshotFile>,
    durable: Image,
    written: Image,
    pending: VecDeque<(Operation, Store)>,
    /// Commit points recorded in this run. They have a place of their own that is never synced, so a power cut may
    /// leave any of them.
    recorded: Vec<LogPoint>,
    /// How many of the pending writes the flush under way covers.
    covered: usize,
    /// The last operation of this run that is durable.
    done: Option<Operation>,
    /// An entry whose record cannot be read any more.
    flipped: Option<LogPoint>,
}

impl Disk {
    pub(super) fn durable(&self) -> &Image {
        &self.durable
    }

    /// What readers of the log see: also what is not yet durable.
    pub(super) fn written(&self) -> &Image {
        &self.written
    }

    pub(super) fn is_done(&self, operation: Operation) -> bool {
        self.done >= Some(operation)
    }

    /// Whether nothing that was written is not yet durable.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// The newest snapshot.
    pub(super) fn snapshot(&self) -> Option<&SnapshotFile> {
        self.snapshots.last()
    }

    /// A snapshot is complete.
    pub(super) fn keep_snapshot(&mut self, file: SnapshotFile) {
        self.snapshots.retain(|known| known.id.point.position != file.id.point.position);
        self.snapshots.push(file);
        self.snapshots.sort_by_key(|known| known.id.point.position);
    }

    /// A very snapshot, if it is there.
    pub(super) fn snapshot_of(&self, id: SnapshotId) -> Option<&SnapshotFile> {
        self.snapshots.iter().find(|known| known.id == id)
    }

    /// What a start does with a snapshot that was received and not installed: the log begins after it.
    pub(super) fn end_install(&mut self) {
        let Some(file) = self.snapshots.last().filter(|file| !self.written.has(file.id.point)) else { return };
        for image in [&mut self.written, &mut self.durable] {
            image.replace(&file.base);
        }
    }

    /// Gives why the write is one that a log store must never be asked for, if it is.
    pub(super) fn store(&mut self, operation: Operation, store: Store) -> Result<(), String> {
        if let Store::Compact(base) | Store::Replace(base) = &store {
            self.covers(base)?;
        }
        self.written.store(&store)?;
        self.flipped = self.damage();
        self.pending.push_back((operation, store));
        Ok(())
    }

    fn covers(&mut self, base: &Base) -> Result<(), String> {
        let position = base.last.position;
        if self.snapshots.last().is_none_or(|snapshot| snapshot.id.point.position < position) {
            return Err(format!("the log gives up {}, which no durable snapshot covers", base.last));
        }
        self.snapshots.retain(|snapshot| snapshot.id.point.position >= position);
        Ok(())
    }

    pub(super) fn record_commit(&mut self, up_to: LogPoint) -> Result<(), String> {
        if !self.durable.has(up_to) {
            return Err(format!("{up_to} is recorded as committed, and the log does not hold it durably"));
        }
        self.written.commit(up_to)?;
        self.recorded.push(up_to);
        Ok(())
    }

    /// A flush of everything pending begins, unless one is under way or there is nothing to store.
    pub(super) fn begin_flush(&mut self) -> bool {
        if self.covered > 0 || self.pending.is_empty() {
            return false;
        }
        self.covered = self.pending.len();
        true
    }

    /// The flush under way is done. Gives the last operation that it covers.
    pub(super) fn end_flush(&mut self) -> Option<Operation> {
        let covered = std::mem::take(&mut self.covered);
        self.keep(covered)
    }

    fn keep(&mut self, count: usize) -> Option<Operation> {
        let mut last = None;
        for (operation, store) in self.pending.drain(..count) {
            last = Some(operation);
            self.durable.store(&store).expect("it was written in the same order before");
        }
        self.done = self.done.max(last);
        last
    }

    /// The process is gone, what it wrote stays: the machine goes on and writes it out.
    pub(super) fn kill(&mut self) {
        self.keep(self.pending.len());
        self.keep_commit(self.recorded.len());
        self.stop();
    }

    /// A power cut that keeps so many percent of the writes that no flush covered, and part of the next if it is torn.
    pub(super) fn cut_power(&mut self, kept_percent: u64, torn: bool) {
        let count = self.pending.len() * kept_percent as usize / 100;
        self.keep(count);
        self.keep_commit(self.recorded.len() * kept_percent as usize / 100);
        if torn && let Some((_, Store::Append(append))) = self.pending.pop_front() {
            let part = append.entries.len() * kept_percent as usize / 100;
            let entries = append.entries[..part].to_vec();
            let torn = Append { truncate_from: append.truncate_from, entries, forged: append.forged };
            self.durable.append(&torn).expect("the beginning of what was written in the same order before");
        }
        self.stop();
    }

    fn keep_commit(&mut self, count: usize) {
        if let Some(up_to) = count.checked_sub(1).map(|index| self.recorded[index]) {
            self.durable.commit(up_to).expect("it was recorded once what it speaks of was durable");
        }
    }

    fn stop(&mut self) {
        self.pending.clear();
        self.recorded.clear();
        self.covered = 0;
        self.written = self.durable.clone();
        self.done = None;
    }

    /// A bit turns in the record of the n-th durable entry from the end, counted round.
    pub(super) fn flip(&mut self, nth: u64) {
        let entries = &self.durable.entries;
        let entry = entries.iter().rev().nth(nth as usize % entries.len().max(1));
        self.flipped = entry.map(Entry::point).or(self.flipped);
        self.flipped = self.damage();
    }

    /// Where the disk is damaged. What was cut off or given up does not matter any more.
    pub(super) fn damage(&self) -> Option<LogPoint> {
        self.flipped.filter(|point| self.written.at(point.position).is_some_and(|entry| entry.point() == *point))
    }

    /// `Err`: the entry whose record is damaged.
    pub(super) fn read(&self, read: &ReadLog) -> Result<Vec<Entry>, LogPoint> {
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
        let read = |damage: &LogPoint| entries.iter().any(|entry| entry.position == damage.position);
        self.damage().filter(read).map_or(Ok(entries.clone()), Err)
    }
}

impl Image {
    pub(super) fn last(&self) -> Option<LogPoint> {
        self.entries.last().map(Entry::point).or(self.purged())
    }

    /// The last entry that is gone.
    pub(super) fn purged(&self) -> Option<LogPoint> {
        self.base.as_ref().map(|base| base.last)
    }

    /// How many entries are gone: that of position p stands at index p - 1 - gone.
    pub(super) fn gone(&self) -> usize {
        self.purged().map_or(0, |purged| purged.position.0 as usize)
    }

    pub(super) fn at(&self, position: Position) -> Option<&Entry> {
        position.0.checked_sub(1 + self.gone() as u64).and_then(|index| self.entries.get(index as usize))
    }

    /// Whether it holds this very entry, not as a forged one. What it has given up was committed: somebody else looks
    /// at that.
    pub(super) fn has(&self, point: LogPoint) -> bool {
        let purged = self.purged().is_some_and(|purged| point.position < purged.position || point == purged);
        purged || !self.is_forged(point.position) && self.at(point.position).is_some_and(|entry| entry.point() == point)
    }

    pub(super) fn is_forged(&self, position: Position) -> bool {
        self.forged_from.is_some_and(|from| position >= from)
    }

    pub(super) fn check_chain(&self) -> ChainCheck {
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
    /// `snapshot` is the newest one.
    pub(super) fn restored(&self, snapshot: Option<&SnapshotFile>, more: u64) -> Restored {
        let committed = self.committed(snapshot);
        let from = committed.map_or(0, |point| point.position.0).saturating_sub(more) as usize;
        let from = from.max(self.gone()) - self.gone();
        let begun = snapshot.map_or(0, |snapshot| snapshot.id.point.position.0);
        let later = self.entries.iter().filter(|entry| entry.position.0 > begun);
        Restored {
            promise: self.promise,
            runs: self.runs(),
            tail: self.entries[from..].to_vec(),
            before_tail: from.checked_sub(1).map_or(self.purged(), |index| Some(self.entries[index].point())),
            purged: self.purged(),
            snapshot: snapshot.map(|snapshot| snapshot.id),
            bytes_since_snapshot: later.map(Entry::weight).sum(),
            weights: Vec::new(),
            forged_from: self.forged_from,
            committed,
            lists: self.lists().all().to_vec(),
        }
    }

    /// The member lists of the log; the last one counts.
    pub(super) fn lists(&self) -> Lists {
        let mut lists = Lists::new(self.base.as_ref().map_or(Vec::new(), |base| base.lists.clone()));
        self.entries.iter().for_each(|entry| lists.append(entry));
        lists
    }

    /// What is known to be committed: what was recorded, and whatever a snapshot stands for.
    pub(super) fn committed(&self, snapshot: Option<&SnapshotFile>) -> Option<LogPoint> {
        let known = [self.committed, self.purged(), snapshot.map(|snapshot| snapshot.id.point)];
        known.into_iter().flatten().max_by_key(|point| point.position)
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

    fn store(&mut self, store: &Store) -> Result<(), String> {
        match store {
            Store::Promise(promise) => self.promise(*promise),
            Store::Append(append) => self.append(append),
            Store::Compact(base) => self.compact(base),
            Store::Replace(base) => {
                if self.committed.is_some_and(|committed| committed.position >= base.last.position) {
                    return Err(format!("{:?} is committed, and the log goes back to {}", self.committed, base.last));
                }
                self.replace(base);
                Ok(())
            }
        }
    }

    fn replace(&mut self, base: &Base) {
        self.entries.clear();
        (self.base, self.forged_from, self.committed) = (Some(base.clone()), None, Some(base.last));
    }

    fn compact(&mut self, base: &Base) -> Result<(), String> {
        let position = base.last.position;
        if !self.has(base.last) {
            return Err(format!("the log is to begin after {}, which it does not hold", base.last));
        }
        if position.0 as usize >= self.gone() {
            self.entries.retain(|entry| entry.position > position);
            self.base = Some(base.clone());
        }
        Ok(())
    }

    fn commit(&mut self, up_to: LogPoint) -> Result<(), String> {
        if !self.has(up_to) {
            return Err(format!("{up_to} is recorded as committed, and the log does not hold it"));
        }
        if up_to.position.0 as usize <= self.gone() {
            // It was recorded before the log was replaced.
            return Ok(());
        }
        if self.committed.is_some_and(|committed| committed.position > up_to.position) {
            return Err(format!("the recorded commit point goes back from {:?} to {up_to}", self.committed));
        }
        self.committed = Some(up_to);
        Ok(())
    }

    fn promise(&mut self, promise: Promise) -> Result<(), String> {
        if let Some(known) = self.promise {
            let votes_again = known.epoch == promise.epoch && known.vote.is_some() && known.vote != promise.vote;
            if promise.epoch < known.epoch || votes_again {
                return Err(format!("{known:?} is broken by {promise:?}"));
            }
        }
        self.promise = Some(promise);
        Ok(())
    }

    fn append(&mut self, append: &Append) -> Result<(), String> {
        if let Some(from) = append.truncate_from {
            if Some(from) <= self.committed.map(|point| point.position) {
                return Err(format!("{:?} is recorded as committed and is cut from {from} on", self.committed));
            }
            let keep = (from.0 as usize - 1).checked_sub(self.gone());
            let keep =
                keep.ok_or_else(|| format!("the log is cut from {from} on, where it has no entries any more"))?;
            self.entries.truncate(keep);
            self.forged_from = self.forged_from.filter(|forged| *forged < from);
        }
        let first = Position::after(self.last());
        for entry in &append.entries {
            self.push(entry)?;
        }
        if append.entries.is_empty() {
            return Ok(());
        }
        if append.forged {
            self.forged_from = self.forged_from.or(Some(first));
        } else if self.forged_from.is_some() {
            return Err(format!("{first} and later are stored as genuine after forged entries"));
        }
        Ok(())
    }

    fn push(&mut self, entry: &Entry) -> Result<(), String> {
        let last = self.last();
        let expected = Position::after(last);
        if entry.position != expected {
            return Err(format!("{} is stored at position {} and {expected} comes next", entry.id, entry.position));
        }
        let offset = last.filter(|last| last.id.epoch == entry.id.epoch).map_or(0, |last| last.id.offset.0 + 1);
        let later = last.is_none_or(|last| last.id.epoch <= entry.id.epoch);
        if !later || entry.id.offset.0 != offset {
            return Err(format!("{} is stored after {last:?}", entry.id));
        }
        if self.promise.is_none_or(|promise| promise.epoch < entry.id.epoch) {
            return Err(format!("{} is stored under {:?}", entry.id, self.promise));
        }
        self.entries.push(entry.clone());
        Ok(())
    }
}
