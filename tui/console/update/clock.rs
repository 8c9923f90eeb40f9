//! Changes with time alone: the age of a dead node (once per second), the end of truncation marks, the latency chart,
//! the traffic rates while they are visible, messages that move in slow motion. Without any of them the console does
//! not draw and does not wake up.

use std::time::Duration;

use crate::console::layout::tabs;
use crate::console::model::node::TRUNCATED_SHOWN;
use crate::console::model::traffic::Traffic;
use crate::console::model::{CLEAN_WITHIN, Model, Pane, Presence, step_mode};
use crate::console::update::pace;

pub fn tick(model: &mut Model, now: Duration) {
    let (before, waited, speed) = (ages(model), waits(model), speeds(model));
    let beat = model.latency.next_wake(model.now).is_some_and(|wake| wake <= now);
    let moved = pace::is_moving(model);
    model.now = now;
    let mut changed = before != ages(model) || waited != waits(model) || beat || moved;
    changed |= speed.is_some_and(|second| second != now.as_secs());
    model.latency.forget(now);
    for node in model.nodes.values_mut() {
        changed |= node.forget_marks(now);
        node.sent.values_mut().for_each(|sent| sent.forget(now));
    }
    changed |= model.settle_reads();
    if changed {
        model.changed();
    }
}

/// When the screen changes next without a message.
pub fn next_wake(model: &Model) -> Option<Duration> {
    let next_second = |since: Duration| since + Duration::from_secs(model.now.saturating_sub(since).as_secs() + 1);
    let ages = downs(model).map(next_second);
    let truncated_entries = model.nodes.values().flat_map(|node| {
        let truncated = node.truncated.as_ref().map(|(at, _)| *at);
        let truncated_entry = node.truncated_entries.front().map(|truncated_entry| truncated_entry.at);
        [truncated_entry, truncated, node.quarantined].into_iter().flatten().map(|at| at + TRUNCATED_SHOWN)
    });
    let others = [model.latency.next_wake(model.now), next_second_of(model), model.reads.next_wake(), cleaning(model)];
    ages.chain(truncated_entries).chain(others.into_iter().flatten()).chain(pace::next_wake(model)).min()
}

/// When a cleaning gives up.
fn cleaning(model: &Model) -> Option<Duration> {
    // A moment later, so that the time is over then.
    model.cleaning.map(|cleaning| cleaning.since + CLEAN_WITHIN + Duration::from_millis(1))
}

/// The visible ages in seconds.
fn ages(model: &Model) -> Vec<u64> {
    downs(model).map(|since| model.now.saturating_sub(since).as_secs()).collect()
}

fn downs(model: &Model) -> impl Iterator<Item = Duration> {
    model.nodes.values().filter_map(|node| match node.presence {
        Presence::Down { since, .. } => Some(since),
        _ => None,
    })
}

/// The current second, while ages of waiting messages are visible.
fn waits(model: &Model) -> u64 {
    let is_seen = tabs::shown(model) == Pane::Step && step_mode::count(model) > 0;
    if is_seen { model.now.as_secs() } else { 0 }
}

/// The current second, while changing rates are visible.
fn speeds(model: &Model) -> Option<u64> {
    let is_moving = || model.nodes.values().flat_map(|node| node.sent.values()).any(Traffic::is_moving);
    (tabs::shown(model) == Pane::Peers && is_moving()).then_some(model.now.as_secs())
}

fn next_second_of(model: &Model) -> Option<Duration> {
    let is_counting = waits(model) > 0 || speeds(model).is_some();
    is_counting.then(|| Duration::from_secs(model.now.as_secs() + 1))
}
