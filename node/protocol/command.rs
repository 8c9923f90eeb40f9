//! Clients' writes: what they change, how a retry is recognised, and their encoding: little endian, lengths before
//! bytes.
//!
//! ```text
//! Command   session u64 · sequence u64 · tag · [born u64 · answered u64, if the tag has its highest bit] · change
//!           1 · length u32 · key · length u32 · value                                      put
//!           2 · length u32 · key                                                           delete
//!           3 · key · 0 | 1 · length u32 · value | 2 · revision u64 · length u32 · value   compare and set
//!           4 · count u32 · (1 · key · value | 2 · key)…                                   batch
//! ```
//!
//! What a command does to the final state is in [`crate::apply`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::payload::{put_bytes, take_bytes};

/// The greatest length of a key, in bytes.
pub const KEY_BYTES_MAX: usize = 4 << 10;
/// The greatest length of a value, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// The greatest length of an encoded command, in bytes. A batch must fit into it.
const COMMAND_BYTES_MAX: usize = KEY_BYTES_MAX + VALUE_BYTES_MAX + 4_096;
/// The greatest number of changes in a batch.
const BATCH_CHANGES_MAX: usize = 1_024;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const COMPARE_AND_SET: u8 = 3;
const BATCH: u8 = 4;
/// Where the tag is in an encoded command.
const TAG_AT: usize = 16;
/// The bit of the tag that marks a command of a session.
const ONCE: u8 = 0x80;

/// A client's write, as it is encoded into an entry's body.
///
/// `session` and `sequence` name the write. They prevent a second application only if `once` is set; otherwise they
/// are a label.
///
/// ```
/// use bytes::Bytes;
/// use epoca_protocol::{Change, Command};
///
/// let change = Change::Put { key: Bytes::from("x"), value: Bytes::from("1") };
/// let command = Command { session: 7, sequence: 1, once: None, change };
///
/// let body = command.encode();
/// assert_eq!(body.len(), 8 + 8 + 1 + (4 + 1) + (4 + 1));
/// assert_eq!(Command::decode(&body), Some(command));
/// assert_eq!(Command::decode(&body.slice(..body.len() - 1)), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Command {
    /// The client's session: a random number that the client draws.
    pub session: u64,
    /// The number of the write in its session. A retry has the number of the first attempt.
    pub sequence: u64,
    /// Set for a write that must be applied at most once.
    pub once: Option<Once>,
    /// What is written.
    pub change: Change,
}

/// What the table of sessions needs, so that the write is applied at most once. See [`crate::apply::Sessions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Once {
    /// A position that the client knew to be applied when it drew the session id. A session that is not in the table
    /// is new only if it was born after all sessions that the table has forgotten.
    pub born: u64,
    /// The client needs no answer to sequences below this one; their results may be dropped.
    pub answered: u64,
}

/// A change of the final data.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// Sets a key to a value.
    Put {
        /// The key, 1 to [`KEY_BYTES_MAX`] bytes.
        key: Bytes,
        /// The value, up to [`VALUE_BYTES_MAX`] bytes.
        value: Bytes,
    },
    /// Removes a key. Has no effect, and takes no revision, if the key is absent.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// A put that is applied only if the key is as expected; otherwise nothing changes.
    CompareAndSet {
        /// The key.
        key: Bytes,
        /// What the key must hold.
        expect: Expect,
        /// The new value.
        value: Bytes,
    },
    /// Puts and deletes, applied in order, all or none.
    Batch(Vec<Change>),
}

/// What a compare-and-set expects of its key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Expect {
    /// The key does not exist.
    Absent,
    /// The key has this value.
    Value(Bytes),
    /// The key was last written by this revision.
    Revision(u64),
}

/// Why a change is not accepted from a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidChange {
    /// A key has no bytes.
    EmptyKey,
    /// The key has more than [`KEY_BYTES_MAX`] bytes.
    KeyTooLarge {
        /// The length of the key.
        bytes: usize,
    },
    /// The value has more than [`VALUE_BYTES_MAX`] bytes.
    ValueTooLarge {
        /// The length of the value.
        bytes: usize,
    },
    /// A batch has no changes.
    EmptyBatch,
    /// The encoded command is too large for one push, or the batch has more than 1024 changes.
    TooLarge,
    /// A batch contains something other than puts and deletes.
    NotPutOrDelete,
}

/// Checks that a key may be written or read: 1 to [`KEY_BYTES_MAX`] bytes.
pub fn check_key(key: &[u8]) -> Result<(), InvalidChange> {
    match key.len() {
        0 => Err(InvalidChange::EmptyKey),
        1..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(InvalidChange::KeyTooLarge { bytes }),
    }
}

fn check_value(value: &[u8]) -> Result<(), InvalidChange> {
    if value.len() <= VALUE_BYTES_MAX { Ok(()) } else { Err(InvalidChange::ValueTooLarge { bytes: value.len() }) }
}

