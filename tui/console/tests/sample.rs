//! A synthetic cluster: makes the events that nodes would send, with real digests, and passes them to the model.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Fact, FinalRow, NodeState, Preview};
use epoca::protocol::{Change, Command, Entry, EntryId, Epoch, Kind, LogPoint, NodeId, Opening, Time};
use ratatui::layout::Position;

use crate::console::model::Model;
use crate::console::tests::drawing::LARGE;
use crate::console::update::{Effect, Gesture, Msg, load, update};
use crate::console::view;
use crate::tape::Record;

pub struct Sample {
    pub model: Model,
    now: Duration,
    /// The log of each node.
    logs: BTreeMap<u64, Vec<Preview>>,
    /// The final database of each node.
    finals: BTreeMap<u64, BTreeMap<Bytes, FinalRow>>,
    tells_finals: bool,
    numbers: BTreeMap<u64, u64>,
    /// The number of each node's last message.
    messages: BTreeMap<u64, u64>,
}

impl Sample {
    /// Four connected nodes with empty logs.
    pub fn new(size: (u16, u16)) -> Sample {
        let mut sample = Sample {
            model: Model::new(size, vec!["put x 1".to_owned(), "status".to_owned()]),
            now: Duration::ZERO,
            logs: BTreeMap::new(),
            finals: BTreeMap::new(),
            tells_finals: false,
            numbers: BTreeMap::new(),
            messages: BTreeMap::new(),
        };
        let nodes = (1..=4).map(|id| (NodeId(id), format!("127.0.0.1:710{id}"))).collect();
        sample.send(Msg::Started { nodes, no_launcher: None });
        (1..=4).for_each(|id| sample.snapshot(id));
        sample
    }

    /// n1 leads epoch 1 and has committed two writes. All nodes have all entries.
    pub fn healthy(size: (u16, u16)) -> Sample {
        let mut sample = Sample::new(size);
        sample.elect(1, 1, &[1, 2, 3, 4]);
        sample.write("x", "1", &[2, 3, 4]);
        sample.write("y", "2", &[2, 3, 4]);
        sample
    }

    /// n1 leads. Every log holds this number of entries, all applied.
    pub fn long(size: (u16, u16), entries: u64) -> Sample {
        let mut sample = Sample::healthy(size);
        let mut log = sample.logs[&1].clone();
        while (log.len() as u64) < entries {
            let last = log.last().expect("the epoch is open").point;
            let id = EntryId::new(last.id.epoch.0, last.id.offset.0 + 1);
            log.push(put(Some(last), id, &format!("k{}", id.offset.0 % 1_000), "a value of some length"));
        }
        for id in 1..=4 {
            sample.logs.insert(id, log.clone());
            sample.snapshot(id);
        }
        let up_to = sample.last(1).expect("there is a log");
        let epoch = up_to.id.epoch;
        sample.tell(1, Fact::Elected { epoch, votes: (1..=4).map(NodeId).collect(), quorum: 3 });
        sample.tell(1, Fact::Committed { up_to, count: entries });
        for id in 1..=4 {
            sample.finalize(id, up_to, entries);
        }
        sample
    }

    /// The sketch of the specification: three epochs, n3 was repaired a moment ago, n4 was killed six seconds ago.
    pub fn eventful(size: (u16, u16)) -> Sample {
        let mut sample = Sample::healthy(size);
        sample.elect(1, 2, &[1, 2, 3, 4]);
        sample.send(Msg::Observed(NodeId(4), Observed::Disconnected("killed".to_owned())));
        sample.write("x", "4", &[2, 3]);
        sample.write("y", "5", &[2, 3]);
        sample.inject(3, "q", "1");
        sample.after(5_000);
        sample.repair(3);
        sample.elect(1, 3, &[1, 2, 3]);
        sample.propose("y", "7");
        sample.push(2);
        sample.propose("z", "9");
        sample.after(1_000);
        sample
    }

