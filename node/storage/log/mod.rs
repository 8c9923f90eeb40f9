//! Intermediate data: the log, in segment files of our own.
//!
//! ```text
//! loop ── append, promise ──► memory ── flush ──► queue ──► log thread: write, fdatasync ──► done
//!              │                                                            │
//!              └──► index (4 bytes an entry, and what is not written yet) ◄─┘ ◄── readers
//! ```
//!
//! Why not a crate. raft-log 0.4.6 came nearest and was tried: with forged entries of a greater epoch that are
//! truncated again its cache gives up entries that are in no closed file yet, so that durable entries become
//! unreadable; and it takes damaged option bytes in its own records for a torn end, so that acked operations vanish at
//! open without a word. Working around both means a scan and an index of our own, which is most of what stands here.
//!
//! What is absent on purpose: any knowledge of what entries mean.

mod base;

mod commit;

mod compact;

mod harm;

mod index;

mod reader;

mod record;

mod replay;

mod salvage;

mod scan;

mod segment;

mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::protocol::{Append, Base, Incarnation, LogPoint, Position, Promise};
use crate::storage::disk::{Disk, DiskFile};
use crate::storage::open::identity::Lock;
use crate::storage::{FlushDone, IntermediateLog, LogReader, StorageError};

use commit::CommitFile;
use index::Place;
use record::{BODY_BYTES_MAX, put_entry, put_promise, put_truncate};
use replay::Start;
use segment::{HEADER_BYTES, SegmentHeader, segment_path};
use writer::{Flush, Step, Writer, begin_segment};

pub use harm::{entry_to_harm, turn_bit};
pub use salvage::last_list;

pub(crate) use base::{put_base, take_base};
pub(crate) use commit::{decode_point, encode_point, read_commit};
pub(crate) use reader::{SegmentReader, Shared};
pub(crate) use record::{u32_at, u64_at};
pub(crate) use replay::{Replay, Run};
pub(crate) use salvage::lists_as_far_as_readable;
pub(crate) use scan::{Scanned, scan};

/// A new segment is begun by the first operation after this many bytes: small enough that a scan holds one in memory
/// and compaction frees space in good steps, large enough that the syncs of a change are rare.
pub(crate) const SEGMENT_BYTES: u32 = 16 << 20;

/// Far above what the core has under way, and far below what the index can address.
const OPERATION_BYTES_MAX: u64 = 1 << 30;

/// Where a log lives and how it writes.
#[derive(Clone)]
pub(crate) struct LogPlace {
    /// The folder of the segments.
    pub folder: PathBuf,
    /// The file of the commit point.
    pub commit: PathBuf,
    pub disk: Arc<dyn Disk>,
    pub segment_bytes: u32,
    /// Held as long as the log is open.
    pub _lock: Option<Arc<Lock>>,
}

pub(crate) struct SegmentLog {
    shared: Arc<Shared>,
    writer: Writer,
    commit: CommitFile,
    place: LogPlace,
    committed: Option<Position>,
    incarnation: Incarnation,
    promise: Option<Promise>,
    /// The first forged entry; all after it are forged too.
    forged_from: Option<Position>,
    /// The position of the next entry.
    next: Position,
    /// Where the next record goes.
    end: Place,
    /// All segments, in order.
    starts: Vec<Start>,
    /// Appended and not yet handed to the writer.
    steps: Vec<Step>,
    bytes: usize,
}

impl SegmentLog {
    /// Makes the first segment of a log.
    pub(crate) fn create(place: &LogPlace, incarnation: Incarnation) -> Result<SegmentLog, StorageError> {
        let mut replay = Replay::default();
        replay.begin_segment(1);
        let header = SegmentHeader { number: 1, next: Position::FIRST, incarnation, promise: None };
        let file = begin_segment(&*place.disk, &place.folder, &header)?;
        let end = Place { segment: 1, byte: HEADER_BYTES as u32 };
        SegmentLog::start(place, incarnation, replay, end, file)
    }

