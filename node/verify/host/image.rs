//! The content of a log store at one moment, and the rules that every write to it must keep.
//!
//! A write that breaks a rule is an error of the core, whatever the test is about: it breaks a promise, leaves a gap,
//! cuts committed entries, or buries forged ones.

use crate::protocol::{
    Append, Base, ChainCheck, Entry, Lists, LogPoint, Position, Promise, Restored, RunEnd, SnapshotId, Store,
    digest_after,
};

/// What a log store holds at one moment.
///
/// Invariants: `entries` have consecutive positions that begin after `base`, and their digests form a chain. The
/// promise's epoch is at least that of the last entry. `committed` is in the log and not forged.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Image {
    /// The last saved promise.
    pub promise: Option<Promise>,
    /// What the log begins with if its first entries were compacted away.
    pub base: Option<Base>,
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// All entries from this position on are forged.
    pub forged_from: Option<Position>,
    /// The recorded commit point.
    pub committed: Option<LogPoint>,
}

impl Image {
    /// A log of these entries without a promise or a commit point.
    pub fn of(entries: Vec<Entry>) -> Image {
        Image { entries, ..Image::default() }
    }

    /// The last entry, forged or not.
    pub fn last(&self) -> Option<LogPoint> {
        self.entries.last().map(Entry::point).or(self.purged())
    }

    /// The last entry that was compacted away.
    pub fn purged(&self) -> Option<LogPoint> {
        self.base.as_ref().map(|base| base.last)
    }

    /// The number of entries that were compacted away. The entry at position p has the index p - 1 - this number.
    pub fn purged_count(&self) -> u64 {
        self.purged().map_or(0, |purged| purged.position.0)
    }

    /// The entry at a position; `None` if it was compacted away or never written.
    pub fn at(&self, position: Position) -> Option<&Entry> {
        let index = position.0.checked_sub(1 + self.purged_count())?;
        self.entries.get(index as usize)
    }

    /// Whether the log has this entry, forged or not. Entries that were compacted away count: they were committed.
    pub fn has(&self, point: LogPoint) -> bool {
        let purged = self.purged() == Some(point) || point.position.0 < self.purged_count();
        purged || self.at(point.position).is_some_and(|entry| entry.point() == point)
    }

    /// As [`Image::has`], and the entry is not marked as forged.
    pub fn has_genuine(&self, point: LogPoint) -> bool {
        self.has(point) && !self.is_forged(point.position)
    }

    /// Whether the entry at a position counts as forged.
    pub fn is_forged(&self, position: Position) -> bool {
        self.forged_from.is_some_and(|from| position >= from)
    }

    /// The entries before the forged ones: those that invariants speak of.
    pub fn genuine_entries(&self) -> &[Entry] {
        let purged = self.purged_count();
        let count = self.forged_from.map_or(self.entries.len(), |from| (from.0 - 1 - purged) as usize);
        &self.entries[..count]
    }

    /// Computes the chain of digests again, from the contents.
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

    /// What storage hands to a core at its start: the entries that are not committed, and up to `more` before them.
    /// `snapshot` is the newest one on the disk.
    pub fn restored(&self, snapshot: Option<SnapshotId>, more: u64) -> Restored {
        let committed = self.committed_with(snapshot);
        let purged = self.purged_count();
        let before = committed.map_or(0, |point| point.position.0).saturating_sub(more);
        let from = before.saturating_sub(purged) as usize;
        let covered = snapshot.map_or(0, |snapshot| snapshot.point.position.0);
        let later = self.entries.iter().filter(|entry| entry.position.0 > covered);
        Restored {
            promise: self.promise,
            runs: self.runs(),
            tail: self.entries[from..].to_vec(),
            before_tail: from.checked_sub(1).map_or(self.purged(), |index| Some(self.entries[index].point())),
            purged: self.purged(),
            snapshot,
            bytes_since_snapshot: later.map(Entry::weight).sum(),
            weights: Vec::new(),
            forged_from: self.forged_from,
            committed,
            lists: self.lists().all().to_vec(),
        }
    }

