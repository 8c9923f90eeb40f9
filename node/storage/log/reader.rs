//! Reading entries while the event loop appends: look-ups under a short lock, I/O without it.
//!
//! Files are only appended to, so a location stays readable even if its entry was truncated meanwhile. A read that
//! takes several look-ups starts again if entries were truncated in between.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::protocol::{ChainCheck, Entry, Position, digest_after};
use crate::storage::log::index::{Index, Location};
use crate::storage::log::record::{LogRecord, MarkedRecord, Parsed, frame_length, parse};
use crate::storage::log::segment::segment_path;
use crate::storage::{LogReader, StorageError};

/// Locations looked up under one lock.
const LOCATIONS_MAX: usize = 1024;
/// Bytes read ahead for consecutive entries.
const READ_AHEAD_BYTES: usize = 256 << 10;
/// Bytes of bodies read at once to check the chain of digests.
const CHECK_BYTES: u64 = 4 << 20;

/// State shared by the event loop, the writer and the readers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub folder: PathBuf,
    index: Mutex<Index>,
}

impl Shared {
    pub(crate) fn new(folder: PathBuf, index: Index) -> Shared {
        Shared { folder, index: Mutex::new(index) }
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct SegmentReader {
    pub shared: Arc<Shared>,
}

enum LookUp {
    Nothing,
    Entry(Entry),
    Locations(Vec<Location>),
}

impl LogReader for SegmentReader {
    fn read(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, StorageError> {
        loop {
            let truncations = self.shared.index().truncations();
            let entries = self.read_once(from, to, bytes_max)?;
            if self.shared.index().truncations() == truncations {
                return Ok(entries);
            }
        }
    }

    fn check_chain(&self) -> Result<ChainCheck, StorageError> {
        loop {
            let truncations = self.shared.index().truncations();
            let check = self.check_once()?;
            if self.shared.index().truncations() == truncations {
                return Ok(check);
            }
        }
    }
}

impl SegmentReader {
    fn read_once(&self, from: Position, to: Position, bytes_max: u64) -> Result<Vec<Entry>, StorageError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut full = |entries: &mut Vec<Entry>, entry: Entry| {
            bytes += entry.body.len() as u64;
            entries.push(entry);
            bytes >= bytes_max
        };
        let mut next = from;
        while next <= to {
            match self.look_up(next, to) {
                LookUp::Nothing => break,
                LookUp::Entry(entry) => {
                    if full(&mut entries, entry) {
                        break;
                    }
                    next = next.next();
                }
                LookUp::Locations(locations) => {
                    let Some(mut window) = self.open(&locations, next)? else { break };
                    for location in locations {
                        let entry = window.entry(location.byte, next)?;
                        if full(&mut entries, entry) {
                            return Ok(entries);
                        }
                        next = next.next();
                    }
                }
            }
        }
        Ok(entries)
    }

    /// `None` if the entries were dropped meanwhile, and their segment with them.
    fn open(&self, locations: &[Location], first: Position) -> Result<Option<Window>, StorageError> {
        let opened = Window::open(&self.shared.folder, locations);
        match opened {
            Err(_) if self.shared.index().location(first) != locations.first().copied() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The locations of the next entries in one segment, or an entry that may not be written yet.
    fn look_up(&self, from: Position, to: Position) -> LookUp {
        let index = self.shared.index();
        if let Some(entry) = index.unwritten(from) {
            return LookUp::Entry(entry.clone());
        }
        let mut locations: Vec<Location> = Vec::new();
        let mut next = from;
        while next <= to && locations.len() < LOCATIONS_MAX && index.unwritten(next).is_none() {
            let Some(location) = index.location(next) else { break };
            if locations.first().is_some_and(|first| first.segment != location.segment) {
                break;
            }
            locations.push(location);
            next = next.next();
        }
        if locations.is_empty() { LookUp::Nothing } else { LookUp::Locations(locations) }
    }

    fn check_once(&self) -> Result<ChainCheck, StorageError> {
        let (mut next, base) = {
            let index = self.shared.index();
            (index.first(), index.base())
        };
        // Entries may be dropped whose last digest is not read yet: then the first entry cannot be checked.
        let mut unchecked = next > Position::FIRST && base.is_none();
        let mut digest = base.map(|base| base.digest);
        loop {
            let entries = self.read_once(next, Position(u64::MAX), CHECK_BYTES)?;
            if entries.is_empty() {
                return Ok(ChainCheck::Whole);
            }
            for entry in entries {
                let skip = std::mem::take(&mut unchecked);
                if !skip && digest_after(digest, entry.id, entry.kind, &entry.body) != entry.digest {
                    return Ok(ChainCheck::Broken(entry.point()));
                }
                digest = Some(entry.digest);
                next = entry.position.next();
            }
        }
    }
}

/// Reads the entry at `position`, which is at `location`.
pub(crate) fn read_entry(folder: &Path, location: Location, position: Position) -> Result<Entry, StorageError> {
    Window::open(folder, &[location])?.entry(location.byte, position)
}

/// A part of a segment's file in memory, moved forward as records are read.
struct Window {
    path: PathBuf,
    file: File,
    /// Where the last requested record begins: reading ahead ends a little later.
    end: u64,
    /// Where `bytes` begins in the file.
    start: u64,
    bytes: Bytes,
}

impl Window {
    /// A window on the segment of these locations, which are all in the same one.
    fn open(folder: &Path, locations: &[Location]) -> Result<Window, StorageError> {
        let segment = locations.first().map_or(0, |location| location.segment);
        let end = locations.last().map_or(0, |location| u64::from(location.byte));
        let path = segment_path(folder, segment);
        let file = File::open(&path).map_err(|error| StorageError::io("read", &path, &error))?;
        Ok(Window { path, file, end, start: 0, bytes: Bytes::new() })
    }

    fn entry(&mut self, byte: u32, position: Position) -> Result<Entry, StorageError> {
        match self.record(byte, position)?.record {
            LogRecord::Entry { entry, .. } if entry.position == position => Ok(entry),
            _ => Err(self.damaged(byte, position, "another record is in its place")),
        }
    }

    fn record(&mut self, byte: u32, position: Position) -> Result<MarkedRecord, StorageError> {
        let ahead = (self.end.saturating_sub(u64::from(byte)) as usize + 4096).min(READ_AHEAD_BYTES);
        let header = self.cover(byte, 8, ahead)?;
        let length =
            frame_length(&self.bytes[header..]).ok_or_else(|| self.damaged(byte, position, "its length is wrong"))?;
        let at = self.cover(byte, length, length.max(ahead))?;
        match parse(&self.bytes, at) {
            Parsed::Record(marked, _) => Ok(detached(marked)),
            Parsed::Damaged(what) => Err(self.damaged(byte, position, what)),
            Parsed::End | Parsed::Torn => Err(self.damaged(byte, position, "its end is missing")),
        }
    }

    /// Loads at least `needed` bytes from `byte` on, and `ahead` bytes if the file is long enough. Returns their start
    /// in `bytes`.
    fn cover(&mut self, byte: u32, needed: usize, ahead: usize) -> Result<usize, StorageError> {
        let byte = u64::from(byte);
        let inside = byte >= self.start && byte + needed as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            let mut bytes = vec![0; ahead.max(needed)];
            let read = read_up_to(&self.file, &mut bytes, byte)
                .map_err(|error| StorageError::io("read", &self.path, &error))?;
            bytes.truncate(read);
            (self.start, self.bytes) = (byte, Bytes::from(bytes));
        }
        Ok((byte - self.start) as usize)
    }

    fn damaged(&self, byte: u32, position: Position, what: &str) -> StorageError {
        let entry = format!("the entry at position {position}");
        StorageError::Damaged { path: self.path.clone(), byte: byte.into(), entry, what: what.to_string() }
    }
}

/// The record with a copy of its body, so that a small entry does not keep the whole window in memory.
fn detached(mut marked: MarkedRecord) -> MarkedRecord {
    if let LogRecord::Entry { entry, .. } = &mut marked.record {
        entry.body = Bytes::copy_from_slice(&entry.body);
    }
    marked
}

fn read_up_to(file: &File, bytes: &mut [u8], from: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], from + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
