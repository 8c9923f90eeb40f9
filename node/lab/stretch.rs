//! The gate at a slower pace than real time, and what step mode lets through.
//!
//! Between processes of one machine a message takes too short a time to be seen, and the gate does not know when it
//! was sent. So each message flies for [`FLIGHT_MICROS`] of the node's time, from its arrival at the gate on. What
//! becomes of it is decided at the end of the flight: a link that is cut meanwhile loses it.

use crate::lab::Gate;
use crate::lab::gate::id_of;
use crate::protocol::trace::{Fact, MessageId, Pace};
use crate::protocol::{Envelope, MessageKind, Time};

/// The flight of a message in microseconds of the node's time, while that is slower than real time.
pub const FLIGHT_MICROS: u64 = 1_000;

impl Gate {
    /// Sets the pace. False if it is that already.
    pub fn set_pace(&mut self, pace: Pace, now: Time) -> bool {
        let before = self.state.pace;
        if before == pace {
            return false;
        }
        self.pending.rescale(before, pace, now);
        let at = self.pending.unix_micros(now);
        self.change(Fact::PaceSet { slowdown: pace.slowdown().into(), at });
        true
    }

    pub fn pace(&self) -> Pace {
        self.state.pace
    }

    /// A gate that is slow from the start.
    pub fn at_pace(mut self, pace: Pace) -> Gate {
        self.state.pace = pace;
        self
    }

    /// A gate that keeps in step mode also what changes nothing.
    pub fn keeps_every(mut self, every: bool) -> Gate {
        self.state.every = every;
        self
    }

    pub(super) fn fly(&mut self, envelope: Envelope, now: Time, flight_micros: u64) {
        let (id, kind) = (id_of(&envelope), envelope.message.kind());
        let kept = self.pending.fly(envelope, now, self.state.pace.stretch(flight_micros));
        let (since, due, what) = (kept.since, kept.due.unwrap_or(kept.since), self.watched.then(|| kept.what()));
        self.tell(|| {
            let MessageId { from, to, number } = id;
            let what = what.map(Into::into);
            Fact::MessageInFlight { from, to, number, kind: kind.into(), what, since, due }
        });
        self.make_room();
    }

    /// The flight of a message is over.
    pub(super) fn arrive(&mut self, place: u64) -> Option<Envelope> {
        let kept = self.pending.at(place)?;
        let (MessageId { from, to, number }, kind) = (id_of(&kept.envelope), kept.envelope.message.kind().into());
        if let Some(why) = self.loss(&kept.envelope) {
            let envelope = self.pending.take(place)?;
            self.tell_discarded(&envelope, why);
            return None;
        }
        if self.is_held_by_a_rule(&kept.envelope) {
            let (what, since) = (Some(kept.what().into()), Some(kept.since));
            self.pending.land(place);
            self.tell(|| Fact::MessageHeld { from, to, number, kind, what, since });
            return None;
        }
        let envelope = self.pending.take(place)?;
        self.tell(|| Fact::MessageArrived { from, to, number, kind });
        Some(envelope)
    }

    /// Whether step mode delivers a message by itself if it changes nothing. Only the core can tell whether it does.
    pub fn may_let_through(&self, envelope: &Envelope) -> bool {
        self.state.frozen
            && !self.state.every
            && is_routine(envelope.message.kind())
            && self.loss(envelope).is_none()
            && !self.is_held_by_a_rule(envelope)
    }

    /// The waiting messages that step mode delivers by itself if they change nothing, in the order in which they came.
    pub fn routine(&self) -> Vec<Envelope> {
        let places = if self.state.frozen && !self.state.every { self.pending.places() } else { Vec::new() };
        let kept = places.into_iter().filter_map(|place| self.pending.at(place));
        let routine = kept.filter(|kept| kept.due.is_none() && self.may_let_through(&kept.envelope));
        routine.map(|kept| kept.envelope.clone()).collect()
    }

    /// Step mode delivers a message that changes nothing; it may have waited.
    pub fn let_through(&mut self, envelope: &Envelope) {
        let id = id_of(envelope);
        if let Some(place) = self.pending.find(id) {
            self.pending.take(place);
        }
        let MessageId { from, to, number } = id;
        self.change(Fact::MessageLetThrough { from, to, number, kind: envelope.message.kind().into() });
    }
}

/// The kinds of messages that repeat while nothing happens.
pub fn is_routine(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Heartbeat | MessageKind::RoundAnswer | MessageKind::Ack | MessageKind::CommitOrder)
}
