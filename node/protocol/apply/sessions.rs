//! The table of sessions: which writes of a client were applied, with which outcome, so that a retry is answered and
//! not applied again (Raft thesis 6.3).
//!
//! A session is not opened by a request of its own, which would cost every client a round trip. The client draws a
//! random id and learns a position that some node has applied; its first write opens the session. A session that is
//! not in the table is therefore either new or forgotten. The two must be told apart: a late retry of a forgotten
//! session would otherwise be applied a second time.
//!
//! 1. A session is forgotten after [`SessionLimits::lifetime`] entries without a use, or when there are more than
//!    [`SessionLimits::sessions`]; the least recently used one goes first.
//! 2. The table keeps the greatest birth position of all forgotten sessions. A session that was born later was never
//!    in the table, so it is new. Any other is refused.
//!
//! The only clock is the count of entries. It is the same on all nodes, it stands still while there is no leader, and
//! a wrong clock of a node cannot make a session expire.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use bytes::{Buf, BufMut};

use crate::apply::{Applied, Outcome};
use crate::command::Once;
use crate::types::{EntryId, Position};

/// Bounds of the table. They must be equal on all nodes, because the final state depends on them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SessionLimits {
    /// The number of sessions in the table.
    pub sessions: usize,
    /// The number of results that one session keeps. A client has at most as many writes in flight in it.
    pub results: usize,
    /// The number of entries without a use after which a session is forgotten.
    pub lifetime: u64,
}

impl Default for SessionLimits {
    fn default() -> SessionLimits {
        SessionLimits { sessions: 4_096, results: 256, lifetime: 1 << 20 }
    }
}

/// The state of one client's session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    /// The position that the client knew to be applied when it drew the id. Part of the session's identity.
    pub born: u64,
    /// The position of the last entry that named the session. It decides when the session is forgotten.
    pub used: u64,
    /// Sequences below it are refused: the client has their answers, or they were dropped for want of room. It only
    /// grows. If it shrank, a retry of a dropped sequence would be applied again.
    floor: u64,
    /// The outcome of each applied write, by sequence, at or above `floor`.
    results: BTreeMap<u64, Applied>,
}

/// All sessions of the final state. Equality and hash cover the state only: `table` and `new_from`.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The bounds.
    limits: SessionLimits,
    /// The sessions by id.
    table: BTreeMap<u64, Session>,
    /// The ids by last use, the inverse of [`Session::used`]. An entry names at most one session, so no two share a
    /// position.
    by_use: BTreeMap<u64, u64>,
    /// Every forgotten session was born before this position. It only grows: a smaller value would take a forgotten
    /// session for a new one and apply a retry twice.
    new_from: u64,
    /// Sessions that changed since [`Sessions::take_touched`] was called. Not part of the state; it tells storage
    /// which rows to write.
    touched: BTreeSet<u64>,
}

impl Sessions {
    /// An empty table.
    pub fn new(limits: SessionLimits) -> Sessions {
        Sessions { limits, ..Sessions::default() }
    }

    /// The table from its stored form: [`Sessions::new_from`] and each session, decoded with [`Session::decode`].
    pub fn restore(new_from: u64, stored: impl IntoIterator<Item = (u64, Session)>) -> Sessions {
        let table: BTreeMap<u64, Session> = stored.into_iter().collect();
        let by_use = table.iter().map(|(id, session)| (session.used, *id)).collect();
        Sessions { table, by_use, new_from, ..Sessions::default() }
    }

    /// The position from which on an unknown session is new. Stored with the table.
    pub fn new_from(&self) -> u64 {
        self.new_from
    }

    /// The session with this id.
    pub fn get(&self, id: u64) -> Option<&Session> {
        self.table.get(&id)
    }

