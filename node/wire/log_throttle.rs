//! Warnings that would come with every message of a peer: logged when they change, and now and then.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same complaint is logged again only after this long.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct LogThrottle {
    last: Mutex<Option<(String, Instant)>>,
}

impl LogThrottle {
    pub fn warn(&self, text: &str) {
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
