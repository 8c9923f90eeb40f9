//! The encoding of the log's records.
//!
//! ```text
//! frame     length u32 · checksum of the length u32 · content · checksum of the content u32 · 0xE7
//! content   1 · flags · epoch u64 · 0|1 · vote u64                                          promise
//!           2 · flags · position u64                                                        truncate from there on
//!           3 · flags · epoch u64 · offset u64 · position u64 · digest 16 · kind · body     entry
//!           4 · flags · segment u64                                                         seal: continued there
//! flags     1 = last record of its operation, 2 = forged
//! ```
//!
//! Numbers are little endian, checksums are CRC-32. The length has its own checksum: otherwise a damaged length would
//! look like a record torn by a power cut, and acked entries would be dropped. The last byte is never zero: otherwise a
//! record that ends in zeros would look like one whose end never reached the disk.

use bytes::Bytes;

use crate::protocol::{
    Digest, Entry, EntryId, Epoch, KEY_BYTES_MAX, Kind, NodeId, Offset, Position, Promise, VALUE_BYTES_MAX,
};

/// The greatest body: a command with the longest key and value, or a member list.
pub(crate) const BODY_BYTES_MAX: usize = KEY_BYTES_MAX + VALUE_BYTES_MAX + 4096;

const HEADER: usize = 8;
const TRAILER: usize = 5;
const END_BYTE: u8 = 0xE7;
const ENTRY_FIELDS: usize = 43;
/// The start of an entry's body in its frame.
pub(crate) const BODY_AT: usize = HEADER + ENTRY_FIELDS;
const LENGTH_MAX: usize = ENTRY_FIELDS + BODY_BYTES_MAX;

const LAST: u8 = 1;
const FORGED: u8 = 2;

/// A part of an operation. An operation is atomic: it counts only if its last record, marked as such, was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LogRecord {
    Promise(Promise),
    Truncate(Position),
    Entry { entry: Entry, forged: bool },
    Seal { next: u64 },
}

/// A record, and whether it is the last of its operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MarkedRecord {
    pub record: LogRecord,
    pub last: bool,
}

/// What is at a byte of a segment.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Parsed {
    /// A complete record and its length in bytes.
    Record(MarkedRecord, usize),
    /// The file ends here.
    End,
    /// A record whose end never reached the disk, with nothing after it.
    Torn,
    Damaged(&'static str),
}

pub(crate) fn put_promise(out: &mut Vec<u8>, promise: Promise) {
    put_frame(out, 1, LAST, |out| {
        out.extend_from_slice(&promise.epoch.0.to_le_bytes());
        out.push(u8::from(promise.vote.is_some()));
        out.extend_from_slice(&promise.vote.map_or(0, |node| node.0).to_le_bytes());
    });
}

pub(crate) fn put_truncate(out: &mut Vec<u8>, from: Position, last: bool) {
    put_frame(out, 2, flags(last, false), |out| out.extend_from_slice(&from.0.to_le_bytes()));
}

pub(crate) fn put_entry(out: &mut Vec<u8>, entry: &Entry, last: bool, forged: bool) {
    put_frame(out, 3, flags(last, forged), |out| {
        out.extend_from_slice(&entry.id.epoch.0.to_le_bytes());
        out.extend_from_slice(&entry.id.offset.0.to_le_bytes());
        out.extend_from_slice(&entry.position.0.to_le_bytes());
        out.extend_from_slice(&entry.digest.0);
        out.push(entry.kind.code());
        out.extend_from_slice(&entry.body);
    });
}

pub(crate) fn put_seal(out: &mut Vec<u8>, next: u64) {
    put_frame(out, 4, LAST, |out| out.extend_from_slice(&next.to_le_bytes()));
}

fn flags(last: bool, forged: bool) -> u8 {
    u8::from(last) * LAST + u8::from(forged) * FORGED
}

fn put_frame(out: &mut Vec<u8>, tag: u8, flags: u8, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    out.extend_from_slice(&[tag, flags]);
    fields(out);
    let content = start + HEADER;
    let length = ((out.len() - content) as u32).to_le_bytes();
    out[start..start + 4].copy_from_slice(&length);
    out[start + 4..content].copy_from_slice(&crc32fast::hash(&length).to_le_bytes());
    let checksum = crc32fast::hash(&out[content..]).to_le_bytes();
    out.extend_from_slice(&checksum);
    out.push(END_BYTE);
}

/// The length of a frame from its first bytes; `None` if they are too few or damaged.
pub(crate) fn frame_length(header: &[u8]) -> Option<usize> {
    let (length, checksum) = (header.get(..4)?, header.get(4..HEADER)?);
    (crc32fast::hash(length).to_le_bytes() == checksum).then(|| HEADER + u32_at(header, 0) as usize + TRAILER)
}