    /// A console that shows a recording.
    pub fn replay(records: Vec<Record>) -> Sample {
        let mut replay = Sample::new(LARGE);
        replay.model = Model::new(LARGE, Vec::new());
        load(&mut replay.model, "demo.jsonl".to_owned(), records);
        replay
    }

    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.model, msg)
    }

    /// A mouse action, with its target looked up as the app does.
    pub fn mouse(&mut self, gesture: Gesture, column: u16, row: u16) {
        let target = view::target(&self.model, Position { x: column, y: row }).expect("the screen is large enough");
        self.send(Msg::Mouse(gesture, target));
    }

    /// A click, and what it asks of the app.
    pub fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        let target = view::target(&self.model, Position { x: column, y: row }).expect("the screen is large enough");
        self.send(Msg::Mouse(Gesture::Click, target))
    }

    pub fn key(&mut self, code: KeyCode) -> Vec<Effect> {
        self.send(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    pub fn control(&mut self, letter: char) -> Vec<Effect> {
        self.send(Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)))
    }

    pub fn keys(&mut self, letters: &str) -> Vec<Effect> {
        letters.chars().flat_map(|letter| self.key(KeyCode::Char(letter))).collect()
    }

    pub fn after(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.send(Msg::Tick(self.now));
    }

    pub fn snapshot(&mut self, id: u64) {
        let snapshot = NodeState { tail: self.logs.entry(id).or_default().clone(), ..NodeState::new(NodeId(id)) };
        self.send(Msg::Observed(
            NodeId(id),
            Observed::Snapshot {
                snapshot,
                time: Time(self.now.as_micros() as u64),
                pid: 4120 + id as u32,
                notes: Vec::new(),
                lab: true,
            },
        ));
        if self.tells_finals {
            self.tell_finals(id);
        }
    }

    /// From now on the nodes report their final databases, like nodes with `--lab`.
    pub fn with_finals(mut self) -> Sample {
        self.tells_finals = true;
        (1..=4).for_each(|id| self.tell_finals(id));
        self
    }

    fn tell_finals(&mut self, id: u64) {
        let rows: Vec<FinalRow> = self.finals.entry(id).or_default().values().cloned().collect();
        let keys = Some(rows.len() as u64);
        self.tell(id, Fact::FinalRead { rows, keys });
    }

    /// The node applies its last `count` entries up to `up_to`.
    pub fn finalize(&mut self, id: u64, up_to: LogPoint, count: u64) {
        let log = self.logs[&id].iter().filter(|preview| preview.point.position <= up_to.position);
        let made: Vec<Preview> = log.rev().take(count as usize).cloned().collect();
        let row =
            |preview: &Preview| Some(FinalRow::new(preview.key.as_ref()?, preview.value.as_ref(), preview.point.id));
        let rows: Vec<FinalRow> = made.iter().rev().filter_map(row).collect();
        let finals = self.finals.entry(id).or_default();
        for row in &rows {
            match row.value {
                Some(_) => _ = finals.insert(row.key.clone(), row.clone()),
                None => _ = finals.remove(&row.key),
            }
        }
        let keys = Some(finals.len() as u64);
        if self.tells_finals {
            self.tell(id, Fact::FinalChanged { rows, keys });
        }
        self.tell(id, Fact::Finalized { up_to, count });
    }

    /// Sends a fact, 0.1 ms after the previous one.
    pub fn tell(&mut self, id: u64, fact: Fact) {
        self.now += Duration::from_micros(100);
        self.send(Msg::Tick(self.now));
        let number = self.numbers.entry(id).or_default();
        *number += 1;
        let time = Time(self.now.as_micros() as u64);
        let event = Event { node: NodeId(id), number: *number, time, fact };
        self.send(Msg::Observed(NodeId(id), Observed::Events(vec![event])));
    }

    pub fn elect(&mut self, leader: u64, epoch: u64, nodes: &[u64]) {
        let last = self.last(leader);
        self.tell(leader, Fact::TimedOut { why: "asked".into() });
        self.tell(leader, Fact::VoteAsked { epoch: Epoch(epoch), last: last.map(|point| point.id) });
        for id in nodes.iter().filter(|id| **id != leader) {
            let mine = self.last(*id).map(|point| point.id);
            let theirs = last.map(|point| point.id);
            let to = NodeId(leader);
            self.message(leader, *id, "vote", theirs, 0);
            self.tell(*id, Fact::Granted { to, kind: "vote".into(), epoch: Epoch(epoch), mine, theirs });
            self.message(*id, leader, "vote-answer", None, 0);
        }
        let votes = nodes.iter().map(|id| NodeId(*id)).collect();
        self.tell(leader, Fact::Elected { epoch: Epoch(epoch), votes, quorum: 3 });
        let id = EntryId::new(epoch, 0);
        let opening = preview(last, id, Kind::Opening, Opening { founding: None }.encode());
        self.append(leader, opening);
        let followers: Vec<u64> = nodes.iter().copied().filter(|id| *id != leader).collect();
        self.commit(&followers);
    }

    /// A write that these replicas receive, ack and apply.
    pub fn write(&mut self, key: &str, value: &str, replicas: &[u64]) {
        self.propose(key, value);
        self.commit(replicas);
    }

    pub fn propose(&mut self, key: &str, value: &str) {
        let last = self.last(1).expect("the epoch is open");
        let id = EntryId::new(last.id.epoch.0, last.id.offset.0 + 1);
        self.append(1, put(Some(last), id, key, value));
    }

    /// Pushes the leader's missing entries to the replica, which acks them.
    pub fn push(&mut self, to: u64) {
        let prev = self.last(to);
        let missing = self.missing(to);
        let (Some(first), Some(last)) = (missing.first().cloned(), missing.last().cloned()) else { return };
        let (first, up_to, count) = (first.point.id, last.point, missing.len() as u64);
        let prev = prev.map(|point| point.id);
        let number = self.messages.get(&1).copied().unwrap_or(0) + 1;
        self.tell(1, Fact::Pushed { to: NodeId(to), number, prev, first, last: up_to.id, count, resync: 0 });
        self.sent(1, to, "push", Some(up_to.id), count);
        let epoch = up_to.id.epoch;
        let consistent = Fact::Consistent { from: NodeId(1), epoch, number, prev, entries: missing.clone(), equal: 0 };
        self.logs.entry(to).or_default().extend(missing);
        self.received(1, to, number, "push");
        self.tell(to, consistent);
        self.tell(to, Fact::Acked { to: NodeId(1), up_to: Some(up_to.id), answers: number });
        self.message(to, 1, "ack", Some(up_to.id), 0);
        self.count(to, up_to);
    }

    /// A message that is sent and received.
    pub fn message(&mut self, from: u64, to: u64, kind: &'static str, about: Option<EntryId>, entries: u64) {
        let number = self.sent(from, to, kind, about, entries);
        self.received(from, to, number, kind);
    }

    pub fn sent(&mut self, from: u64, to: u64, kind: &'static str, about: Option<EntryId>, entries: u64) -> u64 {
        let last = self.messages.entry(from).or_default();
        *last += 1;
        let number = *last;
        let epoch = self.last(1).map(|point| point.id.epoch);
        let bytes = entries * 40;
        self.tell(from, Fact::Sent { to: NodeId(to), number, kind: kind.into(), epoch, about, entries, bytes });
        number
    }

    pub fn received(&mut self, from: u64, to: u64, number: u64, kind: &'static str) {
        self.tell(to, Fact::Received { from: NodeId(from), number, kind: kind.into() });
    }

    pub fn inject(&mut self, into: u64, key: &str, value: &str) {
        let last = self.last(into).expect("there is a log");
        let id = EntryId::new(last.id.epoch.0, last.id.offset.0 + 1);
        let forged = Preview { forged: true, ..put(Some(last), id, key, value) };
        self.logs.entry(into).or_default().push(forged.clone());
        self.tell(into, Fact::Injected { entries: vec![forged] });
    }

    /// The replica finds a conflict at its last entry and truncates it.
    pub fn repair(&mut self, id: u64) {
        let forged = self.last(id).expect("there is a log");
        self.logs.entry(id).or_default().pop();
        let last = self.last(id);
        let committed = last.map(|point| point.id);
        let from = NodeId(1);
        let what = "entry-differs".into();
        // The leader has another entry with the same id.
        let expected = last.map(|last| LogPoint { digest: last.digest, ..forged });
        self.tell(id, Fact::Conflict { from, number: 9, what, expected, found: Some(forged) });
        let why = "conflict".into();
        self.tell(id, Fact::Truncated { from: forged.id, count: 1, forged: 1, last: committed, committed, why });
        self.tell(id, Fact::Reported { to: from, answers: 9, resync: 0, last: committed, committed, epochs: 2 });
        self.message(id, 1, "log-state", committed, 0);
        self.tell(1, Fact::Resynced { to: NodeId(id), sync: last, by: "runs".into(), resync: 1, resent: 1 });
    }

    pub fn last(&self, id: u64) -> Option<LogPoint> {
        self.logs.get(&id)?.last().map(|preview| preview.point)
    }

    fn append(&mut self, leader: u64, entry: Preview) {
        self.logs.entry(leader).or_default().push(entry.clone());
        self.tell(leader, Fact::Proposed { entry: vec![entry] });
    }

    fn commit(&mut self, replicas: &[u64]) {
        let up_to = self.last(1).expect("there is something to commit");
        replicas.iter().for_each(|id| self.push(*id));
        self.count(1, up_to);
        self.tell(1, Fact::Committed { up_to, count: 1 });
        let mut orders = Vec::new();
        for id in replicas {
            self.tell(1, Fact::Ordered { to: NodeId(*id), up_to: up_to.id });
            orders.push((*id, self.sent(1, *id, "commit-order", Some(up_to.id), 0)));
        }
        self.finalize(1, up_to, 1);
        for (id, order) in orders {
            self.received(1, id, order, "commit-order");
            self.finalize(id, up_to, 1);
        }
    }

    fn count(&mut self, from: u64, up_to: LogPoint) {
        let position = |id: &u64| {
            let log = &self.logs[id];
            let agreed = log.iter().filter(|preview| !preview.forged);
            agreed.last().map_or(0, |preview| preview.point.position.0)
        };
        let mut matches: Vec<u64> = self.logs.keys().map(position).collect();
        matches.sort_by(|a, b| b.cmp(a));
        let commit = matches[2];
        self.tell(1, Fact::Counted { from: NodeId(from), up_to: Some(up_to), matches, quorum: 3, commit });
    }

    fn missing(&self, id: u64) -> Vec<Preview> {
        let last = self.last(id).map(|point| point.position);
        let log = &self.logs[&1];
        log.iter().filter(|preview| Some(preview.point.position) > last).cloned().collect()
    }
}

/// All records of the tape.
pub fn records(model: &Model) -> Vec<Record> {
    model.tape.ring.records(0, u64::MAX).map(|record| Record::clone(record)).collect()
}

/// A preview of a write, with the digest of the entry.
pub fn put(prev: Option<LogPoint>, id: EntryId, key: &str, value: &str) -> Preview {
    let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
    let command = Command { session: 1, sequence: id.offset.0, once: None, change: Change::Put { key, value } };
    preview(prev, id, Kind::Command, command.encode())
}

fn preview(prev: Option<LogPoint>, id: EntryId, kind: Kind, body: Bytes) -> Preview {
    Preview::of(&Entry::after(prev, id, kind, body), false)
}
