//! Log entries and the digest that chains them.
//!
//! An entry's payload is kept as bytes: encoded once by the node that accepted the request, decoded once by each node
//! that applies it. The encodings are in [`crate::payload`], [`crate::command`] and [`crate::membership`].

use bytes::Bytes;

use crate::types::{Digest, EntryId, LogPoint, Position};

/// What an entry's body holds. The codes are fixed on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The entry at offset 0 with which a leader opens its epoch. Body: [`crate::Opening`].
    Opening,
    /// A client's write. Body: [`crate::Command`].
    Command,
    /// A change of the member list. Body: the complete new [`crate::Membership`].
    Members,
}

impl Kind {
    /// The code on the wire and on disk: 1, 2, 3.
    pub const fn code(self) -> u8 {
        match self {
            Kind::Opening => 1,
            Kind::Command => 2,
            Kind::Members => 3,
        }
    }

    /// The kind of a code; `None` if there is none.
    pub const fn from_code(code: u8) -> Option<Kind> {
        match code {
            1 => Some(Kind::Opening),
            2 => Some(Kind::Command),
            3 => Some(Kind::Members),
            _ => None,
        }
    }

    /// The name in traces and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Opening => "opening",
            Kind::Command => "command",
            Kind::Members => "members",
        }
    }
}

/// One entry of the log: intermediate data until it is committed (assignment 2a, 2e).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// Its identity: the leader's epoch and the offset in it.
    pub id: EntryId,
    /// Its place in the whole log; the entry before has the position before.
    pub position: Position,
    /// Covers the digest of the entry before, the id and the payload. Each node computes it; it is never taken from a
    /// sender.
    pub digest: Digest,
    /// What the body holds.
    pub kind: Kind,
    /// The encoded payload.
    pub body: Bytes,
}

impl Entry {
    /// The entry that follows `prev` in a log; computes position and digest.
    pub fn after(prev: Option<LogPoint>, id: EntryId, kind: Kind, body: Bytes) -> Entry {
        let digest = digest_after(prev.map(|point| point.digest), id, kind, &body);
        Entry { id, position: Position::after(prev), digest, kind, body }
    }

    /// The entry's id, position and digest.
    pub fn point(&self) -> LogPoint {
        LogPoint { id: self.id, position: self.position, digest: self.digest }
    }

    /// The weight of the entry in bounds, in bytes: its body and a fixed share for the rest.
    pub fn weight(&self) -> u64 {
        self.body.len() as u64 + 64
    }
}

/// The digest of a log that ends with this entry: the first 16 bytes of BLAKE3 over the digest before (16 zero bytes
/// at the start of the log), epoch and offset (8 bytes each, little endian), kind (1 byte) and body.
///
/// ```
/// use epoca_protocol::{EntryId, Kind, digest_after};
///
/// let id = EntryId::new(1, 4);
/// let genuine = digest_after(None, id, Kind::Command, b"x=1");
/// let forged = digest_after(None, id, Kind::Command, b"x=2");
/// assert_ne!(genuine, forged, "the same number with other content");
///
/// let next = EntryId::new(1, 5);
/// let after = |before| digest_after(Some(before), next, Kind::Command, b"y=1");
/// assert_ne!(after(genuine), after(forged), "every later digest differs, too");
/// ```
pub fn digest_after(before: Option<Digest>, id: EntryId, kind: Kind, body: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&before.map_or([0; 16], |digest| digest.0));
    hasher.update(&id.epoch.0.to_le_bytes());
    hasher.update(&id.offset.0.to_le_bytes());
    hasher.update(&[kind.code()]);
    hasher.update(body);
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Digest(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(prev: Option<LogPoint>, offset: u64, body: &'static str) -> Entry {
        Entry::after(prev, EntryId::new(1, offset), Kind::Command, Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn the_same_number_with_other_content_has_another_digest() {
        let mine = command(None, 0, "x=1");
        let forged = command(None, 0, "x=666");
        assert_eq!(mine.id, forged.id);
        assert_ne!(mine.digest, forged.digest);
    }

    #[test]
    fn a_difference_early_in_the_log_shows_in_every_later_digest() {
        let mine = command(Some(command(None, 0, "a").point()), 1, "same");
        let other = command(Some(command(None, 0, "b").point()), 1, "same");
        assert_ne!(mine.digest, other.digest);
    }
}
