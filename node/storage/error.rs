//! What can go wrong with a data folder: each variant names the file or entry, and its text says what to do.
//!
//! Errors are values that can be copied to several callers, so the cause is text and not an [`std::io::Error`].

use std::path::{Path, PathBuf};

use crate::protocol::{LogPoint, NodeId, Position};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StorageError {
    #[error("another process runs on data folder {folder}: stop it, or choose another folder with --data")]
    InUse { folder: PathBuf },

    #[error("no rights to {action} {path}: give this user read and write access, or choose another folder with --data")]
    NoRights { action: &'static str, path: PathBuf },

    #[error(
        "data folder {folder} belongs to {found}, not to {expected}: start {found} on it, or choose another folder"
    )]
    OtherNode { folder: PathBuf, found: NodeId, expected: NodeId },

    #[error("{path} is not the identity of a node: {what}. Restore it from a copy; without it the node cannot vote")]
    IdentityDamaged { path: PathBuf, what: String },

    #[error(
        "the identity file {path} is missing although the log has records: restore it from a copy, or empty the folder \
         to join as a new node"
    )]
    IdentityLost { path: PathBuf },

    #[error(
        "the log in {folder} is lost ({what}), but this node has promised and acked: restore it from a copy, or empty \
         the data folder to join as a new node"
    )]
    LogLost { folder: PathBuf, what: String },

    #[error(
        "{entry} is damaged in {path} at byte {byte}: {what}. Nothing was changed. Restore the file from a copy, or \
         empty the data folder to join as a new node"
    )]
    Damaged { path: PathBuf, byte: u64, entry: String, what: String },

    #[error(
        "the snapshot {path} is damaged at byte {byte}: {what}. Without it the final database cannot be made, since the log \
         begins after it. Restore the file from a copy, or empty the data folder to join as a new node"
    )]
    SnapshotDamaged { path: PathBuf, byte: u64, what: String },

    #[error(
        "no snapshot in {folder} reaches the log, which begins after position {purged}, and the final database cannot be \
         used either ({why}): restore the folder from a copy, or empty the data folder to join as a new node"
    )]
    SnapshotLost { folder: PathBuf, purged: Position, why: String },

    #[error("{folder} is there already: restore into a folder that does not exist yet")]
    NotNew { folder: PathBuf },

    #[error("the disk is full: {path} could not grow. Nothing that was confirmed is lost; make room and start again")]
    DiskFull { path: PathBuf },

    #[error("could not {action} {path}: {reason}. The node stops; nothing that was confirmed is lost")]
    Io { action: &'static str, path: PathBuf, reason: String },

    #[error(
        "the final database in {folder} failed: {reason}. Start the node again, it is rebuilt from the log if needed"
    )]
    Database { folder: PathBuf, reason: String },

    #[error("the committed entry {entry} holds no command that this version knows: use the version that wrote it")]
    Undecodable { entry: LogPoint },

    #[error("the next position of the log is {next}, but {what}: this is a fault of the program, please report it")]
    OutOfOrder { next: Position, what: String },

    #[error("no data folder of a node at {folder}")]
    NoFolder { folder: PathBuf },

    #[error("the final database is being replaced by a snapshot: try again in a moment")]
    Replaced,

    #[error("the storage has stopped after an earlier error: {0}")]
    Stopped(String),
}

impl StorageError {
    /// The error of an operation on a path, with its own variant where people can act on it.
    pub(crate) fn io(action: &'static str, path: &Path, error: &std::io::Error) -> StorageError {
        use std::io::ErrorKind;
        let path = path.to_path_buf();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StorageError::NoRights { action, path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                StorageError::DiskFull { path }
            }
            _ => StorageError::Io { action, path, reason: error.to_string() },
        }
    }
}
