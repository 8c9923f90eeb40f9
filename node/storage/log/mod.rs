//! Intermediate data: the log, in segment files of its own format.
//!
//! ```text
//! event loop ── append, promise ──► memory ── flush ──► queue ──► log thread: write, fdatasync ──► done
//!                     │                                                        │
//!                     └──► index (4 bytes per entry, and unwritten entries) ◄──┘ ◄── readers
//! ```
//!
//! Operations reach the disk in the order in which the event loop made them. A flush is answered after all operations
//! before it are synced. Nothing else is durable: an operation that no answered flush covers may be lost, and was never
//! acked.
//!
//! Why not a crate: raft-log 0.4.6 comes closest. Two faults rule it out. With forged entries of a greater epoch that
//! are truncated again, its cache evicts entries that are in no closed file yet, so durable entries become unreadable.
//! And it takes damaged option bytes in its records for a torn end, so acked operations vanish at open without an
//! error. Working around both needs a scan and an index, which are most of this module.
//!
//! Left out: what entries mean.

mod base;

mod commit;

mod compact;

mod locate;

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
use crate::storage::open::lock::FolderLock;
use crate::storage::{FlushDone, IntermediateLog, LogReader, StorageError};

use commit::CommitFile;
use index::Location;
use record::{BODY_BYTES_MAX, put_entry, put_promise, put_truncate};
use replay::SegmentStart;
use segment::{HEADER_BYTES, SegmentHeader, segment_path};
use writer::{Flush, LogWrite, Writer, create_segment};

pub use salvage::last_list;

pub(crate) use base::{base_path, put_base, take_base};
pub(crate) use commit::{decode_point, encode_point, read_commit};
pub(crate) use locate::{StoredBody, committed_body};
pub(crate) use reader::{SegmentReader, Shared};
pub(crate) use record::{u32_at, u64_at};
pub(crate) use replay::{Replay, Run};
pub(crate) use salvage::last_readable_list;
pub(crate) use scan::{Scanned, scan};
pub(crate) use segment::segment_paths;

/// The first operation after this many bytes goes to a new segment. Small enough for a scan to hold one in memory and
/// for compaction to free space early; large enough to make the syncs of a new segment rare.
pub(crate) const SEGMENT_BYTES: u32 = 16 << 20;

/// Far above what the core has in flight, and far below what the index can address.
const OPERATION_BYTES_MAX: u64 = 1 << 30;

/// The files of a log and how it writes.
#[derive(Clone)]
pub(crate) struct LogFiles {
    /// The folder of the segments.
    pub folder: PathBuf,
    /// The file of the commit point.
    pub commit: PathBuf,
    pub disk: Arc<dyn Disk>,
    pub segment_bytes: u32,
    /// Keeps the data folder locked as long as the log is open.
    pub _lock: Option<Arc<FolderLock>>,
}

pub(crate) struct SegmentLog {
    shared: Arc<Shared>,
    writer: Writer,
    commit: CommitFile,
    files: LogFiles,
    /// Grows only. Invariant: no operation truncates at or before this position.
    committed: Option<Position>,
    incarnation: Incarnation,
    /// The last saved promise. Each new segment repeats it, so older segments can be deleted.
    promise: Option<Promise>,
    /// The first forged entry; all later entries are forged too.
    forged_from: Option<Position>,
    /// The position of the next entry.
    next: Position,
    /// Where the next record goes. Advances with every buffered record, before it is written.
    end: Location,
    /// All segments that still count, in order; never empty.
    starts: Vec<SegmentStart>,
    /// Buffered and not yet passed to the writer, in order.
    writes: Vec<LogWrite>,
    /// The number of bytes in `writes`.
    bytes: usize,
}

impl SegmentLog {
    /// Creates the first segment of a log.
    pub(crate) fn create(files: &LogFiles, incarnation: Incarnation) -> Result<SegmentLog, StorageError> {
        let mut replay = Replay::default();
        replay.begin_segment(1);
        let header = SegmentHeader { number: 1, next: Position::FIRST, incarnation, promise: None };
        let file = create_segment(&*files.disk, &files.folder, &header)?;
        let end = Location { segment: 1, byte: HEADER_BYTES as u32 };
        SegmentLog::start(files, incarnation, replay, end, file)
    }

