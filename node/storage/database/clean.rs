//! The mark of a clean shutdown. It is written after the last sync of the database, and durably removed before the
//! database is opened again.
//!
//! The database is not synced while it runs. Without the mark a power cut may have left it wrong without looking
//! damaged, so it is verified, or rebuilt.
//!
//! ```text
//! beginning 16 · incarnation 16 · 0|1 · point 40 · revision u64 · checksum u32
//! ```
//!
//! The beginning names kind and version, see [`crate::storage::format`].

use std::path::{Path, PathBuf};

use crate::protocol::{Incarnation, LogPoint};
use crate::storage::StorageError;
use crate::storage::database::DatabaseFiles;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::format::{BEGINNING_BYTES, Beginning, FileKind};
use crate::storage::log::{decode_point, encode_point};

const BYTES: usize = BEGINNING_BYTES + 69;

/// What the database held when it was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clean {
    pub incarnation: Incarnation,
    pub applied: Option<LogPoint>,
    pub revision: u64,
}

pub(crate) fn clean_path(folder: &Path) -> PathBuf {
    folder.join("final.clean")
}

/// The mark in a data folder; `None` if it is missing or damaged.
pub(crate) fn read_clean(folder: &Path) -> Option<Clean> {
    let bytes = std::fs::read(clean_path(folder)).ok().filter(|bytes| bytes.len() == BYTES)?;
    let (fields, checksum) = bytes.split_at(BYTES - 4);
    let known = matches!(FileKind::CleanMark.beginning(fields), Beginning::Readable(_));
    if !known || crc32fast::hash(fields).to_le_bytes() != checksum {
        return None;
    }
    let fields = &fields[BEGINNING_BYTES..];
    Some(Clean {
        incarnation: Incarnation(fields[..16].try_into().ok()?),
        applied: (fields[16] == 1).then(|| decode_point(&fields[17..])),
        revision: u64::from_le_bytes(fields[57..].try_into().ok()?),
    })
}

pub(crate) fn write_clean(files: &DatabaseFiles, applied: Option<LogPoint>, revision: u64) -> Result<(), StorageError> {
    let mut bytes = FileKind::CleanMark.magic().to_vec();
    bytes.extend_from_slice(&files.incarnation.0);
    bytes.push(u8::from(applied.is_some()));
    bytes.extend_from_slice(&applied.map_or([0; 40], encode_point));
    bytes.extend_from_slice(&revision.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    let path = clean_path(&files.folder);
    write_whole(&*files.disk, &path, &bytes).map_err(|error| StorageError::io("write", &path, &error))
}

/// Removes the mark, durably.
pub(crate) fn remove_clean(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    let path = clean_path(folder);
    match disk.remove(&path) {
        Ok(()) => disk.sync_folder(folder).map_err(|error| StorageError::io("sync", folder, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StorageError::io("remove", &path, &error)),
    }
}
