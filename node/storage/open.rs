//! Opening a node's data folder: who it belongs to, what the log remembers, and a final database that agrees with it.

use std::path::PathBuf;

use crate::protocol::NodeId;
use crate::storage::{Opened, StorageError};

/// What to open, and how much of the log's end to hand to the core.
pub struct OpenOptions<'a> {
    /// Made if it is missing.
    pub folder: PathBuf,
    /// Whose folder it must be.
    pub node: NodeId,
    /// Bounds of [`crate::protocol::Restored::tail`] in bytes and number; entries that are not committed come on top.
    pub tail_bytes: u64,
    pub tail_entries: usize,
    /// Told what takes long, such as a rebuild of the final database.
    pub progress: &'a dyn Fn(&str),
}

/// Opens the folder or says why not. On return the final database is applied exactly up to `restored.committed`.
pub fn open(options: &OpenOptions) -> Result<Opened, StorageError> {
    Err(StorageError::NoFolder { folder: options.folder.clone() })
}
