//! The numbers that the protocol speaks in, each its own type so that none is taken for another.
//!
//! "None" is always `Option`, never 0. Nothing here knows how a number is stored or sent.

use std::fmt;

/// A node of the cluster. People see `n3`; JSON and the wire carry the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// The leader's version of the data: 1, 2, … It grows with each new leadership, not always by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    pub const FIRST: Epoch = Epoch(1);

    /// The least epoch above `self`, or the first one.
    pub fn after(epoch: Option<Epoch>) -> Epoch {
        epoch.map_or(Epoch::FIRST, |epoch| Epoch(epoch.0 + 1))
    }
}

/// The place of an entry inside its epoch: 0, 1, 2, … without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// The place of an entry in the whole log: 1, 2, 3, … For arithmetic only, never an identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    pub const FIRST: Position = Position(1);

    pub fn next(self) -> Position {
        Position(self.0 + 1)
    }

    /// The position after the point, or the first one.
    pub fn after(point: Option<LogPoint>) -> Position {
        point.map_or(Position::FIRST, |point| point.position.next())
    }
}

/// The identity of an entry, ordered first by epoch, then by offset. Printed `e3·o5`.
///
/// ```
/// use epoca_protocol::EntryId;
///
/// assert!(EntryId::new(2, 1) > EntryId::new(1, 9));
/// assert_eq!(EntryId::new(3, 5).to_string(), "e3·o5");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    pub epoch: Epoch,
    pub offset: Offset,
}

impl EntryId {
    pub const fn new(epoch: u64, offset: u64) -> EntryId {
        EntryId { epoch: Epoch(epoch), offset: Offset(offset) }
    }

    /// The next entry of an epoch, in a log that ends with `last`.
    pub fn next_in(epoch: Epoch, last: Option<EntryId>) -> EntryId {
        let offset = last.filter(|last| last.epoch == epoch).map_or(0, |last| last.offset.0 + 1);
        EntryId { epoch, offset: Offset(offset) }
    }
}

/// What a log holds up to and with an entry, in 16 bytes: two logs with the same digest at a position are the same
/// up to there in content, not only in numbering. Made by [`crate::digest_after`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

/// One entry's place and content: enough to tell whether two logs agree there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPoint {
    pub id: EntryId,
    pub position: Position,
    pub digest: Digest,
}

/// How many entries a log has that ends at the point.
pub fn reach(point: Option<LogPoint>) -> u64 {
    point.map_or(0, |point| point.position.0)
}

/// Which cluster a log belongs to: made from the founding members, so that two candidates of one first election name
/// the same cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub [u8; 16]);

/// A random id made with a data folder: a wiped disk under an old node id is another incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub [u8; 16]);

/// A time in microseconds since a start that only the host knows. It never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(pub u64);

impl Time {
    pub fn plus_micros(self, micros: u64) -> Time {
        Time(self.0.saturating_add(micros))
    }
}

/// A storage operation, numbered in the order in which it must become durable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Operation(pub u64);

/// A request of a client, numbered by the host; the answer carries the number back.
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

impl fmt::Display for LogPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.id, self.digest.short())
    }
}

impl Digest {
    /// The first four hexadecimal digits: enough for a person to see that two differ.
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
