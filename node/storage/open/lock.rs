//! The lock that keeps other processes out of a data folder.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fs4::{FileExt, TryLockError};

use crate::storage::StorageError;
use crate::storage::permissions::FILE_MODE;

/// A killed process, or an inspection, may hold the lock for a moment longer.
const PATIENCE: Duration = Duration::from_millis(300);
const RETRY_EVERY: Duration = Duration::from_millis(10);

/// `DIR/lock`, locked as long as a process uses the folder. The operating system releases it when the process ends, in
/// whatever way.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<FolderLock, StorageError> {
        FolderLock::take_within(folder, PATIENCE)
    }

    pub(crate) fn take_within(folder: &Path, patience: Duration) -> Result<FolderLock, StorageError> {
        let path = folder.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
        let file = file.map_err(|error| StorageError::io("open", &path, &error))?;
        let begun = Instant::now();
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(FolderLock { _file: file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => std::thread::sleep(RETRY_EVERY),
                Err(TryLockError::WouldBlock) => return Err(StorageError::InUse { folder: folder.to_path_buf() }),
                Err(TryLockError::Error(error)) => return Err(StorageError::io("lock", &path, &error)),
            }
        }
    }

    /// Whether a process uses the folder. Writes nothing.
    pub(crate) fn is_taken(folder: &Path) -> bool {
        let Ok(file) = File::open(folder.join("lock")) else { return false };
        matches!(FileExt::try_lock_shared(&file), Err(TryLockError::WouldBlock))
    }
}
