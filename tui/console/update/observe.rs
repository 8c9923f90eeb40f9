//! What the nodes and their launcher tell: the only source of what the screen shows of the cluster.

use std::time::Duration;

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact};

use crate::console::layout::tabs;
use crate::console::model::timeline::{Happening, Line};
use crate::console::model::{Model, NodeView, Pane, Presence, ProcessSeen, Screen};

pub fn on_started(model: &mut Model, nodes: Vec<(NodeId, String)>, no_launcher: Option<String>) {
    model.screen = Screen::Watching;
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
            node.on_snapshot(now, snapshot, time);
            (node.pid, node.lab, node.notes) = (Some(pid), lab, notes);
            if !was_live {
                model.space.on_life(now, id, true);
                tell(model, now, id, Happening::Back(pid));
            }
            true
        }
        Observed::Events(events) => on_events(model, id, events, None),
        Observed::Lost(events) => tell(model, now, id, Happening::Lost(events)),
        Observed::Disconnected(why) => on_disconnected(model, id, why),
    };
    if changed {
        model.changed();
    }
}

/// The launcher knows what was done to a process and why it ended; the connection only that it broke.
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
        model.space.on_life(now, id, false);
    }
    let happening = match (&node.process, &seen) {
        (ProcessSeen::Paused, ProcessSeen::Running) => Happening::Fact(Fact::Resumed { node: id }),
        (_, ProcessSeen::Running) => Happening::Fact(Fact::Restarted { node: id }),
        (_, ProcessSeen::Paused) => Happening::Fact(Fact::Paused { node: id }),
        (_, ProcessSeen::Killed) => Happening::Fact(Fact::Killed { node: id }),
        (_, ProcessSeen::Ended(how)) => Happening::Gone(how.clone()),
    };
    node.process = seen;
    tell(model, now, id, happening);
    model.changed();
}

/// What the event's message sender told before it was not heard in time.
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
        changed |= model.space.on_event(at, &event, missing);
        model.story.on_message(&event);
        for took in model.space.take_confirmed() {
            model.pulse.note(at, took);
        }
        changed |= tell_in(model, Line { at, node: id, happening: Happening::Fact(event.fact), missing });
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
            model.space.on_life(now, id, false);
            tell(model, now, id, Happening::Gone(why));
        }
    }
    true
}

/// Puts a line into the timeline. Whoever has scrolled back keeps seeing the same lines.
fn tell(model: &mut Model, at: Duration, node: NodeId, happening: Happening) -> bool {
    tell_in(model, Line { at, node, happening, missing: None })
}

fn tell_in(model: &mut Model, line: Line) -> bool {
    // Lines stand in happens-before order. The nodes' clocks are reckoned, and may be some tenths of a millisecond off.
    let at = line.at.max(model.timeline.last_at());
    let line = Line { at, ..line };
    let told = model.timeline.push(line.clone());
    if told {
        model.story.push(&line);
    }
    if told && tabs::shown(model) == Pane::Events && model.scrolled > 0 {
        model.scrolled = (model.scrolled + 1).min(model.timeline.lines().len());
    }
    told
}
