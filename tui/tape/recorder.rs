//! Writes a recording beside whatever goes on: a thread of its own takes records from a bounded queue, so that a slow
//! disk never keeps anybody waiting. What did not fit is counted and said.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::tape::file::{FileError, Writer};
use crate::tape::record::Record;

/// How many records wait for the disk.
const QUEUE: usize = 1 << 16;

/// How many records are written before they are flushed, if there is no pause.
const FLUSH_EVERY: usize = 1_024;

/// How a recording stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    pub records: u64,
    pub bytes: u64,
    /// It has reached its greatest size: nothing more is recorded.
    pub full: bool,
    /// Records that came faster than the disk took them.
    pub dropped: u64,
    /// Why it could not be written any more.
    pub failed: Option<String>,
}

impl Written {
    /// One line about a recording that has ended.
    pub fn summary(&self, path: &Path) -> String {
        let Written { records, bytes, .. } = self;
        let mut text = format!("recorded {records} records, {} KB, in {}", bytes.div_ceil(1_000), path.display());
        if let Some(trouble) = self.trouble() {
            text.push_str("; ");
            text.push_str(&trouble);
        }
        text
    }

    /// What is missing in it and why, if something is.
    pub fn trouble(&self) -> Option<String> {
        match self {
            Written { failed: Some(why), .. } => Some(format!("it breaks off: {why}")),
            Written { full: true, .. } => Some("it is full, and what came after is missing (--record-max)".to_owned()),
            Written { dropped: 1.., .. } => Some(format!("{} records were too many for the disk", self.dropped)),
            _ => None,
        }
    }
}

/// A recording that is being written.
pub struct Recorder {
    path: PathBuf,
    queue: Option<SyncSender<Record>>,
    written: Arc<Mutex<Written>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins a recording of at most so many bytes.
    pub fn begin(path: &Path, bytes_max: u64) -> Result<Recorder, FileError> {
        let writer = Writer::create(path, bytes_max)?;
        let (queue, records) = sync_channel(QUEUE);
        let written = Arc::new(Mutex::new(Written { bytes: writer.bytes(), ..Written::default() }));
        let thread = std::thread::spawn({
            let written = Arc::clone(&written);
            move || write_all(writer, &records, &written)
        });
        Ok(Recorder { path: path.to_owned(), queue: Some(queue), written, thread: Some(thread) })
    }

    /// Takes a record, and never waits.
    pub fn take(&self, record: Record) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(record).is_err() {
            let mut written = lock(&self.written);
            // After its end the thread takes no more; then it is known why.
            if !written.full && written.failed.is_none() {
                written.dropped += 1;
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn written(&self) -> Written {
        lock(&self.written).clone()
    }

    /// Writes what waits and ends the recording.
    pub fn end(mut self) -> Written {
        self.finish();
        self.written()
    }

    fn finish(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has written what it has written.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

fn lock(written: &Mutex<Written>) -> MutexGuard<'_, Written> {
    // Numbers are set one after the other; a poisoned lock holds them as well as any.
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(mut writer: Writer, records: &Receiver<Record>, written: &Mutex<Written>) {
    let mut unflushed = 0;
    loop {
        let next = match records.try_recv() {
            Ok(record) => Some(record),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                if !flushed(&mut writer, written) {
                    return;
                }
                unflushed = 0;
                records.recv().ok()
            }
        };
        let Some(record) = next else { break };
        match writer.write(&record) {
            Ok(true) => {
                let mut written = lock(written);
                written.records += 1;
                written.bytes = writer.bytes();
            }
            Ok(false) => {
                lock(written).full = true;
                break;
            }
            Err(error) => {
                lock(written).failed = Some(error.to_string());
                return;
            }
        }
        unflushed += 1;
        if unflushed >= FLUSH_EVERY {
            if !flushed(&mut writer, written) {
                return;
            }
            unflushed = 0;
        }
    }
    flushed(&mut writer, written);
}

fn flushed(writer: &mut Writer, written: &Mutex<Written>) -> bool {
    match writer.flush() {
        Ok(()) => true,
        Err(error) => {
            lock(written).failed = Some(error.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tape::file::read;
    use crate::tape::record::What;

    fn record(number: u64) -> Record {
        Record::new(Duration::from_micros(number), What::Begin { number, line: "put x 1".to_owned() })
    }

    #[test]
    fn all_that_was_taken_is_in_the_file_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tape.jsonl");
        let recorder = Recorder::begin(&path, 1 << 20).expect("a file");
        (1..=3_000).for_each(|number| recorder.take(record(number)));
        let written = recorder.end();
        assert_eq!((written.records, written.trouble()), (3_000, None));
        assert_eq!(read(&path).expect("a recording").records.len(), 3_000);
    }

    #[test]
    fn a_full_recording_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tape.jsonl");
        let recorder = Recorder::begin(&path, 1_000).expect("a file");
        (1..=3_000).for_each(|number| recorder.take(record(number)));
        let written = recorder.end();
        assert!(written.full && written.bytes <= 1_000, "{written:?}");
        assert!(written.summary(&path).contains("it is full"), "{}", written.summary(&path));
    }
}
