//! The thread that writes and syncs: the loop only fills memory.
//!
//! Whatever has queued up while a sync ran goes into the next one. The queue is bounded in number and bytes; a full
//! queue makes the loop wait. The first error is final: it goes to everyone who waits, and nothing is written after it,
//! because nobody knows what the disk holds then.

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::storage::disk::{Disk, DiskFile};
use crate::storage::log::base::LogBase;
use crate::storage::log::compact::{GiveUp, delete};
use crate::storage::log::index::Place;
use crate::storage::log::reader::Shared;
use crate::storage::log::record::put_seal;
use crate::storage::log::segment::{SegmentHeader, segment_path};
use crate::storage::{FlushDone, StorageError};

const QUEUE_FLUSHES: usize = 1024;
const QUEUE_BYTES: usize = 64 << 20;

pub(crate) enum Step {
    Write(Vec<u8>),
    /// Seal the segment and go on in a new one.
    Begin(SegmentHeader),
    /// Delete segments that a snapshot covers.
    GiveUp(GiveUp),
    /// Go on in a new segment after `base`, and delete all before it.
    BeginAnew {
        header: SegmentHeader,
        base: LogBase,
        gone: Vec<u64>,
    },
}

pub(crate) struct Flush {
    pub steps: Vec<Step>,
    pub bytes: usize,
    /// Where the log ends after these steps.
    pub end: Place,
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
struct Gate {
    queue: Mutex<Queue>,
    filled: Condvar,
    emptied: Condvar,
}

impl Gate {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop's end of the queue. Dropping it lets the thread finish what was queued, and waits for it.
pub(crate) struct Writer {
    gate: Arc<Gate>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        open: Box<dyn DiskFile>,
        segment: u64,
    ) -> io::Result<Writer> {
        let gate = Arc::new(Gate::default());
        let mut work = Work { gate: gate.clone(), shared, disk, file: open, segment, flushes: VecDeque::new() };
        let thread = std::thread::Builder::new().name("log".into()).spawn(move || work.run())?;
        Ok(Writer { gate, thread: Some(thread) })
    }

    pub(crate) fn send(&self, flush: Flush) -> Result<(), StorageError> {
        let mut queue = self.gate.queue();
        let full = |queue: &Queue| {
            let over = queue.bytes > 0 && queue.bytes + flush.bytes > QUEUE_BYTES;
            queue.failed.is_none() && (over || queue.flushes.len() >= QUEUE_FLUSHES)
        };
        while full(&queue) {
            queue = self.gate.emptied.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(failed) = &queue.failed {
            return Err(StorageError::Stopped(failed.to_string()));
        }
        queue.bytes += flush.bytes;
        queue.flushes.push_back(flush);
        drop(queue);
        self.gate.filled.notify_one();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.gate.queue().closed = true;
        self.gate.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread catches panics itself; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// The thread's end.
struct Work {
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    segment: u64,
    /// Taken from the queue and not yet answered.
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
        let mut queue = self.gate.queue();
        queue.failed = Some(failed.clone());
        self.flushes.append(&mut queue.flushes);
        drop(queue);
        self.gate.emptied.notify_all();
        for flush in self.flushes.drain(..) {
            (flush.done)(Err(failed.clone()));
        }
    }

    /// Ends with `None` when the log is closed.
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
            self.gate.queue().bytes -= bytes;
            self.gate.emptied.notify_all();
        }
    }

    /// All that is queued; `None` once the log is closed and everything is done.
    fn next(&self) -> Option<VecDeque<Flush>> {
        let mut queue = self.gate.queue();
        while queue.flushes.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.gate.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut queue.flushes))
    }

    fn write(&mut self) -> Result<(), StorageError> {
        let steps: Vec<Step> = self.flushes.iter_mut().flat_map(|flush| std::mem::take(&mut flush.steps)).collect();
        for step in steps {
            match step {
                Step::Write(bytes) => self.file.append(&bytes).map_err(|error| self.error("write", &error))?,
                Step::Begin(header) => self.begin(&header)?,
                Step::GiveUp(give_up) => give_up.carry_out(&*self.disk, &self.shared)?,
                Step::BeginAnew { header, base, gone } => self.begin_anew(&header, &base, &gone)?,
            }
        }
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        // A file that was deleted or moved away is synced without an error: its bytes would be confirmed and lost.
        let path = self.path();
        match self.file.is_at(&path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StorageError::Gone { path }),
            Err(error) => Err(StorageError::io("look at", &path, &error)),
        }
    }

    /// The next segment is durable before this one is sealed, and this one is sealed before the next one is used.
    fn begin(&mut self, header: &SegmentHeader) -> Result<(), StorageError> {
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        let mut next = begin_segment(&*self.disk, &self.shared.folder, header)?;
        let mut seal = Vec::new();
        put_seal(&mut seal, header.number);
        self.file.append(&seal).and_then(|()| self.file.sync()).map_err(|error| self.error("seal", &error))?;
        std::mem::swap(&mut self.file, &mut next);
        self.segment = header.number;
        Ok(())
    }

    /// Until the base is written the old segments count, from then on the new one alone.
    fn begin_anew(&mut self, header: &SegmentHeader, base: &LogBase, gone: &[u64]) -> Result<(), StorageError> {
        self.file.sync().map_err(|error| self.error("sync", &error))?;
        self.file = begin_segment(&*self.disk, &self.shared.folder, header)?;
        self.segment = header.number;
        base.write(&*self.disk, &self.shared.folder)?;
        delete(&*self.disk, &self.shared, gone)
    }

    fn error(&self, action: &'static str, error: &io::Error) -> StorageError {
        StorageError::io(action, &self.path(), error)
    }

    fn path(&self) -> PathBuf {
        segment_path(&self.shared.folder, self.segment)
    }
}

/// Makes a segment's file with its header, durable together with its name.
pub(crate) fn begin_segment(
    disk: &dyn Disk,
    folder: &std::path::Path,
    header: &SegmentHeader,
) -> Result<Box<dyn DiskFile>, StorageError> {
    let path = segment_path(folder, header.number);
    let begin = || {
        let mut file = disk.create(&path)?;
        file.append(&header.encode())?;
        file.sync()?;
        disk.sync_folder(folder)?;
        Ok(file)
    };
    begin().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => StorageError::Gone { path: folder.to_path_buf() },
        _ => StorageError::io("begin", &path, &error),
    })
}