impl Change {
    /// The keys that the change names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let (one, many) = match self {
            Change::Put { key, .. } | Change::Delete { key } | Change::CompareAndSet { key, .. } => {
                (Some(key), &[][..])
            }
            Change::Batch(changes) => (None, &changes[..]),
        };
        one.into_iter().chain(many.iter().flat_map(|change| match change {
            Change::Put { key, .. } | Change::Delete { key } => Some(key),
            _ => None,
        }))
    }

    /// Checks that a client may write the change: lengths of keys, values and the whole command, and that a batch has
    /// only puts and deletes. Client, server and injection all use this function, so that none accepts what another
    /// refuses.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use epoca_protocol::{Change, InvalidChange};
    ///
    /// let put = |key: &'static str| Change::Put { key: Bytes::from(key), value: Bytes::new() };
    /// assert_eq!(put("x").check(), Ok(()));
    /// assert_eq!(put("").check(), Err(InvalidChange::EmptyKey));
    /// assert_eq!(Change::Batch(vec![Change::Batch(vec![put("x")])]).check(), Err(InvalidChange::NotPutOrDelete));
    /// ```
    pub fn check(&self) -> Result<(), InvalidChange> {
        match self {
            Change::Put { key, value } => check_key(key).and_then(|()| check_value(value)),
            Change::Delete { key } => check_key(key),
            Change::CompareAndSet { key, value, .. } => {
                check_key(key).and_then(|()| check_value(value))?;
                self.check_length()
            }
            Change::Batch(changes) if changes.is_empty() => Err(InvalidChange::EmptyBatch),
            Change::Batch(changes) if changes.len() > BATCH_CHANGES_MAX => Err(InvalidChange::TooLarge),
            Change::Batch(changes) => {
                changes.iter().try_for_each(|change| match change {
                    Change::Put { .. } | Change::Delete { .. } => change.check(),
                    Change::CompareAndSet { .. } | Change::Batch(_) => Err(InvalidChange::NotPutOrDelete),
                })?;
                self.check_length()
            }
        }
    }

    fn check_length(&self) -> Result<(), InvalidChange> {
        if self.length() <= COMMAND_BYTES_MAX { Ok(()) } else { Err(InvalidChange::TooLarge) }
    }

    /// Key and value for a display in one line. For a batch: all its keys, and the number of changes as the value.
    pub fn preview(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Change::Put { key, value } | Change::CompareAndSet { key, value, .. } => (key.clone(), Some(value.clone())),
            Change::Delete { key } => (key.clone(), None),
            Change::Batch(changes) => {
                let keys: Vec<&[u8]> = self.keys().map(|key| &key[..]).collect();
                let count = format!("batch of {}", changes.len());
                (Bytes::from(keys.join(&b' ')), Some(Bytes::from(count)))
            }
        }
    }

    /// An upper bound for the length of the encoded command, in bytes.
    fn length(&self) -> usize {
        let own = match self {
            Change::Put { key, value } => key.len() + value.len() + 9,
            Change::Delete { key } => key.len() + 5,
            Change::CompareAndSet { key, expect, value } => {
                let expected = if let Expect::Value(value) = expect { value.len() } else { 8 };
                key.len() + expected + value.len() + 14
            }
            Change::Batch(changes) => 5 + changes.iter().map(Change::body_length).sum::<usize>(),
        };
        own + 32
    }

    /// The length of a put or delete inside a batch.
    fn body_length(&self) -> usize {
        match self {
            Change::Put { key, value } => key.len() + value.len() + 9,
            change => change.keys().map(|key| key.len() + 5).sum(),
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Change::Put { .. } => PUT,
            Change::Delete { .. } => DELETE,
            Change::CompareAndSet { .. } => COMPARE_AND_SET,
            Change::Batch(_) => BATCH,
        }
    }

    /// Everything after the tag.
    fn encode_after_tag(&self, out: &mut BytesMut) {
        match self {
            Change::Put { key, value } => {
                put_bytes(out, key);
                put_bytes(out, value);
            }
            Change::Delete { key } => put_bytes(out, key),
            Change::CompareAndSet { key, expect, value } => {
                put_bytes(out, key);
                match expect {
                    Expect::Absent => out.put_u8(0),
                    Expect::Value(value) => {
                        out.put_u8(1);
                        put_bytes(out, value);
                    }
                    Expect::Revision(revision) => {
                        out.put_u8(2);
                        out.put_u64_le(*revision);
                    }
                }
                put_bytes(out, value);
            }
            Change::Batch(changes) => {
                out.put_u32_le(changes.len() as u32);
                for change in changes {
                    out.put_u8(change.tag());
                    change.encode_after_tag(out);
                }
            }
        }
    }

    /// Decodes the change of a tag; `None` if the bytes do not match it.
    fn decode_after_tag(tag: u8, body: &mut Bytes) -> Option<Change> {
        Some(match tag {
            PUT => Change::Put { key: take_bytes(body)?, value: take_bytes(body)? },
            DELETE => Change::Delete { key: take_bytes(body)? },
            COMPARE_AND_SET => {
                let key = take_bytes(body)?;
                let expect = match body.try_get_u8().ok()? {
                    0 => Expect::Absent,
                    1 => Expect::Value(take_bytes(body)?),
                    2 => Expect::Revision(body.try_get_u64_le().ok()?),
                    _ => return None,
                };
                Change::CompareAndSet { key, expect, value: take_bytes(body)? }
            }
            BATCH => {
                let count = body.try_get_u32_le().ok()?;
                let mut changes = Vec::new();
                for _ in 0..count {
                    let tag = body.try_get_u8().ok().filter(|tag| [PUT, DELETE].contains(tag))?;
                    changes.push(Change::decode_after_tag(tag, body)?);
                }
                Change::Batch(changes)
            }
            _ => return None,
        })
    }
}

