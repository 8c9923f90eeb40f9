//! The files of the embedded database: creating, opening, emptying and syncing them.
//!
//! ```text
//! DIR/final/format   the version of the rows' layout, as text; written durably before sled creates its files
//! DIR/final/…        sled's own files
//! ```
//!
//! Opening sled writes to its files, so the version is in a file beside them and is read before.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::storage::StorageError;
use crate::storage::database::tree::Tree;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::format::FileKind;
use crate::storage::permissions::create_folder;

/// The size of sled's page cache, which does not bound its memory. A rebuild with more distinct keys than fit takes
/// about twice as long.
const CACHE_BYTES: u64 = 256 << 20;
/// How long a database that this process just dropped may take to release its files.
const PATIENCE: Duration = Duration::from_secs(5);

/// The folder of the embedded database inside a data folder.
pub(crate) fn sled_folder(folder: &Path) -> PathBuf {
    folder.join("final")
}

/// The file with the version of the rows' layout, in the folder of the embedded database.
pub(crate) fn format_path(sled_folder: &Path) -> PathBuf {
    sled_folder.join("format")
}

/// Creates an empty database in place of the one in a data folder.
pub(crate) fn create(disk: &dyn Disk, folder: &Path) -> Result<Tree, StorageError> {
    let path = sled_folder(folder);
    let emptied = if path.is_dir() { empty(&path) } else { create_folder(&path) };
    emptied.map_err(|error| StorageError::io("empty", &path, &error))?;
    let format = format_path(&path);
    let title = format!("{}\n", FileKind::Database.title());
    write_whole(disk, &format, title.as_bytes()).map_err(|error| StorageError::io("write", &format, &error))?;
    open_sled(&path).map_err(|reason| StorageError::Database { folder: path, reason })
}

/// Opens the database in a folder of sled. The error says why it cannot be used.
pub(crate) fn open(sled_folder: &Path) -> Result<Tree, String> {
    let path = format_path(sled_folder);
    let text = std::fs::read(&path).map_err(|error| format!("its version cannot be read: {error}"))?;
    match FileKind::Database.is_readable(&path, &text) {
        Ok(true) => open_sled(sled_folder),
        Ok(false) => Err("its version cannot be read: the file is damaged".into()),
        Err(other) => Err(other.to_string()),
    }
}

/// Opens sled, which may panic on damaged files.
fn open_sled(path: &Path) -> Result<Tree, String> {
    let begun = Instant::now();
    loop {
        let config = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let opened = std::panic::catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Err(_) => return Err("it is damaged".into()),
            Ok(Ok(database)) => return Ok(Tree::new(sled::Tree::clone(&database))),
            Ok(Err(error)) => {
                let locked = error.to_string().contains("could not acquire lock");
                if !locked || begun.elapsed() > PATIENCE {
                    return Err(error.to_string());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Removes the content of a folder, but not the folder: it may be a link to another disk.
fn empty(folder: &Path) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
    }
    Ok(())
}

/// Syncs all files below a folder, and their names.
pub(crate) fn sync_files(folder: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.is_dir() {
            sync_files(&path)?;
            continue;
        }
        match File::open(&path) {
            Ok(file) => file.sync_data()?,
            // sled may have removed one of its files meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(folder)?.sync_all()
}
