//! Which snapshots are being read part by part, to be sent to a replica or as a backup. They stay on the disk
//! meanwhile.
//!
//! A reader does not announce that it is gone. A reading ends with the last part of the file, or when no part was read
//! for [`READER_TIMEOUT`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::Position;

/// Longer than a live reader waits between two parts.
const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// The snapshots in use, by the position of their last entry, with the time of the last read.
#[derive(Default)]
pub(super) struct InUse(Mutex<BTreeMap<Position, Instant>>);

impl InUse {
    /// A part was read; `more` if the file has more parts.
    pub(super) fn on_read(&self, snapshot: Position, more: bool) {
        let mut in_use = self.current();
        if more {
            in_use.insert(snapshot, Instant::now());
        } else {
            in_use.remove(&snapshot);
        }
    }

    pub(super) fn is_read(&self, snapshot: Position) -> bool {
        self.current().contains_key(&snapshot)
    }

    pub(super) fn count(&self) -> usize {
        self.current().len()
    }

    fn current(&self) -> MutexGuard<'_, BTreeMap<Position, Instant>> {
        let mut in_use = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|_, last| last.elapsed() < READER_TIMEOUT);
        in_use
    }
}
