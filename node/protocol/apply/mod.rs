//! What an entry does to the final state: one pure function of the state and the entry, for every database there is.
//!
//! No clock, no randomness, nothing of the node that applies (TRAPS 47): whoever has applied the same beginning of the log
//! has the same records, the same revision and the same table of sessions, and gives the same answers. What is left out:
//! how records lie on a disk, which is the business of whoever implements [`Records`].

mod history;

mod sessions;

use bytes::Bytes;

use crate::command::{Change, Command, Expect};
use crate::entry::{Entry, Kind};
use crate::types::{EntryId, Position};

pub use history::{ChangePage, History, HistoryLimits, Seen, TooOld};
pub use sessions::{Session, SessionLimits, Sessions};

/// The final state besides the records.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct State {
    /// One more for each put, and for each delete of a key that is there; a batch counts each of its changes.
    pub revision: u64,
    pub sessions: Sessions,
}

/// The records, as applying sees and changes them.
pub trait Records {
    type Error;

    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Self::Error>;

    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Self::Error>;

    fn write(&mut self, write: Write) -> Result<(), Self::Error>;
}

/// What a record counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Numbers {
    pub create_revision: u64,
    /// The revision that wrote the present value.
    pub revision: u64,
    /// How often the key was written since it was created.
    pub version: u64,
}

/// One change of one key; each has a revision of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    pub key: Bytes,
    /// Of the entry that changes it.
    pub id: EntryId,
    pub revision: u64,
    /// The record afterwards; `None` is deleted.
    pub record: Option<(Bytes, Numbers)>,
}

/// What an entry came to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The revision of the database afterwards.
    Done { revision: u64 },
    /// Nothing was changed: the key was last written by that revision, or is absent.
    NotEqual { present: Option<u64> },
    /// Nothing was changed: the session is not known any more, or the sequence is older than what it remembers.
    SessionLost,
}

/// What a write came to, with the place of the entry at which it did: for a retry that of the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Applied {
    pub id: EntryId,
    pub position: Position,
    pub outcome: Outcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyError<E> {
    /// The entry's body is no command.
    Undecodable,
    Records(E),
}

/// Applies the entry that follows what was applied before.
pub fn apply<R: Records>(state: &mut State, records: &mut R, entry: &Entry) -> Result<Applied, ApplyError<R::Error>> {
    let Entry { id, position, .. } = *entry;
    state.sessions.forget_idle(position);
    let applied = |outcome| Applied { id, position, outcome };
    if entry.kind != Kind::Command {
        return Ok(applied(Outcome::Done { revision: state.revision }));
    }
    let Command { session, sequence, once, change } = Command::decode(&entry.body).ok_or(ApplyError::Undecodable)?;
    if let Some(once) = once
        && let Some(known) = state.sessions.admit(session, sequence, once, position)
    {
        return Ok(known.unwrap_or(applied(Outcome::SessionLost)));
    }
    let outcome = change_records(&mut state.revision, records, id, change).map_err(ApplyError::Records)?;
    if once.is_some() {
        state.sessions.remember(session, sequence, applied(outcome));
    }
    Ok(applied(outcome))
}

fn change_records<R: Records>(
    revision: &mut u64,
    records: &mut R,
    id: EntryId,
    change: Change,
) -> Result<Outcome, R::Error> {
    match change {
        Change::Put { key, value } => put(revision, records, id, key, value)?,
        Change::Delete { key } => delete(revision, records, id, key)?,
        Change::CompareAndSet { key, expect, value } => {
            let present = records.find(&key)?.map(|numbers| numbers.revision);
            let equal = match expect {
                Expect::Absent => present.is_none(),
                Expect::Revision(expected) => present == Some(expected),
                Expect::Value(expected) => records.value(&key)? == Some(expected),
            };
            if !equal {
                return Ok(Outcome::NotEqual { present });
            }
            put(revision, records, id, key, value)?;
        }
        Change::Batch(changes) => {
            for change in changes {
                change_records(revision, records, id, change)?;
            }
        }
    }
    Ok(Outcome::Done { revision: *revision })
}

fn put<R: Records>(revision: &mut u64, records: &mut R, id: EntryId, key: Bytes, value: Bytes) -> Result<(), R::Error> {
    let before = records.find(&key)?;
    *revision += 1;
    let numbers = Numbers {
        create_revision: before.map_or(*revision, |before| before.create_revision),
        revision: *revision,
        version: before.map_or(0, |before| before.version) + 1,
    };
    records.write(Write { key, id, revision: *revision, record: Some((value, numbers)) })
}

fn delete<R: Records>(revision: &mut u64, records: &mut R, id: EntryId, key: Bytes) -> Result<(), R::Error> {
    if records.find(&key)?.is_none() {
        return Ok(());
    }
    *revision += 1;
    records.write(Write { key, id, revision: *revision, record: None })
}
