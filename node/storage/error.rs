//! Errors of a data folder. Each variant names the file or entry; its text says what to do.
//!
//! An error goes to several callers, so it can be cloned: its cause is text, not an [`std::io::Error`].

use std::path::{Path, PathBuf};

use crate::protocol::{FeatureLevel, LogPoint, NodeId, Position};

/// An error of the storage.
///
/// Texts about damage only say what was found. What to do depends on whether other nodes have the data, which the
/// caller knows: see [`StorageError::is_damage`].
///
/// | field | meaning |
/// | --- | --- |
/// | `folder`, `path` | the data folder; the file or folder concerned |
/// | `what`, `found`, `why`, `reason` | what was found, or what the operating system or database said |
/// | `byte` | the place in the file |
/// | `entry` | the entry, or in words where it would be |
/// | `action` | what was tried, as it follows "could not" |
/// | `found`, `newest`, `oldest` | the format version of the file, and those that this program reads |
/// | `found`, `expected` | the owner of the folder, and the node that should own it |
/// | `level`, `supported` | the feature level in force in the cluster, and the greatest that this program supports |
/// | `purged`, `next` | the last position that the log gave up; the next position to write |
/// | `times` | the number of quarantines within an hour |
#[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StorageError {
    #[error("another process uses the data folder {folder}: stop it, or choose another folder with --data")]
    InUse { folder: PathBuf },

    #[error(
        "no permission to {action} {path}: give this user read and write access, or choose another folder with --data"
    )]
    NoRights { action: &'static str, path: PathBuf },

    #[error(
        "the data folder {folder} belongs to {found}, not to {expected}: start {found} on it, or choose another folder"
    )]
    OtherNode { folder: PathBuf, found: NodeId, expected: NodeId },

    #[error("{path} has format version {found}; this epoca reads up to {newest}: use a newer epoca")]
    FormatTooNew { path: PathBuf, found: u32, newest: u32 },

    #[error("{path} has format version {found}; this epoca reads from {oldest} on: use an older epoca")]
    FormatTooOld { path: PathBuf, found: u32, oldest: u32 },

    #[error(
        "{path} is of a cluster at feature level {level}; this epoca supports up to {supported}: use a newer epoca"
    )]
    LevelTooLow { path: PathBuf, level: FeatureLevel, supported: FeatureLevel },

    #[error("{path} is not the identity of a node: {what}; without it the node cannot vote")]
    IdentityDamaged { path: PathBuf, what: String },

    #[error("the identity file {path} is missing although the log has records")]
    IdentityLost { path: PathBuf },

    #[error("the log in {folder} is lost ({what}), but this node has promised and acked")]
    LogLost { folder: PathBuf, what: String },

    #[error("{entry} is damaged in {path} at byte {byte}: {what}")]
    Damaged { path: PathBuf, byte: u64, entry: String, what: String },

    #[error(
        "the snapshot {path} is damaged at byte {byte}: {what}. The log continues after it, so the final database \
         cannot be rebuilt without it"
    )]
    SnapshotDamaged { path: PathBuf, byte: u64, what: String },

    #[error(
        "no snapshot in {folder} reaches the log, which begins after position {purged}, and the final database \
         cannot be used either ({why})"
    )]
    SnapshotLost { folder: PathBuf, purged: Position, why: String },

    #[error(
        "the disk is broken: {folder} was damaged and moved aside {times} times within an hour, and is damaged again \
         ({found}). Nothing was deleted: see the quarantine folders in it. Replace the disk, then start the node on an \
         empty folder"
    )]
    DiskBroken { folder: PathBuf, times: usize, found: String },

    #[error("{path} is not a complete backup: it is damaged at byte {byte}: {what}")]
    BackupDamaged { path: PathBuf, byte: u64, what: String },

    #[error("{folder} exists already: restore into a folder that does not exist yet")]
    NotNew { folder: PathBuf },

    #[error("{folder} is incomplete: a restore into it was interrupted. Run `epoca restore` again, or delete {folder}")]
    HalfRestored { folder: PathBuf },

    #[error("the restore into {folder} was interrupted; nothing of it is left")]
    Interrupted { folder: PathBuf },

    #[error(
        "{path} no longer exists: it, or a folder above it, was deleted, moved or replaced while the node ran. What \
         was written since then is lost and was not confirmed. Put the folder back if it was moved, then start the \
         node again"
    )]
    Gone { path: PathBuf },

    #[error("the disk is full: {path} could not grow. Nothing that was confirmed is lost; make room and start again")]
    DiskFull { path: PathBuf },

    #[error("could not {action} {path}: {reason}")]
    Io { action: &'static str, path: PathBuf, reason: String },

    #[error(
        "the final database in {folder} failed: {reason}. Start the node again; the database is rebuilt from the log \
         if needed"
    )]
    Database { folder: PathBuf, reason: String },

    #[error("the committed entry {entry} holds no command that this version knows: use the version that wrote it")]
    Undecodable { entry: LogPoint },

    #[error("the next position of the log is {next}, but {what}: this is a bug, please report it")]
    OutOfOrder { next: Position, what: String },

    #[error("{folder} is not the data folder of a node")]
    NoFolder { folder: PathBuf },

    #[error("the final database is being replaced by a snapshot: try again in a moment")]
    Replaced,

    #[error("the storage has stopped after an earlier error: {0}")]
    Stopped(String),
}

impl StorageError {
    /// Whether the disk does not hold what was written: the node must not continue with this folder.
    ///
    /// A full disk, missing permissions, a failed sync or a format of another version is not damage: once that is
    /// fixed, the node continues with the same folder.
    pub fn is_damage(&self) -> bool {
        use StorageError as E;
        matches!(
            self,
            E::IdentityDamaged { .. }
                | E::IdentityLost { .. }
                | E::LogLost { .. }
                | E::Damaged { .. }
                | E::SnapshotDamaged { .. }
                | E::SnapshotLost { .. }
        )
    }

    /// The error of an operation on a path, with a variant of its own where an operator can act on it.
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