    /// Continues a scanned log: drops an end that never reached the disk and a segment that was never used.
    pub(crate) fn resume(place: &LogPlace, scanned: Scanned) -> Result<SegmentLog, StorageError> {
        let Scanned { replay, incarnation, segment, length, torn_bytes, unfinished, given_up } = scanned;
        for unfinished in given_up.iter().chain(&unfinished) {
            let removed = place.disk.remove(unfinished).and_then(|()| place.disk.sync_folder(&place.folder));
            removed.map_err(|error| StorageError::io("remove", unfinished, &error))?;
        }
        // What was read may never have been synced: a killed process leaves it to the operating system. From here on it
        // counts as durable, so it must be, and so must the seal of the segment before.
        if replay.starts.len() > 1 {
            open_synced(place, segment - 1, None)?;
        }
        let file = open_synced(place, segment, (torn_bytes > 0).then_some(length))?;
        let byte = u32::try_from(length).map_err(|_| StorageError::LogLost {
            folder: place.folder.clone(),
            what: format!("{segment:08}.log is longer than any segment"),
        })?;
        SegmentLog::start(place, incarnation, replay, Place { segment, byte }, file)
    }

    fn start(
        place: &LogPlace,
        incarnation: Incarnation,
        replay: Replay,
        end: Place,
        file: Box<dyn DiskFile>,
    ) -> Result<SegmentLog, StorageError> {
        let Replay { promise, forged_from, index, starts, .. } = replay;
        let next = index.next();
        let commit =
            CommitFile::open(&place.commit).map_err(|error| StorageError::io("open", &place.commit, &error))?;
        let shared = Arc::new(Shared::new(place.folder.clone(), index));
        let writer = Writer::start(shared.clone(), place.disk.clone(), file, end.segment)
            .map_err(|error| StorageError::io("start the thread of", &place.folder, &error))?;
        Ok(SegmentLog {
            shared,
            writer,
            commit,
            place: place.clone(),
            committed: None,
            incarnation,
            promise,
            forged_from,
            next,
            end,
            starts,
            steps: Vec::new(),
            bytes: 0,
        })
    }

    /// What is committed already when the log is opened.
    pub(crate) fn hold_committed(&mut self, point: LogPoint) {
        self.committed = self.committed.max(Some(point.position));
    }

    /// Refuses what would make the log unreadable later: gaps, entries that are too large, truncation of what is
    /// committed.
    fn check(&self, append: &Append) -> Result<(), StorageError> {
        let refused = |what: String| Err(StorageError::OutOfOrder { next: self.next, what });
        let from = append.truncate_from.unwrap_or(self.next);
        if from > self.next || from < Position::FIRST {
            return refused(format!("a truncation begins at {from}"));
        }
        if append.truncate_from.is_some() && self.committed.is_some_and(|committed| from <= committed) {
            return refused(format!("a truncation from {from} on would delete committed entries"));
        }
        if !append.forged && !append.entries.is_empty() && self.forged_from.is_some_and(|forged| forged < from) {
            return refused(format!("entries that are not forged follow forged ones at {from}"));
        }
        let bytes: u64 = append.entries.iter().map(|entry| entry.weight()).sum();
        if bytes > OPERATION_BYTES_MAX {
            return refused(format!("one operation has {bytes} bytes"));
        }
        for (position, entry) in (from.0..).zip(&append.entries) {
            if entry.position.0 != position {
                return refused(format!("entry {} has position {}", entry.id, entry.position));
            }
            if entry.body.len() > BODY_BYTES_MAX {
                return refused(format!("entry {} has {} bytes", entry.id, entry.body.len()));
            }
        }
        Ok(())
    }

    /// The buffer for the next operation, in a new segment if this one is full.
    fn begin_operation(&mut self) -> Vec<u8> {
        if self.end.byte >= self.place.segment_bytes {
            self.begin_next_segment();
        }
        match self.steps.pop() {
            Some(Step::Write(bytes)) => bytes,
            other => {
                self.steps.extend(other);
                Vec::new()
            }
        }
    }

