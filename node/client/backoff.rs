//! How long a client waits before it tries again, and when it is too late for that.
//!
//! Most refusals end by themselves within a moment, such as the time without a leader: the pause before the next
//! attempt is short and constant. After an overload the pause doubles up to a bound, with random jitter, so that
//! clients that were refused together do not return together.

use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// The pause before another attempt, after anything but an overload.
pub(super) const PAUSE: Duration = Duration::from_millis(10);
/// The pause after the first overload; each further one doubles it, up to the maximum.
const OVERLOADED_MIN: Duration = Duration::from_millis(10);
const OVERLOADED_MAX: Duration = Duration::from_millis(500);
/// With less time left than this no attempt begins after a definite answer: it would mostly end as unknown.
pub(super) const LAST_ATTEMPT: Duration = Duration::from_millis(250);

/// The waits of one operation.
#[derive(Default)]
pub(super) struct Backoff {
    overloaded: u32,
}

impl Backoff {
    /// Waits after an overload. False, without a wait, if there is no time for another attempt.
    pub async fn overloaded(&mut self, deadline: Instant) -> bool {
        let until = Instant::now() + by_chance(self.greatest());
        if until + LAST_ATTEMPT >= deadline {
            return false;
        }
        sleep_until(until.into()).await;
        true
    }

    /// The upper bound of the next wait.
    fn greatest(&mut self) -> Duration {
        let doubled = OVERLOADED_MIN.saturating_mul(1 << self.overloaded.min(16));
        self.overloaded += 1;
        doubled.min(OVERLOADED_MAX)
    }

    /// Waits before any other attempt. False if the deadline passes first.
    pub async fn pause(deadline: Instant) -> bool {
        sleep_until((Instant::now() + PAUSE).min(deadline).into()).await;
        Instant::now() < deadline
    }
}

/// A random time between half of it and all of it.
fn by_chance(greatest: Duration) -> Duration {
    // Without random numbers the whole time: less spread, still bounded.
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
    fn clients_refused_together_do_not_return_together() {
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
