//! The thread that writes and syncs the log, so that the event loop only fills memory.
//!
//! Flushes that queue up during a sync share the next one. The queue is bounded in number and bytes; a full queue
//! blocks the event loop. The first error is final: all waiting flushes get it, and nothing is written after it,
//! because the content of the disk is unknown then.
//!
//! # Order on the disk
//!
//! - Append: bytes, sync, then the flushes are answered.
//! - New segment: sync the old one, create the new one and sync it with its name, seal the old one and sync it. A
//!   sealed segment without a next one therefore means a lost file.
//! - Compaction: write `log/base` durably, then delete the segments before it.
//! - Reset after a snapshot was installed: create the new segment durably, write `log/base` durably, delete all others.

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::storage::disk::{Disk, DiskFile};
use crate::storage::log::base::LogBase;
use crate::storage::log::compact::{Compaction, delete};
use crate::storage::log::index::Location;
use crate::storage::log::reader::Shared;
use crate::storage::log::record::put_seal;
use crate::storage::log::segment::{SegmentHeader, segment_path};
use crate::storage::{FlushDone, StorageError};

const QUEUE_FLUSHES_MAX: usize = 1024;
const QUEUE_BYTES_MAX: usize = 64 << 20;

/// One change of the files.
pub(crate) enum LogWrite {
    Append(Vec<u8>),
    /// Seal the segment and continue in a new one.
    Roll(SegmentHeader),
    /// Delete segments that a snapshot covers.
    Compact(Compaction),
    /// Continue after `base` in a new segment and delete all others.
    Reset {
        header: SegmentHeader,
        base: LogBase,
        obsolete: Vec<u64>,
    },
}

pub(crate) struct Flush {
    pub writes: Vec<LogWrite>,
    pub bytes: usize,
    /// The end of the log after these writes.
    pub end: Location,
    pub done: FlushDone,
}

#[derive(Default)]
struct Queue {
    flushes: VecDeque<Flush>,
    bytes: usize,
    closed: bool,
    failed: Option<StorageError>,
}

#[derive(Default)]
struct SharedQueue {
    queue: Mutex<Queue>,
    filled: Condvar,
    emptied: Condvar,
}

impl SharedQueue {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event loop's end of the queue. Dropping it waits until the thread has written everything queued.
pub(crate) struct Writer {
    shared_queue: Arc<SharedQueue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        open: Box<dyn DiskFile>,
        segment: u64,
    ) -> io::Result<Writer> {
        let shared_queue = Arc::new(SharedQueue::default());
        let mut work =
            Work { shared_queue: shared_queue.clone(), shared, disk, file: open, segment, flushes: VecDeque::new() };
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || work.run())?;
        Ok(Writer { shared_queue, thread: Some(thread) })
    }

    pub(crate) fn send(&self, flush: Flush) -> Result<(), StorageError> {
        let mut queue = self.shared_queue.queue();
        let full = |queue: &Queue| {
            let over = queue.bytes > 0 && queue.bytes + flush.bytes > QUEUE_BYTES_MAX;
            queue.failed.is_none() && (over || queue.flushes.len() >= QUEUE_FLUSHES_MAX)
        };
        while full(&queue) {
            queue = self.shared_queue.emptied.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(failed) = &queue.failed {
            return Err(StorageError::Stopped(failed.to_string()));
        }
        queue.bytes += flush.bytes;
        queue.flushes.push_back(flush);
        drop(queue);
        self.shared_queue.filled.notify_one();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared_queue.queue().closed = true;
        self.shared_queue.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread catches its own panics, and no caller is left to report to.
            let _ = thread.join();
        }
    }
}

/// The thread's end of the queue.
struct Work {
    shared_queue: Arc<SharedQueue>,
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    segment: u64,
    /// Taken from the queue and not answered yet.
    flushes: VecDeque<Flush>,
}

