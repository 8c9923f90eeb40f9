//! The timeline: a bounded list of the events of all nodes in tape order, without repetitions that accompany
//! heartbeats.
//!
//! A line keeps its fact. `words` makes the text when it is drawn.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Fact, HandledBy};

/// Lines that are kept. Beyond it the oldest are dropped and counted.
pub const LINES_MAX: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Occurrence {
    Fact(Fact),
    /// The connection was lost, with the reason.
    Disconnected(String),
    /// The node answers, with its process id.
    Connected(u32),
    /// Number of events that were dropped because the console was too slow.
    EventsLost(u64),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// In the console's time.
    pub at: Duration,
    pub node: NodeId,
    pub occurrence: Occurrence,
    /// The order is uncertain: the earlier events of this node did not arrive in time.
    pub missing: Option<NodeId>,
}

#[derive(Clone, Debug, Default)]
pub struct Timeline {
    lines: VecDeque<Line>,
    dropped: u64,
    /// The last fact of each kind that repeats, by node, name and peer.
    echoes: BTreeMap<(NodeId, &'static str, NodeId), Fact>,
    /// For each node, messages whose release was already counted.
    released: BTreeMap<NodeId, u64>,
}

impl Timeline {
    pub fn lines(&self) -> &VecDeque<Line> {
        &self.lines
    }

    /// Time of the newest line.
    pub fn last_at(&self) -> Duration {
        self.lines.back().map_or(Duration::ZERO, |line| line.at)
    }

    /// Number of dropped lines.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A copy without the oldest lines.
    pub fn without(&self, oldest: usize) -> Timeline {
        Timeline {
            lines: self.lines.iter().skip(oldest).cloned().collect(),
            dropped: self.dropped + oldest as u64,
            echoes: self.echoes.clone(),
            released: self.released.clone(),
        }
    }

    /// Adds a line. False if it says nothing new.
    pub fn push(&mut self, line: Line) -> bool {
        if let Occurrence::Fact(fact) = &line.occurrence
            && !self.is_news(line.node, fact)
        {
            return false;
        }
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        true
    }

    fn is_news(&mut self, node: NodeId, fact: &Fact) -> bool {
        match fact {
            // Messages are in the space-time diagram, rows of the final database in their tab.
            Fact::Sent { .. }
            | Fact::Received { .. }
            | Fact::PeerProcess { .. }
            | Fact::FinalChanged { .. }
            | Fact::FinalRead { .. }
            | Fact::MessageInFlight { .. }
            | Fact::MessageArrived { .. }
            | Fact::MessageLetThrough { .. } => return false,
            Fact::HoldSet { .. } | Fact::HoldReleased { .. } | Fact::LinkCut { .. } | Fact::LinkHealed { .. } => {
                self.echoes.retain(|(of, name, _), _| *of != node || !matches!(*name, "MessageHeld" | "Dropped"));
            }
            _ => {}
        }
        match fact {
            Fact::HoldReleased { messages, .. } => _ = self.released.insert(node, *messages),
            // `HoldReleased` has counted these messages.
            Fact::MessageReleased { .. } => {
                if let Some(left) = self.released.get_mut(&node).filter(|left| **left > 0) {
                    *left -= 1;
                    return false;
                }
            }
            _ => {}
        }
        let Some((peer, echo)) = echo(fact) else { return true };
        self.echoes.insert((node, fact.name(), peer), echo.clone()) != Some(echo)
    }
}

/// For facts that repeat with heartbeats: the peer, and the fact without the fields that always differ.
fn echo(fact: &Fact) -> Option<(NodeId, Fact)> {
    let mut echo = fact.clone();
    let peer = match &mut echo {
        Fact::Ordered { to, .. } => *to,
        Fact::Held { from, .. } => *from,
        Fact::Acked { to, answers, .. } => {
            *answers = 0;
            *to
        }
        Fact::Counted { from, .. } => *from,
        Fact::MessageHeld { from, number, what, since, .. } => {
            // The first one stands for all that wait.
            (*number, *what, *since) = (0, None, None);
            *from
        }
        // Delays by a rule repeat with heartbeats. A delivery by hand is always shown.
        Fact::MessageDelayed { from, number, due, .. } => {
            (*number, *due) = (0, 0);
            *from
        }
        Fact::MessageDelivered { from, number, why, .. } if *why != HandledBy::Hand => {
            *number = 0;
            *from
        }
        Fact::Rewritten { to, number, .. } => {
            *number = 0;
            *to
        }
        Fact::WrongNode { .. } | Fact::Quarantined { .. } => NodeId(0),
        Fact::Dropped { from, number, kind, .. } => {
            *number = 0;
            *kind = "messages".into();
            *from
        }
        _ => return None,
    };
    Some((peer, echo))
}

#[cfg(test)]
mod tests {
    use epoca::protocol::EntryId;

    use super::*;

    fn line(at_ms: u64, fact: Fact) -> Line {
        let (at, node) = (Duration::from_millis(at_ms), NodeId(1));
        Line { at, node, occurrence: Occurrence::Fact(fact), missing: None }
    }

    #[test]
    fn an_order_that_is_repeated_beside_heartbeats_is_told_once() {
        let mut timeline = Timeline::default();
        let order = |to, offset| Fact::Ordered { to: NodeId(to), up_to: EntryId::new(1, offset) };
        assert!(timeline.push(line(1, order(2, 1))));
        assert!(timeline.push(line(1, order(3, 1))));
        assert!(!timeline.push(line(2, order(2, 1))));
        assert!(timeline.push(line(3, order(2, 2))));
        assert_eq!(timeline.lines().len(), 3);
    }

    #[test]
    fn lines_are_bounded_and_the_dropped_ones_counted() {
        let mut timeline = Timeline::default();
        for at in 0..LINES_MAX as u64 + 3 {
            timeline.push(line(at, Fact::Killed { node: NodeId(1) }));
        }
        assert_eq!((timeline.lines().len(), timeline.dropped()), (LINES_MAX, 3));
    }
}
