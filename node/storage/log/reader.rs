//! Reading entries back while the loop appends: look-ups under a short lock, input without any.
//!
//! The files are only ever appended to, so what a place names stays readable even if it was truncated meanwhile.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::protocol::{ChainCheck, Entry, Position, digest_after};
use crate::storage::log::index::{Index, Place};
use crate::storage::log::record::{Found, Marked, Record, find, frame_length};
use crate::storage::log::segment::segment_path;
use crate::storage::{LogReader, StorageError};

/// Places looked up under one lock.
const LOOK: usize = 1024;
/// Bytes read ahead for entries that follow each other.
const AHEAD: usize = 256 << 10;
/// Bytes of bodies in one step of a check of the whole chain.
const STEP: u64 = 4 << 20;

/// What the loop, the writer and the readers share.
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

enum Look {
    Nothing,
    Entry(Entry),
    Places(Vec<Place>),
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
            match self.look(next, to) {
                Look::Nothing => break,
                Look::Entry(entry) => {
                    if full(&mut entries, entry) {
                        break;
                    }
                    next = next.next();
                }
                Look::Places(places) => {
                    let Some(mut window) = self.open(&places, next)? else { break };
                    for place in places {
                        let entry = window.entry(place.byte, next)?;
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

    /// `None` if the entries were given up just now, and their segment with them.
    fn open(&self, places: &[Place], first: Position) -> Result<Option<Window>, StorageError> {
        let opened = Window::open(&self.shared.folder, places);
        match opened {
            Err(_) if self.shared.index().place(first) != places.first().copied() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The next entries' places in one segment, or an entry that may not be written yet.
    fn look(&self, from: Position, to: Position) -> Look {
        let index = self.shared.index();
        if let Some(entry) = index.unwritten(from) {
            return Look::Entry(entry.clone());
        }
        let mut places: Vec<Place> = Vec::new();
        let mut next = from;
        while next <= to && places.len() < LOOK && index.unwritten(next).is_none() {
            let Some(place) = index.place(next) else { break };
            if places.first().is_some_and(|first| first.segment != place.segment) {
                break;
            }
            places.push(place);
            next = next.next();
        }
        if places.is_empty() { Look::Nothing } else { Look::Places(places) }
    }

    fn check_once(&self) -> Result<ChainCheck, StorageError> {
        let (mut next, base) = {
            let index = self.shared.index();
            (index.first(), index.base())
        };
        // Entries may have been given up so lately that what the first one follows is not looked up yet.
        let mut trusts = next > Position::FIRST && base.is_none();
        let mut digest = base.map(|base| base.digest);
        loop {
            let entries = self.read_once(next, Position(u64::MAX), STEP)?;
            if entries.is_empty() {
                return Ok(ChainCheck::Whole);
            }
            for entry in entries {
                let trusted = std::mem::take(&mut trusts);
                if !trusted && digest_after(digest, entry.id, entry.kind, &entry.body) != entry.digest {
                    return Ok(ChainCheck::Broken(entry.point()));
                }
                digest = Some(entry.digest);
                next = entry.position.next();
            }
        }
    }
}

/// Reads the entry at `position`, which stands at `place`.
pub(crate) fn read_entry(folder: &Path, place: Place, position: Position) -> Result<Entry, StorageError> {
    Window::open(folder, &[place])?.entry(place.byte, position)
}

/// A part of a segment's file in memory, moved along as records are read.
struct Window {
    path: PathBuf,
    file: File,
    /// How far the records asked for reach, about.
    end: u64,
    start: u64,
    bytes: Bytes,
}

impl Window {
    /// A window on the segment of these places, which all are in one.
    fn open(folder: &Path, places: &[Place]) -> Result<Window, StorageError> {
        let segment = places.first().map_or(0, |place| place.segment);
        let end = places.last().map_or(0, |place| u64::from(place.byte));
        let path = segment_path(folder, segment);
        let file = File::open(&path).map_err(|error| StorageError::io("read", &path, &error))?;
        Ok(Window { path, file, end, start: 0, bytes: Bytes::new() })
    }

    fn entry(&mut self, byte: u32, position: Position) -> Result<Entry, StorageError> {
        match self.record(byte, position)?.record {
            Record::Entry { entry, .. } if entry.position == position => Ok(entry),
            _ => Err(self.damaged(byte, position, "another record stands in its place")),
        }
    }

    fn record(&mut self, byte: u32, position: Position) -> Result<Marked, StorageError> {
        let ahead = (self.end.saturating_sub(u64::from(byte)) as usize + 4096).min(AHEAD);
        let header = self.cover(byte, 8, ahead)?;
        let length =
            frame_length(&self.bytes[header..]).ok_or_else(|| self.damaged(byte, position, "its length is wrong"))?;
        let at = self.cover(byte, length, length.max(ahead))?;
        match find(&self.bytes, at) {
            Found::Record(marked, _) => Ok(own(marked)),
            Found::Damaged(what) => Err(self.damaged(byte, position, what)),
            Found::End | Found::Torn => Err(self.damaged(byte, position, "its end is missing")),
        }
    }

    /// Loads at least `needed` bytes from `byte` on, `ahead` if the file has as many; gives where they start in memory.
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

/// The record with a body of its own, so that a small one does not keep the whole window in memory.
fn own(mut marked: Marked) -> Marked {
    if let Record::Entry { entry, .. } = &mut marked.record {
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
