//! The space-time diagram: messages between client and nodes in happens-before order, as a bounded list of rows. It is
//! folded from the nodes' events alone, so it works on recordings too. Events arrive in tape order and rows are
//! appended, so a row is never above its cause.
//!
//! Messages that say nothing new (heartbeats, their acks, repeated orders) share one row until something else happens.
//! A message is identified by sender and number. Its `Received` may arrive before its `Sent`.

mod flights;

mod row;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use epoca::protocol::trace::{Event, Fact};
use epoca::protocol::{EntryId, Kind, MessageKind, NodeId};

use flights::Flights;

pub use row::{Call, Delivery, Message, Quiet, Row, Shape};

/// Rows that are kept. Beyond it the oldest are dropped.
pub const ROWS_MAX: usize = 5_000;

/// How far back a sent message is searched, in rows.
const RECENT_MAX: usize = 256;

/// Messages with a delivery but without a known sending that are remembered.
const UNMATCHED_MAX: usize = 1_024;

/// A message that takes longer is late: its row stands where it arrived.
pub const LATE: Duration = Duration::from_millis(100);

/// Reason for a message whose receiver is down. It still arrives if the receiver returns before the sender drops its
/// queue.
pub const RECEIVER_DOWN: &str = "down";

/// A push by sender and number, with the entry before it and its resync.
type Pushed = ((NodeId, u64), (Option<EntryId>, u64));

#[derive(Clone, Debug, Default)]
pub struct SpaceTime {
    rows: VecDeque<Row>,
    last: u64,
    /// Rows of messages in transit, by sender and number.
    under_way: BTreeMap<(NodeId, u64), u64>,
    /// Deliveries of messages whose sending is not known yet.
    unmatched: VecDeque<((NodeId, u64), Delivery)>,
    /// The content of the next push.
    pushed: Option<Pushed>,
    /// The last entry of acks and of orders, by sender, receiver, and whether it is an ack.
    last_said: BTreeMap<(NodeId, NodeId, bool), Option<EntryId>>,
    /// The last resync of each link.
    resyncs: BTreeMap<(NodeId, NodeId), u64>,
    down: BTreeSet<NodeId>,
    flights: Flights,
    /// Entries whose clients wait, by leader.
    waiting: BTreeMap<NodeId, VecDeque<(Duration, EntryId)>>,
    /// Latencies of the writes confirmed since the last call of `take_confirmed`.
    confirmed: Vec<Duration>,
    /// The selected row, by serial.
    pub selected: Option<u64>,
}

impl SpaceTime {
    pub fn rows(&self) -> &VecDeque<Row> {
        &self.rows
    }

    /// Drops all but the newest rows.
    pub fn keep(&mut self, rows: usize) {
        self.rows.drain(..self.rows.len().saturating_sub(rows));
    }

    /// The index of a row, if it is kept.
    pub fn index_of(&self, serial: u64) -> Option<usize> {
        self.rows.iter().rposition(|row| row.serial == serial)
    }

