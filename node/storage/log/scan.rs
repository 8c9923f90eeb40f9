//! Reading a whole log at start, without changing anything.
//!
//! What a flush completed is never given up: an end that never reached the disk is dropped, everything else that does not
//! read as it was written is an error that names file and entry.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::protocol::{Digest, Incarnation, LogPoint, Position};
use crate::storage::StorageError;
use crate::storage::log::base::LogBase;
use crate::storage::log::index::Place;
use crate::storage::log::reader::read_entry;
use crate::storage::log::record::{Found, Marked, Record, find};
use crate::storage::log::replay::Replay;
use crate::storage::log::segment::{HEADER_BYTES, HeaderFound, SegmentHeader, segment_numbers, segment_path};

/// A log as it was found.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub replay: Replay,
    pub incarnation: Incarnation,
    /// The segment that is written next, and the bytes of it that count.
    pub segment: u64,
    pub length: u64,
    /// Bytes behind `length` that belong to no whole operation.
    pub torn_bytes: u64,
    /// A segment that was begun and not yet in use when the node ended.
    pub unfinished: Option<PathBuf>,
    /// Segments before the first that counts: their deletion did not end.
    pub given_up: Vec<PathBuf>,
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

/// Reads all segments of a log; `None` if it has none, or one whose header never reached the disk.
pub(crate) fn scan(folder: &Path) -> Result<Option<Scanned>, StorageError> {
    let base = LogBase::read(folder)?;
    let first = base.as_ref().map_or(1, |base| base.segment);
    let (given_up, numbers): (Vec<u64>, Vec<u64>) =
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
        let unfinished = if last { None } else { Some(scan.unfinished(&path, length, number + 1, end)?) };
        let Scan { replay, .. } = scan;
        return Ok(Some(Scanned {
            replay,
            incarnation: header.incarnation,
            segment: number,
            length,
            torn_bytes,
            unfinished,
            given_up: given_up.iter().map(|number| segment_path(folder, *number)).collect(),
        }));
    }
    Ok(None)
}

impl Scan<'_> {
    /// The header of a segment, which must continue the one before; `None` if it never reached the disk.
    fn header(&self, path: &Path, file: &Bytes, number: u64) -> Result<Option<SegmentHeader>, StorageError> {
        let header = match SegmentHeader::find(file) {
            HeaderFound::Torn => return Ok(None),
            HeaderFound::Damaged(what) => return Err(self.damaged(path, 0, what)),
            HeaderFound::Header(header) => header,
        };
        let expected = SegmentHeader {
            number,
            next: self.replay.index.next(),
            incarnation: self.incarnation.unwrap_or(header.incarnation),
            // The first segment that is left is the only one that knows it.
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
            match find(file, at) {
                Found::Damaged(what) => {
                    // The operation that it belongs to is not replayed.
                    let before = operation.iter().rev().find_map(|(_, record)| point_of(record));
                    let before = before.or_else(|| self.replay.last());
                    return Err(damaged_after(before, path, at, what));
                }
                // The records of an operation without its last one were never acked.
                Found::End | Found::Torn => {
                    return Ok(End::Open { length: begun as u64, torn_bytes: (file.len() - begun) as u64 });
                }
                Found::Record(marked, length) => {
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

    /// Replays a whole operation; true if it seals the segment.
    fn operation(
        &mut self,
        path: &Path,
        file: &Bytes,
        number: u64,
        records: &mut Vec<(usize, Record)>,
    ) -> Result<bool, StorageError> {
        let mut sealed = false;
        for (at, record) in records.drain(..) {
            sealed = matches!(record, Record::Seal { .. });
            let folder = self.folder;
            let replayed = self.replay.apply(record, at as u32, |index, position| {
                digest_at(folder, number, file, index.place(position)?, position)
            });
            replayed.map_err(|what| self.damaged(path, at, &what))?;
        }
        Ok(sealed)
    }

    /// The next file of a segment that was never sealed: it can only have been begun, with nothing in it.
    fn unfinished(&self, path: &Path, length: u64, next: u64, last: Option<u64>) -> Result<PathBuf, StorageError> {
        let next_path = segment_path(self.folder, next);
        if Some(next) != last || read(&next_path)?.len() > HEADER_BYTES {
            return Err(self.damaged(
                path,
                length as usize,
                "its end is missing, and the log goes on in the next file",
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

fn point_of(record: &Record) -> Option<LogPoint> {
    if let Record::Entry { entry, .. } = record { Some(entry.point()) } else { None }
}

/// The digest of an earlier entry, from the segment in memory if it stands there.
fn digest_at(folder: &Path, number: u64, file: &Bytes, place: Place, position: Position) -> Option<Digest> {
    if place.segment != number {
        return read_entry(folder, place, position).ok().map(|entry| entry.digest);
    }
    match find(file, place.byte as usize) {
        Found::Record(Marked { record: Record::Entry { entry, .. }, .. }, _) => Some(entry.digest),
        _ => None,
    }
}

fn lost(folder: &Path, what: String) -> StorageError {
    StorageError::LogLost { folder: folder.to_path_buf(), what }
}

fn read(path: &Path) -> Result<Bytes, StorageError> {
    std::fs::read(path).map(Bytes::from).map_err(|error| StorageError::io("read", path, &error))
}