    /// The ids of all sessions, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.table.keys().copied()
    }

    /// The ids of the sessions that changed, were opened or were forgotten since the last call.
    pub fn take_touched(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.touched)
    }

    /// Forgets the sessions that were not used for a lifetime before the entry at this position. Called for every
    /// entry, whatever its kind, so that all nodes forget at the same entry.
    pub(super) fn forget_idle(&mut self, now: Position) {
        while let Some((used, _)) = self.by_use.first_key_value()
            && used.saturating_add(self.limits.lifetime) < now.0
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, id)) = self.by_use.pop_first() else { return };
        if let Some(session) = self.table.remove(&id) {
            self.new_from = self.new_from.max(session.born.saturating_add(1));
        }
        self.touched.insert(id);
    }

    /// Decides whether a write is applied. `None`: apply it. `Some(Some(applied))`: it was applied before, with this
    /// outcome. `Some(None)`: refuse it, its outcome is not known any more.
    pub(super) fn admit(&mut self, id: u64, sequence: u64, once: Once, now: Position) -> Option<Option<Applied>> {
        if !self.table.contains_key(&id) && !self.open(id, once, now) {
            return Some(None);
        }
        let session = self.table.get_mut(&id).filter(|session| session.born == once.born);
        // Two clients drew the same id. The second one is refused and draws again.
        let Some(session) = session else { return Some(None) };
        self.by_use.remove(&session.used);
        self.by_use.insert(now.0, id);
        self.touched.insert(id);
        session.used = now.0;
        session.raise_floor(once.answered);
        if sequence < session.floor {
            return Some(None);
        }
        session.results.get(&sequence).map(|known| Some(*known))
    }

    /// Opens a session that is not in the table. False if it may have been forgotten, or claims a birth in the future.
    fn open(&mut self, id: u64, once: Once, now: Position) -> bool {
        if once.born < self.new_from || once.born >= now.0 {
            return false;
        }
        while self.table.len() >= self.limits.sessions {
            self.forget_oldest();
        }
        // A session forgotten to make room may have been born after this one.
        if once.born < self.new_from {
            return false;
        }
        self.table.insert(id, Session { born: once.born, used: now.0, floor: 0, results: BTreeMap::new() });
        true
    }

    /// Keeps the outcome of a write that was applied. The oldest results go when there are too many; the floor rises
    /// with them.
    pub(super) fn remember(&mut self, id: u64, sequence: u64, applied: Applied) {
        let most = self.limits.results;
        let Some(session) = self.table.get_mut(&id) else { return };
        session.results.insert(sequence, applied);
        while session.results.len() > most
            && let Some((oldest, _)) = session.results.pop_first()
        {
            session.floor = oldest + 1;
        }
    }
}

impl PartialEq for Sessions {
    fn eq(&self, other: &Sessions) -> bool {
        (&self.table, self.new_from) == (&other.table, other.new_from)
    }
}

impl Eq for Sessions {}

impl Hash for Sessions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.new_from.hash(state);
        self.table.hash(state);
    }
}

impl Session {
    fn raise_floor(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            self.results = self.results.split_off(&floor);
        }
    }

    /// Encodes the session. Each number of a result is stored as the difference to the result before, so most take one
    /// byte.
    ///
    /// ```text
    /// born u64 · used u64 · floor u64 · (sequence · epoch · offset · position · outcome · revision)…
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + 8 * self.results.len());
        [self.born, self.used, self.floor].iter().for_each(|number| out.put_u64_le(*number));
        let mut before = [self.floor, 0, 0, 0, 0];
        for (sequence, applied) in &self.results {
            let (outcome, revision) = match applied.outcome {
                Outcome::Done { revision } => (0, revision),
                Outcome::NotEqual { present: Some(revision) } => (1, revision),
                Outcome::NotEqual { present: None } => (2, before[4]),
                Outcome::SessionLost => (3, before[4]),
            };
            let EntryId { epoch, offset } = applied.id;
            let now = [*sequence, epoch.0, offset.0, applied.position.0, revision];
            out.put_u8(outcome);
            now.iter().zip(before).for_each(|(now, before)| put_difference(&mut out, *now, before));
            before = now;
        }
        out
    }

    /// Decodes a session. `None` if the bytes are not one.
    pub fn decode(mut bytes: &[u8]) -> Option<Session> {
        let mut number = || bytes.try_get_u64_le().ok();
        let (born, used, floor) = (number()?, number()?, number()?);
        let mut before = [floor, 0, 0, 0, 0];
        let mut results = BTreeMap::new();
        while !bytes.is_empty() {
            let outcome = bytes.try_get_u8().ok()?;
            for number in &mut before {
                *number = take_difference(&mut bytes, *number)?;
            }
            let [sequence, epoch, offset, position, revision] = before;
            let outcome = match outcome {
                0 => Outcome::Done { revision },
                1 => Outcome::NotEqual { present: Some(revision) },
                2 => Outcome::NotEqual { present: None },
                3 => Outcome::SessionLost,
                _ => return None,
            };
            let applied = Applied { id: EntryId::new(epoch, offset), position: Position(position), outcome };
            results.insert(sequence, applied);
        }
        Some(Session { born, used, floor, results })
    }
}

/// Writes a signed difference: seven bits a byte, lowest first, the sign in the lowest bit (zigzag).
fn put_difference(out: &mut Vec<u8>, now: u64, before: u64) {
    let difference = now.wrapping_sub(before) as i64;
    let mut rest = ((difference << 1) ^ (difference >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads a difference and adds it to `before`. `None` if the bytes end early or the number is too long.
fn take_difference(bytes: &mut &[u8], before: u64) -> Option<u64> {
    let mut folded = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        folded |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let difference = (folded >> 1) as i64 ^ -((folded & 1) as i64);
            return Some(before.wrapping_add(difference as u64));
        }
    }
    None
}
