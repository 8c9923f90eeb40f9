//! The observers of a node. Facts of core and gate get their number and time here, in one sequence, and go into each
//! observer's ring.
//!
//! Numbers count from 1 without gaps, and only while there are observers: without one no fact is built.
//!
//! The first events of a process are kept for a while without any observer. An observer cannot connect before the node
//! listens, and what a restarted node does first (it reports its log, it receives what it lacks) is what people look
//! for.

use std::sync::Arc;

use crate::protocol::trace::{Event, Fact, Preview};
use crate::protocol::{NodeId, Time};
use crate::server::ring::{Ring, weight};
use crate::wire::convert::NodeSnapshot;

/// How long the first events are kept, in microseconds of the node's time. Observers of a starting cluster need some
/// tenths of a second to connect, more on a busy machine.
const BEGINNING_MICROS: u64 = 10_000_000;
/// The most of them, counted like a ring's content: less than a ring holds, so that a new observer loses none.
const BEGINNING_WEIGHT_MAX: usize = 8_192;

/// A full ring takes some ten megabytes.
const OBSERVERS_MAX: usize = 16;

pub(super) struct Observers {
    node: NodeId,
    /// True in a lab. Otherwise observers see only where something is written, not what.
    shows_values: bool,
    number: u64,
    /// One for each observer. Bound: [`OBSERVERS_MAX`].
    rings: Vec<Arc<Ring>>,
    beginning: Option<Beginning>,
}

/// The state at the start of the process and all events since.
struct Beginning {
    snapshot: NodeSnapshot,
    /// Bound: [`BEGINNING_WEIGHT_MAX`]; beyond it all are dropped, and observers start with a present snapshot.
    events: Vec<Arc<Event>>,
    weight: usize,
    ends: Time,
}

impl Observers {
    pub(super) fn new(node: NodeId, shows_values: bool) -> Observers {
        Observers { node, shows_values, number: 0, rings: Vec::new(), beginning: None }
    }

    /// Keeps all events from now on, for observers that connect soon. Called before the first event.
    pub(super) fn keep_beginning(&mut self, snapshot: NodeSnapshot, now: Time) {
        let ends = now.plus_micros(BEGINNING_MICROS);
        self.beginning = Some(Beginning { snapshot, events: Vec::new(), weight: 0, ends });
    }

    /// True if facts must be built: there is an observer, or the first events are still kept.
    pub(super) fn needs_facts(&self) -> bool {
        !self.rings.is_empty() || self.beginning.is_some()
    }

    /// The number of the last event.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A ring for a new observer; `None` if there are too many. While the first events are kept the ring contains
    /// them, and the state before them is returned too.
    pub(super) fn add(&mut self) -> Option<(Arc<Ring>, Option<NodeSnapshot>)> {
        self.rings.retain(|ring| !ring.is_closed());
        if self.rings.len() >= OBSERVERS_MAX {
            return None;
        }
        let ring = Arc::new(Ring::default());
        self.rings.push(Arc::clone(&ring));
        let Some(beginning) = &self.beginning else { return Some((ring, None)) };
        beginning.events.iter().for_each(|event| ring.push(event));
        Some((ring, Some(beginning.snapshot.clone())))
    }

    /// Removes observers that are gone, and the first events once their time is over. True if from now on no fact is
    /// needed.
    pub(super) fn prune(&mut self, now: Time) -> bool {
        let needed = self.needs_facts();
        self.rings.retain(|ring| !ring.is_closed());
        self.beginning.take_if(|beginning| beginning.ends <= now);
        needed && !self.needs_facts()
    }

    pub(super) fn publish(&mut self, time: Time, mut fact: Fact) {
        if !self.needs_facts() {
            return;
        }
        if !self.shows_values {
            self.hide_values(previews(&mut fact));
        }
        self.number += 1;
        let event = Arc::new(Event { node: self.node, number: self.number, time, fact });
        for ring in &self.rings {
            ring.push(&event);
        }
        if let Some(beginning) = &mut self.beginning {
            beginning.weight += weight(&event);
            beginning.events.push(event);
        }
        self.beginning.take_if(|beginning| beginning.weight > BEGINNING_WEIGHT_MAX);
    }

    /// Removes keys and values, unless they may be shown.
    pub(super) fn hide_values(&self, previews: &mut [Preview]) {
        if !self.shows_values {
            for preview in previews {
                (preview.key, preview.value) = (None, None);
            }
        }
    }

    /// Ends all observation, after what the rings hold.
    pub(super) fn close(&mut self) {
        for ring in self.rings.drain(..) {
            ring.close();
        }
    }
}

