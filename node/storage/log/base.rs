//! Where a compacted log begins, in a small file beside the segments.
//!
//! ```text
//! log/base   beginning 16 · segment u64 · base · checksum u32
//! base       point 40 · count u32 · (epoch u64 · last offset u64 · position u64 · digest 16)…
//!            · count u32 · (epoch u64 · offset u64 · position u64 · length u32 · member list)…
//! ```
//!
//! The file is replaced atomically and synced before any segment is deleted, so segments before the one that it names
//! are left over from an interrupted deletion. The last entry of the base is the one before the segment's first entry.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::protocol::{Base, Digest, EntryId, Epoch, Listed, Membership, Offset, Position, RunEnd};
use crate::storage::StorageError;
use crate::storage::disk::{Disk, write_whole};
use crate::storage::format::{BEGINNING_BYTES, Beginning, FileKind};
use crate::storage::log::record::{u32_at, u64_at};
use crate::storage::log::{decode_point, encode_point};

const HEADER: usize = BEGINNING_BYTES + 8;
const RUN_BYTES: usize = 40;
/// The length of a list entry without the list.
const LIST_BYTES: usize = 28;

/// The first segment that counts, and what the log must know about the entries before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LogBase {
    pub segment: u64,
    pub base: Base,
}

/// The file of the base in the folder of a log.
pub(crate) fn base_path(folder: &Path) -> PathBuf {
    folder.join("base")
}

impl LogBase {
    /// `None` if the log was never compacted.
    pub(crate) fn read(folder: &Path) -> Result<Option<LogBase>, StorageError> {
        let path = base_path(folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("read", &path, &error)),
        };
        FileKind::LogBase.check(&path, &bytes)?;
        match LogBase::decode(&bytes) {
            Some(base) => Ok(Some(base)),
            None => Err(StorageError::Damaged {
                path,
                byte: 0,
                entry: "the log's beginning".into(),
                what: "its checksum is wrong".into(),
            }),
        }
    }

    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
        let path = base_path(folder);
        write_whole(disk, &path, &self.encode()).map_err(|error| StorageError::io("write", &path, &error))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = FileKind::LogBase.magic().to_vec();
        out.extend_from_slice(&self.segment.to_le_bytes());
        put_base(&mut out, &self.base);
        let checksum = crc32fast::hash(&out).to_le_bytes();
        out.extend_from_slice(&checksum);
        out
    }

    fn decode(bytes: &Bytes) -> Option<LogBase> {
        let end = bytes.len().checked_sub(4).filter(|end| *end >= HEADER)?;
        let right = crc32fast::hash(&bytes[..end]) == u32_at(bytes, end);
        let known = matches!(FileKind::LogBase.beginning(bytes), Beginning::Readable(_));
        let (base, length) = take_base(&bytes.slice(HEADER..end))?;
        (right && known && HEADER + length == end).then(|| LogBase { segment: u64_at(bytes, BEGINNING_BYTES), base })
    }
}

pub(crate) fn put_base(out: &mut Vec<u8>, base: &Base) {
    out.extend_from_slice(&encode_point(base.last));
    out.extend_from_slice(&(base.runs.len() as u32).to_le_bytes());
    for (end, position) in &base.runs {
        [end.epoch.0, end.last.0, position.0].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(&end.digest.0);
    }
    out.extend_from_slice(&(base.lists.len() as u32).to_le_bytes());
    for Listed { id, position, membership } in &base.lists {
        let list = membership.encode();
        [id.epoch.0, id.offset.0, position.0].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(&(list.len() as u32).to_le_bytes());
        out.extend_from_slice(&list);
    }
}

/// The base at the beginning of the bytes and its length; `None` if it does not decode.
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
    let count = bytes.get(at..at + 4).map(|_| u32_at(bytes, at) as usize)?;
    at += 4;
    let mut lists = Vec::new();
    for _ in 0..count {
        let fixed = bytes.get(at..at + LIST_BYTES)?;
        let (id, position) = (EntryId::new(u64_at(fixed, 0), u64_at(fixed, 8)), Position(u64_at(fixed, 16)));
        at += LIST_BYTES;
        let end = at.checked_add(u32_at(fixed, 24) as usize).filter(|end| *end <= bytes.len())?;
        lists.push(Listed { id, position, membership: Membership::decode(&bytes.slice(at..end))? });
        at = end;
    }
    let base = Base { last, runs, lists };
    is_sound(&base).then_some((base, at))
}

/// Whether epochs and positions ascend without gaps up to the last entry, and lists ascend up to it.
fn is_sound(base: &Base) -> bool {
    let mut before = (None, 0_u64);
    for (end, position) in &base.runs {
        let begins = position.0.checked_sub(end.last.0);
        if begins != before.1.checked_add(1) || before.0 >= Some(end.epoch) {
            return false;
        }
        before = (Some(end.epoch), position.0);
    }
    let listed = base.lists.iter().map(|listed| listed.position);
    listed.clone().is_sorted_by(|one, next| one < next)
        && listed.clone().all(|position| position <= base.last.position)
        && base.runs.last().is_some_and(|(end, position)| {
            let last = &base.last;
            (last.id.epoch, last.id.offset, last.digest, last.position) == (end.epoch, end.last, end.digest, *position)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntryId, Incarnation, LogPoint, Member, MemberKind, NodeId};
    use crate::storage::disk::SystemDisk;

    fn sample() -> LogBase {
        let run = |epoch, last, position| {
            (RunEnd { epoch: Epoch(epoch), last: Offset(last), digest: Digest([epoch as u8; 16]) }, Position(position))
        };
        let last = LogPoint { id: EntryId::new(4, 2), position: Position(8), digest: Digest([4; 16]) };
        let (id, address, incarnation) = (NodeId(1), "127.0.0.1:7101".to_owned(), Incarnation([1; 16]));
        let membership = Membership::founding(vec![Member { id, address, incarnation, kind: MemberKind::Voter }]);
        let listed = |offset, position| Listed {
            id: EntryId::new(1, offset),
            position: Position(position),
            membership: membership.clone(),
        };
        let lists = vec![listed(0, 1), listed(3, 4)];
        LogBase { segment: 7, base: Base { last, runs: vec![run(1, 4, 5), run(4, 2, 8)], lists } }
    }

    #[test]
    fn a_base_comes_back_as_it_was_written_and_a_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LogBase::read(folder.path()).unwrap(), None);
        sample().write(&SystemDisk, folder.path()).unwrap();
        assert_eq!(LogBase::read(folder.path()).unwrap(), Some(sample()));
        let path = base_path(folder.path());
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
