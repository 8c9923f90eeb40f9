//! Messages from the nodes and the launcher: the only source of the cluster's state on the screen.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact};

use crate::console::layout::tabs;
use crate::console::model::timeline::{Line, Occurrence};
use crate::console::model::{Model, NodeView, Pane, Phase, Presence, ProcessSeen};

pub fn on_started(model: &mut Model, nodes: Vec<(NodeId, String)>, no_launcher: Option<String>) {
    model.phase = Phase::Watching;
    model.no_launcher = no_launcher;
    for (id, address) in nodes {
        model.nodes.entry(id).or_insert_with(|| NodeView::new(id, address));
    }
}

pub fn on_observed(model: &mut Model, id: NodeId, observed: Observed) {
    let now = model.now;
    let Some(node) = model.nodes.get_mut(&id) else { return };
    let changed = match observed {
        Observed::Snapshot { snapshot, time, pid, notes, lab, .. } => {
            let was_live = node.presence == Presence::Live && node.pid == Some(pid);
            let pace = snapshot.lab.pace;
            node.on_snapshot(now, snapshot, time);
            (node.pid, node.lab, node.notes) = (Some(pid), lab, notes);
            model.space_time.learn_pace(id, pace);
            if !was_live {
                model.space_time.on_liveness(now, id, true);
                push_line(model, now, id, Occurrence::Connected(pid));
            }
            true
        }
        Observed::Events(events) => on_events(model, id, events, None),
        Observed::Lost(events) => push_line(model, now, id, Occurrence::EventsLost(events)),
        Observed::Disconnected(why) => on_disconnected(model, id, why),
    };
    // The events may explain an answer that came before them.
    if model.settle_reads() | changed {
        model.changed();
    }
}

/// The launcher knows why a process ended. The connection only knows that it broke.
pub fn on_process(model: &mut Model, id: NodeId, seen: ProcessSeen) {
    let now = model.now;
    let Some(node) = model.nodes.get_mut(&id) else { return };
    if node.process == seen {
        return;
    }
    let why = match &seen {
        ProcessSeen::Running | ProcessSeen::Paused => None,
        ProcessSeen::Killed => Some("killed".to_owned()),
        ProcessSeen::Ended(how) => Some(how.clone()),
    };
    if let Some(why) = why {
        let since = if let Presence::Down { since, .. } = node.presence { since } else { now };
        node.presence = Presence::Down { since, why };
        model.space_time.on_liveness(now, id, false);
    }
    let occurrence = match (&node.process, &seen) {
        (ProcessSeen::Paused, ProcessSeen::Running) => Occurrence::Fact(Fact::Resumed { node: id }),
        (_, ProcessSeen::Running) => Occurrence::Fact(Fact::Restarted { node: id }),
        (_, ProcessSeen::Paused) => Occurrence::Fact(Fact::Paused { node: id }),
        (_, ProcessSeen::Killed) => Occurrence::Fact(Fact::Killed { node: id }),
        (_, ProcessSeen::Ended(how)) => Occurrence::Disconnected(how.clone()),
    };
    node.process = seen;
    push_line(model, now, id, occurrence);
    model.changed();
}

/// An event whose predecessors at the sender did not arrive in time.
pub fn on_event_of_unknown_order(model: &mut Model, event: Event, missing: NodeId) {
    if on_events(model, event.node, vec![event], Some(missing)) {
        model.changed();
    }
}

fn on_events(model: &mut Model, id: NodeId, events: Vec<Event>, missing: Option<NodeId>) -> bool {
    let now = model.now;
    let mut changed = false;
    for event in events {
        let Some(node) = model.nodes.get_mut(&id) else { return changed };
        let at = node.time_of(now, event.time);
        changed |= node.on_fact(now, &event.fact);
        changed |= model.space_time.on_event(at, &event, missing);
        model.narration.on_message(&event);
        for took in model.space_time.take_confirmed() {
            model.latency.note(at, took);
        }
        changed |= push(model, Line { at, node: id, occurrence: Occurrence::Fact(event.fact), missing });
    }
    changed
}

fn on_disconnected(model: &mut Model, id: NodeId, why: String) -> bool {
    let now = model.now;
    let Some(node) = model.nodes.get_mut(&id) else { return false };
    match &node.presence {
        Presence::Unseen { .. } => node.presence = Presence::Unseen { why },
        Presence::Down { .. } => return false,
        Presence::Live => {
            node.presence = Presence::Down { since: now, why: why.clone() };
            model.space_time.on_liveness(now, id, false);
            push_line(model, now, id, Occurrence::Disconnected(why));
        }
    }
    true
}

/// Adds a line to the timeline. If the tab is scrolled back, the same lines stay visible.
fn push_line(model: &mut Model, at: Duration, node: NodeId, occurrence: Occurrence) -> bool {
    push(model, Line { at, node, occurrence, missing: None })
}

fn push(model: &mut Model, line: Line) -> bool {
    // Lines are in happens-before order. Converted times of nodes may differ by fractions of a millisecond.
    let at = line.at.max(model.timeline.last_at());
    let line = Line { at, ..line };
    let is_new = model.timeline.push(line.clone());
    if is_new {
        model.narration.push(&line);
    }
    if is_new && tabs::shown(model) == Pane::Events && model.scrolled > 0 {
        model.scrolled = (model.scrolled + 1).min(model.timeline.lines().len());
    }
    is_new
}
