//! Messages between client and nodes in happens-before order, as the space-time picture shows them: a bounded list of
//! rows, folded from the nodes' events alone, so that it works on a recording too. Events come in the order of the
//! tape, and rows are added at the end only: a row is never above its cause.
//!
//! What repeats without saying anything new (heartbeats, their acks, orders that are sent again) is folded into one row
//! for as long as nothing else happens. "Sent" and "received" pair up by sender and number; either may be heard of
//! first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use epoca::protocol::trace::{Event, Fact, Preview};
use epoca::protocol::{EntryId, Epoch, Kind, NodeId};

/// How many rows are kept; beyond it the oldest go.
pub const ROWS_MAX: usize = 5_000;

/// How far back a message is looked for that was sent a moment ago.
const RECENT_MAX: usize = 256;

/// How many messages whose sending is not known yet are remembered.
const EARLY_MAX: usize = 1_024;

/// A message that took longer than this is late: its row stands where it arrived.
pub const LATE: Duration = Duration::from_millis(100);

/// Folded messages are worth a row once they span so much time.
pub const QUIET: Duration = Duration::from_secs(1);

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    UnderWay,
    /// When, and the number of the receiver's event.
    Received(Duration, u64),
    Held,
    Lost(Cow<'static, str>),
}

/// Why a message is taken for lost whose receiver is down; it arrives nonetheless if the receiver is back before the
/// sender's queue is given up.
const DOWN: &str = "down";

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub at: Duration,
    pub from: NodeId,
    pub to: NodeId,
    pub number: u64,
    pub kind: Cow<'static, str>,
    pub epoch: Option<Epoch>,
    /// The last entry that it is about.
    pub about: Option<EntryId>,
    pub entries: u64,
    /// Of entries' bodies or of a snapshot.
    pub bytes: u64,
    /// Of a push with entries: what they follow, and the number of the resync that it belongs to, if it does.
    pub pushed: Option<(Option<EntryId>, u64)>,
    /// The number of the sender's event.
    pub event: u64,
    pub fate: Fate,
    /// The order is unknown: it was received before its sending, or what went before it, was heard.
    pub is_unordered: bool,
}

/// What the client and the leader say to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    Write(Vec<Preview>),
    Written(EntryId),
    Read(u64),
    Answered(u64),
    Refused(Cow<'static, str>),
}

/// Messages that say nothing new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    pub from: NodeId,
    pub until: Duration,
    /// How many heartbeats there were.
    pub beats: u64,
    /// Who got none of them, and whether they were held or lost.
    pub missed: BTreeMap<NodeId, bool>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Where it was sent; once it has arrived late, or at a node that was down when it left, where it arrived.
    Message(Message),
    Call(NodeId, Call),
    /// Something happened at a node that is no message.
    Mark(NodeId, Fact),
    /// The node ended or does not answer; or it is there again.
    Life {
        node: NodeId,
        is_up: bool,
    },
    Quiet(Quiet),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Names the row for as long as it is kept.
    pub serial: u64,
    pub at: Duration,
    pub shape: Shape,
}

impl Row {
    /// Whether there is anything to draw.
    pub fn is_seen(&self) -> bool {
        match &self.shape {
            Shape::Quiet(quiet) => quiet.until.saturating_sub(self.at) >= QUIET || !quiet.missed.is_empty(),
            _ => true,
        }
    }
}

/// A push by sender and number; what it follows, and its resync.
type Pushed = ((NodeId, u64), (Option<EntryId>, u64));

#[derive(Clone, Debug, Default)]
pub struct Space {
    rows: VecDeque<Row>,
    last: u64,
    /// The rows of the messages that are under way, by sender and number.
    under_way: BTreeMap<(NodeId, u64), u64>,
    /// Messages that were received, held or lost before it was heard that they were sent.
    early: VecDeque<((NodeId, u64), Fate)>,
    /// What the push carries that is sent next.
    pushed: Option<Pushed>,
    /// What was said last of acks and orders, by sender, receiver and whether it is an ack.
    said: BTreeMap<(NodeId, NodeId, bool), Option<EntryId>>,
    /// The last resync of each link.
    resyncs: BTreeMap<(NodeId, NodeId), u64>,
    down: BTreeSet<NodeId>,
    /// Entries whose client waits, by leader.
    waiting: BTreeMap<NodeId, VecDeque<(Duration, EntryId)>>,
    /// How long the writes took that were confirmed since somebody took them from here.
    confirmed: Vec<Duration>,
    /// The row that somebody looks at.
    pub selected: Option<u64>,
}

