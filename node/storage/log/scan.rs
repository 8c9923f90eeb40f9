//! Reading the whole log at start, without changing anything.
//!
//! What an answered flush covers is never dropped. Only a torn end is dropped: records that never reached the disk
//! whole, at the end of the last segment. Everything else that is not as it was written is an error that names file and
//! entry.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::protocol::{Digest, Incarnation, LogPoint, Position};
use crate::storage::StorageError;
use crate::storage::format::FileKind;
use crate::storage::log::base::LogBase;
use crate::storage::log::index::Location;
use crate::storage::log::reader::read_entry;
use crate::storage::log::record::{LogRecord, MarkedRecord, Parsed, parse};
use crate::storage::log::replay::Replay;
use crate::storage::log::segment::{HEADER_BYTES, ParsedHeader, SegmentHeader, segment_numbers, segment_path};

/// The content of a log.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub replay: Replay,
    pub incarnation: Incarnation,
    /// The last segment that counts, and the number of its bytes that count.
    pub segment: u64,
    pub length: u64,
    /// Bytes after `length` that belong to no complete operation.
    pub torn_bytes: u64,
    /// The next segment, if a crash came between its creation and the seal of the one before.
    pub unused: Option<PathBuf>,
    /// Segments before the first that counts, if a crash interrupted their deletion.
    pub obsolete: Vec<PathBuf>,
}

/// How a segment ends.
enum End {
    Sealed,
    Open { length: u64, torn_bytes: u64 },
}

struct Scan<'a> {
    folder: &'a Path,
    replay: Replay,
    incarnation: Option<Incarnation>,
}

/// Reads all segments of a log. `None` if there is none, or only a first one with a torn header.
pub(crate) fn scan(folder: &Path) -> Result<Option<Scanned>, StorageError> {
    let base = LogBase::read(folder)?;
    let first = base.as_ref().map_or(1, |base| base.segment);
    let (obsolete, numbers): (Vec<u64>, Vec<u64>) =
        segment_numbers(folder)?.into_iter().partition(|number| *number < first);
    if base.is_some() && numbers.is_empty() {
        return Err(lost(folder, format!("{first:08}.log is missing")));
    }
    if let Some((_, number)) = (first..).zip(&numbers).find(|(expected, number)| expected != *number) {
        return Err(lost(folder, format!("the file before {number:08}.log is missing")));
    }
    let replay = base.map_or_else(Replay::default, |base| Replay::after(base.base));
    let mut scan = Scan { folder, replay, incarnation: None };
    let end = numbers.last().copied();
    for number in numbers.iter().copied() {
        let path = segment_path(folder, number);
        let file = read(&path)?;
        let last = Some(number) == end;
        let Some(header) = scan.header(&path, &file, number)? else {
            if number == 1 && last {
                return Ok(None);
            }
            return Err(scan.damaged(&path, 0, "its header never reached the disk"));
        };
        scan.incarnation = Some(header.incarnation);
        scan.replay.promise = header.promise;
        let (length, torn_bytes) = match scan.segment(&path, &file, number)? {
            End::Sealed if last => {
                return Err(lost(folder, format!("{:08}.log is missing", number + 1)));
            }
            End::Sealed => continue,
            End::Open { length, torn_bytes } => (length, torn_bytes),
        };
        let unused = if last { None } else { Some(scan.unused(&path, length, number + 1, end)?) };
        let Scan { replay, .. } = scan;
        return Ok(Some(Scanned {
            replay,
            incarnation: header.incarnation,
            segment: number,
            length,
            torn_bytes,
            unused,
            obsolete: obsolete.iter().map(|number| segment_path(folder, *number)).collect(),
        }));
    }
    Ok(None)
}

