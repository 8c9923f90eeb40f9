//! The narration: what happened, in few lines. The same step at several nodes is one line with several node names.
//! Repetitions are counted.
//!
//! Lines are in happens-before order. A fact merges into an earlier line only if no line below that one can be a cause
//! of the fact. To know this, each message carries the lowest line that its sender depends on, as a vector clock would;
//! the receiver inherits it. A count of acks that continues moves to the end.
//!
//! A line keeps its fact. `words` makes the text when it is drawn.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epoca::protocol::trace::{Event, Fact, HandledBy, Preview};
use epoca::protocol::{EntryId, NodeId};

use crate::console::model::timeline::{Line, Occurrence};

/// Lines that are kept. Beyond it the oldest are dropped.
pub const LINES_MAX: usize = 2_000;

/// How far back, in lines and in time, a fact may merge into a line.
const JOIN_LINES: usize = 24;
const JOIN_WITHIN: Duration = Duration::from_secs(2);

/// Messages whose causes are remembered.
const MESSAGES_MAX: usize = 4_096;

/// Changes of the pace within this time are one line.
const PACES: Duration = Duration::from_secs(2);

/// Writes within this time of each other share a line.
const BURST: Duration = Duration::from_millis(30);

/// Entries in one line.
const BURST_MAX: usize = 256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NarrationLine {
    /// Identifies the line while it is kept.
    pub serial: u64,
    pub at: Duration,
    until: Duration,
    /// The nodes where it happened, in the order of the reports.
    pub nodes: Vec<NodeId>,
    /// The receivers, if it has any.
    pub peers: Vec<NodeId>,
    pub occurrence: Occurrence,
    /// Number of merged facts.
    pub times: u64,
    /// Rank in the happens-before order; increases from line to line.
    rank: u64,
    /// The order is uncertain: the earlier events of this node did not arrive in time.
    pub missing: Option<NodeId>,
}

#[derive(Clone, Debug, Default)]
pub struct Narration {
    lines: VecDeque<NarrationLine>,
    last: u64,
    /// The selected line, by serial.
    pub selected: Option<u64>,
    /// The last resync of each link.
    resyncs: BTreeMap<(NodeId, NodeId), u64>,
    last_rank: u64,
    /// For each node, the rank of the lowest line that its next step may depend on.
    depends_on: BTreeMap<NodeId, u64>,
    /// The same for each message, by sender and number, the newest last.
    messages: VecDeque<((NodeId, u64), u64)>,
}

impl Narration {
    pub fn lines(&self) -> &VecDeque<NarrationLine> {
        &self.lines
    }

    pub fn select(&mut self, down: isize) {
        let here = self.selected.and_then(|serial| self.index_of(serial)).unwrap_or(self.lines.len());
        self.selected = self.lines.get(here.saturating_add_signed(down)).map(|line| line.serial);
    }

    /// How many of the first lines belong to the start of the cluster: the first election up to the opening of its
    /// epoch. 0 while no node has been elected in them, or while the start is selected.
    pub fn folded(&self) -> usize {
        let start = self.lines.iter().take_while(|line| is_start(&line.occurrence)).count();
        let is_selected = self.selected.and_then(|serial| self.index_of(serial)).is_some_and(|place| place < start);
        if is_selected || self.start_election(start).is_none() { 0 } else { start }
    }

    /// The last election of the folded lines.
    pub fn start_election(&self, folded: usize) -> Option<&NarrationLine> {
        let elected = |line: &&NarrationLine| matches!(line.occurrence, Occurrence::Fact(Fact::Elected { .. }));
        self.lines.iter().take(folded).rfind(elected)
    }

    pub fn index_of(&self, serial: u64) -> Option<usize> {
        self.lines.iter().rposition(|line| line.serial == serial)
    }

    /// The selected line, or the newest one with an explanation.
    pub fn focused(&self) -> Option<&NarrationLine> {
        match self.selected.and_then(|serial| self.index_of(serial)) {
            Some(rank) => self.lines.get(rank),
            None => self.lines.iter().rev().find(|line| matches!(line.occurrence, Occurrence::Fact(_))),
        }
    }

    /// All pushes after a resync carry its number; only the first of them is shown as a retransmission.
    fn strip_repeated_resync(&mut self, node: NodeId, occurrence: &Occurrence) -> Occurrence {
        let mut plain = occurrence.clone();
        if let Occurrence::Fact(Fact::Pushed { to, resync, .. }) = &mut plain
            && self.resyncs.insert((node, *to), *resync) == Some(*resync)
        {
            *resync = 0;
        }
        plain
    }

