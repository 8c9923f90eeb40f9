//! Whoever takes what the tape takes in: the recording that is written, and the checks that go on beside it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::trace::NodeState;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::console::model::Model;
use crate::console::model::tape::Recording;
use crate::console::update::Msg;
use crate::tape::{Checker, FileError, Linearizable, Record, Recorder, check};

/// How many records wait for the checks; beyond it they lag, and begin anew when they have caught up.
const QUEUE: usize = 1 << 15;
/// How many records are checked before it is looked whether there is something to tell.
const AT_ONCE: usize = 256;
/// Between two reports that tell nothing but how far the checks are.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Where a recording goes, and its greatest size in bytes.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub path: PathBuf,
    pub bytes_max: u64,
}

pub struct Taps {
    recorder: Option<Recorder>,
    checks: Checks,
}

impl Taps {
    /// Begins the recording, if one is wanted. The checks tell what they find in the inbox.
    pub fn begin(wanted: Option<&Wanted>, inbox: Sender<Msg>) -> Result<Taps, FileError> {
        let recorder = wanted.map(|Wanted { path, bytes_max }| Recorder::begin(path, *bytes_max)).transpose()?;
        Ok(Taps { recorder, checks: Checks::begin(inbox) })
    }

    /// Checks a whole recording beside what goes on, and tells what was found in the inbox.
    pub fn check(records: Vec<Arc<Record>>, inbox: Sender<Msg>) {
        tokio::task::spawn_blocking(move || {
            let verdict = check(records.iter().map(|record| &**record));
            // If nobody takes it, the console is ending.
            let _ = inbox.blocking_send(Msg::Checked(Box::new(verdict)));
        });
    }

    /// Hands on what the tape has taken in.
    pub fn take(&mut self, model: &mut Model) {
        for record in model.tape.take_fresh() {
            if let Some(recorder) = &self.recorder {
                recorder.take(Record::clone(&record));
            }
            self.checks.take(record, model);
        }
        if let Some(recorder) = &self.recorder {
            let name = recorder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            let recording = Some(Recording { name, trouble: recorder.status().problem() });
            if model.tape.recording != recording {
                model.tape.recording = recording;
                model.changed();
            }
        }
    }

    /// Ends the recording, and says what it came to.
    pub fn end(self) -> Option<String> {
        let recorder = self.recorder?;
        let path = recorder.path().to_owned();
        Some(recorder.end().summary(&path))
    }
}

enum Told {
    Record(Arc<Record>),
    /// So many records were left out; the nodes are seen anew as they are now.
    Again(u64, Vec<NodeState>),
}

struct Checks {
    queue: Sender<Told>,
    /// How many records were left out since the queue was full.
    left_out: u64,
    task: JoinHandle<()>,
}

impl Checks {
    fn begin(inbox: Sender<Msg>) -> Checks {
        let (queue, told) = channel(QUEUE);
        Checks { queue, left_out: 0, task: tokio::spawn(check_all(told, inbox)) }
    }

    /// Takes a record, and never waits.
    fn take(&mut self, record: Arc<Record>, model: &Model) {
        // Half of the queue must be free before it goes on, so that it does not stop again at once.
        if self.left_out > 0 && self.queue.capacity() > QUEUE / 2 {
            let again = Told::Again(self.left_out, model.tape.present_states(model));
            if self.queue.try_send(again).is_ok() {
                self.left_out = 0;
            }
        }
        if self.left_out > 0 || self.queue.try_send(Told::Record(record)).is_err() {
            self.left_out += 1;
        }
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn check_all(mut told: Receiver<Told>, inbox: Sender<Msg>) {
    let mut checker = Checker::new();
    let mut order: Option<JoinHandle<Linearizable>> = None;
    let (mut reported, mut records) = (None, 0);
    let mut batch = Vec::with_capacity(AT_ONCE);
    let mut every = tokio::time::interval(REPORT_EVERY);
    loop {
        let mut is_found = false;
        let is_time = tokio::select! {
            count = told.recv_many(&mut batch, AT_ONCE) => {
                if count == 0 {
                    return;
                }
                false
            }
            found = async { order.as_mut().expect("it is there").await }, if order.is_some() => {
                order = None;
                // A search that panicked has nothing to say.
                is_found = found.is_ok_and(|found| checker.ordered(found));
                false
            }
            _ = every.tick() => true,
        };
        for told in batch.drain(..) {
            is_found |= match told {
                Told::Record(record) => checker.take(&record),
                Told::Again(left_out, states) => checker.resume(left_out, &states),
            };
        }
        if order.is_none() && checker.is_stale() {
            let operations = checker.operations();
            order = Some(tokio::task::spawn_blocking(move || operations.order()));
        }
        if checker.verdict().records == 0 {
            continue;
        }
        let news = (checker.verdict().findings.len(), checker.verdict().linearizable.clone());
        let is_further = checker.verdict().records > records;
        if is_time && is_further || is_found || reported.as_ref() != Some(&news) {
            let verdict = Box::new(checker.verdict().clone());
            if inbox.send(Msg::Checked(verdict)).await.is_err() {
                return;
            }
            (reported, records) = (Some(news), checker.verdict().records);
        }
    }
}