impl Space {
    pub fn rows(&self) -> &VecDeque<Row> {
        &self.rows
    }

    /// Forgets all but the newest rows.
    pub fn keep(&mut self, rows: usize) {
        self.rows.drain(..self.rows.len().saturating_sub(rows));
    }

    /// Where the row stands, if it is still kept.
    pub fn place(&self, serial: u64) -> Option<usize> {
        self.rows.iter().rposition(|row| row.serial == serial)
    }

    /// The message that a row shows.
    pub fn message<'a>(&self, row: &'a Row) -> Option<&'a Message> {
        match &row.shape {
            Shape::Message(message) => Some(message),
            _ => None,
        }
    }

    /// The latencies of the writes that were confirmed since the last time.
    pub fn take_confirmed(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.confirmed)
    }

    /// What a row tells: a mark its fact, a message that it was sent.
    pub fn fact(&self, serial: u64) -> Option<(NodeId, Fact)> {
        let row = self.rows.get(self.place(serial)?)?;
        if let Shape::Mark(node, fact) = &row.shape {
            return Some((*node, fact.clone()));
        }
        let Message { from, to, number, kind, epoch, about, entries, bytes, .. } = self.message(row)?.clone();
        Some((from, Fact::Sent { to, number, kind, epoch, about, entries, bytes }))
    }

    /// Selects the row so many further down, of those that can be seen; past the newest nothing is selected.
    pub fn select(&mut self, down: isize) {
        let seen: Vec<u64> = self.rows.iter().filter(|row| row.is_seen()).map(|row| row.serial).collect();
        let here = self.selected.and_then(|serial| seen.iter().rposition(|other| *other == serial));
        let there = here.unwrap_or(seen.len()).saturating_add_signed(down);
        self.selected = seen.get(there).copied();
    }

    /// Takes a node's event in; true if something is seen that was not. `missing` is the node whose sending must
    /// precede the event and was not heard in time.
    pub fn on_event(&mut self, at: Duration, event: &Event, missing: Option<NodeId>) -> bool {
        let seen = self.fold(at, event);
        match &event.fact {
            Fact::Received { kind, .. } if missing.is_some() && !is_routine(kind) => {
                self.push(at, Shape::Mark(event.node, event.fact.clone()));
                true
            }
            _ => seen,
        }
    }

    fn fold(&mut self, at: Duration, event: &Event) -> bool {
        let node = event.node;
        match &event.fact {
            Fact::Sent { .. } => return self.on_sent(at, event),
            Fact::Received { from, number, .. } => {
                return self.settle(*from, *number, Fate::Received(at, event.number));
            }
            Fact::Dropped { from, number, why, .. } => return self.settle(*from, *number, Fate::Lost(why.clone())),
            Fact::MessageDiscarded { from, number, why, .. } => {
                return self.settle(*from, *number, Fate::Lost(why.clone()));
            }
            Fact::MessageHeld { from, number, .. } | Fact::MessageDelayed { from, number, .. } => {
                return self.settle(*from, *number, Fate::Held);
            }
            Fact::Pushed { to, number, prev, resync, .. } => {
                // All pushes after a resync carry its number; only the first sends again.
                let is_first = self.resyncs.insert((node, *to), *resync) != Some(*resync);
                let resync = if is_first { *resync } else { 0 };
                // It is told before the sending. Older recordings have it after that.
                match self.sent_by(node, *number) {
                    Some(message) => message.pushed = Some((*prev, resync)),
                    None => self.pushed = Some(((node, *number), (*prev, resync))),
                }
                return false;
            }
            Fact::Proposed { entry } => {
                // Nobody asked for the opening of an epoch.
                let asked: Vec<_> = entry.iter().filter(|entry| entry.kind == Kind::Command).cloned().collect();
                if asked.is_empty() {
                    return false;
                }
                let waiting = self.waiting.entry(node).or_default();
                waiting.extend(asked.iter().map(|entry| (at, entry.point.id)));
                waiting.drain(..waiting.len().saturating_sub(EARLY_MAX));
                self.push(at, Shape::Call(node, Call::Write(asked)));
            }
            Fact::Finalized { up_to, .. } => return self.on_finalized(at, node, up_to.id),
            Fact::ReadAsked { reads, .. } => self.push(at, Shape::Call(node, Call::Read(*reads))),
            Fact::ReadAnswered { reads, .. } => self.push(at, Shape::Call(node, Call::Answered(*reads))),
            Fact::WriteRefused { why, .. } | Fact::ReadRefused { why, .. } => {
                self.push(at, Shape::Call(node, Call::Refused(why.clone())));
            }
            Fact::Elected { .. }
            | Fact::SteppedDown { .. }
            | Fact::TimedOut { .. }
            | Fact::Conflict { .. }
            | Fact::Truncated { .. }
            | Fact::Committed { .. }
            | Fact::LinkCut { .. }
            | Fact::LinkHealed { .. }
            | Fact::HoldSet { .. }
            | Fact::HoldReleased { .. }
            | Fact::DropSet { .. }
            | Fact::DelaySet { .. }
            | Fact::DuplicateSet { .. }
            | Fact::RuleCleared { .. }
            | Fact::StepOn {}
            | Fact::StepOff {}
            | Fact::Rewritten { .. }
            | Fact::Injected { .. }
            | Fact::DiskError { .. }
            | Fact::Damaged { .. }
            | Fact::Quarantined { .. } => {
                if matches!(event.fact, Fact::Elected { .. } | Fact::SteppedDown { .. }) {
                    self.waiting.remove(&node);
                }
                self.push(at, Shape::Mark(node, event.fact.clone()));
            }
            _ => return false,
        }
        true
    }

    /// A node ended or does not answer any more; or it is there again.
    pub fn on_life(&mut self, at: Duration, node: NodeId, is_up: bool) {
        if is_up == self.down.contains(&node) {
            if is_up {
                self.down.remove(&node)
            } else {
                self.down.insert(node)
            };
            self.push(at, Shape::Life { node, is_up });
        }
        self.waiting.remove(&node);
    }

    pub fn is_down(&self, node: NodeId) -> bool {
        self.down.contains(&node)
    }

    fn on_sent(&mut self, at: Duration, event: &Event) -> bool {
        let Fact::Sent { to, number, kind, epoch, about, entries, bytes } = &event.fact else { return false };
        let (from, to, number) = (event.node, *to, *number);
        let early = self.early.iter().position(|(sent, _)| *sent == (from, number));
        let early = early.and_then(|index| self.early.remove(index)).map(|(_, fate)| fate);
        let is_unordered = early.is_some();
        let lost = || if self.down.contains(&to) { Fate::Lost(DOWN.into()) } else { Fate::UnderWay };
        let fate = early.unwrap_or_else(lost);
        if self.is_dull(from, to, kind, *about) {
            return self.on_dull(at, (from, to, number), kind == "heartbeat", &fate);
        }
        let message = Message {
            at,
            from,
            to,
            number,
            kind: kind.clone(),
            epoch: *epoch,
            about: *about,
            entries: *entries,
            bytes: *bytes,
            pushed: self.pushed.take_if(|(pushed, _)| *pushed == (from, number)).map(|(_, pushed)| pushed),
            event: event.number,
            fate: Fate::UnderWay,
            is_unordered,
        };
        self.push(at, Shape::Message(message));
        self.under_way.insert((from, number), self.last);
        if fate != Fate::UnderWay {
            self.settle(from, number, fate);
        }
        true
    }

    /// Whether a message says nothing that was not said before.
    fn is_dull(&mut self, from: NodeId, to: NodeId, kind: &str, about: Option<EntryId>) -> bool {
        match kind {
            _ if is_routine(kind) => true,
            "ack" | "commit-order" => self.said.insert((from, to, kind == "ack"), about) == Some(about),
            _ => false,
        }
    }

    /// After a quiet row there is no need for another.
    fn on_dull(&mut self, at: Duration, (from, to, number): (NodeId, NodeId, u64), beats: bool, fate: &Fate) -> bool {
        let last = self.rows.back().filter(|row| matches!(row.shape, Shape::Quiet(_)));
        let serial = match last {
            Some(row) => row.serial,
            None => {
                let quiet = Quiet { from, until: at, beats: 0, missed: BTreeMap::new() };
                self.push(at, Shape::Quiet(quiet));
                self.last
            }
        };
        let seen = self.rows.iter().rev().find(|row| row.serial == serial).is_some_and(Row::is_seen);
        let Some(Shape::Quiet(quiet)) = self.shape(serial) else { return false };
        quiet.beats += u64::from(beats);
        quiet.until = quiet.until.max(at);
        self.under_way.insert((from, number), serial);
        if *fate != Fate::UnderWay {
            return self.settle(from, number, fate.clone()) | self.missed(serial, to, fate);
        }
        seen != self.rows.iter().rev().find(|row| row.serial == serial).is_some_and(Row::is_seen)
    }

    fn missed(&mut self, serial: u64, to: NodeId, fate: &Fate) -> bool {
        let Some(Shape::Quiet(quiet)) = self.shape(serial) else { return false };
        match fate {
            Fate::Held => quiet.missed.insert(to, true) != Some(true),
            Fate::Lost(_) => quiet.missed.insert(to, false) != Some(false),
            Fate::UnderWay | Fate::Received(..) => false,
        }
    }

    /// Says what became of a message. True if that is seen.
    fn settle(&mut self, from: NodeId, number: u64, fate: Fate) -> bool {
        let Some(serial) = self.under_way.get(&(from, number)).copied() else {
            self.early.push_back(((from, number), fate));
            self.early.drain(..self.early.len().saturating_sub(EARLY_MAX));
            return false;
        };
        let is_open = matches!(&fate, Fate::Held) || matches!(&fate, Fate::Lost(why) if why == DOWN);
        if !is_open {
            self.under_way.remove(&(from, number));
        }
        let Some(message) = self.at(serial) else { return false };
        let (sent, before) = (message.at, std::mem::replace(&mut message.fate, fate.clone()));
        let Fate::Received(at, _) = fate else { return true };
        // A message has one row. One that was held, or waited at its sender until the receiver was back, stands where it
        // arrived: below what let it through, and above nothing that it has caused.
        if before == Fate::Lost(DOWN.into()) || at > sent + LATE {
            self.move_to_end(serial);
        }
        true
    }

    fn move_to_end(&mut self, serial: u64) {
        if let Some(row) = self.place(serial).and_then(|place| self.rows.remove(place)) {
            self.rows.push_back(row);
        }
    }

    /// The leader has applied it: those who wait for it are answered.
    fn on_finalized(&mut self, at: Duration, node: NodeId, up_to: EntryId) -> bool {
        let Some(waiting) = self.waiting.get_mut(&node) else { return false };
        let answered = waiting.iter().take_while(|(_, id)| *id <= up_to).count();
        let mut last = None;
        for (since, id) in waiting.drain(..answered) {
            self.confirmed.push(at.saturating_sub(since));
            last = Some(id);
        }
        if let Some(last) = last {
            self.push(at, Shape::Call(node, Call::Written(last)));
        }
        last.is_some()
    }

    /// A message that was sent a moment ago.
    fn sent_by(&mut self, node: NodeId, number: u64) -> Option<&mut Message> {
        self.rows.iter_mut().rev().take(RECENT_MAX).find_map(|row| match &mut row.shape {
            Shape::Message(message) if (message.from, message.number) == (node, number) => Some(message),
            _ => None,
        })
    }

    fn at(&mut self, serial: u64) -> Option<&mut Message> {
        match self.shape(serial)? {
            Shape::Message(message) => Some(message),
            _ => None,
        }
    }

    fn shape(&mut self, serial: u64) -> Option<&mut Shape> {
        self.rows.iter_mut().rev().find(|row| row.serial == serial).map(|row| &mut row.shape)
    }

    fn push(&mut self, at: Duration, shape: Shape) {
        self.last += 1;
        self.rows.push_back(Row { serial: self.last, at, shape });
        if self.rows.len() > ROWS_MAX {
            self.rows.pop_front();
        }
        while self.under_way.len() > 2 * ROWS_MAX {
            self.under_way.pop_first();
        }
    }
}