impl Command {
    /// Encodes the command, as the module's head shows.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.change.length());
        out.put_u64_le(self.session);
        out.put_u64_le(self.sequence);
        match self.once {
            Some(once) => {
                out.put_u8(self.change.tag() | ONCE);
                out.put_u64_le(once.born);
                out.put_u64_le(once.answered);
            }
            None => out.put_u8(self.change.tag()),
        }
        self.change.encode_after_tag(&mut out);
        out.freeze()
    }

    /// Whether the encoded command is a batch.
    pub(super) fn is_batch(body: &Bytes) -> bool {
        body.get(TAG_AT).is_some_and(|tag| tag & !ONCE == BATCH)
    }

    /// Decodes a command. `None` if the bytes are not exactly one command. Keys and values share the body's memory.
    pub fn decode(body: &Bytes) -> Option<Command> {
        let mut body = body.clone();
        let session = body.try_get_u64_le().ok()?;
        let sequence = body.try_get_u64_le().ok()?;
        let tag = body.try_get_u8().ok()?;
        let once = match tag & ONCE {
            0 => None,
            _ => Some(Once { born: body.try_get_u64_le().ok()?, answered: body.try_get_u64_le().ok()? }),
        };
        let change = Change::decode_after_tag(tag & !ONCE, &mut body)?;
        body.is_empty().then_some(Command { session, sequence, once, change })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &'static str, value: &'static [u8]) -> Change {
        Change::Put { key: Bytes::from_static(key.as_bytes()), value: Bytes::from_static(value) }
    }

    fn commands() -> Vec<Command> {
        let key = Bytes::from_static(b"k");
        let expects = [Expect::Absent, Expect::Value(Bytes::from_static(b"old")), Expect::Revision(u64::MAX)];
        let set = |expect| Change::CompareAndSet { key: key.clone(), expect, value: Bytes::from_static(b"new") };
        let delete = Change::Delete { key: key.clone() };
        let batch = Change::Batch(vec![put("x", b"1"), delete.clone(), put("x", b"")]);
        let mut changes = vec![put("x", b"1"), put("empty", b""), put("bytes", &[0, 255, 128]), delete, batch];
        changes.extend(expects.map(set));
        let once = [None, Some(Once { born: 4, answered: 8 })];
        let command = |once, change| Command { session: 7, sequence: 9, once, change };
        once.into_iter().flat_map(|once| changes.clone().into_iter().map(move |change| command(once, change))).collect()
    }

    #[test]
    fn commands_come_back_as_they_went() {
        for command in commands() {
            let body = command.encode();
            assert!(body.len() <= command.change.length(), "{command:?} takes {} bytes", body.len());
            assert_eq!(Command::decode(&body), Some(command));
        }
    }

    #[test]
    fn cut_or_lengthened_bytes_do_not_decode() {
        for command in commands() {
            let whole = command.encode();
            for length in 0..whole.len() {
                assert_eq!(Command::decode(&whole.slice(..length)), None, "{length} bytes of {command:?}");
            }
            let longer = Bytes::from([&whole[..], b"!"].concat());
            assert_eq!(Command::decode(&longer), None);
        }
    }

    #[test]
    fn a_batch_holds_puts_and_deletes_within_bounds() {
        assert!(Change::Batch(vec![put("a", b"1")]).check().is_ok());
        assert!(Change::Batch(Vec::new()).check().is_err());
        assert!(Change::Batch(vec![Change::Batch(vec![put("a", b"1")])]).check().is_err());
        assert!(Change::Batch(vec![put("", b"1")]).check().is_err());
        assert!(Change::Batch(vec![put("a", b"1"); BATCH_CHANGES_MAX + 1]).check().is_err());
        let large = Change::Put { key: Bytes::from_static(b"k"), value: Bytes::from(vec![0; VALUE_BYTES_MAX]) };
        assert!(large.check().is_ok());
        assert!(Change::Batch(vec![large.clone(), large]).check().is_err());
    }
}
