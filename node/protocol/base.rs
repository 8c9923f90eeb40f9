//! What stands in for entries that a log has given up: the point up to which they are gone, and what must be known of
//! them for ever.

use crate::membership::Listed;
use crate::message::RunEnd;
use crate::types::{Digest, LogPoint, Position};

/// With what a log begins whose first entries are gone: a snapshot holds what they made.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Base {
    /// The last entry that is gone; it was committed.
    pub last: LogPoint,
    /// The ends of all epochs up to `last`, with the positions of their last entries, in order.
    pub runs: Vec<(RunEnd, Position)>,
    /// The latest member lists up to `last`, oldest first.
    pub lists: Vec<Listed>,
}

/// A snapshot of the final database: the state after exactly the entries up to `point`, as a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotId {
    pub point: LogPoint,
    /// The file's length.
    pub bytes: u64,
    /// Of the file's content.
    pub digest: Digest,
}