/// Reads the record at `at`. `segment` must hold the file up to its end. Bodies share its memory.
pub(crate) fn parse(segment: &Bytes, at: usize) -> Parsed {
    // A file may be shorter than its own header.
    let Some(rest) = segment.get(at..) else { return Parsed::Damaged("the file ends before it") };
    if rest.is_empty() {
        return Parsed::End;
    }
    if rest.len() < HEADER {
        return Parsed::Torn;
    }
    let Some(length) = frame_length(rest) else {
        // A complete record ends with a byte that is not zero, so only zeros after the header mean a torn record.
        return if all_zero(&rest[HEADER..]) {
            Parsed::Torn
        } else {
            Parsed::Damaged("the checksum of its length is wrong")
        };
    };
    if length > HEADER + LENGTH_MAX + TRAILER {
        return Parsed::Damaged("its length is beyond the limit");
    }
    if rest.len() < length || all_zero(&rest[length - 1..]) {
        return Parsed::Torn;
    }
    let checksum = crc32fast::hash(&rest[HEADER..length - TRAILER]);
    if u32_at(rest, length - TRAILER) != checksum || rest[length - 1] != END_BYTE {
        return Parsed::Damaged("its checksum is wrong");
    }
    match decode(&segment.slice(at + HEADER..at + length - TRAILER)) {
        Some(marked) => Parsed::Record(marked, length),
        None => Parsed::Damaged("its checksum is right but its content is no record of this format version"),
    }
}

fn decode(content: &Bytes) -> Option<MarkedRecord> {
    let (tag, flags) = (*content.first()?, *content.get(1)?);
    let fields = content.get(2..)?;
    let record = match tag {
        1 if fields.len() == 17 => {
            let vote = match fields[8] {
                0 => None,
                1 => Some(NodeId(u64_at(fields, 9))),
                _ => return None,
            };
            LogRecord::Promise(Promise { epoch: Epoch(u64_at(fields, 0)), vote })
        }
        2 if fields.len() == 8 => LogRecord::Truncate(Position(u64_at(fields, 0))),
        3 if content.len() >= ENTRY_FIELDS => {
            let mut digest = [0; 16];
            digest.copy_from_slice(&fields[24..40]);
            let entry = Entry {
                id: EntryId { epoch: Epoch(u64_at(fields, 0)), offset: Offset(u64_at(fields, 8)) },
                position: Position(u64_at(fields, 16)),
                digest: Digest(digest),
                kind: Kind::from_code(fields[40])?,
                body: content.slice(ENTRY_FIELDS..),
            };
            LogRecord::Entry { entry, forged: flags & FORGED != 0 }
        }
        4 if fields.len() == 8 => LogRecord::Seal { next: u64_at(fields, 0) },
        _ => return None,
    };
    (flags & !(LAST | FORGED) == 0).then_some(MarkedRecord { record, last: flags & LAST != 0 })
}

pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<(Vec<u8>, MarkedRecord)> {
        let entry =
            Entry::after(None, EntryId::new(3, 0), Kind::Command, Bytes::from_static(&[7, 0, 0, 0, 0, 0, 0, 0]));
        let promise = Promise { epoch: Epoch(7), vote: Some(NodeId(2)) };
        let mut out = vec![Vec::new(); 4];
        put_promise(&mut out[0], promise);
        put_truncate(&mut out[1], Position(9), false);
        put_entry(&mut out[2], &entry, true, true);
        put_seal(&mut out[3], 5);
        let records = [
            MarkedRecord { record: LogRecord::Promise(promise), last: true },
            MarkedRecord { record: LogRecord::Truncate(Position(9)), last: false },
            MarkedRecord { record: LogRecord::Entry { entry, forged: true }, last: true },
            MarkedRecord { record: LogRecord::Seal { next: 5 }, last: true },
        ];
        out.into_iter().zip(records).collect()
    }

    #[test]
    fn records_come_back_as_they_went() {
        for (bytes, record) in samples() {
            let length = bytes.len();
            assert_eq!(parse(&Bytes::from(bytes), 0), Parsed::Record(record, length));
        }
    }

    #[test]
    fn every_flipped_bit_is_damage() {
        for (bytes, _) in samples() {
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(parse(&Bytes::from(flipped), 0), Parsed::Damaged(_)), "bit {bit}");
            }
        }
    }

    #[test]
    fn trap_09_a_record_cut_at_any_length_is_torn_with_and_without_zeros_behind() {
        for (bytes, _) in samples() {
            for length in 1..bytes.len() {
                assert_eq!(parse(&Bytes::copy_from_slice(&bytes[..length]), 0), Parsed::Torn, "{length} bytes");
                let mut zeros = bytes[..length].to_vec();
                zeros.resize(bytes.len() + 100, 0);
                assert_eq!(parse(&Bytes::from(zeros), 0), Parsed::Torn, "{length} bytes");
            }
        }
    }
}
