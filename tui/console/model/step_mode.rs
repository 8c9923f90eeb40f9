//! Step mode: the waiting messages of all nodes in one order, and the selected one. The messages come from the nodes'
//! states; only the selection is kept here.

use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::{MessageId, PendingMessage};

use crate::console::model::{Model, NodeView};

/// Delay of a message that is delayed with a key.
pub const DELAY_MILLIS: u64 = 3_000;

#[derive(Clone, Debug, Default)]
pub struct StepMode {
    /// Start of the console in microseconds since the Unix epoch. Nodes report waiting times on that clock.
    begun: u64,
    selected: Option<Selection>,
}

/// The selected message.
#[derive(Clone, Copy, Debug)]
struct Selection {
    id: MessageId,
    /// Index among the messages with this id: a duplicated message waits twice.
    nth: usize,
    /// The row of the selection. When the message is gone, the next one takes the row.
    row: usize,
}

impl StepMode {
    pub fn begun_at(begun: u64) -> StepMode {
        StepMode { begun, selected: None }
    }
}

/// The waiting messages, the oldest first. Those of a node that is down are lost.
pub fn waiting(model: &Model) -> Vec<&PendingMessage> {
    let mut all: Vec<&PendingMessage> = live(model).flat_map(held).collect();
    all.sort_by_key(|message| (message.since, message.id));
    all
}

pub fn count(model: &Model) -> usize {
    live(model).map(|node| held(node).count()).sum()
}

/// The messages that wait at a node. What slow motion keeps on its way does not wait.
fn held(node: &NodeView) -> impl Iterator<Item = &PendingMessage> {
    node.state.lab.pending.iter().filter(|message| !message.in_flight)
}

/// How many messages that change nothing were delivered by themselves.
pub fn let_through(model: &Model) -> u64 {
    live(model).map(|node| node.state.lab.let_through).sum()
}

/// Whether also the messages that change nothing wait.
pub fn keeps_every(model: &Model) -> bool {
    live(model).any(|node| node.state.lab.every)
}

/// Whether any node is in step mode.
pub fn is_on(model: &Model) -> bool {
    live(model).any(|node| node.state.lab.frozen)
}

pub fn is_there(model: &Model) -> bool {
    is_on(model) || count(model) > 0
}

/// Nodes with an injected bug.
pub fn wrong(model: &Model) -> impl Iterator<Item = NodeId> {
    model.nodes.iter().filter(|(_, node)| node.state.lab.wrong.is_some()).map(|(id, _)| *id)
}

/// The row of the selected message; the first row if none is selected.
pub fn row(model: &Model, waiting: &[&PendingMessage]) -> usize {
    let Some(Selection { id, nth, row }) = model.step_mode.selected else { return 0 };
    let same = waiting.iter().enumerate().filter(|(_, message)| message.id == id).map(|(row, _)| row);
    let rows: Vec<usize> = same.collect();
    let found = rows.get(nth).or(rows.last()).copied();
    found.unwrap_or(row).min(waiting.len().saturating_sub(1))
}

pub fn selected(model: &Model) -> Option<&PendingMessage> {
    let waiting = waiting(model);
    waiting.get(row(model, &waiting)).copied()
}

pub fn select(model: &mut Model, down: isize) {
    let waiting = waiting(model);
    let row = row(model, &waiting).saturating_add_signed(down).min(waiting.len().saturating_sub(1));
    let selected = waiting.get(row).map(|message| {
        let nth = waiting[..row].iter().filter(|before| before.id == message.id).count();
        Selection { id: message.id, nth, row }
    });
    model.step_mode.selected = selected;
}

pub fn age(model: &Model, message: &PendingMessage) -> Duration {
    let now = model.step_mode.begun + model.now.as_micros() as u64;
    Duration::from_micros(now.saturating_sub(message.since))
}

/// Time until the message is delivered automatically, if that is planned.
pub fn due_in(model: &Model, message: &PendingMessage) -> Option<Duration> {
    let now = model.step_mode.begun + model.now.as_micros() as u64;
    message.due.map(|due| Duration::from_micros(due.saturating_sub(now)))
}

fn live(model: &Model) -> impl Iterator<Item = &NodeView> {
    model.nodes.values().filter(|node| node.is_live())
}
