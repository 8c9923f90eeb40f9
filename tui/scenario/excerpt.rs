//! What all logs hold at one moment: the end of each, with epoch, offset, digest and state. Kept as evidence before and
//! after each part of a run.

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Preview, RoleName, Snapshot};

use super::listener::Heard;
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
    /// `leader`, `replica` or `candidate`; `down` with the log as it was seen last.
    pub role: &'static str,
    pub epoch: Option<u64>,
    /// Entries before the first that is shown.
    pub omitted: u64,
    pub entries: Vec<EntryExcerpt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryExcerpt {
    pub epoch: u64,
    pub offset: u64,
    pub digest: String,
    pub state: &'static str,
    pub content: String,
}

impl Excerpt {
    pub fn of(heard: &Heard) -> Excerpt {
        let nodes = heard.nodes().iter().map(|(id, node)| LogExcerpt::of(*id, &node.state, node.live));
        Excerpt { nodes: nodes.collect() }
    }
}

impl LogExcerpt {
    fn of(node: NodeId, state: &Snapshot, live: bool) -> LogExcerpt {
        let role = match state.role {
            _ if !live => "down",
            RoleName::Leader => "leader",
            RoleName::Candidate => "candidate",
            RoleName::Replica => "replica",
        };
        let shown = &state.tail[state.tail.len().saturating_sub(ENTRIES)..];
        let omitted = shown.first().map_or(0, |first| first.point.position.0 - 1);
        let entries = shown.iter().map(|preview| EntryExcerpt::of(preview, state)).collect();
        LogExcerpt { node, role, epoch: state.epoch.map(|epoch| epoch.0), omitted, entries }
    }
}

impl EntryExcerpt {
    fn of(preview: &Preview, state: &Snapshot) -> EntryExcerpt {
        let is_forged = if preview.forged { "forged, " } else { "" };
        EntryExcerpt {
            epoch: preview.point.id.epoch.0,
            offset: preview.point.id.offset.0,
            digest: preview.point.digest.short(),
            state: state_of(preview, state).name(),
            content: format!("{is_forged}{}", content(preview)),
        }
    }
}

/// How far an entry has come at a node.
pub fn state_of(preview: &Preview, state: &Snapshot) -> EntryState {
    let reaches =
        |point: Option<epoca::protocol::LogPoint>| point.is_some_and(|point| preview.point.position <= point.position);
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