impl Scan<'_> {
    /// The header of a segment, which must continue the segment before. `None` if it is torn.
    fn header(&self, path: &Path, file: &Bytes, number: u64) -> Result<Option<SegmentHeader>, StorageError> {
        FileKind::Segment.check(path, file)?;
        let header = match SegmentHeader::parse(file) {
            ParsedHeader::Torn => return Ok(None),
            ParsedHeader::Damaged(what) => return Err(self.damaged(path, 0, what)),
            ParsedHeader::Header(header) => header,
        };
        let expected = SegmentHeader {
            number,
            next: self.replay.index.next(),
            incarnation: self.incarnation.unwrap_or(header.incarnation),
            // Only the first remaining segment knows the promise of those before it.
            promise: if self.incarnation.is_some() { self.replay.promise } else { header.promise },
        };
        if header != expected {
            return Err(self.damaged(path, 0, "it does not continue the file before it"));
        }
        Ok(Some(header))
    }

    fn segment(&mut self, path: &Path, file: &Bytes, number: u64) -> Result<End, StorageError> {
        self.replay.begin_segment(number);
        let mut at = HEADER_BYTES;
        let mut operation = Vec::new();
        let mut begun = at;
        loop {
            match parse(file, at) {
                Parsed::Damaged(what) => {
                    // The operation of the damaged record is not replayed: name its last entry.
                    let before = operation.iter().rev().find_map(|(_, record)| point_of(record));
                    let before = before.or_else(|| self.replay.last());
                    return Err(damaged_after(before, path, at, what));
                }
                // An operation without its last record was never acked.
                Parsed::End | Parsed::Torn => {
                    return Ok(End::Open { length: begun as u64, torn_bytes: (file.len() - begun) as u64 });
                }
                Parsed::Record(marked, length) => {
                    operation.push((at, marked.record));
                    at += length;
                    if !marked.last {
                        continue;
                    }
                    let sealed = self.operation(path, file, number, &mut operation)?;
                    begun = at;
                    if sealed {
                        let end = at == file.len();
                        return if end { Ok(End::Sealed) } else { Err(self.damaged(path, at, "bytes follow its end")) };
                    }
                }
            }
        }
    }

    /// Replays a complete operation. True if it seals the segment.
    fn operation(
        &mut self,
        path: &Path,
        file: &Bytes,
        number: u64,
        records: &mut Vec<(usize, LogRecord)>,
    ) -> Result<bool, StorageError> {
        let mut sealed = false;
        for (at, record) in records.drain(..) {
            sealed = matches!(record, LogRecord::Seal { .. });
            let folder = self.folder;
            let replayed = self.replay.apply(record, at as u32, |index, position| {
                digest_at(folder, number, file, index.location(position)?, position)
            });
            replayed.map_err(|what| self.damaged(path, at, &what))?;
        }
        Ok(sealed)
    }

    /// The segment after one that is not sealed. It must be empty: it is used only after the seal of the one before is
    /// durable.
    fn unused(&self, path: &Path, length: u64, next: u64, last: Option<u64>) -> Result<PathBuf, StorageError> {
        let next_path = segment_path(self.folder, next);
        if Some(next) != last || read(&next_path)?.len() > HEADER_BYTES {
            return Err(self.damaged(
                path,
                length as usize,
                "its end is missing, and the log continues in the next file",
            ));
        }
        Ok(next_path)
    }

    fn damaged(&self, path: &Path, byte: usize, what: &str) -> StorageError {
        damaged_after(self.replay.last(), path, byte, what)
    }
}

fn damaged_after(before: Option<LogPoint>, path: &Path, byte: usize, what: &str) -> StorageError {
    let entry = match (byte, before) {
        (0, _) => "the header".to_string(),
        (_, None) => format!("the record before any entry (position {})", Position::FIRST),
        (_, Some(last)) => format!("the record after {} (position {})", last.id, last.position),
    };
    StorageError::Damaged { path: path.to_path_buf(), byte: byte as u64, entry, what: what.to_string() }
}

fn point_of(record: &LogRecord) -> Option<LogPoint> {
    if let LogRecord::Entry { entry, .. } = record { Some(entry.point()) } else { None }
}

/// The digest of an earlier entry, from the segment in memory if it is in that one.
fn digest_at(folder: &Path, number: u64, file: &Bytes, location: Location, position: Position) -> Option<Digest> {
    if location.segment != number {
        return read_entry(folder, location, position).ok().map(|entry| entry.digest);
    }
    match parse(file, location.byte as usize) {
        Parsed::Record(MarkedRecord { record: LogRecord::Entry { entry, .. }, .. }, _) => Some(entry.digest),
        _ => None,
    }
}

fn lost(folder: &Path, what: String) -> StorageError {
    StorageError::LogLost { folder: folder.to_path_buf(), what }
}

fn read(path: &Path) -> Result<Bytes, StorageError> {
    std::fs::read(path).map(Bytes::from).map_err(|error| StorageError::io("read", path, &error))
}
