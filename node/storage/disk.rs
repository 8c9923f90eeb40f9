//! The interface between the storage and the operating system. Every write and sync of log, identity, snapshots and
//! marks goes through it, so that tests can count syncs, fill the disk, fail a sync or cut the power.
//!
//! Left out: reads, which go to the file system directly, the commit point, which is never synced, and the embedded
//! database, which does its own input and output.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::storage::permissions::FILE_MODE;

/// The end of a temporary file's name, see [`write_whole`].
const TEMPORARY: &str = ".tmp";
/// The number of random hexadecimal digits in that name.
const UNIQUE_DIGITS: usize = 16;

/// The operations that the storage needs of a file system.
pub(crate) trait Disk: Send + Sync {
    /// Creates a file that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for appending.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file. What was appended is durable once [`DiskFile::sync`] has returned.
pub(crate) trait DiskFile: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Truncates the file to `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// `fdatasync`: content and length.
    fn sync(&mut self) -> io::Result<()>;

    /// Whether the file is still at this path. False once the file or a folder above it was deleted, moved or replaced:
    /// the next start would not find what is written now.
    fn is_at(&self, path: &Path) -> io::Result<bool>;
}

/// The operating system's files.
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).mode(FILE_MODE).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let mine = self.metadata()?;
        match std::fs::metadata(path) {
            Ok(there) => Ok((mine.dev(), mine.ino()) == (there.dev(), there.ino())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Writes a small file atomically: after a power cut it holds the old content or the new. Order: temporary file, sync,
/// rename, sync of the folder. The temporary file has a unique name and is removed if it cannot be written.
pub(crate) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_beside(path)?;
    let written = write_and_rename(disk, &temporary, path, bytes);
    if written.is_err() {
        // If this fails too, the next start removes the file.
        let _ = disk.remove(&temporary);
    }
    written
}

fn write_and_rename(disk: &dyn Disk, temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = disk.create(temporary)?;
    file.append(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(temporary, path)?;
    disk.sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// `.NAME.0123456789abcdef.tmp` in the same folder.
fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let unique = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{unique:016x}{TEMPORARY}")))
}

/// Removes temporary files that a crash left in this folder. The folder may be missing.
pub(crate) fn remove_temporaries(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_temporary) {
            disk.remove(&entry.path())?;
        }
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    let unique = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(TEMPORARY)?.rsplit_once('.'));
    unique.is_some_and(|(_, digits)| {
        digits.len() == UNIQUE_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_whole_leaves_those_beside_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        for other in ["identity.tmp", "identity.partial", ".identity.tmp"] {
            std::fs::write(folder.path().join(other), "another file").unwrap();
        }
        write_whole(&SystemDisk, &path, b"one").unwrap();
        write_whole(&SystemDisk, &path, b"two").unwrap();
        std::fs::write(temporary_beside(&path).unwrap(), "half").unwrap();
        remove_temporaries(&SystemDisk, folder.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".identity.tmp", "identity", "identity.partial", "identity.tmp"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }

    #[test]
    fn a_file_is_at_its_path_until_it_or_a_folder_above_it_is_moved_deleted_or_replaced() {
        let root = tempfile::tempdir().unwrap();
        let (folder, path) = (root.path().join("log"), root.path().join("log/1.log"));
        std::fs::create_dir(&folder).unwrap();
        let file = SystemDisk.create(&path).unwrap();
        assert!(file.is_at(&path).unwrap());
        std::fs::rename(&folder, root.path().join("aside")).unwrap();
        assert!(!file.is_at(&path).unwrap(), "its folder was moved");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&path, "another").unwrap();
        assert!(!file.is_at(&path).unwrap(), "another file lies there");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(!file.is_at(&path).unwrap(), "nothing lies there");
    }
}