    /// Passes the sender's dependencies on to the receiver.
    pub fn on_message(&mut self, event: &Event) {
        match &event.fact {
            Fact::Sent { number, .. } => {
                let depends_on = self.depends_on(event.node);
                self.messages.push_back(((event.node, *number), depends_on));
                self.messages.drain(..self.messages.len().saturating_sub(MESSAGES_MAX));
            }
            Fact::Received { from, number, .. } => {
                let sent = self.messages.iter().rev().find(|(message, _)| *message == (*from, *number));
                // A message that is no longer known may depend on all lines of its sender.
                let depends_on = sent.map_or_else(|| self.depends_on(*from), |(_, depends_on)| *depends_on);
                self.raise(event.node, depends_on);
            }
            _ => {}
        }
    }

    fn depends_on(&self, node: NodeId) -> u64 {
        self.depends_on.get(&node).copied().unwrap_or(0)
    }

    fn raise(&mut self, node: NodeId, rank: u64) {
        let depends_on = self.depends_on.entry(node).or_default();
        *depends_on = (*depends_on).max(rank);
    }

    pub fn push(&mut self, line: &Line) {
        let Line { at, node, ref occurrence, missing } = *line;
        let occurrence = &self.strip_repeated_resync(node, occurrence);
        let depends_on = self.depends_on(node);
        let joined = self.lines.iter().enumerate().rev().take(JOIN_LINES).find(|(_, line)| {
            at.saturating_sub(line.until) < JOIN_WITHIN
                && is_same_step(line, node, occurrence, at)
                && line.missing == missing
        });
        let joined = joined.map(|(index, line)| (index, line.rank >= depends_on, continues(line, occurrence)));
        match joined {
            Some((index, true, false)) => {
                let line = &mut self.lines[index];
                merge(line, node, occurrence);
                line.until = line.until.max(at);
                let rank = line.rank;
                self.raise(node, rank);
            }
            Some((index, _, true)) => {
                if let Some(mut line) = self.lines.remove(index) {
                    merge(&mut line, node, occurrence);
                    (line.at, line.until) = (at, at);
                    self.add(node, line);
                }
            }
            _ => {
                self.last += 1;
                let (peers, nodes) = (peer(occurrence).into_iter().collect(), vec![node]);
                let (serial, occurrence) = (self.last, occurrence.clone());
                self.add(
                    node,
                    NarrationLine { serial, at, until: at, nodes, peers, occurrence, times: 1, rank: 0, missing },
                );
            }
        }
    }

    fn add(&mut self, node: NodeId, line: NarrationLine) {
        self.last_rank += 1;
        self.raise(node, self.last_rank);
        self.lines.push_back(NarrationLine { rank: self.last_rank, ..line });
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }
}

/// Whether an occurrence belongs to the start of a cluster.
fn is_start(occurrence: &Occurrence) -> bool {
    let Occurrence::Fact(fact) = occurrence else { return matches!(occurrence, Occurrence::Connected(_)) };
    let is_opening = |id: &EntryId| id.offset.0 == 0;
    match fact {
        Fact::Proposed { entry } => entry.iter().all(|entry| is_opening(&entry.point.id)),
        Fact::Pushed { last, .. } => is_opening(last),
        Fact::Consistent { entries, .. } => entries.iter().all(|entry| is_opening(&entry.point.id)),
        Fact::Acked { up_to, .. } => up_to.as_ref().is_none_or(is_opening),
        Fact::Counted { up_to, .. } => up_to.is_none_or(|up_to| is_opening(&up_to.id)),
        Fact::Committed { up_to, .. } | Fact::Finalized { up_to, .. } => is_opening(&up_to.id),
        Fact::Ordered { up_to, .. } | Fact::Held { up_to, .. } => is_opening(up_to),
        Fact::MembersSet { at, .. } => is_opening(at),
        fact => fact.rule().starts_with('E') && !fact.name().starts_with("Transfer"),
    }
}

/// Whether a count below the quorum continues. It moves to the end, next to the newest ack.
fn continues(line: &NarrationLine, occurrence: &Occurrence) -> bool {
    let Occurrence::Fact(Fact::Counted { up_to, commit, .. }) = &line.occurrence else { return false };
    matches!(occurrence, Occurrence::Fact(Fact::Counted { .. }))
        && !up_to.is_some_and(|point| *commit >= point.position.0)
}

