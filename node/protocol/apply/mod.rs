//! Applying an entry to the final state: one pure function of the state and the entry, for every database.
//!
//! It uses no clock, no randomness and nothing about the node that applies. Nodes that have applied the same beginning
//! of the log therefore have the same records, the same revision and the same table of sessions, and give the same
//! answers.
//!
//! Left out: how records are stored. The implementer of [`Records`] decides that.

mod history;

mod sessions;

use bytes::Bytes;

use crate::command::{Change, Command, Expect};
use crate::entry::{Entry, Kind};
use crate::types::{EntryId, Position};

pub use history::{ChangePage, History, HistoryLimits, TooOld, WatchCursor};
pub use sessions::{Session, SessionLimits, Sessions};

/// The final state except the records.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct State {
    /// The revision of the database. It grows by one for each put, and for each delete of a key that exists; a batch
    /// takes one revision for each of its changes. It never decreases.
    pub revision: u64,
    /// The table of sessions.
    pub sessions: Sessions,
}

/// The records of the database, as [`apply`] reads and changes them. Reads must see the writes before them.
pub trait Records {
    /// What can go wrong when a record is read or written.
    type Error;

    /// The numbers of a key's record; `None` if the key is absent.
    fn find(&self, key: &Bytes) -> Result<Option<Numbers>, Self::Error>;

    /// The value of a key; `None` if the key is absent.
    fn value(&self, key: &Bytes) -> Result<Option<Bytes>, Self::Error>;

    /// Writes or deletes one record.
    fn write(&mut self, write: Write) -> Result<(), Self::Error>;
}

/// The revision numbers of a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Numbers {
    /// The revision that created the key.
    pub create_revision: u64,
    /// The revision that wrote the present value.
    pub revision: u64,
    /// The number of writes since the key was created; the first one is 1.
    pub version: u64,
}

/// A record of the final database, with the entry that wrote it last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Record {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// The entry that wrote the value.
    pub id: EntryId,
    /// The revision that created the key.
    pub create_revision: u64,
    /// The revision that wrote the value.
    pub revision: u64,
    /// The number of writes since the key was created; the first one is 1.
    pub version: u64,
}

/// One change of one key. Each has a revision of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    /// The key.
    pub key: Bytes,
    /// The entry that changes it.
    pub id: EntryId,
    /// The revision of this change.
    pub revision: u64,
    /// The value and numbers afterwards; `None` if the key was deleted.
    pub record: Option<(Bytes, Numbers)>,
}

/// The outcome of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The entry was applied.
    Done {
        /// The revision of the database afterwards.
        revision: u64,
    },
    /// Nothing was changed: a compare-and-set did not find what it expected.
    NotEqual {
        /// The revision that wrote the present value; `None` if the key is absent.
        present: Option<u64>,
    },
    /// Nothing was changed: the session is not known any more, or the sequence is older than what it remembers.
    /// Whether an earlier attempt was applied stays unknown.
    SessionLost,
}

/// The outcome of a write, and the entry that was applied. A retry gets the values of the first application.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Applied {
    /// The entry's id.
    pub id: EntryId,
    /// The entry's position.
    pub position: Position,
    /// What it did.
    pub outcome: Outcome,
}

/// Why an entry could not be applied. The node stops: the entry is committed and must not be skipped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyError<E> {
    /// The entry's body is not a command.
    Undecodable,
    /// A record could not be read or written.
    Records(E),
}

/// Applies the entry that follows the last applied one.
///
/// The order: idle sessions are forgotten first, for every kind of entry; then the session decides whether the write
/// is applied; then the records change; then the outcome is remembered. State and records must be stored in one atomic
/// batch, or a crash could apply an entry twice.
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

/// Changes the records; all of a batch or, before the first write, nothing.
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
