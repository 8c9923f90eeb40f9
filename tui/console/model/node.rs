//! One node as the console knows it: its own account of its state, folded from its events, and what is known about
//! its process. Nothing is guessed: a node that does not answer keeps its last state, with the time of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epoca::protocol::trace::{Belief, Fact, NodeState, Preview, RoleName};
use epoca::protocol::{LogPoint, NodeId, Time};

use crate::console::model::ProcessSeen;
use crate::console::model::finals::Finals;
use crate::console::model::traffic::Traffic;

/// How long a truncated entry stays in sight.
pub const GHOST: Duration = Duration::from_secs(15);

/// How many truncated entries stay in sight at once; beyond it the oldest go.
const GHOSTS_MAX: usize = 256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It has not answered since the console began.
    Unseen {
        why: String,
    },
    Live,
    Down {
        since: Duration,
        why: String,
    },
}

/// An entry that was truncated a moment ago.
#[derive(Clone, Debug)]
pub struct Ghost {
    pub preview: Preview,
    pub at: Duration,
}

/// The leader's last arithmetic over the positions that match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arithmetic {
    pub matches: Vec<u64>,
    pub quorum: u64,
    pub commit: u64,
}

#[derive(Clone, Debug)]
pub struct NodeView {
    pub address: String,
    pub presence: Presence,
    /// As its launcher says. The connections of a paused process stay open.
    pub process: ProcessSeen,
    pub pid: Option<u32>,
    pub state: NodeState,
    /// Faults work on it.
    pub lab: bool,
    /// What it had to do at its start.
    pub notes: Vec<String>,
    pub arithmetic: Option<Arithmetic>,
    pub ghosts: VecDeque<Ghost>,
    /// The last truncation, in sight as long as its ghosts.
    pub truncated: Option<(Duration, Fact)>,
    /// When it told that it has begun anew; in sight for as long as a truncation.
    pub quarantined: Option<Duration>,
    pub finals: Finals,
    /// What it has sent each other node, since it was first watched.
    pub sent: BTreeMap<NodeId, Traffic>,
    clock: Clock,
}

impl NodeView {
    pub fn new(id: NodeId, address: String) -> NodeView {
        NodeView {
            address,
            presence: Presence::Unseen { why: String::new() },
            process: ProcessSeen::Running,
            pid: None,
            state: NodeState::new(id),
            lab: false,
            notes: Vec::new(),
            arithmetic: None,
            ghosts: VecDeque::new(),
            truncated: None,
            quarantined: None,
            finals: Finals::default(),
            sent: BTreeMap::new(),
            clock: Clock::default(),
        }
    }

    pub fn is_live(&self) -> bool {
        self.presence == Presence::Live && !self.is_paused()
    }

    pub fn is_paused(&self) -> bool {
        self.process == ProcessSeen::Paused
    }

    pub fn leads(&self) -> bool {
        self.state.role == RoleName::Leader
    }

    /// The nodes to which its link is cut in both directions.
    pub fn cuts(&self) -> Vec<NodeId> {
        self.state.lab.cuts(self.state.node)
    }

    /// The kinds of messages that are held on their way to it.
    pub fn holds(&self) -> Vec<String> {
        self.state.lab.holds()
    }

    pub fn is_final(&self, point: LogPoint) -> bool {
        self.state.applied.is_some_and(|applied| point.position <= applied.position)
    }

    pub fn on_snapshot(&mut self, now: Duration, snapshot: NodeState, time: Time) {
        self.clock = Clock::default();
        self.clock.hear(now, time);
        self.presence = Presence::Live;
        self.state = snapshot;
        self.arithmetic = None;
        // Told with the events that follow.
        self.finals = Finals::default();
    }

    /// The console's time of an event at the node.
    pub fn time_of(&mut self, now: Duration, time: Time) -> Duration {
        self.clock.hear(now, time);
        self.clock.at(time)
    }

