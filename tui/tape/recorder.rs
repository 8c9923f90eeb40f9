//! Writes a recording on a thread of its own. The thread takes records from a bounded queue, so that a slow disk never
//! blocks the program. Records that do not fit into the queue are dropped, counted and reported.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::command::messages::shell;
use crate::lang::{Localized, localized};
use crate::tape::file::{FileError, Writer};
use crate::tape::record::Record;

/// How many records may wait for the disk.
const QUEUE: usize = 1 << 16;

/// How many records are written before a flush, if there is no pause.
const FLUSH_EVERY: usize = 1_024;

/// The state of a recording.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordingStatus {
    pub records: u64,
    pub bytes: u64,
    /// It has reached its maximum size and records nothing more.
    pub full: bool,
    /// Records that were dropped because the disk was too slow.
    pub dropped: u64,
    /// Why writing failed. Nothing more is recorded.
    pub failed: Option<String>,
}

impl RecordingStatus {
    /// One line about a recording that has ended.
    pub fn summary(&self, path: &Path) -> Localized {
        let RecordingStatus { records, bytes, .. } = self;
        let text = shell::recorded(*records, bytes.div_ceil(1_000), path);
        match self.problem() {
            Some(problem) => localized!("{text}; {problem}", "{text}; {problem}", with text, problem),
            None => text,
        }
    }

    /// What is missing and why, if something is.
    pub fn problem(&self) -> Option<Localized> {
        match self {
            RecordingStatus { failed: Some(why), .. } => {
                Some(localized!("it ends early: {why}", "ela termina antes do fim: {why}"))
            }
            RecordingStatus { full: true, .. } => Some(localized!(
                "it is full, and what came after is missing (--record-max)",
                "ela está cheia, e falta o que veio depois (--record-max)"
            )),
            RecordingStatus { dropped: dropped @ 1.., .. } => Some(localized!(
                "{dropped} records are missing: the disk was too slow",
                "faltam {dropped} registros: o disco foi lento demais"
            )),
            _ => None,
        }
    }
}

/// A recording that is being written.
pub struct Recorder {
    path: PathBuf,
    queue: Option<SyncSender<Record>>,
    status: Arc<Mutex<RecordingStatus>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins a recording of at most `bytes_max` bytes.
    pub fn begin(path: &Path, bytes_max: u64) -> Result<Recorder, FileError> {
        let writer = Writer::create(path, bytes_max)?;
        let (queue, records) = sync_channel(QUEUE);
        let status = Arc::new(Mutex::new(RecordingStatus { bytes: writer.bytes(), ..RecordingStatus::default() }));
        let thread = std::thread::spawn({
            let status = Arc::clone(&status);
            move || write_all(writer, &records, &status)
        });
        Ok(Recorder { path: path.to_owned(), queue: Some(queue), status, thread: Some(thread) })
    }

    /// Queues a record. Never blocks.
    pub fn take(&self, record: Record) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(record).is_err() {
            let mut status = lock(&self.status);
            // A thread that has ended takes no more records, and the status has the reason.
            if !status.full && status.failed.is_none() {
                status.dropped += 1;
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn status(&self) -> RecordingStatus {
        lock(&self.status).clone()
    }

    /// Writes all queued records and ends the recording.
    pub fn end(mut self) -> RecordingStatus {
        self.finish();
        self.status()
    }

    fn finish(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, the file ends where it stopped.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

fn lock(status: &Mutex<RecordingStatus>) -> MutexGuard<'_, RecordingStatus> {
    // Each field is valid by itself, so a panic under the lock leaves a valid value.
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(mut writer: Writer, records: &Receiver<Record>, status: &Mutex<RecordingStatus>) {
    let mut unflushed = 0;
    loop {
        let next = match records.try_recv() {
            Ok(record) => Some(record),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                if !flushed(&mut writer, status) {
                    return;
                }
                unflushed = 0;
                records.recv().ok()
            }
        };
        let Some(record) = next else { break };
        match writer.write(&record) {
            Ok(true) => {
                let mut status = lock(status);
                status.records += 1;
                status.bytes = writer.bytes();
            }
            Ok(false) => {
                lock(status).full = true;
                break;
            }
            Err(error) => {
                lock(status).failed = Some(error.to_string());
                return;
            }
        }
        unflushed += 1;
        if unflushed >= FLUSH_EVERY {
            if !flushed(&mut writer, status) {
                return;
            }
            unflushed = 0;
        }
    }
    flushed(&mut writer, status);
}

fn flushed(writer: &mut Writer, status: &Mutex<RecordingStatus>) -> bool {
    match writer.flush() {
        Ok(()) => true,
        Err(error) => {
            lock(status).failed = Some(error.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lang::Lang;
    use crate::tape::file::read;
    use crate::tape::record::What;

    fn record(number: u64) -> Record {
        Record::new(Duration::from_micros(number), What::Begin { number, line: "put x 1".to_owned() })
    }

    #[test]
    fn every_taken_record_is_in_the_file_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tape.jsonl");
        let recorder = Recorder::begin(&path, 1 << 20).expect("a file");
        (1..=3_000).for_each(|number| recorder.take(record(number)));
        let status = recorder.end();
        assert_eq!((status.records, status.problem()), (3_000, None));
        assert_eq!(read(&path).expect("a recording").records.len(), 3_000);
    }

    #[test]
    fn a_full_recording_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tape.jsonl");
        let recorder = Recorder::begin(&path, 1_000).expect("a file");
        (1..=3_000).for_each(|number| recorder.take(record(number)));
        let status = recorder.end();
        assert!(status.full && status.bytes <= 1_000, "{status:?}");
        assert!(status.summary(&path).to(Lang::English).contains("it is full"), "{:?}", status.summary(&path));
    }
}
