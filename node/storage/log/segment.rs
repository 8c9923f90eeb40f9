//! The files of the log: their names and headers.
//!
//! ```text
//! log/00000001.log     header 80 · records …  · seal
//! log/00000002.log     header 80 · records …
//!
//! header   beginning 16 · segment u64 · next position u64 · incarnation 16
//!          · 0|1 · epoch u64 · 0|1 · vote u64 · zeros · checksum u32 · 0xE7
//! ```
//!
//! The beginning names kind and version, see [`crate::storage::format`].
//!
//! A header repeats the promise, so that the segments before it can be deleted once a snapshot covers their entries. A
//! segment is sealed only after the next one is durable: a sealed segment without a next one means a lost file.

use std::path::{Path, PathBuf};

use crate::protocol::{Epoch, Incarnation, NodeId, Position, Promise};
use crate::storage::StorageError;
use crate::storage::format::{BEGINNING_BYTES, Beginning, FileKind};
use crate::storage::log::record::{all_zero, u32_at, u64_at};

pub(crate) const HEADER_BYTES: usize = 80;

const CHECKED: usize = HEADER_BYTES - 5;
const END_BYTE: u8 = 0xE7;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub number: u64,
    /// The position of the next entry when the segment was created.
    pub next: Position,
    pub incarnation: Incarnation,
    pub promise: Option<Promise>,
}

#[derive(PartialEq, Eq, Debug)]
pub(crate) enum ParsedHeader {
    Header(SegmentHeader),
    /// The header never reached the disk whole, and nothing follows.
    Torn,
    Damaged(&'static str),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..BEGINNING_BYTES].copy_from_slice(&FileKind::Segment.magic());
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.next.0.to_le_bytes());
        out[32..48].copy_from_slice(&self.incarnation.0);
        if let Some(promise) = self.promise {
            out[48] = 1;
            out[49..57].copy_from_slice(&promise.epoch.0.to_le_bytes());
            out[57] = u8::from(promise.vote.is_some());
            out[58..66].copy_from_slice(&promise.vote.map_or(0, |node| node.0).to_le_bytes());
        }
        let checksum = crc32fast::hash(&out[..CHECKED]);
        out[CHECKED..CHECKED + 4].copy_from_slice(&checksum.to_le_bytes());
        out[HEADER_BYTES - 1] = END_BYTE;
        out
    }

    /// Reads the header of a segment of a readable version. `file` must hold the file up to its end.
    pub(crate) fn parse(file: &[u8]) -> ParsedHeader {
        if file.len() < HEADER_BYTES || all_zero(&file[HEADER_BYTES - 1..]) {
            return ParsedHeader::Torn;
        }
        let right = u32_at(file, CHECKED) == crc32fast::hash(&file[..CHECKED]) && file[HEADER_BYTES - 1] == END_BYTE;
        if !right {
            return ParsedHeader::Damaged("its checksum is wrong");
        }
        if !matches!(FileKind::Segment.beginning(file), Beginning::Readable(_)) {
            return ParsedHeader::Damaged("it is not a file of a log");
        }
        let vote = (file[57] == 1).then(|| NodeId(u64_at(file, 58)));
        let promise = (file[48] == 1).then(|| Promise { epoch: Epoch(u64_at(file, 49)), vote });
        let mut incarnation = [0; 16];
        incarnation.copy_from_slice(&file[32..48]);
        ParsedHeader::Header(SegmentHeader {
            number: u64_at(file, 16),
            next: Position(u64_at(file, 24)),
            incarnation: Incarnation(incarnation),
            promise,
        })
    }
}

pub(crate) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.log"))
}

/// The files of all segments in the folder of a log, in order. The folder may be missing.
pub(crate) fn segment_paths(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    Ok(segment_numbers(folder)?.into_iter().map(|number| segment_path(folder, number)).collect())
}

/// The numbers of the segments in a folder, in order. The folder may be missing.
pub(crate) fn segment_numbers(folder: &Path) -> Result<Vec<u64>, StorageError> {
    let files = match std::fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StorageError::io("read folder", folder, &error)),
    };
    let mut numbers = Vec::new();
    for file in files {
        let name = file.map_err(|error| StorageError::io("read folder", folder, &error))?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|stem| stem.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let promise = Some(Promise { epoch: Epoch(4), vote: Some(NodeId(3)) });
        SegmentHeader { number: 2, next: Position(17), incarnation: Incarnation([9; 16]), promise }
    }

    #[test]
    fn a_header_comes_back_as_it_went() {
        for promise in [None, Some(Promise { epoch: Epoch(1), vote: None }), header().promise] {
            let header = SegmentHeader { promise, ..header() };
            assert_eq!(SegmentHeader::parse(&header.encode()), ParsedHeader::Header(header));
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_and_a_short_header_is_torn() {
        let whole = header().encode();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(SegmentHeader::parse(&flipped), ParsedHeader::Damaged(_)), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert_eq!(SegmentHeader::parse(&whole[..length]), ParsedHeader::Torn, "{length} bytes");
        }
    }
}
