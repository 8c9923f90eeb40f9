//! Two times, both from a clock that never goes back: the node's own, microseconds since its start, and the core's, which
//! is the same but for what step mode takes away: while it is on the core's time stands still, and goes on from where it
//! stood.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::protocol::Time;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    start: Instant,
    /// The start in microseconds of the Unix epoch: only to put what several nodes tell into one order.
    began: u64,
    core: CoreTime,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CoreTime {
    /// So many microseconds behind the node's time, or before it if a person let time go on at once.
    Goes {
        behind: i64,
    },
    Stands {
        at: Time,
    },
}

impl Clock {
    pub(super) fn start() -> Clock {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        Clock { start: Instant::now(), began, core: CoreTime::Goes { behind: 0 } }
    }

    /// A clock for a node that starts in step mode.
    pub(super) fn start_frozen() -> Clock {
        let mut clock = Clock::start();
        clock.stand_still();
        clock
    }

    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// The node's own time: that of its events.
    pub(super) fn own(&self) -> Time {
        Time(self.start.elapsed().as_micros() as u64)
    }

    /// The core's time.
    pub(super) fn now(&self) -> Time {
        match self.core {
            CoreTime::Goes { behind } => Time(self.own().0.saturating_add_signed(-behind)),
            CoreTime::Stands { at } => at,
        }
    }

    pub(super) fn stands_still(&self) -> bool {
        matches!(self.core, CoreTime::Stands { .. })
    }

    pub(super) fn stand_still(&mut self) {
        self.core = CoreTime::Stands { at: self.now() };
    }

    pub(super) fn go_on(&mut self) {
        self.core = CoreTime::Goes { behind: self.own().0 as i64 - self.now().0 as i64 };
    }

    /// Lets the core's time go on by so much at once.
    pub(super) fn pass(&mut self, micros: u64) {
        match &mut self.core {
            CoreTime::Goes { behind } => *behind -= micros as i64,
            CoreTime::Stands { at } => *at = at.plus_micros(micros),
        }
    }

    /// When the core's time will be this, if it goes on.
    pub(super) fn when_core(&self, time: Time) -> Option<Instant> {
        match self.core {
            CoreTime::Goes { behind } => Some(self.when(Time(time.0.saturating_add_signed(behind)))),
            CoreTime::Stands { .. } => None,
        }
    }

    /// When the node's own time will be this.
    pub(super) fn when(&self, time: Time) -> Instant {
        // A core that waits for nothing may name a time beyond what an instant holds.
        let far = Duration::from_secs(86_400 * 365);
        self.start + Duration::from_micros(time.0).min(far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_pass(clock: &Clock, micros: u64) {
        let until = clock.own().plus_micros(micros);
        while clock.own() < until {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn the_cores_time_stands_still_and_goes_on_from_where_it_stood() {
        let mut clock = Clock::start();
        let_pass(&clock, 100);
        assert!(clock.now() >= Time(100));
        clock.stand_still();
        let stood = clock.now();
        let_pass(&clock, 2_000);
        assert_eq!((clock.now(), clock.when_core(stood)), (stood, None));
        clock.pass(300);
        clock.go_on();
        let (now, own) = (clock.now(), clock.own());
        assert!(now >= stood.plus_micros(300) && own.0 - now.0 >= 1_600, "{now:?} of {own:?}");
        let_pass(&clock, 100);
        assert!(clock.now() >= now.plus_micros(100));
        let later = clock.when_core(now.plus_micros(7_000_000)).expect("it goes on");
        assert!(later > Instant::now() + Duration::from_secs(6));
    }
}
