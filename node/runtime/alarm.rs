//! The timer of the core's next deadline.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::protocol::Time;
use crate::runtime::clock::Clock;

/// The core's next deadline. It mostly moves to later, so the timer is armed again only when it rings or must ring
/// earlier.
pub(super) struct Alarm {
    clock: Clock,
    deadline: Time,
    armed: Time,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Alarm {
        let now = clock.core_time();
        Alarm { clock, deadline: now, armed: now, sleep: Box::pin(tokio::time::sleep_until(clock.instant_of(now))) }
    }

    pub(super) fn set(&mut self, clock: Clock, deadline: Time) {
        let changed = self.clock != clock;
        (self.clock, self.deadline) = (clock, deadline);
        if deadline < self.armed || changed {
            self.arm();
        }
    }

    fn arm(&mut self) {
        self.armed = self.deadline;
        if let Some(instant) = self.clock.instant_of_core(self.deadline) {
            self.sleep.as_mut().reset(instant);
        }
    }

    /// Resolves at the deadline; never while the core's time is frozen.
    pub(super) async fn rings(&mut self) {
        if self.clock.instant_of_core(self.deadline).is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            self.sleep.as_mut().await;
            if self.deadline <= self.clock.core_time() {
                return;
            }
            self.arm();
        }
    }
}
