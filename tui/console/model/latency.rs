//! Commit latency: the time from proposal to application at the leader, over the last 30 seconds, in buckets of two
//! seconds. It is computed from the leader's events and includes the writes of all clients.

use std::collections::VecDeque;
use std::time::Duration;

/// Length and number of the buckets.
pub const BUCKET: Duration = Duration::from_secs(2);
pub const BUCKETS: usize = 15;

/// Latencies kept per bucket. The count includes all writes.
const SAMPLES_MAX: usize = 512;

#[derive(Clone, Debug, Default)]
struct Bucket {
    number: u64,
    count: u64,
    micros: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
pub struct CommitLatency {
    buckets: VecDeque<Bucket>,
}

impl CommitLatency {
    pub fn note(&mut self, at: Duration, took: Duration) {
        let number = bucket_of(at);
        let newest = self.buckets.back().map(|bucket| bucket.number);
        if newest.is_none_or(|newest| newest < number) {
            self.buckets.push_back(Bucket { number, ..Bucket::default() });
            if self.buckets.len() > BUCKETS {
                self.buckets.pop_front();
            }
        }
        let Some(bucket) = self.buckets.back_mut() else { return };
        bucket.count += 1;
        if bucket.micros.len() < SAMPLES_MAX {
            bucket.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// Drops old buckets. True if the screen changes.
    pub fn forget(&mut self, now: Duration) -> bool {
        let oldest = (bucket_of(now) + 1).saturating_sub(BUCKETS as u64);
        let before = self.buckets.len();
        self.buckets.retain(|bucket| bucket.number >= oldest);
        self.buckets.len() != before
    }

    /// When the chart moves next without an event; `None` if it is empty.
    pub fn next_wake(&self, now: Duration) -> Option<Duration> {
        let next = BUCKET * u32::try_from(bucket_of(now) + 1).unwrap_or(u32::MAX);
        (!self.buckets.is_empty()).then_some(next)
    }

    /// The median over all buckets.
    pub fn p50(&self) -> Option<Duration> {
        median(self.buckets.iter().flat_map(|bucket| bucket.micros.iter().copied()).collect())
    }

    /// Writes per second since the oldest bucket.
    pub fn rate(&self, now: Duration) -> f64 {
        let Some(first) = self.buckets.front() else { return 0.0 };
        let since = now.saturating_sub(BUCKET * u32::try_from(first.number).unwrap_or(u32::MAX));
        let count: u64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        count as f64 / since.as_secs_f64().max(1.0)
    }

    /// The median of each bucket, the newest last; `None` for a bucket without writes.
    pub fn line(&self, now: Duration) -> Vec<Option<Duration>> {
        let newest = bucket_of(now);
        let at = |number: u64| self.buckets.iter().find(|bucket| bucket.number == number);
        let numbers = (0..BUCKETS as u64).rev().map(|back| newest.checked_sub(back));
        numbers.map(|number| median(at(number?)?.micros.clone())).collect()
    }
}

fn bucket_of(at: Duration) -> u64 {
    at.as_secs() / BUCKET.as_secs()
}

fn median(mut micros: Vec<u32>) -> Option<Duration> {
    let middle = micros.len() / 2;
    if micros.is_empty() {
        return None;
    }
    let (_, median, _) = micros.select_nth_unstable(middle);
    Some(Duration::from_micros(u64::from(*median)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_last_half_minute() {
        let mut pulse = CommitLatency::default();
        for (at, took) in [(1, 900), (20, 3), (21, 1), (22, 2)] {
            pulse.note(Duration::from_secs(at), Duration::from_millis(took));
        }
        assert_eq!(pulse.p50(), Some(Duration::from_millis(3)));
        assert!(pulse.forget(Duration::from_secs(40)));
        assert_eq!(pulse.p50(), Some(Duration::from_millis(2)));
        let line = pulse.line(Duration::from_secs(23));
        assert_eq!(line.last(), Some(&Some(Duration::from_millis(2))));
        assert_eq!(line[BUCKETS - 2], Some(Duration::from_millis(3)));
    }

    #[test]
    fn without_a_write_nothing_is_woken() {
        let mut pulse = CommitLatency::default();
        assert_eq!(pulse.next_wake(Duration::from_secs(9)), None);
        pulse.note(Duration::from_secs(9), Duration::from_millis(1));
        assert_eq!(pulse.next_wake(Duration::from_secs(9)), Some(Duration::from_secs(10)));
        pulse.forget(Duration::from_secs(60));
        assert_eq!(pulse.next_wake(Duration::from_secs(60)), None);
    }
}
