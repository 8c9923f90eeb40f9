//! The watchers of a node: facts of core and gate get their number and time here, in one sequence, and go into each
//! watcher's ring.
//!
//! Numbers count from 1 without gaps, only while somebody watches: without a watcher no fact is built.

use std::sync::Arc;

use crate::protocol::trace::{Event, Fact, Preview};
use crate::protocol::{NodeId, Time};
use crate::rpc::watch::Ring;

/// Each watcher may cost a full ring, some ten megabytes.
const WATCHERS_MAX: usize = 16;

pub(super) struct Hub {
    node: NodeId,
    /// Without a lab nobody sees what is written, only where.
    shows_values: bool,
    number: u64,
    rings: Vec<Arc<Ring>>,
}

impl Hub {
    pub(super) fn new(node: NodeId, shows_values: bool) -> Hub {
        Hub { node, shows_values, number: 0, rings: Vec::new() }
    }

    pub(super) fn is_watched(&self) -> bool {
        !self.rings.is_empty()
    }

    /// The number of the last event.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A ring for a new watcher; `None` if there are too many.
    pub(super) fn add(&mut self) -> Option<Arc<Ring>> {
        self.forget_gone();
        if self.rings.len() >= WATCHERS_MAX {
            return None;
        }
        let ring = Arc::new(Ring::default());
        self.rings.push(Arc::clone(&ring));
        Some(ring)
    }

    /// True if the last watcher has gone.
    pub(super) fn forget_gone(&mut self) -> bool {
        let watched = self.is_watched();
        self.rings.retain(|ring| !ring.is_closed());
        watched && !self.is_watched()
    }

    pub(super) fn tell(&mut self, time: Time, mut fact: Fact) {
        if !self.is_watched() {
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
    }

    /// Takes keys and values out, where they are not to be shown.
    pub(super) fn hide_values(&self, previews: &mut [Preview]) {
        if !self.shows_values {
            for preview in previews {
                (preview.key, preview.value) = (None, None);
            }
        }
    }

    /// Ends all watching, after what the rings hold.
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
    use crate::protocol::{Digest, EntryId, Kind, LogPoint, Position};
    use crate::rpc::watch::Found;

    fn proposed() -> Fact {
        let point = LogPoint { id: EntryId::new(1, 1), position: Position(2), digest: Digest([0; 16]) };
        let (key, value) = (Some(Bytes::from_static(b"k")), Some(Bytes::from_static(b"v")));
        Fact::Proposed { entry: vec![Preview { point, kind: Kind::Command, forged: false, key, value }] }
    }

    async fn events(ring: &Ring) -> Vec<Arc<Event>> {
        match ring.next().await {
            Found::Events(events) => events,
            other => panic!("events should be there, not {other:?}"),
        }
    }

    #[tokio::test]
    async fn every_watcher_gets_every_event_with_numbers_without_gaps() {
        let mut hub = Hub::new(NodeId(1), true);
        hub.tell(Time(1), Fact::Killed { node: NodeId(1) });
        assert_eq!(hub.number(), 0, "nobody watches");
        let rings = [hub.add(), hub.add()].map(|ring| ring.expect("there is room"));
        hub.tell(Time(2), proposed());
        hub.tell(Time(3), Fact::Killed { node: NodeId(1) });
        for ring in rings {
            let numbers: Vec<_> = events(&ring).await.iter().map(|event| (event.number, event.time)).collect();
            assert_eq!(numbers, [(1, Time(2)), (2, Time(3))]);
        }
    }

    #[tokio::test]
    async fn keys_and_values_are_shown_only_in_a_lab() {
        for (lab, shown) in [(true, Some(Bytes::from_static(b"v"))), (false, None)] {
            let mut hub = Hub::new(NodeId(1), lab);
            let ring = hub.add().expect("there is room");
            hub.tell(Time(1), proposed());
            let mut fact = events(&ring).await[0].fact.clone();
            assert_eq!(previews(&mut fact)[0].value, shown);
        }
    }

    #[test]
    fn a_gone_watcher_is_forgotten_and_the_last_one_is_told() {
        let mut hub = Hub::new(NodeId(1), true);
        let rings = [hub.add(), hub.add()].map(|ring| ring.expect("there is room"));
        rings[0].close();
        assert!(!hub.forget_gone());
        rings[1].close();
        assert!(hub.forget_gone());
        assert!(!hub.forget_gone(), "told once");
    }

    #[test]
    fn the_number_of_watchers_is_bounded() {
        let mut hub = Hub::new(NodeId(1), true);
        let rings: Vec<_> = (0..WATCHERS_MAX).map(|_| hub.add().expect("there is room")).collect();
        assert!(hub.add().is_none());
        rings[0].close();
        assert!(hub.add().is_some());
    }
}
