//! Names for writes: sessions that the client creates, and sequence numbers in them, so that a retried write is applied
//! once.
//!
//! A session needs no round trip: its id is random, and its birth is a position that some node is known to have
//! applied. The cluster remembers a bounded number of results for each session, so the sequences in progress in one
//! session stay within that bound; beyond it the client uses another session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::error::ClientError;
use crate::protocol::apply::SessionLimits;
use crate::wire::proto;

#[derive(Default)]
pub(super) struct Sessions {
    open: Mutex<BTreeMap<u64, Session>>,
}

struct Session {
    born: u64,
    next: u64,
    under_way: BTreeSet<u64>,
}

impl Session {
    /// No smaller sequence is in progress.
    fn first_under_way(&self) -> u64 {
        self.under_way.first().copied().unwrap_or(self.next)
    }

    fn has_room(&self) -> bool {
        self.next - self.first_under_way() < SessionLimits::default().results as u64
    }
}

/// The name of one write, from its first attempt until its result is known or given up.
pub(super) struct Ticket<'a> {
    sessions: &'a Sessions,
    session: u64,
    born: u64,
    sequence: u64,
}

impl Sessions {
    /// A name for a new write. `born` is a position that some node is known to have applied.
    pub fn begin(&self, born: u64) -> Result<Ticket<'_>, ClientError> {
        let mut open = self.open();
        let session = match open.iter().find(|(_, session)| session.has_room()) {
            Some((id, _)) => *id,
            None => {
                let id = getrandom::u64().map_err(|error| ClientError::NoRandom(error.to_string()))?;
                open.insert(id, Session { born, next: 1, under_way: BTreeSet::new() });
                id
            }
        };
        let Session { born, next, under_way } = open.get_mut(&session).expect("it is there, or was just made");
        let sequence = *next;
        *next += 1;
        under_way.insert(sequence);
        Ok(Ticket { sessions: self, session, born: *born, sequence })
    }

    /// The nodes have forgotten this session: it names no new writes.
    pub fn lost(&self, ticket: &Ticket) {
        self.open().remove(&ticket.session);
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Session>> {
        // A panic while the lock is held cannot leave the sessions in an inconsistent state.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    pub fn name(&self) -> proto::WriteName {
        let open = self.sessions.open();
        let answered = open.get(&self.session).map_or(self.sequence, Session::first_under_way);
        proto::WriteName { session: self.session, sequence: self.sequence, born: Some(self.born), answered }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.open().get_mut(&self.session) {
            session.under_way.remove(&self.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_sequence_under_way_bounds_what_is_answered() {
        let sessions = Sessions::default();
        let [one, two, three] = [0; 3].map(|_| sessions.begin(7).expect("there are random numbers"));
        assert_eq!((one.sequence, three.name().answered, three.name().born), (1, 1, Some(7)));
        drop(two);
        assert_eq!(three.name().answered, 1);
        drop(one);
        assert_eq!(three.name().answered, 3);
    }

    #[test]
    fn a_write_that_hangs_does_not_let_a_session_grow_beyond_what_is_remembered() {
        let sessions = Sessions::default();
        let hangs = sessions.begin(0).expect("there are random numbers");
        let most = SessionLimits::default().results as u64;
        for _ in 0..3 * most {
            let ticket = sessions.begin(0).expect("there are random numbers");
            assert!(ticket.session != hangs.session || ticket.sequence - hangs.sequence < most);
        }
        assert_eq!(sessions.open().len(), 2, "those that end at once share one");
    }

    #[test]
    fn a_session_that_was_lost_names_nothing_new() {
        let sessions = Sessions::default();
        let old = sessions.begin(1).expect("there are random numbers");
        sessions.lost(&old);
        let new = sessions.begin(9).expect("there are random numbers");
        assert_ne!(old.session, new.session);
        assert_eq!((old.name().born, new.name().born), (Some(1), Some(9)));
    }
}
