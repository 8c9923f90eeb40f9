//! A simulated disk: what was written, and what of it is durable.
//!
//! Writes are ordered, as in the log store. A power cut keeps what was flushed and, of the rest, a beginning; a killed
//! process loses nothing that was written. What a disk must never be asked to do (cut committed entries, leave a gap,
//! forget a promise) is asserted here, whatever the test is about.
//!
//! Left out on purpose: bytes, checksums and files; those are tested with the real storage.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use epoca::protocol::{
    Append, ChainCheck, Entry, Kind, LogPoint, Opening, Operation, Position, Promise, ReadLog, Restored, RunEnd, Store,
    digest_after,
};

/// The content of a log store at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Image {
    pub promise: Option<Promise>,
    pub entries: Vec<Entry>,
    pub forged_from: Option<Position>,
    pub committed: Option<LogPoint>,
}

#[derive(Clone, Hash, Debug)]
enum Write {
    Store(Operation, Store),
    Commit(LogPoint),
}

#[derive(Clone, Debug, Default)]
pub struct Disk {
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

    pub fn store(&mut self, operation: Operation, store: Store) {
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

    /// Makes the first `count` pending writes durable; the last operation among them is what [`Disk::is_done`] knows then.
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
            image.entries[position.0 as usize - 1].body = b"damaged".as_slice().into();
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
        self.entries.last().map(Entry::point)
    }

    pub fn at(&self, position: Position) -> Option<&Entry> {
        position.0.checked_sub(1).and_then(|index| self.entries.get(index as usize))
    }

    pub fn has(&self, point: LogPoint) -> bool {
        self.at(point.position).is_some_and(|entry| entry.point() == point)
    }

    pub fn is_forged(&self, position: Position) -> bool {
        self.forged_from.is_some_and(|from| position >= from)
    }

    /// The log without its forged end: what the invariants count.
    pub fn honest(&self) -> &[Entry] {
        let count = self.forged_from.map_or(self.entries.len(), |from| from.0 as usize - 1);
        &self.entries[..count]
    }

    pub fn check_chain(&self) -> ChainCheck {
        let mut before = None;
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
        let from = committed.saturating_sub(more);
        Restored {
            promise: self.promise,
            runs: self.runs(),
            tail: self.entries[from..].to_vec(),
            before_tail: from.checked_sub(1).map(|index| self.entries[index].point()),
            forged_from: self.forged_from,
            committed: self.committed,
            founding: self.entries.first().and_then(|first| {
                (first.kind == Kind::Opening).then(|| Opening::decode(&first.body)).flatten()?.founding
            }),
        }
    }

    fn runs(&self) -> Vec<(RunEnd, Position)> {
        let mut runs: Vec<(RunEnd, Position)> = Vec::new();
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
            self.entries.truncate(from.0 as usize - 1);
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
