//! Where a log begins whose first segments are gone, in a small file beside the segments.
//!
//! ```text
//! log/base   "EPOCABAS" · version u32 · segment u64 · base · checksum u32
//! base       point 40 · count u32 · (epoch u64 · last offset u64 · position u64 · digest 16)…
//!            · length u32 · opening that founded the cluster
//! ```
//!
//! It is replaced as a whole before any segment is deleted: segments before the one that it names are left over from a
//! deletion that did not end. Its last entry is that before the segment's first.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::protocol::{Base, Digest, Epoch, Offset, Opening, Position, RunEnd};
use crate::storage::StorageError;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::log::record::{u32_at, u64_at};
use crate::storage::log::{decode_point, encode_point};

const MAGIC: &[u8; 8] = b"EPOCABAS";
const VERSION: u32 = 1;
const HEADER: usize = 20;
const RUN_BYTES: usize = 40;

/// The first segment that counts, and what the log must know of all before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LogBase {
    pub segment: u64,
    pub base: Base,
}

impl LogBase {
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("base")
    }

    /// `None` if the log is whole from its first entry on.
    pub(crate) fn read(folder: &Path) -> Result<Option<LogBase>, StorageError> {
        let path = LogBase::path(folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("read", &path, &error)),
        };
        match LogBase::decode(&bytes) {
            Some(base) => Ok(Some(base)),
            None => Err(StorageError::Damaged {
                path,
                byte: 0,
                entry: "the log's beginning".into(),
                what: "its checksum is wrong, or another version wrote it".into(),
            }),
        }
    }

    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
        let path = LogBase::path(folder);
        write_whole(disk, &path, &self.encode()).map_err(|error| StorageError::io("write", &path, &error))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.segment.to_le_bytes());
        put_base(&mut out, &self.base);
        let checksum = crc32fast::hash(&out).to_le_bytes();
        out.extend_from_slice(&checksum);
        out
    }

    fn decode(bytes: &Bytes) -> Option<LogBase> {
        let end = bytes.len().checked_sub(4).filter(|end| *end >= HEADER)?;
        let right = crc32fast::hash(&bytes[..end]) == u32_at(bytes, end);
        let known = &bytes[..8] == MAGIC && u32_at(bytes, 8) == VERSION;
        let (base, length) = take_base(&bytes.slice(HEADER..end))?;
        (right && known && HEADER + length == end).then(|| LogBase { segment: u64_at(bytes, 12), base })
    }
}

pub(crate) fn put_base(out: &mut Vec<u8>, base: &Base) {
    out.extend_from_slice(&encode_point(base.last));
    out.extend_from_slice(&(base.runs.len() as u32).to_le_bytes());
    for (end, position) in &base.runs {
        [end.epoch.0, end.last.0, position.0].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(&end.digest.0);
    }
    let opening = Opening { founding: base.founding.clone() }.encode();
    out.extend_from_slice(&(opening.len() as u32).to_le_bytes());
    out.extend_from_slice(&opening);
}

/// The base at the beginning of the bytes, and how many of them it takes; `None` if they hold none.
pub(crate) fn take_base(bytes: &Bytes) -> Option<(Base, usize)> {
    let last = decode_point(bytes.get(..40)?);
    let count = bytes.get(40..44).map(|_| u32_at(bytes, 40) as usize)?;
    let mut at = 44;
    let mut runs = Vec::new();
    for _ in 0..count {
        let run = bytes.get(at..at + RUN_BYTES)?;
        let digest = Digest(run[24..].try_into().ok()?);
        let end = RunEnd { epoch: Epoch(u64_at(run, 0)), last: Offset(u64_at(run, 8)), digest };
        runs.push((end, Position(u64_at(run, 16))));
        at += RUN_BYTES;
    }
    let length = bytes.get(at..at + 4).map(|_| u32_at(bytes, at) as usize)?;
    at += 4;
    let end = at.checked_add(length).filter(|end| *end <= bytes.len())?;
    let founding = Opening::decode(&bytes.slice(at..end))?.founding;
    let base = Base { last, runs, founding };
    is_sound(&base).then_some((base, end))
}

/// Epochs and positions ascend without gaps, and end with the last entry.
fn is_sound(base: &Base) -> bool {
    let mut before = (None, 0);
    for (end, position) in &base.runs {
        let begins = position.0.checked_sub(end.last.0);
        if begins != Some(before.1 + 1) || before.0 >= Some(end.epoch) {
            return false;
        }
        before = (Some(end.epoch), position.0);
    }
    base.runs.last().is_some_and(|(end, position)| {
        let last = &base.last;
        (last.id.epoch, last.id.offset, last.digest, last.position) == (end.epoch, end.last, end.digest, *position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntryId, Founding, Incarnation, LogPoint, Member, NodeId};
    use crate::storage::disk::SystemDisk;

    fn sample() -> LogBase {
        let run = |epoch, last, position| {
            (RunEnd { epoch: Epoch(epoch), last: Offset(last), digest: Digest([epoch as u8; 16]) }, Position(position))
        };
        let last = LogPoint { id: EntryId::new(4, 2), position: Position(8), digest: Digest([4; 16]) };
        let member = Member { id: NodeId(1), address: "127.0.0.1:7101".into(), incarnation: Incarnation([1; 16]) };
        let founding = Some(Founding::of(vec![member]));
        LogBase { segment: 7, base: Base { last, runs: vec![run(1, 4, 5), run(4, 2, 8)], founding } }
    }

    #[test]
    fn a_base_comes_back_as_it_was_written_and_a_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LogBase::read(folder.path()).unwrap(), None);
        sample().write(&SystemDisk, folder.path()).unwrap();
        assert_eq!(LogBase::read(folder.path()).unwrap(), Some(sample()));
        let path = LogBase::path(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            assert!(matches!(LogBase::read(folder.path()), Err(StorageError::Damaged { .. })), "bit {bit}");
        }
    }

    #[test]
    fn epochs_with_a_gap_between_them_are_no_base() {
        let mut broken = sample();
        broken.base.runs[1].1 = Position(9);
        assert_eq!(LogBase::decode(&Bytes::from(broken.encode())), None);
    }
}