/// Whether an occurrence is the same step as an existing line.
fn is_same_step(line: &NarrationLine, node: NodeId, occurrence: &Occurrence, at: Duration) -> bool {
    let (Occurrence::Fact(old), Occurrence::Fact(new)) = (&line.occurrence, occurrence) else {
        // A restarted process connects a moment later. The reason of a lost connection also arrives a moment later.
        let restarted = matches!(&line.occurrence, Occurrence::Fact(Fact::Restarted { .. }));
        let gone = matches!(&line.occurrence, Occurrence::Disconnected(_));
        let explained = gone && matches!(occurrence, Occurrence::Fact(Fact::Killed { .. }));
        let is_back = restarted && matches!(occurrence, Occurrence::Connected(_));
        return (explained || is_back) && line.nodes.contains(&node);
    };
    let same_node = line.nodes.contains(&node);
    match (old, new) {
        (Fact::Proposed { entry: old }, Fact::Proposed { entry: new }) => {
            let is_full = old.len() >= BURST_MAX;
            same_node && !is_full && at.saturating_sub(line.until) < BURST && follow(old, new)
        }
        (
            Fact::Pushed { first, last, prev, resync, .. },
            Fact::Pushed { first: first_new, last: last_new, prev: prev_new, resync: resync_new, .. },
        ) => same_node && (first, last, prev, *resync > 0) == (first_new, last_new, prev_new, *resync_new > 0),
        (Fact::Consistent { entries: old, prev, .. }, Fact::Consistent { entries: new, prev: prev_new, .. }) => {
            let ids = |entries: &[Preview]| entries.iter().map(|entry| entry.point).collect::<Vec<_>>();
            prev == prev_new && ids(old) == ids(new)
        }
        (Fact::Acked { up_to: old, .. }, Fact::Acked { up_to: new, .. }) => old == new,
        (Fact::Counted { up_to: old, .. }, Fact::Counted { up_to: new, .. }) => same_node && old == new,
        (Fact::Ordered { up_to: old, .. }, Fact::Ordered { up_to: new, .. }) => same_node && old == new,
        (Fact::Finalized { up_to: old, .. }, Fact::Finalized { up_to: new, .. }) => old.id == new.id,
        (Fact::Held { up_to: old, .. }, Fact::Held { up_to: new, .. }) => old == new,
        (Fact::Granted { to, kind, epoch, .. }, Fact::Granted { to: to_new, kind: kind_new, epoch: epoch_new, .. }) => {
            (to, kind, epoch) == (to_new, kind_new, epoch_new)
        }
        (
            Fact::VoteRefused { to, kind, epoch, why, .. },
            Fact::VoteRefused { to: to_new, kind: kind_new, epoch: epoch_new, why: why_new, .. },
        ) => (to, kind, epoch, why) == (to_new, kind_new, epoch_new, why_new),
        (Fact::EpochLeft { heard: old, .. }, Fact::EpochLeft { heard: new, .. }) => old == new,
        (Fact::LinkCut { with }, Fact::LinkCut { .. }) | (Fact::LinkHealed { with }, Fact::LinkHealed { .. }) => {
            *with == node
        }
        // A person goes through several paces to the wanted one.
        (Fact::PaceSet { slowdown: old, .. }, Fact::PaceSet { slowdown: new, .. }) => {
            old == new || at.saturating_sub(line.until) < PACES
        }
        (Fact::MessageHeld { kind: old, to, .. }, Fact::MessageHeld { kind: new, to: to_new, .. }) => {
            old == new && to == to_new
        }
        (Fact::Dropped { why: old, .. }, Fact::Dropped { why: new, .. }) => old == new,
        // A message that a person handles has a line of its own each time.
        (Fact::MessageDelivered { kind: old, why, .. }, Fact::MessageDelivered { kind: new, why: why_new, .. })
        | (Fact::MessageDiscarded { kind: old, why, .. }, Fact::MessageDiscarded { kind: new, why: why_new, .. }) => {
            same_node && (old, why) == (new, why_new) && *why != HandledBy::Hand
        }
        (Fact::MessageReleased { kind: old, .. }, Fact::MessageReleased { kind: new, .. })
        | (Fact::MessageDelayed { kind: old, .. }, Fact::MessageDelayed { kind: new, .. })
        | (Fact::MessageDuplicated { kind: old, .. }, Fact::MessageDuplicated { kind: new, .. }) => {
            same_node && old == new
        }
        (Fact::ReadAsked { .. }, Fact::ReadAsked { .. })
        | (Fact::ReadConfirmed { .. }, Fact::ReadConfirmed { .. })
        | (Fact::ReadAnswered { .. }, Fact::ReadAnswered { .. }) => same_node,
        (Fact::Forwarded { to: old, .. }, Fact::Forwarded { to: new, .. }) => old == new,
        _ => old == new,
    }
}

fn follow(old: &[Preview], new: &[Preview]) -> bool {
    match (old.last(), new.first()) {
        (Some(old), Some(new)) => {
            old.point.id.epoch == new.point.id.epoch && old.point.position.next() == new.point.position
        }
        _ => false,
    }
}

