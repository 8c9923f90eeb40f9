//! Clients' writes: what they change, how they are named, and their encoding: little endian, lengths before bytes.
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

/// The greatest length of a key in bytes.
pub const KEY_BYTES_MAX: usize = 4 << 10;
/// The greatest length of a value in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// The greatest length of an encoded command: a batch has to share it.
const COMMAND_BYTES_MAX: usize = KEY_BYTES_MAX + VALUE_BYTES_MAX + 4_096;
/// How many changes a batch may have.
const BATCH_CHANGES_MAX: usize = 1_024;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const COMPARE_AND_SET: u8 = 3;
const BATCH: u8 = 4;
/// Set in the tag of a command that belongs to a session.
const ONCE: u8 = 0x80;

/// A client's write.
///
/// ```
/// use bytes::Bytes;
/// use epoca_protocol::{Change, Command, Expect};
///
/// let change = Change::CompareAndSet { key: Bytes::from("x"), expect: Expect::Absent, value: Bytes::from("1") };
/// assert_eq!(change.check(), Ok(()));
/// let command = Command { session: 7, sequence: 1, once: None, change };
/// assert_eq!(Command::decode(&command.encode()), Some(command));
/// ```
///
/// `session` and `sequence` name it, so that a retry can be told from a new write; only `once` makes them
/// count, without it they are a label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Command {
    pub session: u64,
    pub sequence: u64,
    pub once: Option<Once>,
    pub change: Change,
}

/// What the table of sessions needs to know, so that this write is applied at most once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Once {
    /// A position that the client knew to be applied somewhere when it made up the session. A session that the table does
    /// not have is new only if it was born after every session that the table has forgotten.
    pub born: u64,
    /// The client has, or wants, no answer to any smaller sequence any more.
    pub answered: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    Put {
        key: Bytes,
        value: Bytes,
    },
    Delete {
        key: Bytes,
    },
    /// A put that happens only if the key is as expected.
    CompareAndSet {
        key: Bytes,
        expect: Expect,
        value: Bytes,
    },
    /// Puts and deletes, in order, all or nothing.
    Batch(Vec<Change>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Expect {
    Absent,
    Value(Bytes),
    /// The revision that wrote the present value.
    Revision(u64),
}

/// Why no client may write a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsound {
    EmptyKey,
    /// The key has more than [`KEY_BYTES_MAX`] bytes.
    KeyTooLarge {
        bytes: usize,
    },
    /// The value has more than [`VALUE_BYTES_MAX`] bytes.
    ValueTooLarge {
        bytes: usize,
    },
    EmptyBatch,
    /// The encoded command is larger than one push may carry, or the batch has more than 1024 changes.
    TooLarge,
    /// A batch with something else than puts and deletes.
    NotPlain,
}

/// Whether a key can be written, and so be read.
pub fn check_key(key: &[u8]) -> Result<(), Unsound> {
    match key.len() {
        0 => Err(Unsound::EmptyKey),
        1..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(Unsound::KeyTooLarge { bytes }),
    }
}

fn check_value(value: &[u8]) -> Result<(), Unsound> {
    if value.len() <= VALUE_BYTES_MAX { Ok(()) } else { Err(Unsound::ValueTooLarge { bytes: value.len() }) }
}

impl Change {
    /// The keys that it names, in order.
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

    /// Whether a client may write the change: keys and values within their bounds, a batch of puts and deletes only.
    /// Client, service and injection check it with this function and no other.
    pub fn check(&self) -> Result<(), Unsound> {
        match self {
            Change::Put { key, value } => check_key(key).and_then(|()| check_value(value)),
            Change::Delete { key } => check_key(key),
            Change::CompareAndSet { key, value, .. } => {
                check_key(key).and_then(|()| check_value(value))?;
                self.check_length()
            }
            Change::Batch(changes) if changes.is_empty() => Err(Unsound::EmptyBatch),
            Change::Batch(changes) if changes.len() > BATCH_CHANGES_MAX => Err(Unsound::TooLarge),
            Change::Batch(changes) => {
                changes.iter().try_for_each(|change| match change {
                    Change::Put { .. } | Change::Delete { .. } => change.check(),
                    Change::CompareAndSet { .. } | Change::Batch(_) => Err(Unsound::NotPlain),
                })?;
                self.check_length()
            }
        }
    }

    fn check_length(&self) -> Result<(), Unsound> {
        if self.length() <= COMMAND_BYTES_MAX { Ok(()) } else { Err(Unsound::TooLarge) }
    }

    /// Key and value as one line shows them: of a batch all keys, and how many changes they are.
    pub fn shown(&self) -> (Bytes, Option<Bytes>) {
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

    /// At most how many bytes its command takes, encoded.
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

    /// `None` if the bytes are not a command. Keys and values share the body's memory.
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
