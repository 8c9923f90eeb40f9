//! The commit point that the log has recorded, in a small file of its own.
//!
//! ```text
//! 0    epoch u64 · offset u64 · position u64 · digest 16 · checksum u32
//! 512  the same; the two are written in turn
//! ```
//!
//! Why not a record of the log: records reach the file with the next flush, from another thread, and a commit point
//! must be in the operating system's hands before a reader sees what was applied. One `pwrite` on the loop does that,
//! without a sync. A power cut may tear one of the two places or lose both: then less is known to be committed, which
//! is safe, and the next commit order says it again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::protocol::{Digest, EntryId, LogPoint, Position};
use crate::storage::log::record::{u32_at, u64_at};
use crate::storage::permissions::FILE_MODE;

const PLACES: [u64; 2] = [0, 512];
const BYTES: usize = 44;

pub(crate) struct CommitFile {
    file: File,
    /// The place to be written next: the one with the older point.
    turn: usize,
}

impl CommitFile {
    pub(crate) fn open(path: &Path) -> io::Result<CommitFile> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
        let points = PLACES.map(|place| read_place(&file, place));
        let turn = usize::from(points[0].map(|point| point.position) > points[1].map(|point| point.position));
        Ok(CommitFile { file, turn })
    }

    pub(crate) fn record(&mut self, point: LogPoint) -> io::Result<()> {
        let mut bytes = encode_point(point).to_vec();
        let checksum = crc32fast::hash(&bytes).to_le_bytes();
        bytes.extend_from_slice(&checksum);
        self.file.write_all_at(&bytes, PLACES[self.turn])?;
        self.turn = 1 - self.turn;
        Ok(())
    }
}

/// The greatest commit point in the file, if there is any.
pub(crate) fn read_commit(path: &Path) -> io::Result<Option<LogPoint>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(PLACES.iter().filter_map(|place| read_place(&file, *place)).max_by_key(|point| point.position))
}

fn read_place(file: &File, place: u64) -> Option<LogPoint> {
    let mut bytes = [0; BYTES];
    file.read_exact_at(&mut bytes, place).ok()?;
    (crc32fast::hash(&bytes[..40]) == u32_at(&bytes, 40)).then(|| decode_point(&bytes))
}

pub(crate) fn encode_point(point: LogPoint) -> [u8; 40] {
    let mut out = [0; 40];
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
        bytes[3] ^= 1; // The fifth point stands in the first place again.
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_commit(&path).unwrap(), Some(point(4)));
    }
}