    /// The message of a row.
    pub fn message<'a>(&self, row: &'a Row) -> Option<&'a Message> {
        match &row.shape {
            Shape::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Takes the latencies of the writes confirmed since the last call.
    pub fn take_confirmed(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.confirmed)
    }

    /// The fact behind a row: of a mark its own, of a message that it was sent.
    pub fn fact(&self, serial: u64) -> Option<(NodeId, Fact)> {
        let row = self.rows.get(self.index_of(serial)?)?;
        if let Shape::Mark(node, fact) = &row.shape {
            return Some((*node, fact.clone()));
        }
        let Message { from, to, number, kind, epoch, about, entries, bytes, .. } = self.message(row)?.clone();
        Some((from, Fact::Sent { to, number, kind, epoch, about, entries, bytes }))
    }

    /// Moves the selection among the visible rows. Below the newest row nothing is selected.
    pub fn select(&mut self, down: isize) {
        let seen: Vec<u64> = self.rows.iter().filter(|row| row.is_seen()).map(|row| row.serial).collect();
        let here = self.selected.and_then(|serial| seen.iter().rposition(|other| *other == serial));
        let there = here.unwrap_or(seen.len()).saturating_add_signed(down);
        self.selected = seen.get(there).copied();
    }

    /// Applies an event. True if the picture changed. `missing` is the node whose `Sent` should precede the event and
    /// did not arrive in time.
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
                return self.set_delivery(*from, *number, Delivery::Received(at, event.number));
            }
            Fact::Dropped { from, number, why, .. } => {
                return self.set_delivery(*from, *number, Delivery::Lost(why.clone()));
            }
            Fact::MessageDiscarded { from, number, why, .. } => {
                return self.set_delivery(*from, *number, Delivery::Lost(why.clone()));
            }
            Fact::MessageHeld { from, number, .. } | Fact::MessageDelayed { from, number, .. } => {
                return self.set_delivery(*from, *number, Delivery::Held);
            }
            Fact::MessageInFlight { from, number, since, due, .. } => {
                let until = at + Duration::from_micros(due.saturating_sub(*since));
                return self.set_delivery(*from, *number, Delivery::InFlight { from: at, until });
            }
            Fact::PaceSet { slowdown, .. } => self.tell_pace(at, event, *slowdown),
            Fact::Pushed { to, number, prev, resync, .. } => {
                // All pushes after a resync carry its number; only the first of them retransmits.
                let is_first = self.resyncs.insert((node, *to), *resync) != Some(*resync);
                let resync = if is_first { *resync } else { 0 };
                // `Pushed` precedes `Sent`. In older recordings it follows.
                match self.sent_by(node, *number) {
                    Some(message) => message.pushed = Some((*prev, resync)),
                    None => self.pushed = Some(((node, *number), (*prev, resync))),
                }
                return false;
            }
            Fact::Proposed { entry } => {
                // No client requests an epoch's opening entry.
                let asked: Vec<_> = entry.iter().filter(|entry| entry.kind == Kind::Command).cloned().collect();
                if asked.is_empty() {
                    return false;
                }
                let waiting = self.waiting.entry(node).or_default();
                waiting.extend(asked.iter().map(|entry| (at, entry.point.id)));
                waiting.drain(..waiting.len().saturating_sub(UNMATCHED_MAX));
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
            | Fact::StepOn { .. }
            | Fact::StepOff {}
            | Fact::Rewritten { .. }
            | Fact::Injected { .. }
            | Fact::DiskError { .. }
            | Fact::Damaged { .. }
            | Fact::Quarantined { .. } => {
                match &event.fact {
                    Fact::Elected { .. } | Fact::SteppedDown { .. } => _ = self.waiting.remove(&node),
                    Fact::StepOn { .. } => self.land_all(node, &Delivery::Held),
                    _ => {}
                }
                self.push(at, Shape::Mark(node, event.fact.clone()));
            }
            _ => return false,
        }
        true
    }

    /// A node stopped answering, or answers again.
    pub fn on_liveness(&mut self, at: Duration, node: NodeId, is_up: bool) {
        if is_up == self.down.contains(&node) {
            if is_up {
                self.down.remove(&node)
            } else {
                self.down.insert(node)
            };
            self.push(at, Shape::Liveness { node, is_up });
        }
        self.waiting.remove(&node);
        if !is_up {
            // What was on its way to a node is lost with its process.
            self.land_all(node, &Delivery::Lost(RECEIVER_DOWN.into()));
        }
    }

    pub fn is_down(&self, node: NodeId) -> bool {
        self.down.contains(&node)
    }

    fn on_sent(&mut self, at: Duration, event: &Event) -> bool {
        let Fact::Sent { to, number, kind, epoch, about, entries, bytes } = &event.fact else { return false };
        let (from, to, number) = (event.node, *to, *number);
        let unmatched = self.unmatched.iter().position(|(sent, _)| *sent == (from, number));
        let unmatched = unmatched.and_then(|index| self.unmatched.remove(index)).map(|(_, delivery)| delivery);
        let is_unordered = unmatched.is_some();
        let lost = || if self.down.contains(&to) { Delivery::Lost(RECEIVER_DOWN.into()) } else { Delivery::InTransit };
        let delivery = unmatched.unwrap_or_else(lost);
        if self.is_repeat(from, to, kind, *about) {
            return self.on_repeat(at, (from, to, number), *kind == MessageKind::Heartbeat, &delivery);
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
            delivery: Delivery::InTransit,
            stretched: Duration::ZERO,
            is_unordered,
        };
        self.push(at, Shape::Message(message));
        self.under_way.insert((from, number), self.last);
        if delivery != Delivery::InTransit {
            self.set_delivery(from, number, delivery);
        }
        true
    }

    /// Whether a message repeats the previous one of its kind.
    fn is_repeat(&mut self, from: NodeId, to: NodeId, kind: &str, about: Option<EntryId>) -> bool {
        match MessageKind::from_name(kind) {
            _ if is_routine(kind) => true,
            Some(kind @ (MessageKind::Ack | MessageKind::CommitOrder)) => {
                self.last_said.insert((from, to, kind == MessageKind::Ack), about) == Some(about)
            }
            _ => false,
        }
    }

    /// Adds to the last row if that is a quiet one, else starts one.
    fn on_repeat(
        &mut self,
        at: Duration,
        (from, to, number): (NodeId, NodeId, u64),
        beats: bool,
        delivery: &Delivery,
    ) -> bool {
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
        if *delivery != Delivery::InTransit {
            return self.set_delivery(from, number, delivery.clone()) | self.missed(serial, to, delivery);
        }
        seen != self.rows.iter().rev().find(|row| row.serial == serial).is_some_and(Row::is_seen)
    }

    fn missed(&mut self, serial: u64, to: NodeId, delivery: &Delivery) -> bool {
        let Some(Shape::Quiet(quiet)) = self.shape(serial) else { return false };
        match delivery {
            Delivery::Held => quiet.missed.insert(to, true) != Some(true),
            Delivery::Lost(_) => quiet.missed.insert(to, false) != Some(false),
            Delivery::InTransit | Delivery::InFlight { .. } | Delivery::Received(..) => false,
        }
    }

    /// Sets the delivery of a message. True if that is visible.
    fn set_delivery(&mut self, from: NodeId, number: u64, delivery: Delivery) -> bool {
        let Some(serial) = self.under_way.get(&(from, number)).copied() else {
            self.unmatched.push_back(((from, number), delivery));
            self.unmatched.drain(..self.unmatched.len().saturating_sub(UNMATCHED_MAX));
            return false;
        };
        let is_open = matches!(&delivery, Delivery::Held | Delivery::InFlight { .. })
            || matches!(&delivery, Delivery::Lost(why) if why == RECEIVER_DOWN);
        if !is_open {
            self.under_way.remove(&(from, number));
        }
        let Some(message) = self.at(serial) else { return false };
        let before = std::mem::replace(&mut message.delivery, delivery.clone());
        if let Delivery::InFlight { until, .. } = delivery {
            message.stretched = until.saturating_sub(message.at);
            let to = message.to;
            self.flights.begin((from, number), to, until);
            return true;
        }
        let (sent, stretched) = (message.at, message.stretched);
        self.flights.end((from, number));
        let Delivery::Received(at, _) = delivery else { return true };
        // A message has one row. If it was held, or waited for its receiver, the row moves to the arrival: below the
        // event that released it and above the events that it causes.
        if before == Delivery::Lost(RECEIVER_DOWN.into()) || at > sent + stretched + LATE {
            self.move_to_end(serial);
        }
        true
    }

    fn move_to_end(&mut self, serial: u64) {
        if let Some(row) = self.index_of(serial).and_then(|place| self.rows.remove(place)) {
            self.rows.push_back(row);
        }
    }

    /// The leader applied the entry, so the waiting clients get their answers.
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

    /// A recently sent message.
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

