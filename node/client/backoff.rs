//! How long a client waits before it tries again, and when it is too late for that.
//!
//! What most refusals speak of ends by itself within a moment, as that nobody leads: the pause is short and always the
//! same. A node that is overloaded is left alone for longer each time, and by chance for a little more or less, so that
//! clients which were refused together do not come back together.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// Between two attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(10);
/// After the first answer "overloaded", doubled with each further one up to the greatest.
const OVERLOADED_MIN: Duration = Duration::from_millis(10);
const OVERLOADED_MAX: Duration = Duration::from_millis(500);
/// Whoever has a definite answer begins no attempt with less time left: it would mostly learn less than is known.
pub(super) const LAST_ATTEMPT: Duration = Duration::from_millis(250);

/// The waits of one operation.
#[derive(Default)]
pub(super) struct Backoff {
    overloaded: u32,
}

impl Backoff {
    /// Waits after an answer "overloaded"; false, at once, if there is no time for another attempt.
    pub async fn overloaded(&mut self, deadline: Instant) -> bool {
        let until = Instant::now() + by_chance(self.greatest());
        if until + LAST_ATTEMPT >= deadline {
            return false;
        }
        sleep_until(until.into()).await;
        true
    }

    /// The longest that the next wait may be.
    fn greatest(&mut self) -> Duration {
        let doubled = OVERLOADED_MIN.saturating_mul(1 << self.overloaded.min(16));
        self.overloaded += 1;
        doubled.min(OVERLOADED_MAX)
    }

    /// Waits before any other attempt; false if the deadline has passed by then.
    pub async fn pause(deadline: Instant) -> bool {
        sleep_until((Instant::now() + PAUSE).min(deadline).into()).await;
        Instant::now() < deadline
    }
}

/// Between the half and the whole of it.
fn by_chance(greatest: Duration) -> Duration {
    // Without random numbers it is the whole: that spreads less, and is still bounded.
    let share = getrandom::u64().map_or(1.0, |random| random as f64 / u64::MAX as f64);
    greatest.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_than_the_one_before_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.greatest().as_millis()).collect();
        assert_eq!(waits[..8], [10, 20, 40, 80, 160, 320, 500, 500]);
        assert!(waits[8..].iter().all(|wait| *wait == 500), "{waits:?}");
    }

    #[test]
    fn those_who_were_refused_together_do_not_come_back_together() {
        let mut waits: Vec<_> = (0..100).map(|_| by_chance(OVERLOADED_MAX)).collect();
        assert!(waits.iter().all(|wait| (OVERLOADED_MAX / 2..=OVERLOADED_MAX).contains(wait)), "{waits:?}");
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 90, "{waits:?}");
    }

    #[tokio::test]
    async fn no_attempt_begins_that_could_only_end_as_unknown() {
        let mut backoff = Backoff::default();
        assert!(!backoff.overloaded(Instant::now() + LAST_ATTEMPT).await);
        assert!(!Backoff::pause(Instant::now()).await);
        assert!(Backoff::pause(Instant::now() + Duration::from_secs(60)).await);
    }
}
