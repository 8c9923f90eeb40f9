//! Rate limit for a warning that would repeat with every message of a peer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same text is logged again only after this time.
const QUIET: Duration = Duration::from_secs(10);

/// Logs a warning if its text changes, or after a pause.
#[derive(Default)]
pub(crate) struct LogThrottle {
    last: Mutex<Option<(String, Instant)>>,
}

impl LogThrottle {
    pub(crate) fn warn(&self, text: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if last.as_ref().is_some_and(|(said, when)| said == text && now - *when < QUIET) {
            return;
        }
        *last = Some((text.to_owned(), now));
        drop(last);
        tracing::warn!("{text}");
    }
}