fn previews(fact: &mut Fact) -> &mut [Preview] {
    match fact {
        Fact::Proposed { entry: entries } | Fact::Consistent { entries, .. } | Fact::Injected { entries } => entries,
        _ => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::protocol::trace::NodeState;
    use crate::protocol::{Digest, EntryId, Kind, LogPoint, Position};
    use crate::server::ring::RingItem;

    fn proposed() -> Fact {
        let point = LogPoint { id: EntryId::new(1, 1), position: Position(2), digest: Digest([0; 16]) };
        let (key, value) = (Some(Bytes::from_static(b"k")), Some(Bytes::from_static(b"v")));
        Fact::Proposed { entry: vec![Preview { point, kind: Kind::Command, forged: false, key, value }] }
    }

    async fn events(ring: &Ring) -> Vec<Arc<Event>> {
        match ring.next().await {
            RingItem::Events(events) => events,
            other => panic!("events should be there, not {other:?}"),
        }
    }

    #[tokio::test]
    async fn every_watcher_gets_every_event_with_numbers_without_gaps() {
        let mut observers = Observers::new(NodeId(1), true);
        observers.publish(Time(1), Fact::Killed { node: NodeId(1) });
        assert_eq!(observers.number(), 0, "there is no observer");
        let rings = [observers.add(), observers.add()].map(|added| added.expect("there is room").0);
        observers.publish(Time(2), proposed());
        observers.publish(Time(3), Fact::Killed { node: NodeId(1) });
        for ring in rings {
            let numbers: Vec<_> = events(&ring).await.iter().map(|event| (event.number, event.time)).collect();
            assert_eq!(numbers, [(1, Time(2)), (2, Time(3))]);
        }
    }

    #[tokio::test]
    async fn keys_and_values_are_shown_only_in_a_lab() {
        for (lab, shown) in [(true, Some(Bytes::from_static(b"v"))), (false, None)] {
            let mut observers = Observers::new(NodeId(1), lab);
            let (ring, _) = observers.add().expect("there is room");
            observers.publish(Time(1), proposed());
            let mut fact = events(&ring).await[0].fact.clone();
            assert_eq!(previews(&mut fact)[0].value, shown);
        }
    }

    #[test]
    fn a_gone_observer_is_forgotten_and_the_last_one_is_reported() {
        let mut observers = Observers::new(NodeId(1), true);
        let rings = [observers.add(), observers.add()].map(|added| added.expect("there is room").0);
        rings[0].close();
        assert!(!observers.prune(Time(1)));
        rings[1].close();
        assert!(observers.prune(Time(1)));
        assert!(!observers.prune(Time(1)), "reported once");
    }

    fn beginning(observers: &mut Observers) {
        let notes = Vec::new();
        let snapshot = NodeState::new(NodeId(1));
        let first = NodeSnapshot { snapshot, time: Time(0), pid: 1, notes, lab: true, cluster: None };
        observers.keep_beginning(first, Time(0));
    }

    #[tokio::test]
    async fn a_watcher_that_comes_soon_after_the_start_gets_all_events_since_the_start() {
        let mut observers = Observers::new(NodeId(1), true);
        beginning(&mut observers);
        assert!(observers.needs_facts(), "facts are built for observers to come");
        observers.publish(Time(1), Fact::Killed { node: NodeId(1) });
        for _ in 0..2 {
            let (ring, state) = observers.add().expect("there is room");
            assert_eq!(state.expect("it begins at the start").snapshot.event, 0);
            assert_eq!(events(&ring).await.len(), 1);
        }
    }

    #[test]
    fn the_beginning_is_kept_for_a_bounded_time_and_to_a_bounded_size() {
        let mut observers = Observers::new(NodeId(1), true);
        beginning(&mut observers);
        assert!(!observers.prune(Time(BEGINNING_MICROS - 1)));
        assert!(observers.prune(Time(BEGINNING_MICROS)), "nothing is left to report");
        beginning(&mut observers);
        (0..=BEGINNING_WEIGHT_MAX).for_each(|_| observers.publish(Time(1), Fact::Killed { node: NodeId(1) }));
        assert!(!observers.needs_facts());
        assert!(observers.add().expect("there is room").1.is_none());
    }

    #[test]
    fn the_number_of_watchers_is_bounded() {
        let mut observers = Observers::new(NodeId(1), true);
        let rings: Vec<_> = (0..OBSERVERS_MAX).map(|_| observers.add().expect("there is room")).collect();
        assert!(observers.add().is_none());
        rings[0].0.close();
        assert!(observers.add().is_some());
    }
}
