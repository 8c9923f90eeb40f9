//! The messages held at a gate, in order of arrival. Bounded in number and bytes: the oldest are discarded.

use std::collections::BTreeMap;

use crate::lab::contents;
use crate::protocol::trace::{MessageId, Pace, PendingMessage};
use crate::protocol::{Envelope, Message, MessageKind, Time};

/// The most held messages. Each snapshot contains all of them, and its size is bounded.
pub const MESSAGES_MAX: usize = 4_096;
/// The most bytes of entries in them.
pub const BYTES_MAX: usize = 64 << 20;

#[derive(Debug)]
pub struct Pending {
    /// The microsecond of the Unix epoch at time 0.
    began: u64,
    /// By order of arrival. Bounds: [`MESSAGES_MAX`] and [`BYTES_MAX`].
    kept: BTreeMap<u64, Kept>,
    /// The greatest key that was given.
    last: u64,
    /// The bytes of entries in `kept`.
    bytes: usize,
}

#[derive(Clone, Debug)]
pub struct Kept {
    pub envelope: Envelope,
    /// In microseconds of the Unix epoch, like `due`.
    pub since: u64,
    /// When it is delivered automatically.
    pub due: Option<u64>,
    /// On its way until `due`, because of the pace.
    pub in_flight: bool,
}

impl Kept {
    pub fn what(&self) -> String {
        contents::of(&self.envelope.message)
    }

    fn bytes(&self) -> usize {
        match &self.envelope.message {
            Message::Push(push) => push.entries.iter().map(|pushed| pushed.body.len()).sum(),
            Message::SnapshotChunk(chunk) => chunk.bytes.len(),
            _ => 0,
        }
    }
}

impl Pending {
    pub fn new(began: u64) -> Pending {
        Pending { began, kept: BTreeMap::new(), last: 0, bytes: 0 }
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn keep(&mut self, envelope: Envelope, now: Time, delay: Option<u64>) -> &Kept {
        let since = self.began + now.0;
        let due = delay.map(|millis| since.saturating_add(millis.saturating_mul(1_000)));
        self.add(Kept { envelope, since, due, in_flight: false })
    }

    /// Keeps a message for as long as its flight takes, in real microseconds.
    pub fn fly(&mut self, envelope: Envelope, now: Time, flight_micros: u64) -> &Kept {
        let since = self.began + now.0;
        self.add(Kept { envelope, since, due: Some(since.saturating_add(flight_micros)), in_flight: true })
    }

    /// The flights go on at another pace.
    pub fn rescale(&mut self, from: Pace, to: Pace, now: Time) {
        let at = self.unix_micros(now);
        for kept in self.kept.values_mut().filter(|kept| kept.in_flight) {
            kept.due = kept.due.map(|due| from.rescale(to, at, due));
        }
    }

    /// Every flight ends: the messages wait for a person.
    pub fn land_all(&mut self) {
        for kept in self.kept.values_mut().filter(|kept| kept.in_flight) {
            (kept.due, kept.in_flight) = (None, false);
        }
    }

    /// The flight of one message has ended, and something holds it.
    pub fn land(&mut self, place: u64) {
        if let Some(kept) = self.kept.get_mut(&place) {
            (kept.due, kept.in_flight) = (None, false);
        }
    }

    pub fn unix_micros(&self, now: Time) -> u64 {
        self.began + now.0
    }

    /// The places of all messages, in the order in which they came.
    pub fn places(&self) -> Vec<u64> {
        self.kept.keys().copied().collect()
    }

    pub fn at(&self, place: u64) -> Option<&Kept> {
        self.kept.get(&place)
    }

    fn add(&mut self, kept: Kept) -> &Kept {
        self.last += 1;
        self.bytes += kept.bytes();
        self.kept.entry(self.last).or_insert(kept)
    }

    /// The oldest message, if the bounds are exceeded. The newest one stays even if it exceeds them alone.
    pub fn take_excess(&mut self) -> Option<Envelope> {
        let excess = self.kept.len() > MESSAGES_MAX || (self.bytes > BYTES_MAX && self.kept.len() > 1);
        let oldest = excess.then(|| self.kept.keys().next().copied()).flatten()?;
        self.take(oldest)
    }

    /// The index of the oldest message with this id.
    pub fn find(&self, id: MessageId) -> Option<u64> {
        let same = |kept: &Kept| {
            let Envelope { from, to, number, .. } = kept.envelope;
            MessageId { from, to, number } == id
        };
        self.kept.iter().find(|(_, kept)| same(kept)).map(|(place, _)| *place)
    }

    pub fn kind(&self, place: u64) -> Option<MessageKind> {
        self.kept.get(&place).map(|kept| kept.envelope.message.kind())
    }

    pub fn take(&mut self, place: u64) -> Option<Envelope> {
        let kept = self.kept.remove(&place)?;
        self.bytes -= kept.bytes();
        Some(kept.envelope)
    }

    /// Returns when it is delivered.
    pub fn delay(&mut self, place: u64, now: Time, millis: u64) -> u64 {
        let due = (self.began + now.0).saturating_add(millis.saturating_mul(1_000));
        if let Some(kept) = self.kept.get_mut(&place) {
            (kept.due, kept.in_flight) = (Some(due), false);
        }
        due
    }

    /// The copy comes after all other messages.
    pub fn duplicate(&mut self, place: u64) {
        if let Some(kept) = self.kept.get(&place).cloned() {
            self.add(Kept { due: None, in_flight: false, ..kept });
        }
    }

    pub fn next_due(&self) -> Option<Time> {
        let due = self.kept.values().filter_map(|kept| kept.due).min()?;
        Some(Time(due.saturating_sub(self.began)))
    }

    /// The places of the messages whose time has come, in the order of their times.
    pub fn due(&self, now: Time) -> Vec<u64> {
        let now = self.began + now.0;
        let is_due = |(place, kept): (&u64, &Kept)| kept.due.filter(|due| *due <= now).map(|due| (due, *place));
        let mut places: Vec<(u64, u64)> = self.kept.iter().filter_map(is_due).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// The messages that nothing holds any more; delayed ones stay.
    pub fn take_free(&mut self, free: impl Fn(&Kept) -> bool) -> Vec<Envelope> {
        let free = self.kept.iter().filter(|(_, kept)| kept.due.is_none() && free(kept));
        let places: Vec<u64> = free.map(|(place, _)| *place).collect();
        places.into_iter().filter_map(|place| self.take(place)).collect()
    }

    pub fn messages(&self) -> Vec<PendingMessage> {
        let message = |kept: &Kept| {
            let Envelope { from, to, number, .. } = kept.envelope;
            PendingMessage {
                id: MessageId { from, to, number },
                kind: kept.envelope.message.kind(),
                what: kept.what().into(),
                since: kept.since,
                due: kept.due,
                in_flight: kept.in_flight,
            }
        };
        self.kept.values().map(message).collect()
    }
}