    /// Continues a scanned log: cuts off a torn end and removes segments that do not count.
    pub(crate) fn resume(files: &LogFiles, scanned: Scanned) -> Result<SegmentLog, StorageError> {
        let Scanned { replay, incarnation, segment, length, torn_bytes, unused, obsolete } = scanned;
        for path in obsolete.iter().chain(&unused) {
            let removed = files.disk.remove(path).and_then(|()| files.disk.sync_folder(&files.folder));
            removed.map_err(|error| StorageError::io("remove", path, &error))?;
        }
        // What was read may not be synced: a killed process leaves that to the operating system. From here on it counts
        // as durable, so it must be, and so must the seal of the segment before.
        if replay.starts.len() > 1 {
            open_synced(files, segment - 1, None)?;
        }
        let file = open_synced(files, segment, (torn_bytes > 0).then_some(length))?;
        let byte = u32::try_from(length).map_err(|_| StorageError::LogLost {
            folder: files.folder.clone(),
            what: format!("{segment:08}.log is longer than any segment"),
        })?;
        SegmentLog::start(files, incarnation, replay, Location { segment, byte }, file)
    }

    fn start(
        files: &LogFiles,
        incarnation: Incarnation,
        replay: Replay,
        end: Location,
        file: Box<dyn DiskFile>,
    ) -> Result<SegmentLog, StorageError> {
        let Replay { promise, forged_from, index, starts, .. } = replay;
        let next = index.next();
        let commit = CommitFile::open(&files.commit)?;
        let shared = Arc::new(Shared::new(files.folder.clone(), index));
        let writer = Writer::start(shared.clone(), files.disk.clone(), file, end.segment)
            .map_err(|error| StorageError::io("start the thread of", &files.folder, &error))?;
        Ok(SegmentLog {
            shared,
            writer,
            commit,
            files: files.clone(),
            committed: None,
            incarnation,
            promise,
            forged_from,
            next,
            end,
            starts,
            writes: Vec::new(),
            bytes: 0,
        })
    }

    /// Notes what is known to be committed when the log is opened.
    pub(crate) fn hold_committed(&mut self, point: LogPoint) {
        self.committed = self.committed.max(Some(point.position));
    }

    /// Refuses what would make the log unreadable later: gaps, entries that are too large, truncation of committed
    /// entries.
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

    /// The buffer for the next operation, in a new segment if this one is full. An operation lies in one segment.
    fn begin_operation(&mut self) -> Vec<u8> {
        if self.end.byte >= self.files.segment_bytes {
            self.roll_segment();
        }
        match self.writes.pop() {
            Some(LogWrite::Append(bytes)) => bytes,
            other => {
                self.writes.extend(other);
                Vec::new()
            }
        }
    }

    fn end_operation(&mut self, buffer: Vec<u8>, begun: usize) {
        let bytes = buffer.len() - begun;
        self.end.byte += bytes as u32;
        self.bytes += bytes;
        self.writes.push(LogWrite::Append(buffer));
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
        let location =
            |buffer: &Vec<u8>, end: Location| Location { byte: end.byte + (buffer.len() - begun) as u32, ..end };
        let mut index = self.shared.index();
        if let Some(from) = truncate_from {
            put_truncate(&mut buffer, from, append.entries.is_empty());
            index.truncate(from);
            self.starts.iter_mut().last().into_iter().for_each(|start| start.truncate(from));
        }
        for (at, entry) in append.entries.iter().enumerate() {
            let location = location(&buffer, self.end);
            put_entry(&mut buffer, entry, at + 1 == append.entries.len(), append.forged);
            index.push(location.byte);
            index.hold(location, entry.clone());
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
        self.commit.record(up_to).map_err(|error| StorageError::io("write", &self.files.commit, &error))?;
        self.committed = self.committed.max(Some(up_to.position));
        Ok(())
    }

    fn flush(&mut self, done: FlushDone) -> Result<(), StorageError> {
        let writes = std::mem::take(&mut self.writes);
        let bytes = std::mem::take(&mut self.bytes);
        self.writer.send(Flush { writes, bytes, end: self.end, done })
    }

    fn compact(&mut self, base: &Base) -> Result<(), StorageError> {
        self.compact_up_to(base)
    }

    fn replace(&mut self, base: &Base) -> Result<(), StorageError> {
        self.reset_after(base);
        Ok(())
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(SegmentReader { shared: self.shared.clone() })
    }
}

/// Opens a segment for appending, truncated to `cut` bytes if given, and synced.
fn open_synced(files: &LogFiles, segment: u64, cut: Option<u64>) -> Result<Box<dyn DiskFile>, StorageError> {
    let path = segment_path(&files.folder, segment);
    let open = || {
        let mut file = files.disk.open(&path)?;
        if let Some(length) = cut {
            file.cut(length)?;
        }
        file.sync()?;
        Ok(file)
    };
    open().map_err(|error| StorageError::io("open", &path, &error))
}

/// Removes a first segment whose header is torn.
pub(crate) fn remove_torn_start(files: &LogFiles) -> Result<(), StorageError> {
    let path = segment_path(&files.folder, 1);
    match files.disk.remove(&path) {
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