    fn end_operation(&mut self, buffer: Vec<u8>, begun: usize) {
        let bytes = buffer.len() - begun;
        self.end.byte += bytes as u32;
        self.bytes += bytes;
        self.steps.push(Step::Write(buffer));
    }
}

impl IntermediateLog for SegmentLog {
    fn save_promise(&mut self, promise: Promise) -> Result<(), StorageError> {
        let mut buffer = self.begin_operation();
        let begun = buffer.len();
        put_promise(&mut buffer, promise);
        self.promise = Some(promise);
        self.end_operation(buffer, begun);
        Ok(())
    }

    fn append(&mut self, append: &Append) -> Result<(), StorageError> {
        self.check(append)?;
        let truncate_from = append.truncate_from.filter(|from| *from < self.next);
        if truncate_from.is_none() && append.entries.is_empty() {
            return Ok(());
        }
        let mut buffer = self.begin_operation();
        let begun = buffer.len();
        let place = |buffer: &Vec<u8>, end: Place| Place { byte: end.byte + (buffer.len() - begun) as u32, ..end };
        let mut index = self.shared.index();
        if let Some(from) = truncate_from {
            put_truncate(&mut buffer, from, append.entries.is_empty());
            index.truncate(from);
            self.starts.iter_mut().last().into_iter().for_each(|start| start.truncate(from));
        }
        for (at, entry) in append.entries.iter().enumerate() {
            let place = place(&buffer, self.end);
            put_entry(&mut buffer, entry, at + 1 == append.entries.len(), append.forged);
            index.push(place.byte);
            index.hold(place, entry.clone());
        }
        let from = append.truncate_from.unwrap_or(self.next);
        self.next = index.next();
        drop(index);
        self.forged_from = self.forged_from.filter(|forged| *forged < from);
        if append.forged && !append.entries.is_empty() {
            self.forged_from = self.forged_from.or(Some(from));
        }
        self.end_operation(buffer, begun);
        Ok(())
    }

    fn record_commit(&mut self, up_to: LogPoint) -> Result<(), StorageError> {
        if up_to.position >= self.next {
            let what = format!("{up_to} at position {} is to be committed", up_to.position);
            return Err(StorageError::OutOfOrder { next: self.next, what });
        }
        self.commit.record(up_to).map_err(|error| StorageError::io("write", &self.place.commit, &error))?;
        self.committed = self.committed.max(Some(up_to.position));
        Ok(())
    }

    fn flush(&mut self, done: FlushDone) -> Result<(), StorageError> {
        let steps = std::mem::take(&mut self.steps);
        let bytes = std::mem::take(&mut self.bytes);
        self.writer.send(Flush { steps, bytes, end: self.end, done })
    }

    fn compact(&mut self, base: &Base) -> Result<(), StorageError> {
        self.give_up(base)
    }

    fn replace(&mut self, base: &Base) -> Result<(), StorageError> {
        self.begin_anew(base);
        Ok(())
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(SegmentReader { shared: self.shared.clone() })
    }
}

/// Opens a segment to write on, with all that is in it on the disk, after cutting off what does not count.
fn open_synced(place: &LogPlace, segment: u64, cut: Option<u64>) -> Result<Box<dyn DiskFile>, StorageError> {
    let path = segment_path(&place.folder, segment);
    let open = || {
        let mut file = place.disk.open(&path)?;
        if let Some(length) = cut {
            file.cut(length)?;
        }
        file.sync()?;
        Ok(file)
    };
    open().map_err(|error| StorageError::io("open", &path, &error))
}

/// Removes a first segment whose header never reached the disk.
pub(crate) fn remove_torn_start(place: &LogPlace) -> Result<(), StorageError> {
    let path = segment_path(&place.folder, 1);
    match place.disk.remove(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StorageError::io("remove", &path, &error)),
        _ => Ok(()),
    }
}

/// The folder of the segments inside a data folder.
pub(crate) fn log_folder(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The file of the commit point inside a data folder.
pub(crate) fn commit_path(folder: &Path) -> PathBuf {
    folder.join("commit")
}
