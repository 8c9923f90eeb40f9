//! The one way to wait in a scenario: attempts with a pause in between, until a time is over.
//!
//! The retries of the client library ([`epoca::client`]) do not serve here: they wait longer and longer for an
//! overloaded or absent leader, up to a deadline of the wall clock. A scenario polls at a fixed pace, for a time that
//! grows with the slowness of the machine.

use std::time::Duration;

use epoca::verify::patience::Patience;

pub struct Wait {
    patience: Patience,
    pause: Duration,
}

impl Wait {
    /// `most` is a time of a quiet machine.
    pub fn new(most: Duration, pause: Duration) -> Wait {
        Wait { patience: Patience::of(most), pause }
    }

    /// Pauses before the next attempt. False once the time is over: then there is no further attempt.
    pub async fn again(&self) -> bool {
        if self.is_over() {
            return false;
        }
        self.pause().await;
        true
    }

    pub async fn pause(&self) {
        tokio::time::sleep(self.pause).await;
    }

    pub fn is_over(&self) -> bool {
        self.patience.is_over()
    }

    /// How much time a quiet machine would have had so far.
    pub fn passed(&self) -> Duration {
        self.patience.passed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough that a stall of the test's own thread does not use it up before the second attempt.
    const MOST: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn attempts_end_when_the_time_is_over() {
        let wait = Wait::new(MOST, Duration::from_millis(1));
        let mut attempts = 1;
        while wait.again().await {
            attempts += 1;
        }
        assert!(attempts > 1 && wait.passed() >= MOST, "{attempts}");
    }
}
