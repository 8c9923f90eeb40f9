//! An excerpt of all logs at one moment: the last entries of each with epoch, offset, digest and state. Kept as
//! evidence before and after each part of a run.

use epoca::protocol::trace::{NodeState, Preview, RoleName};
use epoca::protocol::{LogPoint, NodeId};

use super::listener::{ObservedCluster, ObservedNode};
use super::names::content;
use super::script::EntryState;

/// How many entries of each log are kept.
const ENTRIES: usize = 12;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Excerpt {
    pub nodes: Vec<LogExcerpt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogExcerpt {
    pub node: NodeId,
    /// `None` for a node that is down. The entries are then those of its last known state.
    pub role: Option<RoleName>,
    pub epoch: Option<u64>,
    pub entries: Vec<EntryExcerpt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryExcerpt {
    pub epoch: u64,
    pub offset: u64,
    pub digest: String,
    pub state: EntryState,
    pub forged: bool,
    pub content: String,
}

impl Excerpt {
    pub fn of(observed: &ObservedCluster) -> Excerpt {
        Excerpt { nodes: observed.nodes().iter().map(|(id, node)| LogExcerpt::of(*id, node)).collect() }
    }
}

impl LogExcerpt {
    fn of(id: NodeId, node: &ObservedNode) -> LogExcerpt {
        let state = &node.state;
        let last = &state.tail[state.tail.len().saturating_sub(ENTRIES)..];
        let entries = last.iter().map(|preview| EntryExcerpt::of(preview, state)).collect();
        let role = node.live.then_some(state.role);
        LogExcerpt { node: id, role, epoch: state.epoch.map(|epoch| epoch.0), entries }
    }
}

impl EntryExcerpt {
    fn of(preview: &Preview, state: &NodeState) -> EntryExcerpt {
        EntryExcerpt {
            epoch: preview.point.id.epoch.0,
            offset: preview.point.id.offset.0,
            digest: preview.point.digest.short(),
            state: state_of(preview, state),
            forged: preview.forged,
            content: content(preview),
        }
    }
}

/// How far an entry has come at a node.
pub fn state_of(preview: &Preview, state: &NodeState) -> EntryState {
    let reaches = |point: Option<LogPoint>| point.is_some_and(|point| preview.point.position <= point.position);
    if preview.forged {
        EntryState::Intermediate
    } else if reaches(state.applied) {
        EntryState::Final
    } else if reaches(state.committed) {
        EntryState::Committed
    } else {
        EntryState::Intermediate
    }
}
