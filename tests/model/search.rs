//! The actions that the checker tries in each state, and the properties of all states.

use epoca::protocol::trace::RoleName;
use epoca::protocol::{Entry, EntryId, LogPoint, Position};
use stateright::{Model, Property};

use crate::node::Node;
use crate::rules::Rules;
use crate::state::{Action, State};

impl Model for Rules {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        for (link, messages) in &state.network {
            let count = if self.in_order(link) { 1 } else { messages.len() };
            let next = || messages.iter().take(count).map(|(_, envelope)| envelope.clone());
            actions.extend(next().map(Action::Deliver));
            if state.left.doubles > 0 {
                actions.extend(next().map(Action::DeliverAndKeep));
            }
            if state.left.losses > 0 {
                actions.extend(next().map(Action::Lose));
            }
        }
        for (index, node) in state.nodes.iter().enumerate() {
            on_node(state, index, node, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.take(&action, self);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Rules>> {
        vec![
            Property::always("no node stops itself and no assertion fails", |_, state: &State| state.broken.is_none()),
            Property::always("an epoch has one leader", |_, state: &State| state.history.two_lead.is_none()),
            Property::always("an id has one meaning, and a digest one past", |_, state: &State| logs_match(state)),
            Property::always("what is committed never differs", |_, state: &State| state.history.differs.is_none()),
            Property::always("what is committed is durable on a quorum", |_, state: &State| held_by_quorum(state)),
            Property::always("applied ≤ committed ≤ last", |_, state: &State| {
                state.nodes.iter().all(|node| is_ordered(node))
            }),
            Property::always("all apply the same", |_, state: &State| applied_agrees(state)),
            Property::always("the promise is no less than the last entry's epoch", |_, state: &State| {
                state.nodes.iter().all(|node| promise_covers(node))
            }),
            Property::always("a leader holds everything committed before it", |_, state: &State| {
                leaders_complete(state)
            }),
            Property::sometimes(REACHED_OPENING, |rules: &Rules, state: &State| {
                state.history.committed.len() > rules.given()
            }),
            Property::sometimes(REACHED_COMMIT, |_, state: &State| {
                state.history.committed.iter().any(|point| point.id.offset.0 > 0)
            }),
            Property::sometimes(REACHED_SECOND, |rules: &Rules, state: &State| {
                let opened = state.history.committed.iter().skip(rules.given()).filter(|point| point.id.offset.0 == 0);
                opened.count() > 1
            }),
            Property::sometimes(REACHED_REPAIR, |_, state: &State| {
                state.history.forged.iter().any(|at| is_repaired(state, *at))
            }),
        ]
    }
}

pub const REACHED_OPENING: &str = "a new epoch's opening is committed";
pub const REACHED_COMMIT: &str = "a client's entry is committed";
pub const REACHED_SECOND: &str = "a second leader commits an entry";
pub const REACHED_REPAIR: &str = "a conflicting tail is repaired";

impl Rules {
    /// The number of entries that are committed at the start.
    fn given(&self) -> usize {
        usize::from(self.founded)
    }
}

fn on_node(state: &State, index: usize, node: &Node, actions: &mut Vec<Action>) {
    let left = &state.left;
    let pending = node.disk().pending();
    let leads = node.core().role() == RoleName::Leader;
    if pending > 0 {
        actions.push(Action::Flush(index));
    }
    if node.host.has_applies() {
        actions.push(Action::Apply(index));
    }
    if left.elections > 0 && !leads && index <= state.stood {
        actions.push(Action::Stand(index));
    }
    if left.heartbeats > 0 && leads {
        actions.extend([Action::Heartbeat(index), Action::LeaderTimeout(index)]);
    }
    if left.crashes > 0 {
        actions.extend((0..=pending).map(|kept| Action::Crash(index, kept)));
    }
    if left.writes > 0 && leads {
        actions.push(Action::Write(index));
    }
    if left.injections > 0 && node.core().role() == RoleName::Replica && node.core().last().is_some() {
        let greater = node.core().epoch().filter(|epoch| node.core().last().is_some_and(|last| last.id.epoch < *epoch));
        for genuine in [false, true] {
            actions.push(Action::Inject(index, None, genuine));
            actions.extend(greater.map(|epoch| Action::Inject(index, Some(epoch), genuine)));
        }
    }
}

/// An id has one entry in all logs, durable and written; forged entries do not count.
fn logs_match(state: &State) -> bool {
    let images = || state.nodes.iter().flat_map(|node| [node.disk().durable(), node.disk().written()]);
    let mut meanings: Vec<(EntryId, LogPoint, Option<LogPoint>)> = Vec::new();
    images().all(|image| {
        let mut before = None;
        image.genuine_entries().iter().map(Entry::point).all(|point| {
            let mine = (point.id, point, before);
            before = Some(point);
            match meanings.iter().find(|(id, ..)| *id == point.id) {
                Some(known) => *known == mine,
                None => {
                    meanings.push(mine);
                    true
                }
            }
        })
    })
}

fn held_by_quorum(state: &State) -> bool {
    state.history.committed.iter().all(|point| {
        let holds = |node: &&std::sync::Arc<Node>| {
            let disk = node.disk().durable();
            disk.has(*point) && !disk.is_forged(point.position)
        };
        state.nodes.iter().filter(holds).count() > state.nodes.len() / 2
    })
}

fn position(point: Option<LogPoint>) -> Option<Position> {
    point.map(|point| point.position)
}

fn is_ordered(node: &Node) -> bool {
    let (applied, committed) = (position(node.applied()), position(node.core().committed()));
    applied <= committed && committed <= position(node.core().last())
}

/// All applied prefixes are equal, since a digest covers all entries up to its own.
fn applied_agrees(state: &State) -> bool {
    state.nodes.iter().filter_map(|node| node.applied()).all(|applied| state.history.committed.contains(&applied))
}

fn promise_covers(node: &Node) -> bool {
    [node.disk().durable(), node.disk().written()].into_iter().all(|image| {
        let promised = image.promise.map(|promise| promise.epoch);
        promised >= image.last().map(|last| last.id.epoch)
    })
}

/// An entry's own leader has it, so only leaders of later epochs are checked.
fn leaders_complete(state: &State) -> bool {
    let leaders = state.nodes.iter().filter(|node| node.core().role() == RoleName::Leader);
    leaders.into_iter().all(|node| {
        let before = state.history.committed.iter().filter(|point| Some(point.id.epoch) < node.core().epoch());
        before.into_iter().all(|point| node.disk().written().has(*point))
    })
}

/// Another entry is final where the forged entry was.
fn is_repaired(state: &State, (index, forged): (usize, LogPoint)) -> bool {
    let node = &state.nodes[index];
    let now = node.disk().durable().at(forged.position).map(Entry::point);
    now.is_some_and(|now| now != forged) && position(node.applied()) >= Some(forged.position)
}