/// Whether messages of this kind say nothing but that their sender lives.
fn is_routine(kind: &str) -> bool {
    matches!(kind, "heartbeat" | "round-answer")
}

#[cfg(test)]
mod tests {
    use epoca::protocol::Time;

    use super::*;

    fn sent(number: u64, kind: &'static str) -> Fact {
        let about = Some(EntryId::new(1, 1));
        Fact::Sent { to: NodeId(2), number, kind: kind.into(), epoch: Some(Epoch(1)), about, entries: 1, bytes: 9 }
    }

    fn received(number: u64) -> Fact {
        Fact::Received { from: NodeId(1), number, kind: "push".into() }
    }

    fn tell(space: &mut Space, at_ms: u64, node: u64, fact: Fact) -> bool {
        let event = Event { node: NodeId(node), number: at_ms, time: Time(0), fact };
        space.on_event(Duration::from_millis(at_ms), &event, None)
    }

    fn fate(space: &Space) -> Option<&Fate> {
        space.rows.iter().find_map(|row| space.message(row)).map(|message| &message.fate)
    }

    #[test]
    fn sent_and_received_pair_up_whichever_is_heard_of_first() {
        let mut space = Space::default();
        tell(&mut space, 1, 1, sent(7, "push"));
        tell(&mut space, 2, 2, received(7));
        assert_eq!(fate(&space), Some(&Fate::Received(Duration::from_millis(2), 2)));
        let mut space = Space::default();
        tell(&mut space, 2, 2, received(7));
        tell(&mut space, 1, 1, sent(7, "push"));
        assert_eq!(fate(&space), Some(&Fate::Received(Duration::from_millis(2), 2)));
    }