    /// The member lists of the log. The last one is in force.
    pub fn lists(&self) -> Lists {
        let mut lists = Lists::new(self.base.as_ref().map_or(Vec::new(), |base| base.lists.clone()));
        self.entries.iter().for_each(|entry| lists.append(entry));
        lists
    }

    /// The last entry that is known to be committed: from the record, the compaction, or the newest snapshot.
    pub fn committed_with(&self, snapshot: Option<SnapshotId>) -> Option<LogPoint> {
        let known = [self.committed, self.purged(), snapshot.map(|snapshot| snapshot.point)];
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

    /// `Err` says which rule the write breaks.
    pub(super) fn store(&mut self, store: &Store) -> Result<(), String> {
        match store {
            Store::Promise(promise) => self.promise(*promise),
            Store::Append(append) => self.append(append),
            Store::Compact(base) => self.compact(base),
            Store::Replace(base) => {
                if self.committed.is_some_and(|committed| committed.position >= base.last.position) {
                    return Err(format!("{:?} is committed, but the log moves back to {}", self.committed, base.last));
                }
                self.replace(base);
                Ok(())
            }
        }
    }

    pub(super) fn replace(&mut self, base: &Base) {
        self.entries.clear();
        (self.base, self.forged_from, self.committed) = (Some(base.clone()), None, Some(base.last));
    }

    fn compact(&mut self, base: &Base) -> Result<(), String> {
        if !self.has_genuine(base.last) {
            return Err(format!("the log should begin after {}, which is not in it", base.last));
        }
        if base.last.position.0 >= self.purged_count() {
            self.entries.retain(|entry| entry.position > base.last.position);
            self.base = Some(base.clone());
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, up_to: LogPoint) -> Result<(), String> {
        if !self.has_genuine(up_to) {
            return Err(format!("{up_to} is recorded as committed, but is not in the log"));
        }
        if self.committed.is_some_and(|committed| committed.position > up_to.position) {
            return Err(format!("the recorded commit point moves back from {:?} to {up_to}", self.committed));
        }
        self.committed = Some(up_to);
        Ok(())
    }

    fn promise(&mut self, promise: Promise) -> Result<(), String> {
        if let Some(known) = self.promise {
            let votes_again = known.epoch == promise.epoch && known.vote.is_some() && known.vote != promise.vote;
            if promise.epoch < known.epoch || votes_again {
                return Err(format!("{promise:?} breaks {known:?}"));
            }
        }
        self.promise = Some(promise);
        Ok(())
    }

    pub(super) fn append(&mut self, append: &Append) -> Result<(), String> {
        if let Some(from) = append.truncate_from {
            self.truncate(from)?;
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

    fn truncate(&mut self, from: Position) -> Result<(), String> {
        if Some(from) <= self.committed.map(|point| point.position) {
            return Err(format!(
                "{:?} is recorded as committed, but the log is truncated from {from} on",
                self.committed
            ));
        }
        let Some(keep) = (from.0 - 1).checked_sub(self.purged_count()) else {
            return Err(format!("the log is truncated from {from} on, where its entries are compacted"));
        };
        self.entries.truncate(keep as usize);
        self.forged_from = self.forged_from.filter(|forged| *forged < from);
        Ok(())
    }

    fn push(&mut self, entry: &Entry) -> Result<(), String> {
        let last = self.last();
        let expected = Position::after(last);
        if entry.position != expected {
            return Err(format!("{} is stored at position {}, but {expected} is next", entry.id, entry.position));
        }
        let offset = last.filter(|last| last.id.epoch == entry.id.epoch).map_or(0, |last| last.id.offset.0 + 1);
        let later = last.is_none_or(|last| last.id.epoch <= entry.id.epoch);
        if !later || entry.id.offset.0 != offset {
            return Err(format!("{} is stored after {last:?}", entry.id));
        }
        if digest_after(last.map(|last| last.digest), entry.id, entry.kind, &entry.body) != entry.digest {
            return Err(format!("the digest of {} does not continue that of {last:?}", entry.id));
        }
        if self.promise.is_none_or(|promise| promise.epoch < entry.id.epoch) {
            return Err(format!("{} is stored under {:?}", entry.id, self.promise));
        }
        self.entries.push(entry.clone());
        Ok(())
    }
}
