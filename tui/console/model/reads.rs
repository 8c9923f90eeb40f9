//! The last reads of one key, side by side: what each node's own events say that it must answer, and what it answered.
//!
//! The expectation never comes from the answer. It comes from the node's final database and log as its events describe
//! them. Events and answers arrive over different connections, so a row is settled once both agree, or, if they do not,
//! a moment after the answer.

use std::time::Duration;

use bytes::Bytes;
use epoca::protocol::trace::Preview;
use epoca::protocol::{EntryId, Epoch, NodeId, Offset};

use crate::command::grammar::Consistency;
use crate::command::{Command, Exit, Outcome, parse_line};
use crate::console::model::final_db::Lookup;
use crate::console::model::{Model, NodeView};
use crate::lang::Localized;

/// How long an answer waits for the events that explain it.
const EVENTS_WITHIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub struct Reads {
    pub key: Bytes,
    pub rows: Vec<ReadRow>,
    /// Another command ends the group; the next read begins a new one.
    is_closed: bool,
}

#[derive(Clone, Debug)]
pub struct ReadRow {
    pub operation: u64,
    /// The node that answers: the asked one, or the leader.
    pub node: Option<NodeId>,
    /// A linearizable read through the leader; otherwise the node's own final data.
    pub is_linearizable: bool,
    pub got: Option<Got>,
    ended: Duration,
    pub settled: Option<Settled>,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Got {
    Row { value: String, entry: EntryId },
    Absent,
    Failed(Localized),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    pub expected: Expected,
    /// `None` if nothing is known to compare with.
    pub is_right: Option<bool>,
}

/// What a node must answer. `waiting` is the newest entry of the key that is not final at the node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    Row {
        value: Bytes,
        entry: EntryId,
        waiting: Option<EntryId>,
    },
    Absent {
        waiting: Option<EntryId>,
    },
    /// The node has not reported its final data.
    Unknown,
}

impl Reads {
    /// A command begins. Reads of one key at different nodes, one after the other, are one group.
    pub fn on_begin(&mut self, number: u64, line: &str, leader: Option<NodeId>) {
        let Some((key, node, is_linearizable)) = read_of(line, leader) else {
            self.is_closed = true;
            return;
        };
        let is_asked = |row: &ReadRow| (row.node, row.is_linearizable) == (node, is_linearizable);
        if self.is_closed || self.key != key || self.rows.iter().any(is_asked) {
            *self = Reads { key, ..Reads::default() };
        }
        let row = ReadRow { operation: number, node, is_linearizable, got: None, ended: Duration::ZERO, settled: None };
        self.rows.push(row);
    }

    /// When the next row is settled without further events.
    pub fn next_wake(&self) -> Option<Duration> {
        let open = self.rows.iter().filter(|row| row.got.is_some() && row.settled.is_none());
        open.map(|row| row.ended + EVENTS_WITHIN).min()
    }

    /// The rows that are as expected, and all rows that can be compared.
    pub fn right(&self) -> (usize, usize) {
        let known = || self.rows.iter().filter_map(|row| row.settled.as_ref()?.is_right);
        (known().filter(|is_right| *is_right).count(), known().count())
    }

    pub fn is_settled(&self) -> bool {
        self.rows.iter().all(|row| row.settled.is_some())
    }
}

/// The key of a read, the node that answers it, and whether it is linearizable.
fn read_of(line: &str, leader: Option<NodeId>) -> Option<(Bytes, Option<NodeId>, bool)> {
    let Ok(Command::Get(get)) = parse_line(line) else { return None };
    if get.raw || get.file.is_some() {
        return None;
    }
    let asked = get.node.map(|node| node.0);
    match get.consistency {
        Consistency::Local => asked.map(|node| (get.key, Some(node), false)),
        Consistency::Linearizable | Consistency::Lease => Some((get.key, leader, true)),
        Consistency::Quorum => None,
    }
}

fn got(outcome: &Outcome) -> Got {
    let number = |name: &str| outcome.json[name].as_u64();
    match (outcome.json["found"].as_bool(), number("epoch"), number("offset")) {
        (Some(true), Some(epoch), Some(offset)) => {
            let value = &outcome.json["value"];
            let first = || outcome.lines.first().map(|line| line.text.to(Default::default()).to_owned());
            let value = value.as_str().map(ToOwned::to_owned).or_else(first).unwrap_or_default();
            Got::Row { value, entry: EntryId { epoch: Epoch(epoch), offset: Offset(offset) } }
        }
        (Some(false), ..) => Got::Absent,
        _ if outcome.exit == Exit::Done => Got::Failed(Localized::default()),
        _ => Got::Failed(outcome.lines.first().map(|line| line.text.clone()).unwrap_or_default()),
    }
}

impl NodeView {
    /// What the node must answer to a read of its final data, by its own events.
    pub fn expected(&self, key: &Bytes) -> Expected {
        let writes = |preview: &&Preview| preview.key.as_ref() == Some(key) && !preview.forged;
        let last = self.state.tail.iter().rev().find(writes);
        let waiting = last.filter(|last| !self.is_final(last.point)).map(|last| last.point.id);
        match self.final_db.find(key) {
            Lookup::Row(row) => Expected::Row { value: row.value.clone(), entry: row.entry, waiting },
            Lookup::Absent => Expected::Absent { waiting },
            Lookup::Unknown => Expected::Unknown,
        }
    }
}

impl Expected {
    fn fits(&self, got: &Got) -> Option<bool> {
        match (self, got) {
            (Expected::Unknown, _) => None,
            (_, Got::Failed(_)) => Some(false),
            (Expected::Row { entry: wanted, .. }, Got::Row { entry, .. }) => Some(wanted == entry),
            (Expected::Absent { .. }, Got::Absent) => Some(true),
            _ => Some(false),
        }
    }
}

impl Model {
    /// A command begins: the one-line verdict of a scenario goes, and a read gets its row.
    pub fn on_begin(&mut self, number: u64, line: &str) {
        self.verdict = None;
        let leader = self.leader().map(|leader| leader.state.node);
        self.reads.on_begin(number, line, leader);
    }

    /// An answer of a read.
    pub fn on_read_end(&mut self, number: u64, outcome: &Outcome) {
        let now = self.now;
        if let Some(row) = self.reads.rows.iter_mut().find(|row| row.operation == number) {
            (row.got, row.ended) = (Some(got(outcome)), now);
        }
        self.settle_reads();
    }

    /// Compares the answers with what the events say by now. True if the table changed.
    pub fn settle_reads(&mut self) -> bool {
        if self.reads.rows.iter().all(|row| row.got.is_none() || row.settled.is_some()) {
            return false;
        }
        let (now, mut has_changed) = (self.now, false);
        let mut reads = std::mem::take(&mut self.reads);
        for row in reads.rows.iter_mut().filter(|row| row.settled.is_none()) {
            let Some(got) = &row.got else { continue };
            let node = row.node.and_then(|node| self.nodes.get(&node));
            let expected = node.map_or(Expected::Unknown, |node| node.expected(&reads.key));
            let is_right = expected.fits(got);
            let is_definite = matches!(got, Got::Failed(_)) || is_right == Some(true);
            if is_definite || now.saturating_sub(row.ended) >= EVENTS_WITHIN {
                row.settled = Some(Settled { expected, is_right });
                has_changed = true;
            }
        }
        self.reads = reads;
        has_changed
    }
}
