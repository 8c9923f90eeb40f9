//! One node as the console knows it: the state that it reports, folded from its events, and the state of its process.
//! Nothing is inferred. A node that does not answer keeps its last reported state, with its age.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epoca::client::Note;
use epoca::protocol::trace::{Belief, Fact, NodeState, Preview, RoleName, kind_name};
use epoca::protocol::{LogPoint, NodeId, Time};

use crate::console::model::ProcessSeen;
use crate::console::model::final_db::FinalDb;
use crate::console::model::traffic::Traffic;

/// How long a truncated entry stays visible.
pub const TRUNCATED_SHOWN: Duration = Duration::from_secs(15);

/// Truncated entries that stay visible at once. Beyond it the oldest are dropped.
const TRUNCATED_MAX: usize = 256;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It has not answered since the console started.
    Unseen {
        why: String,
    },
    Live,
    Down {
        since: Duration,
        why: String,
    },
}

/// A recently truncated entry.
#[derive(Clone, Debug)]
pub struct TruncatedEntry {
    pub preview: Preview,
    pub at: Duration,
}

/// The leader's last commit calculation.
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
    /// As the launcher reports it. A paused process keeps its connections open.
    pub process: ProcessSeen,
    pub pid: Option<u32>,
    pub state: NodeState,
    /// The node runs with `--lab`.
    pub lab: bool,
    /// Remarks of the node about its start.
    pub notes: Vec<Note>,
    pub arithmetic: Option<Arithmetic>,
    pub truncated_entries: VecDeque<TruncatedEntry>,
    /// The last truncation; visible as long as its entries.
    pub truncated: Option<(Duration, Fact)>,
    /// When the node reported that its disk was quarantined; visible as long as a truncation.
    pub quarantined: Option<Duration>,
    pub final_db: FinalDb,
    /// Bytes sent to each other node since the console connected.
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
            truncated_entries: VecDeque::new(),
            truncated: None,
            quarantined: None,
            final_db: FinalDb::default(),
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

    /// The nodes to which the link is cut in both directions.
    pub fn cuts(&self) -> Vec<NodeId> {
        self.state.lab.cuts(self.state.node)
    }

    /// The kinds of messages that are held on their way to this node.
    pub fn holds(&self) -> Vec<&'static str> {
        self.state.lab.holds().into_iter().map(kind_name).collect()
    }

    pub fn is_final(&self, point: LogPoint) -> bool {
        self.state.applied.is_some_and(|applied| point.position <= applied.position)
    }

    pub fn on_snapshot(&mut self, now: Duration, snapshot: NodeState, time: Time) {
        self.clock = Clock::default();
        self.clock.observe(now, time);
        self.presence = Presence::Live;
        self.state = snapshot;
        self.arithmetic = None;
        // Reported by the events that follow a snapshot.
        self.final_db = FinalDb::default();
    }

    /// Converts the node's time of an event to the console's time.
    pub fn time_of(&mut self, now: Duration, time: Time) -> Duration {
        self.clock.observe(now, time);
        self.clock.at(time)
    }

    /// True if the visible state changed. Acks of heartbeats arrive all the time without changing a number; they must
    /// not cause a redraw.
    pub fn on_fact(&mut self, at: Duration, fact: &Fact) -> bool {
        let before = peer(fact).and_then(|peer| self.belief(peer));
        let own = self.on_own_fact(at, fact);
        let folded = self.state.fold(fact);
        let read = self.final_db.fold(fact);
        match peer(fact) {
            Some(peer) => own || before != self.belief(peer),
            None => own || folded || read,
        }
    }

    /// Drops truncated entries and quarantine marks that were visible long enough. True if there were any.
    pub fn forget_marks(&mut self, now: Duration) -> bool {
        let before = (self.truncated_entries.len(), self.truncated.is_some(), self.quarantined.is_some());
        self.truncated_entries.retain(|truncated_entry| now < truncated_entry.at + TRUNCATED_SHOWN);
        self.truncated = self.truncated.take().filter(|(at, _)| now < *at + TRUNCATED_SHOWN);
        self.quarantined = self.quarantined.filter(|at| now < *at + TRUNCATED_SHOWN);
        before != (self.truncated_entries.len(), self.truncated.is_some(), self.quarantined.is_some())
    }

    pub fn belief(&self, of: NodeId) -> Option<Belief> {
        self.state.beliefs.get(&of).copied()
    }

    /// State that the fold does not cover: truncated entries, the commit calculation, traffic.
    fn on_own_fact(&mut self, at: Duration, fact: &Fact) -> bool {
        match fact {
            Fact::Truncated { from, .. } => {
                let start = self.state.tail.partition_point(|preview| preview.point.id < *from);
                let gone = self.state.tail[start..].iter().cloned();
                self.truncated_entries.extend(gone.map(|preview| TruncatedEntry { preview, at }));
                let excess = self.truncated_entries.len().saturating_sub(TRUNCATED_MAX);
                self.truncated_entries.drain(..excess);
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

/// The peer, for facts that change nothing but the leader's belief about it.
fn peer(fact: &Fact) -> Option<NodeId> {
    match fact {
        Fact::Counted { from, .. } => Some(*from),
        Fact::Pushed { to, .. } | Fact::Resynced { to, .. } => Some(*to),
        _ => None,
    }
}

/// Offset between the node's clock and the console's. Messages can only be late, so the least offset seen is the best
/// estimate.
#[derive(Clone, Debug, Default)]
struct Clock {
    behind_micros: Option<i128>,
}

impl Clock {
    fn observe(&mut self, now: Duration, time: Time) {
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
        clock.observe(Duration::from_micros(1_500), Time(1_000));
        clock.observe(Duration::from_micros(2_100), Time(2_000));
        clock.observe(Duration::from_micros(3_900), Time(3_000));
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
