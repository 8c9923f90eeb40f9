//! The grades by hand as a task beside the event loop: it follows the records of the tape and the commands of the
//! person, looks at disks where the sheet asks for them, and reports each line of the sheet that was shown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use epoca::client::Client;
use epoca::client::watch::Observed;
use epoca::protocol::Time;
use epoca::protocol::trace::NodeState;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::console::model::Model;
use crate::console::update::Msg;
use crate::scenario::by_hand::{Grade, Grader};
use crate::tape::{Record, What};

/// Records that wait for the grader. When the queue is full, records are skipped, and it resumes from the nodes'
/// current states.
const QUEUE: usize = 1 << 14;
const BATCH: usize = 256;
/// How often it looks again for something that no event tells.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The pause between two judgements while records keep coming.
const GRADE_EVERY: Duration = Duration::from_millis(30);

/// Grades a whole recording in the background.
pub fn grade_all(records: Vec<Arc<Record>>, inbox: Sender<Msg>) {
    tokio::spawn(async move {
        for (at, grade) in grades_of(records.iter().map(|record| &**record)).await {
            // The send fails only while the console ends.
            let _ = inbox.send(Msg::Graded(Box::new(grade), at)).await;
        }
    });
}

/// The lines that records show, each with the number of records up to then. Disks cannot be looked at, so lines that
/// need one stay open.
pub async fn grades_of(records: impl Iterator<Item = &Record>) -> Vec<(u64, Grade)> {
    let (mut grader, mut grades, mut last) = (Grader::new(), Vec::new(), 0);
    for (at, record) in (1..).zip(records) {
        if matches!(record.what, What::Begin { .. }) {
            grades.extend(grader.grade().await.into_iter().map(|grade| (at - 1, grade)));
        }
        take(&mut grader, record, true);
        if matches!(record.what, What::End { .. }) {
            grades.extend(grader.grade().await.into_iter().map(|grade| (at, grade)));
        }
        last = at;
    }
    grades.extend(grader.grade().await.into_iter().map(|grade| (last, grade)));
    grades
}

enum Item {
    /// A record with its number on the tape, and whether a command in it is one of the person.
    Record(Arc<Record>, u64, bool),
    Client(Client, PathBuf),
    Restart(Vec<NodeState>),
}

pub struct Grading {
    queue: Sender<Item>,
    /// Records so far.
    records: u64,
    has_skipped: bool,
    task: JoinHandle<()>,
}

impl Grading {
    pub fn begin(inbox: Sender<Msg>) -> Grading {
        let (queue, items) = channel(QUEUE);
        let task = tokio::spawn(run(items, inbox));
        Grading { queue, records: 0, has_skipped: false, task }
    }

    /// From now on disks can be looked at.
    pub fn use_client(&self, client: Client) {
        if let Ok(executable) = std::env::current_exe() {
            // Without it, lines that need a disk are not graded.
            let _ = self.queue.try_send(Item::Client(client, executable));
        }
    }

    /// Queues a record without waiting.
    pub fn take(&mut self, record: Arc<Record>, model: &Model) {
        self.records += 1;
        if self.has_skipped && self.queue.capacity() > QUEUE / 2 {
            let again = Item::Restart(model.tape.present_states(model));
            self.has_skipped = self.queue.try_send(again).is_err();
        }
        let is_by_hand = match &record.what {
            What::Begin { number, .. } => !model.scenarios.own_operations.contains(number),
            _ => true,
        };
        self.has_skipped |= self.queue.try_send(Item::Record(record, self.records, is_by_hand)).is_err();
    }
}

impl Drop for Grading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut items: Receiver<Item>, inbox: Sender<Msg>) {
    let mut grader = Grader::new();
    let mut batch = Vec::with_capacity(BATCH);
    let (mut at, mut graded, mut is_graded) = (0, Instant::now(), true);
    loop {
        let more = items.recv_many(&mut batch, BATCH);
        let looks = grader.waits() || !is_graded;
        let more = if looks { tokio::time::timeout(LOOK_EVERY, more).await } else { Ok(more.await) };
        if more == Ok(0) {
            return;
        }
        for item in batch.drain(..) {
            match item {
                Item::Client(client, executable) => grader.use_disks(client, executable),
                Item::Restart(states) => restart(&mut grader, states),
                Item::Record(record, number, is_by_hand) => {
                    // What was shown before a command must be judged before it: it may change that.
                    let is_command = matches!(record.what, What::Begin { .. });
                    if is_command && !report(&mut grader, at, &inbox).await {
                        return;
                    }
                    at = number;
                    take(&mut grader, &record, is_by_hand);
                }
            }
        }
        // A busy cluster sends a batch many times a second.
        is_graded = graded.elapsed() >= GRADE_EVERY;
        if is_graded {
            if !report(&mut grader, at, &inbox).await {
                return;
            }
            graded = Instant::now();
        }
    }
}

fn take(grader: &mut Grader, record: &Record, is_by_hand: bool) {
    match &record.what {
        What::Observed(node, observed) => grader.observe(*node, observed.clone()),
        What::Begin { number, line } if is_by_hand => grader.begin(*number, line),
        What::End { number, took, outcome } => grader.end(*number, outcome, *took),
        _ => {}
    }
}

fn restart(grader: &mut Grader, states: Vec<NodeState>) {
    grader.forget();
    for snapshot in states {
        let (node, time, pid, notes) = (snapshot.node, Time(0), 0, Vec::new());
        grader.observe(node, Observed::Snapshot { snapshot, time, pid, notes, lab: true });
    }
}

/// Reports the lines that are shown by now. False if the console has ended.
async fn report(grader: &mut Grader, at: u64, inbox: &Sender<Msg>) -> bool {
    for grade in grader.grade().await {
        if inbox.send(Msg::Graded(Box::new(grade), at)).await.is_err() {
            return false;
        }
    }
    true
}
