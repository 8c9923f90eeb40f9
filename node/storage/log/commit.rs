//! The recorded commit point, in a small file of its own.
//!
//! ```text
//! 0    beginning 16 · epoch u64 · offset u64 · position u64 · digest 16 · checksum u32
//! 512  the same; the two slots are written in turn
//! ```
//!
//! The beginning names kind and version, see [`crate::storage::format`]. Each slot has its own, so that one write makes
//! a slot complete.
//!
//! A record of the log would be too late: records reach the file with the next flush, from another thread, but the
//! operating system must have the commit point before a reader sees what was applied. Then a node that is killed and
//! started again knows that what its clients read is committed. One `pwrite` on the event loop does that, without a
//! sync. A power cut may tear one of the slots or lose both. Then less is known to be committed, which is safe: the
//! next commit order repeats it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::protocol::{Digest, EntryId, LogPoint, Position};
use crate::storage::StorageError;
use crate::storage::format::{BEGINNING_BYTES, FileKind};
use crate::storage::log::record::{u32_at, u64_at};
use crate::storage::permissions::FILE_MODE;

/// Where the two slots begin, in blocks of their own so that one torn write spoils only one of them.
const SLOTS: [u64; 2] = [0, 512];
const POINT_BYTES: usize = 40;
const CHECKED_BYTES: usize = BEGINNING_BYTES + POINT_BYTES;
const SLOT_BYTES: usize = CHECKED_BYTES + 4;

pub(crate) struct CommitFile {
    file: File,
    /// The slot to write next: the one with the older point.
    next_slot: usize,
}

impl CommitFile {
    pub(crate) fn open(path: &Path) -> Result<CommitFile, StorageError> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path);
        let file = opened.map_err(|error| StorageError::io("open", path, &error))?;
        let [first, second] = read_slots(&file, path)?;
        let next_slot = usize::from(first.map(|point| point.position) > second.map(|point| point.position));
        Ok(CommitFile { file, next_slot })
    }

    pub(crate) fn record(&mut self, point: LogPoint) -> io::Result<()> {
        let mut bytes = [0; SLOT_BYTES];
        bytes[..BEGINNING_BYTES].copy_from_slice(&FileKind::CommitPoint.magic());
        bytes[BEGINNING_BYTES..CHECKED_BYTES].copy_from_slice(&encode_point(point));
        let checksum = crc32fast::hash(&bytes[..CHECKED_BYTES]).to_le_bytes();
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum);
        self.file.write_all_at(&bytes, SLOTS[self.next_slot])?;
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }
}

/// The greater commit point of the two slots, if there is any.
pub(crate) fn read_commit(path: &Path) -> Result<Option<LogPoint>, StorageError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StorageError::io("read", path, &error)),
    };
    Ok(read_slots(&file, path)?.into_iter().flatten().max_by_key(|point| point.position))
}

/// Fails only for a slot of another version. A slot that is torn, damaged or was never written is `None`.
fn read_slots(file: &File, path: &Path) -> Result<[Option<LogPoint>; 2], StorageError> {
    let mut points = [None; 2];
    for (slot, point) in SLOTS.into_iter().zip(&mut points) {
        let mut bytes = [0; SLOT_BYTES];
        let begins = file.read_exact_at(&mut bytes[..BEGINNING_BYTES], slot).is_ok();
        if !begins || !FileKind::CommitPoint.is_readable(path, &bytes)? || file.read_exact_at(&mut bytes, slot).is_err()
        {
            continue;
        }
        let intact = crc32fast::hash(&bytes[..CHECKED_BYTES]) == u32_at(&bytes, CHECKED_BYTES);
        *point = intact.then(|| decode_point(&bytes[BEGINNING_BYTES..]));
    }
    Ok(points)
}

pub(crate) fn encode_point(point: LogPoint) -> [u8; POINT_BYTES] {
    let mut out = [0; POINT_BYTES];
    out[..8].copy_from_slice(&point.id.epoch.0.to_le_bytes());
    out[8..16].copy_from_slice(&point.id.offset.0.to_le_bytes());
    out[16..24].copy_from_slice(&point.position.0.to_le_bytes());
    out[24..40].copy_from_slice(&point.digest.0);
    out
}

/// The point in the first 40 bytes.
pub(crate) fn decode_point(bytes: &[u8]) -> LogPoint {
    let mut digest = [0; 16];
    digest.copy_from_slice(&bytes[24..40]);
    LogPoint {
        id: EntryId::new(u64_at(bytes, 0), u64_at(bytes, 8)),
        position: Position(u64_at(bytes, 16)),
        digest: Digest(digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(position: u64) -> LogPoint {
        LogPoint {
            id: EntryId::new(1, position - 1),
            position: Position(position),
            digest: Digest([position as u8; 16]),
        }
    }

    #[test]
    fn the_last_recorded_point_is_read_and_a_torn_write_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commit");
        assert_eq!(read_commit(&path).unwrap(), None);
        for position in 1..=5 {
            CommitFile::open(&path).unwrap().record(point(position)).unwrap();
            assert_eq!(read_commit(&path).unwrap(), Some(point(position)));
        }
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[BEGINNING_BYTES + 3] ^= 1; // The fifth point is in the first slot again.
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_commit(&path).unwrap(), Some(point(4)));
    }
}
