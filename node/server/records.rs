//! What the services read without the event loop: the final database, and the log for inspection.

use bytes::Bytes;

use crate::protocol::apply::{ChangePage, Record, TooOld};
use crate::protocol::{Entry, Position};

/// Implemented by the runtime. Every method may block on the disk; `get` mostly finds its record in memory. Errors are
/// texts for people.
pub(crate) trait Records: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Result<Option<Record>, String>;

    /// At most `limit` records with keys that start with `prefix` and are greater than `after`, in key order; true if
    /// there are more.
    fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<(Vec<Record>, bool), String>;

    fn revision(&self) -> u64;

    /// At most `limit` changes after a revision, of keys that start with `prefix`, in order without gaps.
    fn changes(&self, after: u64, prefix: &[u8], limit: usize) -> Result<ChangePage, TooOld>;

    /// A part of the snapshot at a position, and the length of the whole; `None` if it is gone or damaged.
    fn snapshot(&self, at: Position, offset: u64, bytes_max: u64) -> Result<Option<(Bytes, u64)>, String>;

    /// The number of snapshots being read, which therefore stay on the disk.
    fn snapshots_being_read(&self) -> usize {
        0
    }

    /// Entries of the log from a position on, intermediate ones too, ending early after `bytes_max`.
    fn log(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, String>;
}
