//! StepMode mode as the console shows it: the messages that wait, of all nodes in one order, and the chosen one. What waits
//! is what the nodes' events say; nothing of it is kept here.

use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::{MessageId, PendingMessage};

use crate::console::model::{Model, NodeView};

/// How late a message comes that is put off with a key.
pub const DELAY_MILLIS: u64 = 3_000;

#[derive(Clone, Debug, Default)]
pub struct StepMode {
    /// The moment at which the console began, in microseconds of the Unix epoch: the nodes say by it since when a message
    /// waits.
    begun: u64,
    chosen: Option<Chosen>,
}

/// The message at which the selection stands.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    id: MessageId,
    /// Which of those with this id: a doubled message waits twice.
    nth: usize,
    /// Where it stood: the next one takes its place once it is gone.
    row: usize,
}

impl StepMode {
    pub fn begun_at(begun: u64) -> StepMode {
        StepMode { begun, chosen: None }
    }
}

/// The messages that wait, the oldest first. What a node that is down kept is gone with it.
pub fn waiting(model: &Model) -> Vec<&PendingMessage> {
    let mut all: Vec<&PendingMessage> = live(model).flat_map(|node| &node.state.lab.pending).collect();
    all.sort_by_key(|message| (message.since, message.id));
    all
}

pub fn count(model: &Model) -> usize {
    live(model).map(|node| node.state.lab.pending.len()).sum()
}

/// Whether time stands still anywhere.
pub fn is_on(model: &Model) -> bool {
    live(model).any(|node| node.state.lab.frozen)
}

pub fn is_there(model: &Model) -> bool {
    is_on(model) || count(model) > 0
}

/// The nodes that are wrong on purpose.
pub fn wrong(model: &Model) -> impl Iterator<Item = NodeId> {
    model.nodes.iter().filter(|(_, node)| node.state.lab.wrong.is_some()).map(|(id, _)| *id)
}

/// The row of the chosen message; the first while none is chosen.
pub fn row(model: &Model, waiting: &[&PendingMessage]) -> usize {
    let Some(Chosen { id, nth, row }) = model.step_mode.chosen else { return 0 };
    let same = waiting.iter().enumerate().filter(|(_, message)| message.id == id).map(|(row, _)| row);
    let rows: Vec<usize> = same.collect();
    let found = rows.get(nth).or(rows.last()).copied();
    found.unwrap_or(row).min(waiting.len().saturating_sub(1))
}

pub fn chosen(model: &Model) -> Option<&PendingMessage> {
    let waiting = waiting(model);
    waiting.get(row(model, &waiting)).copied()
}

pub fn select(model: &mut Model, down: isize) {
    let waiting = waiting(model);
    let row = row(model, &waiting).saturating_add_signed(down).min(waiting.len().saturating_sub(1));
    let chosen = waiting.get(row).map(|message| {
        let nth = waiting[..row].iter().filter(|before| before.id == message.id).count();
        Chosen { id: message.id, nth, row }
    });
    model.step_mode.chosen = chosen;
}

pub fn age(model: &Model, message: &PendingMessage) -> Duration {
    let now = model.step_mode.begun + model.now.as_micros() as u64;
    Duration::from_micros(now.saturating_sub(message.since))
}

/// When it is delivered by itself, if that is known.
pub fn due_in(model: &Model, message: &PendingMessage) -> Option<Duration> {
    let now = model.step_mode.begun + model.now.as_micros() as u64;
    message.due.map(|due| Duration::from_micros(due.saturating_sub(now)))
}

fn live(model: &Model) -> impl Iterator<Item = &NodeView> {
    model.nodes.values().filter(|node| node.is_live())
}
