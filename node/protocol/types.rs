//! The ids and numbers of the protocol, each a type of its own so that none is used in place of another.
//!
//! A missing value is `None`, never 0. Nothing here knows how a number is stored or sent.

use std::fmt;

/// A node of the cluster. Printed `n3`; JSON and the wire carry the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// The version of the leader (assignment: *época*; Raft's term): 1, 2, … It grows with each new leadership, not always
/// by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The first epoch.
    pub const FIRST: Epoch = Epoch(1);

    /// The epoch after the given one, or the first.
    pub fn after(epoch: Option<Epoch>) -> Epoch {
        epoch.map_or(Epoch::FIRST, |epoch| Epoch(epoch.0 + 1))
    }
}

/// The place of an entry inside its epoch: 0, 1, 2, … without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// The place of an entry in the whole log (Raft's index): 1, 2, 3, … For arithmetic only; it does not identify an
/// entry, because it is reused after a truncation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The position of the first entry.
    pub const FIRST: Position = Position(1);

    /// The position after this one.
    pub fn next(self) -> Position {
        Position(self.0 + 1)
    }

    /// The position after a point, or the first one if there is none. Used to compare points with "nothing" as the
    /// least.
    pub fn after(point: Option<LogPoint>) -> Position {
        point.map_or(Position::FIRST, |point| point.position.next())
    }
}

/// The identity of an entry, ordered by epoch, then offset. This order is Raft's comparison of term and index (paper
/// 5.4.1). Printed `e3·o5`.
///
/// ```
/// use epoca_protocol::EntryId;
///
/// assert!(EntryId::new(2, 1) > EntryId::new(1, 9));
/// assert_eq!(EntryId::new(3, 5).to_string(), "e3·o5");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The epoch of the leader that created the entry.
    pub epoch: Epoch,
    /// The place of the entry in that epoch.
    pub offset: Offset,
}

impl EntryId {
    /// An id from plain numbers.
    pub const fn new(epoch: u64, offset: u64) -> EntryId {
        EntryId { epoch: Epoch(epoch), offset: Offset(offset) }
    }

    /// The next id of an epoch, in a log that ends with `last`: the next offset, or offset 0 if the epoch is new in
    /// it.
    pub(crate) fn next_in(epoch: Epoch, last: Option<EntryId>) -> EntryId {
        let offset = last.filter(|last| last.epoch == epoch).map_or(0, |last| last.offset.0 + 1);
        EntryId { epoch, offset: Offset(offset) }
    }
}

/// The content of a log up to and including an entry, in 16 bytes. Two logs with the same digest at a position have
/// the same content up to there, not only the same ids. Made by [`crate::digest_after`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

/// The place and content of one entry: enough to decide whether two logs agree up to there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPoint {
    /// Its id.
    pub id: EntryId,
    /// Its position in the log.
    pub position: Position,
    /// The digest of the log that ends with it.
    pub digest: Digest,
}

/// The length of a log that ends at the point: its position, or 0 for none.
pub(crate) fn reach(point: Option<LogPoint>) -> u64 {
    point.map_or(0, |point| point.position.0)
}

/// The cluster that a log belongs to. A hash of the founding members, so that two candidates of one first election
/// found the same cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub [u8; 16]);

/// A random id made with a data folder. An emptied disk under an old node id is another incarnation, so its lost acks
/// and votes are not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub [u8; 16]);

/// What a node or a cluster knows how to use, see [`crate::Core::level`]: each level adds to the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FeatureLevel(pub u32);

impl FeatureLevel {
    /// The level of a node that tells none.
    pub const FIRST: FeatureLevel = FeatureLevel(1);
    /// The greatest level that this version supports.
    pub const NEWEST: FeatureLevel = FeatureLevel(2);
}

/// A time in microseconds, since a start that only the host knows. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(pub u64);

impl Time {
    /// The time `micros` microseconds later; it saturates, so that `u64::MAX` means never.
    pub fn plus_micros(self, micros: u64) -> Time {
        Time(self.0.saturating_add(micros))
    }
}

/// The number of a storage operation. Operations become durable in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Operation(pub u64);

/// The number of a request, given by the host; the answer carries it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o{}", self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}·{}", self.epoch, self.offset)
    }
}

impl fmt::Display for FeatureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for LogPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.id, self.digest.short())
    }
}

impl Digest {
    /// The first four hexadecimal digits, for people to compare.
    pub fn short(&self) -> String {
        format!("{:02x}{:02x}", self.0[0], self.0[1])
    }
}

macro_rules! hexadecimal {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    )*};
}
hexadecimal!(Digest, ClusterId, Incarnation);

macro_rules! debug_as_display {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    )*};
}
debug_as_display!(NodeId, Epoch, Offset, Position, EntryId, LogPoint, Digest, ClusterId, Incarnation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_ids_are_ordered_by_epoch_then_offset() {
        assert!(EntryId::new(2, 1) > EntryId::new(1, 9));
        assert!(EntryId::new(2, 1) < EntryId::new(2, 2));
    }

    #[test]
    fn an_entry_id_prints_as_people_say_it() {
        assert_eq!(EntryId::new(3, 5).to_string(), "e3·o5");
    }
}