    #[test]
    fn a_late_message_has_one_row_and_that_stands_where_it_arrived() {
        let mut space = Space::default();
        tell(&mut space, 1, 1, sent(7, "commit-order"));
        let held = Fact::MessageHeld {
            from: NodeId(1),
            to: NodeId(2),
            number: 7,
            kind: "commit-order".into(),
            what: None,
            since: None,
        };
        tell(&mut space, 2, 2, held);
        assert_eq!(fate(&space), Some(&Fate::Held));
        tell(&mut space, 499, 2, Fact::HoldReleased { kind: "commit-order".into(), messages: 1 });
        tell(&mut space, 500, 2, received(7));
        let shapes: Vec<_> = space.rows.iter().map(|row| &row.shape).collect();
        assert!(matches!(shapes[..], [Shape::Mark(_, Fact::HoldReleased { .. }), Shape::Message(_)]), "{shapes:?}");
    }

    #[test]
    fn heartbeats_are_folded_and_seen_only_when_they_are_all_there_is() {
        let mut space = Space::default();
        for tenth in 0..=20 {
            let seen = tell(&mut space, tenth * 100, 1, sent(tenth, "heartbeat"));
            assert_eq!(seen, tenth == 10, "{tenth}");
        }
        assert_eq!(space.rows.len(), 1);
    }