/// Messages that only show that the sender is alive.
fn is_routine(kind: &str) -> bool {
    matches!(MessageKind::from_name(kind), Some(MessageKind::Heartbeat | MessageKind::RoundAnswer))
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Epoch, Time};

    use super::*;

    fn sent(number: u64, kind: &'static str) -> Fact {
        let about = Some(EntryId::new(1, 1));
        Fact::Sent { to: NodeId(2), number, kind: kind.into(), epoch: Some(Epoch(1)), about, entries: 1, bytes: 9 }
    }

    fn received(number: u64) -> Fact {
        Fact::Received { from: NodeId(1), number, kind: "push".into() }
    }

    fn tell(space: &mut SpaceTime, at_ms: u64, node: u64, fact: Fact) -> bool {
        let event = Event { node: NodeId(node), number: at_ms, time: Time(0), fact };
        space.on_event(Duration::from_millis(at_ms), &event, None)
    }

    fn delivery(space: &SpaceTime) -> Option<&Delivery> {
        space.rows.iter().find_map(|row| space.message(row)).map(|message| &message.delivery)
    }

    #[test]
    fn sent_and_received_pair_up_whichever_is_heard_of_first() {
        let mut space = SpaceTime::default();
        tell(&mut space, 1, 1, sent(7, "push"));
        tell(&mut space, 2, 2, received(7));
        assert_eq!(delivery(&space), Some(&Delivery::Received(Duration::from_millis(2), 2)));
        let mut space = SpaceTime::default();
        tell(&mut space, 2, 2, received(7));
        tell(&mut space, 1, 1, sent(7, "push"));
        assert_eq!(delivery(&space), Some(&Delivery::Received(Duration::from_millis(2), 2)));
    }

    #[test]
    fn a_late_message_has_one_row_and_that_stands_where_it_arrived() {
        let mut space = SpaceTime::default();
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
        assert_eq!(delivery(&space), Some(&Delivery::Held));
        tell(&mut space, 499, 2, Fact::HoldReleased { kind: "commit-order".into(), messages: 1 });
        tell(&mut space, 500, 2, received(7));
        let shapes: Vec<_> = space.rows.iter().map(|row| &row.shape).collect();
        assert!(matches!(shapes[..], [Shape::Mark(_, Fact::HoldReleased { .. }), Shape::Message(_)]), "{shapes:?}");
    }

    #[test]
    fn heartbeats_are_folded_and_seen_only_when_they_are_all_there_is() {
        let mut space = SpaceTime::default();
        for tenth in 0..=20 {
            let seen = tell(&mut space, tenth * 100, 1, sent(tenth, "heartbeat"));
            assert_eq!(seen, tenth == 10, "{tenth}");
        }
        assert_eq!(space.rows.len(), 1);
    }

    #[test]
    fn what_is_sent_to_a_node_that_is_down_is_lost() {
        let mut space = SpaceTime::default();
        space.on_liveness(Duration::ZERO, NodeId(2), false);
        tell(&mut space, 1, 1, sent(7, "push"));
        assert_eq!(delivery(&space), Some(&Delivery::Lost("down".into())));
        assert!(tell(&mut space, 2, 1, sent(8, "heartbeat")));
        assert!(!tell(&mut space, 3, 1, sent(9, "heartbeat")));
    }

    #[test]
    fn a_message_that_waited_for_its_receiver_stands_below_the_return() {
        let mut space = SpaceTime::default();
        space.on_liveness(Duration::ZERO, NodeId(2), false);
        tell(&mut space, 1, 1, sent(7, "push"));
        space.on_liveness(Duration::from_millis(2), NodeId(2), true);
        tell(&mut space, 3, 2, received(7));
        let shapes: Vec<_> = space.rows.iter().map(|row| &row.shape).collect();
        let [Shape::Liveness { is_up: false, .. }, Shape::Liveness { is_up: true, .. }, Shape::Message(_)] = shapes[..]
        else {
            panic!("{shapes:?}")
        };
        assert_eq!(delivery(&space), Some(&Delivery::Received(Duration::from_millis(3), 3)));
    }

    #[test]
    fn rows_are_bounded() {
        let mut space = SpaceTime::default();
        for number in 0..ROWS_MAX as u64 + 10 {
            tell(&mut space, number, 1, sent(number, "push"));
        }
        assert_eq!(space.rows.len(), ROWS_MAX);
        assert!(space.under_way.len() <= 2 * ROWS_MAX);
    }
}
