//! Two times, both from a monotonic clock. The node's time is microseconds since the process started. The core's time
//! is the time of a lab: it stands still in step mode, and passes slower than real time at a slower pace. It does
//! not jump when either changes, and passes faster than real time only when a person lets a timer run out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::protocol::Time;
use crate::protocol::trace::Pace;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    start: Instant,
    /// Unix time of the start, in microseconds. Used only to order the events of several nodes, never in the protocol.
    started_micros: u64,
    pace: Pace,
    core: CoreTime,
    /// The core's time since which it has passed as real time does; `None` while it does not.
    real_since: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CoreTime {
    /// The core's time was `core` when the node's time was `node`.
    Running {
        node: Time,
        core: Time,
    },
    Frozen {
        at: Time,
    },
}

impl Clock {
    pub(super) fn start() -> Clock {
        let started_micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        let core = CoreTime::Running { node: Time(0), core: Time(0) };
        Clock { start: Instant::now(), started_micros, pace: Pace::REAL, core, real_since: Some(Time(0)) }
    }

    /// A clock for a node that starts in step mode, or slower than real time.
    pub(super) fn start_in_lab(frozen: bool, pace: Pace) -> Clock {
        let mut clock = Clock::start();
        clock.set_pace(pace);
        if frozen {
            clock.freeze();
        }
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
            CoreTime::Running { node, core } => {
                core.plus_micros(self.pace.passed(self.node_time().0.saturating_sub(node.0)))
            }
            CoreTime::Frozen { at } => at,
        }
    }

    /// Whether a lease of this length may be trusted: none that is still in force was given while the core's time
    /// passed slower than real time. Other nodes may have missed that, and their promises end by real time.
    pub(super) fn keeps_lease(&self, lease_micros: u64) -> bool {
        self.real_since.is_some_and(|since| self.core_time() > since.plus_micros(lease_micros))
    }

    pub(super) fn is_frozen(&self) -> bool {
        matches!(self.core, CoreTime::Frozen { .. })
    }

    pub(super) fn freeze(&mut self) {
        self.core = CoreTime::Frozen { at: self.core_time() };
        self.real_since = None;
    }

    pub(super) fn resume(&mut self) {
        self.run_on();
    }

    /// From now on the core's time passes at this pace; in step mode, from its end on.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        if pace == self.pace {
            return;
        }
        let now = self.core_time();
        self.pace = pace;
        if let CoreTime::Running { .. } = self.core {
            self.core = CoreTime::Frozen { at: now };
            self.run_on();
        }
    }

    fn run_on(&mut self) {
        let core = self.core_time();
        self.core = CoreTime::Running { node: self.node_time(), core };
        self.real_since = self.pace.is_real().then_some(core);
    }

    /// Advances the core's time at once.
    pub(super) fn advance(&mut self, micros: u64) {
        match &mut self.core {
            CoreTime::Running { core, .. } => *core = core.plus_micros(micros),
            CoreTime::Frozen { at } => *at = at.plus_micros(micros),
        }
    }

    /// The instant at which the core's time reaches `time`; `None` while it is frozen.
    pub(super) fn instant_of_core(&self, time: Time) -> Option<Instant> {
        match self.core {
            CoreTime::Running { node, core } => {
                let left = self.pace.stretch(time.0.saturating_sub(core.0));
                Some(self.instant_of(Time(node.0.saturating_add(left))))
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

    #[test]
    fn the_cores_time_passes_slower_and_goes_on_without_a_jump() {
        let mut clock = Clock::start();
        let_pass(&clock, 2_000);
        let before = clock.core_time();
        clock.set_pace(Pace::new(100).expect("a pace"));
        let begun = clock.node_time();
        let_pass(&clock, 5_000);
        let (core, real) = (clock.core_time().0 - before.0, clock.node_time().0 - begun.0);
        assert!((50..=real / 100 + 2_000).contains(&core), "{core} in {real}");
        let later = clock.instant_of_core(clock.core_time().plus_micros(1_000)).expect("it runs");
        assert!(later > Instant::now() + Duration::from_millis(95), "1 ms takes 100 ms");
        clock.freeze();
        clock.set_pace(Pace::REAL);
        let stood = clock.core_time();
        assert_eq!(clock.instant_of_core(stood), None, "step mode goes on");
        clock.resume();
        let_pass(&clock, 1_000);
        assert!(clock.core_time() >= stood.plus_micros(1_000));
    }

    #[test]
    fn no_lease_is_trusted_that_was_given_before_time_was_real_again() {
        let (mut clock, lease) = (Clock::start(), 3_000);
        let_pass(&clock, lease + 1);
        assert!(clock.keeps_lease(lease), "time was never anything but real");
        clock.set_pace(Pace::new(3).expect("a pace"));
        assert!(!clock.keeps_lease(lease));
        clock.set_pace(Pace::REAL);
        assert!(!clock.keeps_lease(1_000_000), "a lease of before may be in force here and over elsewhere");
        let_pass(&clock, lease + 1);
        assert!(clock.keeps_lease(lease), "every lease of before is over");
        clock.freeze();
        let_pass(&clock, lease + 1);
        assert!(!clock.keeps_lease(lease), "time is stopped");
        assert!(!Clock::start_in_lab(false, Pace::new(10).expect("a pace")).keeps_lease(0));
    }
}
