//! The rows of the final database. All are in one tree of sled, because its batches are atomic only inside one tree.
//!
//! ```text
//! 0                                  mark: point 40 · revision u64 · checksum of the rows u128
//! 1 · key                            epoch u64 · offset u64 · create u64 · revision u64 · version u64 · 0 · value
//!                                                                                                    · 1 · length u32
//! 2 · revision u64 · number u32      a piece of the value that this revision wrote (big endian, to be in order)
//! 3                                  the table of sessions: new from u64
//! 3 · session u64                    one session, see [`crate::protocol::apply::Session::encode`]
//! ```
//!
//! Values are cut into pieces far below the size at which sled moves a node of its tree to a file of its own: it never
//! syncs those files.
//!
//! Snapshots hold these rows as they are, so a change of this layout is a new version of both formats.

use bytes::Bytes;

use crate::protocol::apply::Record;
use crate::protocol::{EntryId, LogPoint};
use crate::storage::database::checksum::Checksum;
use crate::storage::log::{decode_point, encode_point};

/// Longer values are cut into pieces.
pub(crate) const INLINE_BYTES: usize = 2 << 10;
pub(crate) const PIECE_BYTES: usize = 4 << 10;

pub(crate) const MARK: [u8; 1] = [0];
const RECORDS: u8 = 1;
const PIECES: u8 = 2;
const SESSIONS: u8 = 3;
pub(crate) const SESSION_TABLE: [u8; 1] = [SESSIONS];
const HEAD_BYTES: usize = 41;

/// A record without its key, and without its value if that is in pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub id: EntryId,
    pub create_revision: u64,
    pub revision: u64,
    pub version: u64,
    pub value: Value,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Inline(Bytes),
    Pieces { length: u32 },
}

impl Head {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let numbers = [self.id.epoch.0, self.id.offset.0, self.create_revision, self.revision, self.version];
        let mut out = Vec::with_capacity(HEAD_BYTES + INLINE_BYTES.min(self.value.length()));
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        match &self.value {
            Value::Inline(value) => {
                out.push(0);
                out.extend_from_slice(value);
            }
            Value::Pieces { length } => {
                out.push(1);
                out.extend_from_slice(&length.to_le_bytes());
            }
        }
        out
    }

    /// `None` if the bytes are not a record.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Head> {
        let mut head = Head::decode_numbers(bytes)?;
        if let Value::Inline(value) = &mut head.value {
            *value = Bytes::copy_from_slice(&bytes[HEAD_BYTES..]);
        }
        Some(head)
    }

    /// Like [`Head::decode`], but leaves an inline value empty.
    pub(crate) fn decode_numbers(bytes: &[u8]) -> Option<Head> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(8 * at..8 * at + 8)?.try_into().ok()?));
        let value = match bytes.get(HEAD_BYTES - 1)? {
            0 => Value::Inline(Bytes::new()),
            1 => Value::Pieces { length: u32::from_le_bytes(bytes.get(HEAD_BYTES..)?.try_into().ok()?) },
            _ => return None,
        };
        Some(Head {
            id: EntryId::new(number(0)?, number(1)?),
            create_revision: number(2)?,
            revision: number(3)?,
            version: number(4)?,
            value,
        })
    }

    pub(crate) fn record(self, key: Bytes, value: Bytes) -> Record {
        let Head { id, create_revision, revision, version, .. } = self;
        Record { key, value, id, create_revision, revision, version }
    }
}

impl Value {
    fn length(&self) -> usize {
        match self {
            Value::Inline(value) => value.len(),
            Value::Pieces { length } => *length as usize,
        }
    }

    /// The number of pieces that hold the value.
    pub(crate) fn pieces(&self) -> u32 {
        match self {
            Value::Inline(_) => 0,
            Value::Pieces { length } => length.div_ceil(PIECE_BYTES as u32),
        }
    }
}

pub(crate) fn record_key(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + key.len());
    out.push(RECORDS);
    out.extend_from_slice(key);
    out
}

/// The record's key in a key of the tree; `None` for another kind of row.
pub(crate) fn user_key(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(&[RECORDS])
}

pub(crate) fn piece_key(revision: u64, number: u32) -> [u8; 13] {
    let mut out = [PIECES; 13];
    out[1..9].copy_from_slice(&revision.to_be_bytes());
    out[9..].copy_from_slice(&number.to_be_bytes());
    out
}

pub(crate) fn session_key(id: u64) -> [u8; 9] {
    let mut out = [SESSIONS; 9];
    out[1..].copy_from_slice(&id.to_be_bytes());
    out
}

/// The session in a key of the tree; `None` for another kind of row.
pub(crate) fn session_id(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(&[SESSIONS])?.try_into().ok()?))
}

/// The revision in the key of a piece; `None` for another kind of row.
pub(crate) fn piece_revision(key: &[u8]) -> Option<u64> {
    piece_of_key(key).map(|(revision, _)| revision)
}

/// The revision and the number in the key of a piece; `None` for another kind of row.
pub(crate) fn piece_of_key(key: &[u8]) -> Option<(u64, u32)> {
    let (revision, number) = key.strip_prefix(&[PIECES])?.split_at_checked(8)?;
    Some((u64::from_be_bytes(revision.try_into().ok()?), u32::from_be_bytes(number.try_into().ok()?)))
}

/// Whether the checksum includes the row of this key.
pub(crate) fn is_checksummed(key: &[u8]) -> bool {
    matches!(key.first(), Some(&(RECORDS | SESSIONS)))
}

pub(crate) fn encode_mark(point: LogPoint, revision: u64, sum: Checksum) -> [u8; 64] {
    let mut out = [0; 64];
    out[..40].copy_from_slice(&encode_point(point));
    out[40..48].copy_from_slice(&revision.to_le_bytes());
    out[48..].copy_from_slice(&sum.0.to_le_bytes());
    out
}

/// `None` if the bytes are not a mark.
pub(crate) fn decode_mark(bytes: &[u8]) -> Option<(LogPoint, u64, Checksum)> {
    let (revision, sum) = bytes.get(40..)?.split_at_checked(8)?;
    let sum = Checksum(u128::from_le_bytes(sum.try_into().ok()?));
    Some((decode_point(bytes), u64::from_le_bytes(revision.try_into().ok()?), sum))
}
