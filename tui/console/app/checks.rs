//! The checks as a task beside the event loop: invariants of the protocol and linearizability, over the records of the
//! tape.

use std::sync::Arc;
use std::time::Duration;

use epoca::protocol::trace::NodeState;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::console::model::Model;
use crate::console::update::Msg;
use crate::tape::{Checker, Linearizable, Record, check};

/// Records that wait for the checks. When the queue is full, records are skipped, and the checks resume from the nodes'
/// current states.
const QUEUE: usize = 1 << 15;
/// Records that are checked between two reports.
const BATCH: usize = 256;
/// Interval of reports that contain nothing but progress.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Checks a whole recording in the background and reports to the inbox.
pub fn check_all(records: Vec<Arc<Record>>, inbox: Sender<Msg>) {
    tokio::task::spawn_blocking(move || {
        let verdict = check(records.iter().map(|record| &**record));
        // The send fails only while the console ends.
        let _ = inbox.blocking_send(Msg::Checked(Box::new(verdict)));
    });
}

enum CheckItem {
    Record(Arc<Record>),
    /// Number of skipped records, and the nodes' current states to resume from.
    Restart(u64, Vec<NodeState>),
}

pub struct Checks {
    queue: Sender<CheckItem>,
    /// Records skipped since the queue was full.
    left_out: u64,
    task: JoinHandle<()>,
}

impl Checks {
    pub fn begin(inbox: Sender<Msg>) -> Checks {
        let (queue, items) = channel(QUEUE);
        Checks { queue, left_out: 0, task: tokio::spawn(run(items, inbox)) }
    }

    /// Queues a record without waiting.
    pub fn take(&mut self, record: Arc<Record>, model: &Model) {
        // Resume only when half of the queue is free, else the queue would fill again at once.
        if self.left_out > 0 && self.queue.capacity() > QUEUE / 2 {
            let again = CheckItem::Restart(self.left_out, model.tape.present_states(model));
            if self.queue.try_send(again).is_ok() {
                self.left_out = 0;
            }
        }
        if self.left_out > 0 || self.queue.try_send(CheckItem::Record(record)).is_err() {
            self.left_out += 1;
        }
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut items: Receiver<CheckItem>, inbox: Sender<Msg>) {
    let mut checker = Checker::new();
    let mut order: Option<JoinHandle<Linearizable>> = None;
    let (mut reported, mut records) = (None, 0);
    let mut batch = Vec::with_capacity(BATCH);
    let mut every = tokio::time::interval(REPORT_EVERY);
    loop {
        let mut is_found = false;
        let is_time = tokio::select! {
            count = items.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                false
            }
            found = async { order.as_mut().expect("it is there").await }, if order.is_some() => {
                order = None;
                // A search that panicked has no result.
                is_found = found.is_ok_and(|found| checker.ordered(found));
                false
            }
            _ = every.tick() => true,
        };
        for items in batch.drain(..) {
            is_found |= match items {
                CheckItem::Record(record) => checker.take(&record),
                CheckItem::Restart(left_out, states) => checker.resume(left_out, &states),
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
