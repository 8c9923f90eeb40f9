//! Checks the guarantee of `watch` against everything that was committed: from a revision on, each change of the
//! watched keys comes once, in order, with none left out, whichever nodes send them.
//!
//! Left out: how changes reach the watcher, and what it does when a node fails.

use bytes::Bytes;

use crate::protocol::apply::Write;

/// Every change that was ever committed, in order.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// The first one has revision 1.
    changes: Vec<Write>,
}

impl Commits {
    /// Adds the changes of an entry that no node had applied before.
    pub fn add(&mut self, changes: &[Write]) -> Result<(), String> {
        for change in changes {
            let next = self.revision() + 1;
            if change.revision != next {
                return Err(format!("{} has revision {}, but {next} is next", change.id, change.revision));
            }
            self.changes.push(change.clone());
        }
        Ok(())
    }

    /// The revision of the last change.
    pub fn revision(&self) -> u64 {
        self.changes.len() as u64
    }

    fn at(&self, revision: u64) -> Option<&Write> {
        self.changes.get(revision.checked_sub(1)? as usize)
    }

    /// The first change of a key with this prefix after one revision and before another.
    fn first_between(&self, prefix: &[u8], after: u64, before: u64) -> Option<&Write> {
        (after + 1..before).filter_map(|revision| self.at(revision)).find(|change| change.key.starts_with(prefix))
    }
}

/// The progress of one watcher.
#[derive(Clone, Debug)]
pub struct Watched {
    prefix: Bytes,
    /// Every wanted change up to this revision has come.
    up_to: u64,
}

impl Watched {
    /// A watcher of the keys with this prefix, from a revision on.
    pub fn from(prefix: Bytes, revision: u64) -> Watched {
        Watched { prefix, up_to: revision.saturating_sub(1) }
    }

    /// The revision up to which every wanted change has come.
    pub fn up_to(&self) -> u64 {
        self.up_to
    }

    /// A change comes.
    pub fn on_change(&mut self, commits: &Commits, change: &Write) -> Result<(), String> {
        let revision = change.revision;
        if revision <= self.up_to {
            return Err(format!("change {revision} is repeated or late: all up to {} were sent", self.up_to));
        }
        if !change.key.starts_with(&self.prefix) {
            return Err(format!("change {revision} has the key {:?}, but {:?} is watched", change.key, self.prefix));
        }
        if commits.at(revision) != Some(change) {
            return Err(format!("{change:?} is sent, but {:?} is committed", commits.at(revision)));
        }
        self.nothing_before(commits, revision)?;
        self.up_to = revision;
        Ok(())
    }

    /// A node reports that there is no further change up to a revision, inclusive.
    pub fn on_reached(&mut self, commits: &Commits, revision: u64) -> Result<(), String> {
        if revision > commits.revision().max(self.up_to) {
            return Err(format!("it has received all up to {revision}, but {} is the last", commits.revision()));
        }
        self.nothing_before(commits, revision + 1)?;
        self.up_to = self.up_to.max(revision);
        Ok(())
    }

    /// No node keeps changes before this revision. The watcher resumes there.
    pub fn on_gone(&mut self, oldest: u64) -> Result<(), String> {
        if oldest <= self.up_to + 1 {
            let next = self.up_to + 1;
            return Err(format!("changes from {next} on are reported as compacted, but are kept from {oldest} on"));
        }
        self.up_to = oldest - 1;
        Ok(())
    }

    fn nothing_before(&self, commits: &Commits, revision: u64) -> Result<(), String> {
        match commits.first_between(&self.prefix, self.up_to, revision) {
            None => Ok(()),
            Some(missed) => Err(format!("change {} of {:?} is missing before {revision}", missed.revision, missed.key)),
        }
    }
}