    #[test]
    fn what_is_sent_to_a_node_that_is_down_is_lost() {
        let mut space = Space::default();
        space.on_life(Duration::ZERO, NodeId(2), false);
        tell(&mut space, 1, 1, sent(7, "push"));
        assert_eq!(fate(&space), Some(&Fate::Lost("down".into())));
        assert!(tell(&mut space, 2, 1, sent(8, "heartbeat")));
        assert!(!tell(&mut space, 3, 1, sent(9, "heartbeat")));
    }

    #[test]
    fn a_message_that_waited_for_its_receiver_stands_below_the_return() {
        let mut space = Space::default();
        space.on_life(Duration::ZERO, NodeId(2), false);
        tell(&mut space, 1, 1, sent(7, "push"));
        space.on_life(Duration::from_millis(2), NodeId(2), true);
        tell(&mut space, 3, 2, received(7));
        let shapes: Vec<_> = space.rows.iter().map(|row| &row.shape).collect();
        assert!(
            matches!(
                shapes[..],
                [Shape::Life { is_up: false, .. }, Shape::Life { is_up: true, .. }, Shape::Message(_)]
            ),
            "{shapes:?}"
        );
        assert_eq!(fate(&space), Some(&Fate::Received(Duration::from_millis(3), 3)));
    }

    #[test]
    fn rows_are_bounded() {
        let mut space = Space::default();
        for number in 0..ROWS_MAX as u64 + 10 {
            tell(&mut space, number, 1, sent(number, "push"));
        }
        assert_eq!(space.rows.len(), ROWS_MAX);
        assert!(space.under_way.len() <= 2 * ROWS_MAX);
    }
}
