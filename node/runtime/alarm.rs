//! The timer of the core's next deadline.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::protocol::Time;
use crate::runtime::clock::Clock;

/// The core's next deadline. It is mostly moved to later, which costs nothing until the alarm rings.
pub(super) struct Alarm {
    clock: Clock,
    deadline: Time,
    armed: Time,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Alarm {
        let now = clock.now();
        Alarm { clock, deadline: now, armed: now, sleep: Box::pin(tokio::time::sleep_until(clock.when(now))) }
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
        if let Some(instant) = self.clock.when_core(self.deadline) {
            self.sleep.as_mut().reset(instant);
        }
    }

    /// Resolves once the deadline has come: never, while the core's time stands still.
    pub(super) async fn rings(&mut self) {
        if self.clock.when_core(self.deadline).is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            self.sleep.as_mut().await;
            if self.deadline <= self.clock.now() {
                return;
            }
            self.arm();
        }
    }
}
