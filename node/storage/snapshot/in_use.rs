//! Which snapshots are being read part by part, to be sent to a replica or as a backup: they stay on the disk
//! meanwhile.
//!
//! Whoever reads does not say that it has gone. A reading ends with the file's last part, or when for long no part was
//! asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::Position;

/// Longer than any wait between two parts of a reader that goes on.
const PATIENCE: Duration = Duration::from_secs(30);

/// Snapshots by the position of their last entry, with when a part of each was read last.
#[derive(Default)]
pub(super) struct Readings(Mutex<BTreeMap<Position, Instant>>);

impl Readings {
    /// A part was read; `more` says that the file has more of them.
    pub(super) fn on_read(&self, snapshot: Position, more: bool) {
        let mut readings = self.current();
        if more {
            readings.insert(snapshot, Instant::now());
        } else {
            readings.remove(&snapshot);
        }
    }

    pub(super) fn is_read(&self, snapshot: Position) -> bool {
        self.current().contains_key(&snapshot)
    }

    pub(super) fn count(&self) -> usize {
        self.current().len()
    }

    fn current(&self) -> MutexGuard<'_, BTreeMap<Position, Instant>> {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.retain(|_, last| last.elapsed() < PATIENCE);
        readings
    }
}
