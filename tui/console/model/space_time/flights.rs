//! Messages on their way at a slower pace than real time: until when each one flies.
//!
//! The times are those of the events: the gate tells how long a flight takes when it begins. They decide where a
//! message is along its arrow, and whether the screen must be drawn again.

use std::collections::BTreeMap;
use std::time::Duration;

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, Fact, Pace};

use crate::console::model::space_time::{Delivery, Row, Shape, SpaceTime};

#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    /// The receiver and the end of each flight, by sender and number.
    under_way: BTreeMap<(NodeId, u64), (NodeId, Duration)>,
    /// The pace of each node, as it was told last.
    paces: BTreeMap<NodeId, Pace>,
}

impl Flights {
    pub fn begin(&mut self, message: (NodeId, u64), to: NodeId, until: Duration) {
        self.under_way.insert(message, (to, until));
    }

    pub fn end(&mut self, message: (NodeId, u64)) {
        self.under_way.remove(&message);
    }

    fn to(&self, node: NodeId) -> Vec<(NodeId, u64)> {
        self.under_way.iter().filter(|(_, (to, _))| *to == node).map(|(message, _)| *message).collect()
    }
}

impl SpaceTime {
    /// Whether a message moves at this time.
    pub fn is_moving(&self, now: Duration) -> bool {
        self.flights.under_way.values().any(|(_, until)| *until > now)
    }

    /// The pace that a node has from now on, as its snapshot tells it.
    pub fn learn_pace(&mut self, node: NodeId, pace: Pace) {
        self.flights.paces.insert(node, pace);
    }

    /// One row tells a change that all nodes make, and changes that follow each other while nothing else happens.
    pub(super) fn tell_pace(&mut self, at: Duration, event: &Event, slowdown: u64) {
        self.on_pace(at, event.node, slowdown);
        match self.rows.back_mut() {
            Some(Row { shape: Shape::Mark(_, fact @ Fact::PaceSet { .. }), .. }) => *fact = event.fact.clone(),
            _ => self.push(at, Shape::Mark(event.node, event.fact.clone())),
        }
    }

    /// The rest of each flight to the node takes as long as the new pace makes it.
    fn on_pace(&mut self, at: Duration, node: NodeId, slowdown: u64) {
        let pace = u32::try_from(slowdown).ok().and_then(Pace::new).unwrap_or_default();
        let before = self.flights.paces.insert(node, pace).unwrap_or_default();
        let micros = |time: Duration| time.as_micros() as u64;
        for message in self.flights.to(node) {
            let Some(serial) = self.under_way.get(&message).copied() else { continue };
            let Some(row) = self.at(serial) else { continue };
            let Delivery::InFlight { until, .. } = &mut row.delivery else { continue };
            *until = Duration::from_micros(before.rescale(pace, micros(at), micros(*until)));
            let until = *until;
            row.stretched = until.saturating_sub(row.at);
            self.flights.begin(message, node, until);
        }
    }

    /// Ends all flights to a node.
    pub(super) fn land_all(&mut self, node: NodeId, delivery: &Delivery) {
        for (from, number) in self.flights.to(node) {
            self.set_delivery(from, number, delivery.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use epoca::protocol::Time;

    const N1: NodeId = NodeId(1);
    const N2: NodeId = NodeId(2);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn tell(space: &mut SpaceTime, at_ms: u64, node: NodeId, fact: Fact) {
        let event = Event { node, number: at_ms, time: Time(0), fact };
        space.on_event(ms(at_ms), &event, None);
    }

    fn send(space: &mut SpaceTime, at_ms: u64, number: u64, flight_ms: u64) {
        let kind = || "push".into();
        let sent = Fact::Sent { to: N2, number, kind: kind(), epoch: None, about: None, entries: 1, bytes: 0 };
        tell(space, at_ms, N1, sent);
        let (since, due) = (7_000_000, 7_000_000 + flight_ms * 1_000);
        let (from, to, what) = (N1, N2, None);
        tell(space, at_ms, N2, Fact::MessageInFlight { from, to, number, kind: kind(), what, since, due });
    }

    fn deliveries(space: &SpaceTime) -> Vec<Delivery> {
        space.rows().iter().filter_map(|row| space.message(row)).map(|message| message.delivery.clone()).collect()
    }

    #[test]
    fn a_message_moves_from_its_arrival_at_the_gate_until_its_flight_is_over() {
        let mut space = SpaceTime::default();
        send(&mut space, 1, 7, 1_000);
        assert_eq!(deliveries(&space), [Delivery::InFlight { from: ms(1), until: ms(1_001) }]);
        assert!(space.is_moving(ms(1_000)) && !space.is_moving(ms(1_001)));
        tell(&mut space, 1_002, N2, Fact::Received { from: N1, number: 7, kind: "push".into() });
        assert_eq!(deliveries(&space), [Delivery::Received(ms(1_002), 1_002)]);
        assert!(!space.is_moving(Duration::ZERO), "nothing is on its way");
    }

    #[test]
    fn a_message_that_the_pace_has_stretched_stays_where_it_was_sent() {
        let mut space = SpaceTime::default();
        send(&mut space, 1, 7, 1_000);
        tell(&mut space, 500, N1, Fact::LinkCut { with: NodeId(3) });
        tell(&mut space, 1_002, N2, Fact::Received { from: N1, number: 7, kind: "push".into() });
        assert!(space.message(&space.rows()[0]).is_some(), "it is not late");
    }

    #[test]
    fn the_rest_of_a_flight_follows_the_pace_of_the_receiver() {
        let mut space = SpaceTime::default();
        let slow = |slowdown| Fact::PaceSet { slowdown, at: 0 };
        tell(&mut space, 0, N2, slow(100));
        send(&mut space, 0, 7, 100);
        tell(&mut space, 50, N1, slow(1_000));
        tell(&mut space, 50, N2, slow(1_000));
        assert_eq!(deliveries(&space), [Delivery::InFlight { from: ms(0), until: ms(550) }]);
    }

    #[test]
    fn step_mode_and_the_end_of_the_receiver_end_a_flight() {
        let mut space = SpaceTime::default();
        send(&mut space, 1, 7, 1_000);
        tell(&mut space, 2, N2, Fact::StepOn { every: 0 });
        assert_eq!(deliveries(&space), [Delivery::Held]);
        send(&mut space, 3, 8, 1_000);
        space.on_liveness(ms(4), N2, false);
        assert_eq!(deliveries(&space)[1], Delivery::Lost("down".into()));
        assert!(!space.is_moving(ms(5)));
    }
}
