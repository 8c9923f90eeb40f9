//! Two times, both from a monotonic clock. The node's time is microseconds since the process started. The core's time
//! is the same minus the time spent in step mode: there it stands still, and later continues from where it stood.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::protocol::Time;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    start: Instant,
    /// Unix time of the start, in microseconds. Used only to order the events of several nodes, never in the protocol.
    started_micros: u64,
    core: CoreTime,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CoreTime {
    /// Microseconds behind the node's time; negative after the lab has advanced the time.
    Running {
        behind_micros: i64,
    },
    Frozen {
        at: Time,
    },
}

impl Clock {
    pub(super) fn start() -> Clock {
        let started_micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        Clock { start: Instant::now(), started_micros, core: CoreTime::Running { behind_micros: 0 } }
    }

    /// A clock for a node that starts in step mode.
    pub(super) fn start_frozen() -> Clock {
        let mut clock = Clock::start();
        clock.freeze();
        clock
    }

    pub(super) fn started_micros(&self) -> u64 {
        self.started_micros
    }

    /// The node's time, which its events carry.
    pub(super) fn node_time(&self) -> Time {
        Time(self.start.elapsed().as_micros() as u64)
    }

    /// The core's time.
    pub(super) fn core_time(&self) -> Time {
        match self.core {
            CoreTime::Running { behind_micros } => Time(self.node_time().0.saturating_add_signed(-behind_micros)),
            CoreTime::Frozen { at } => at,
        }
    }

    pub(super) fn is_frozen(&self) -> bool {
        matches!(self.core, CoreTime::Frozen { .. })
    }

    pub(super) fn freeze(&mut self) {
        self.core = CoreTime::Frozen { at: self.core_time() };
    }

    pub(super) fn resume(&mut self) {
        self.core = CoreTime::Running { behind_micros: self.node_time().0 as i64 - self.core_time().0 as i64 };
    }

    /// Advances the core's time at once.
    pub(super) fn advance(&mut self, micros: u64) {
        match &mut self.core {
            CoreTime::Running { behind_micros } => *behind_micros -= micros as i64,
            CoreTime::Frozen { at } => *at = at.plus_micros(micros),
        }
    }

    /// The instant at which the core's time reaches `time`; `None` while it is frozen.
    pub(super) fn instant_of_core(&self, time: Time) -> Option<Instant> {
        match self.core {
            CoreTime::Running { behind_micros } => {
                Some(self.instant_of(Time(time.0.saturating_add_signed(behind_micros))))
            }
            CoreTime::Frozen { .. } => None,
        }
    }

    /// The instant at which the node's time reaches `time`.
    pub(super) fn instant_of(&self, time: Time) -> Instant {
        // A core without a deadline may name a time beyond the range of `Instant`.
        let far = Duration::from_secs(86_400 * 365);
        self.start + Duration::from_micros(time.0).min(far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_pass(clock: &Clock, micros: u64) {
        let until = clock.node_time().plus_micros(micros);
        while clock.node_time() < until {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn the_cores_time_stops_and_continues_from_there() {
        let mut clock = Clock::start();
        let_pass(&clock, 100);
        assert!(clock.core_time() >= Time(100));
        clock.freeze();
        let stood = clock.core_time();
        let_pass(&clock, 2_000);
        assert_eq!((clock.core_time(), clock.instant_of_core(stood)), (stood, None));
        clock.advance(300);
        clock.resume();
        let (now, own) = (clock.core_time(), clock.node_time());
        assert!(now >= stood.plus_micros(300) && own.0 - now.0 >= 1_600, "{now:?} of {own:?}");
        let_pass(&clock, 100);
        assert!(clock.core_time() >= now.plus_micros(100));
        let later = clock.instant_of_core(now.plus_micros(7_000_000)).expect("it goes on");
        assert!(later > Instant::now() + Duration::from_secs(6));
    }
}