    /// True if anything that a person could see has changed. Acks of heartbeats are counted again and again without
    /// changing a number; they must not draw.
    pub fn on_fact(&mut self, at: Duration, fact: &Fact) -> bool {
        let before = peer(fact).and_then(|peer| self.belief(peer));
        let own = self.on_own_fact(at, fact);
        let folded = self.state.fold(fact);
        let read = self.finals.fold(fact);
        match peer(fact) {
            Some(peer) => own || before != self.belief(peer),
            None => own || folded || read,
        }
    }

    /// Forgets truncated entries, and a quarantine, that have been in sight long enough. True if there were some.
    pub fn forget_ghosts(&mut self, now: Duration) -> bool {
        let before = (self.ghosts.len(), self.truncated.is_some(), self.quarantined.is_some());
        self.ghosts.retain(|ghost| now < ghost.at + GHOST);
        self.truncated = self.truncated.take().filter(|(at, _)| now < *at + GHOST);
        self.quarantined = self.quarantined.filter(|at| now < *at + GHOST);
        before != (self.ghosts.len(), self.truncated.is_some(), self.quarantined.is_some())
    }

    pub fn belief(&self, of: NodeId) -> Option<Belief> {
        self.state.beliefs.get(&of).copied()
    }

    /// What the fold leaves out: truncated entries, the arithmetic, how much was sent.
    fn on_own_fact(&mut self, at: Duration, fact: &Fact) -> bool {
        match fact {
            Fact::Truncated { from, .. } => {
                let start = self.state.tail.partition_point(|preview| preview.point.id < *from);
                let gone = self.state.tail[start..].iter().cloned();
                self.ghosts.extend(gone.map(|preview| Ghost { preview, at }));
                let excess = self.ghosts.len().saturating_sub(GHOSTS_MAX);
                self.ghosts.drain(..excess);
                self.truncated = Some((at, fact.clone()));
                true
            }
            Fact::Quarantined { .. } => {
                self.quarantined = Some(at);
                true
            }
            Fact::Counted { matches, quorum, commit, .. } => {
                let counted = Arithmetic { matches: matches.clone(), quorum: *quorum, commit: *commit };
                let changed = self.arithmetic.as_ref() != Some(&counted);
                self.arithmetic = Some(counted);
                changed
            }
            Fact::Sent { to, bytes, .. } if *bytes > 0 => {
                self.sent.entry(*to).or_default().note(at, *bytes);
                true
            }
            _ => false,
        }
    }
}

/// Of whom a fact changes the leader's belief and nothing else.
fn peer(fact: &Fact) -> Option<NodeId> {
    match fact {
        Fact::Counted { from, .. } => Some(*from),
        Fact::Pushed { to, .. } | Fact::Resynced { to, .. } => Some(*to),
        _ => None,
    }
}

/// How the node's time stands to the console's. A message can only come late, so the least difference that was ever
/// seen is the nearest to the truth.
#[derive(Clone, Debug, Default)]
struct Clock {
    behind_micros: Option<i128>,
}

impl Clock {
    fn hear(&mut self, now: Duration, time: Time) {
        let behind = now.as_micros() as i128 - i128::from(time.0);
        self.behind_micros = Some(self.behind_micros.map_or(behind, |known| known.min(behind)));
    }

    fn at(&self, time: Time) -> Duration {
        let micros = i128::from(time.0) + self.behind_micros.unwrap_or_default();
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promptest_message_sets_the_clock() {
        let mut clock = Clock::default();
        clock.hear(Duration::from_micros(1_500), Time(1_000));
        clock.hear(Duration::from_micros(2_100), Time(2_000));
        clock.hear(Duration::from_micros(3_900), Time(3_000));
        assert_eq!(clock.at(Time(3_000)), Duration::from_micros(3_100));
    }

    #[test]
    fn an_ack_of_a_heartbeat_changes_nothing_that_could_be_seen() {
        let mut node = NodeView::new(NodeId(1), String::new());
        let counted = Fact::Counted { from: NodeId(2), up_to: None, matches: vec![4, 4, 3, 0], quorum: 3, commit: 3 };
        assert!(node.on_fact(Duration::ZERO, &counted));
        assert!(!node.on_fact(Duration::ZERO, &counted));
    }
}