impl Work {
    fn run(&mut self) {
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| self.run_until_error()));
        let failed = match ended {
            Ok(None) => return,
            Ok(Some(failed)) => failed,
            Err(_) => StorageError::Stopped("the thread of the log panicked".into()),
        };
        let mut queue = self.shared_queue.queue();
        queue.failed = Some(failed.clone());
        self.flushes.append(&mut queue.flushes);
        drop(queue);
        self.shared_queue.emptied.notify_all();
        for flush in self.flushes.drain(..) {
            (flush.done)(Err(failed.clone()));
        }
    }

    /// Returns `None` when the log is closed.
    fn run_until_error(&mut self) -> Option<StorageError> {
        loop {
            self.flushes = self.next()?;
            let end = self.flushes.back()?.end;
            let bytes: usize = self.flushes.iter().map(|flush| flush.bytes).sum();
            if let Err(failed) = self.write() {
                return Some(failed);
            }
            self.shared.index().on_written(end);
            while let Some(flush) = self.flushes.pop_front() {
                (flush.done)(Ok(()));
            }
            self.shared_queue.queue().bytes -= bytes;
            self.shared_queue.emptied.notify_all();
        }
    }

    /// Everything queued; `None` once the log is closed and the queue is empty.
    fn next(&self) -> Option<VecDeque<Flush>> {
        let mut queue = self.shared_queue.queue();
        while queue.flushes.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.shared_queue.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut queue.flushes))
    }

    fn write(&mut self) -> Result<(), StorageError> {
        let writes = self.flushes.iter_mut().flat_map(|flush| std::mem::take(&mut flush.writes));
        for write in writes.collect::<Vec<_>>() {
            match write {
                LogWrite::Append(bytes) => self.file.append(&bytes).map_err(|error| self.error("write", &error))?,
                LogWrite::Roll(header) => self.roll(&header)?,
                LogWrite::Compact(compaction) => compaction.run(&*self.disk, &self.shared)?,
                LogWrite::Reset { header, base, obsolete } => self.reset(&header, &base, &obsolete)?,
            }
        }
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        // A file that was deleted or moved is synced without an error: its bytes would be confirmed and lost.
        let path = self.path();
        match self.file.is_at(&path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StorageError::Gone { path }),
            Err(error) => Err(StorageError::io("look at", &path, &error)),
        }
    }

    /// The next segment is durable before this one is sealed, and this one is sealed before the next one is used.
    fn roll(&mut self, header: &SegmentHeader) -> Result<(), StorageError> {
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        let mut next = create_segment(&*self.disk, &self.shared.folder, header)?;
        let mut seal = Vec::new();
        put_seal(&mut seal, header.number);
        self.file.append(&seal).and_then(|()| self.file.sync()).map_err(|error| self.error("seal", &error))?;
        std::mem::swap(&mut self.file, &mut next);
        self.segment = header.number;
        Ok(())
    }

    /// The old segments count until the base is durable; from then on only the new one does.
    fn reset(&mut self, header: &SegmentHeader, base: &LogBase, obsolete: &[u64]) -> Result<(), StorageError> {
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        self.file = create_segment(&*self.disk, &self.shared.folder, header)?;
        self.segment = header.number;
        base.write(&*self.disk, &self.shared.folder)?;
        delete(&*self.disk, &self.shared, obsolete)
    }

    fn error(&self, action: &'static str, error: &io::Error) -> StorageError {
        StorageError::io(action, &self.path(), error)
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.shared.folder, self.segment)
    }
}

/// Creates a segment's file with its header; both file and name are durable on return.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    folder: &Path,
    header: &SegmentHeader,
) -> Result<Box<dyn DiskFile>, StorageError> {
    let path = segment_path(folder, header.number);
    let create = || {
        let mut file = disk.create(&path)?;
        file.append(&header.encode())?;
        file.sync()?;
        disk.sync_folder(folder)?;
        Ok(file)
    };
    create().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => StorageError::Gone { path: folder.to_path_buf() },
        _ => StorageError::io("create", &path, &error),
    })
}
