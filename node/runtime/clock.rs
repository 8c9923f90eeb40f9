//! The core's time: microseconds since the node's start, from a clock that never goes back.

use tokio::time::Instant;

use crate::protocol::Time;

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(super) fn now(&self) -> Time {
        Time(self.start.elapsed().as_micros() as u64)
    }

    pub(super) fn instant(&self, time: Time) -> Instant {
        // A core that waits for nothing may name a time beyond what an instant holds.
        let far = std::time::Duration::from_secs(86_400 * 365);
        self.start + std::time::Duration::from_micros(time.0).min(far)
    }
}
