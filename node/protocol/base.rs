//! What replaces the entries that a log has given up: the last of them, and what must stay known about them.

use crate::membership::Listed;
use crate::message::RunEnd;
use crate::types::{Digest, LogPoint, Position};

/// The start of a log whose first entries were given up. A snapshot covers them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Base {
    /// The last entry that was given up. It is committed, so its digest is part of every log of the cluster.
    pub last: LogPoint,
    /// The ends of all epochs up to `last`, with the positions of their last entries, in order. Finding a sync point
    /// needs them also for entries that are gone.
    pub runs: Vec<(RunEnd, Position)>,
    /// The latest member lists up to `last`, oldest first. The last of them may still be in force.
    pub lists: Vec<Listed>,
}

/// A snapshot file of the final database: the state after exactly the entries up to `point`. Two files with equal
/// values have equal content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SnapshotId {
    /// The last entry that the state includes.
    pub point: LogPoint,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The digest of the file's content; the receiver checks it before it installs.
    pub digest: Digest,
}