fn merge(line: &mut NarrationLine, node: NodeId, occurrence: &Occurrence) {
    if matches!((&line.occurrence, occurrence), (Occurrence::Disconnected(_), Occurrence::Fact(_))) {
        line.occurrence = occurrence.clone();
        return;
    }
    line.times += 1;
    if !line.nodes.contains(&node) {
        line.nodes.push(node);
    }
    if let Some(peer) = peer(occurrence).filter(|peer| !line.peers.contains(peer)) {
        line.peers.push(peer);
    }
    let (Occurrence::Fact(old), Occurrence::Fact(new)) = (&mut line.occurrence, occurrence) else { return };
    match (old, new) {
        (Fact::Proposed { entry }, Fact::Proposed { entry: more }) => entry.extend(more.iter().cloned()),
        (Fact::Counted { up_to, commit, matches, quorum, .. }, Fact::Counted { .. }) => {
            // After the commit, further acks add nothing.
            let is_done = up_to.is_some_and(|point| *commit >= point.position.0);
            if let (false, Fact::Counted { matches: now, commit: commit_now, quorum: quorum_now, .. }) = (is_done, new)
            {
                (*matches, *commit, *quorum) = (now.clone(), *commit_now, *quorum_now);
            }
        }
        (Fact::PaceSet { slowdown, .. }, Fact::PaceSet { slowdown: now, .. }) => *slowdown = *now,
        (Fact::ReadAsked { reads, .. }, Fact::ReadAsked { reads: more, .. })
        | (Fact::ReadAnswered { reads, .. }, Fact::ReadAnswered { reads: more, .. }) => *reads += more,
        _ => {}
    }
}

/// The receiver or sender of an occurrence, if it has one.
fn peer(occurrence: &Occurrence) -> Option<NodeId> {
    match occurrence {
        Occurrence::Fact(Fact::Pushed { to, .. } | Fact::Ordered { to, .. }) => Some(*to),
        Occurrence::Fact(
            Fact::Counted { from, .. }
            | Fact::MessageHeld { from, .. }
            | Fact::MessageReleased { from, .. }
            | Fact::MessageDelivered { from, .. }
            | Fact::MessageDelayed { from, .. }
            | Fact::MessageDuplicated { from, .. }
            | Fact::MessageDiscarded { from, .. },
        ) => Some(*from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Digest, LogPoint, Position};

    use super::*;

    fn point(offset: u64) -> LogPoint {
        LogPoint { id: EntryId::new(1, offset), position: Position(offset + 1), digest: Digest([1; 16]) }
    }

    fn tell(story: &mut Narration, at_ms: u64, node: u64, fact: Fact) {
        let occurrence = Occurrence::Fact(fact);
        story.push(&Line { at: Duration::from_millis(at_ms), node: NodeId(node), occurrence, missing: None });
    }

    #[test]
    fn the_same_step_at_several_nodes_is_one_line() {
        let mut story = Narration::default();
        for node in [1, 3, 2] {
            tell(&mut story, node, node, Fact::Finalized { up_to: point(1), count: 1 });
        }
        tell(&mut story, 9, 2, Fact::Finalized { up_to: point(2), count: 1 });
        let nodes: Vec<_> = story.lines().iter().map(|line| line.nodes.clone()).collect();
        assert_eq!(nodes, [vec![NodeId(1), NodeId(3), NodeId(2)], vec![NodeId(2)]]);
    }

    #[test]
    fn counting_ends_with_the_commit() {
        let mut story = Narration::default();
        let counted = |from, matches: [u64; 4], commit| {
            let (from, up_to) = (NodeId(from), Some(point(2)));
            Fact::Counted { from, up_to, matches: matches.to_vec(), quorum: 3, commit }
        };
        tell(&mut story, 1, 1, counted(1, [3, 2, 2, 2], 2));
        tell(&mut story, 2, 1, counted(2, [3, 3, 2, 2], 2));
        tell(&mut story, 3, 1, counted(3, [3, 3, 3, 2], 3));
        tell(&mut story, 4, 1, counted(4, [3, 3, 3, 3], 3));
        let [only] = &story.lines().iter().collect::<Vec<_>>()[..] else { panic!("one line") };
        let Occurrence::Fact(Fact::Counted { matches, .. }) = &only.occurrence else { panic!("counted") };
        assert_eq!(matches, &[3, 3, 3, 2]);
        assert_eq!(only.times, 4);
    }

    #[test]
    fn what_happens_again_much_later_is_told_again() {
        let mut story = Narration::default();
        for at in [0, 1_000, 60_000] {
            tell(&mut story, at, 1, Fact::TimedOut { why: "silence".into() });
        }
        let times: Vec<_> = story.lines().iter().map(|line| line.times).collect();
        assert_eq!(times, [2, 1]);
    }
}
