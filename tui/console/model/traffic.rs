//! Traffic from one node to another: the total and the current rate.
//!
//! Only bytes of entries and snapshots count, as the sender reports them. Heartbeats, acks and orders carry none.

use std::collections::VecDeque;
use std::time::Duration;

/// The rate covers this number of full seconds.
const SECONDS: u64 = 3;

#[derive(Clone, Debug, Default)]
pub struct Traffic {
    total: u64,
    /// Bytes per second with traffic, the newest last.
    recent: VecDeque<(u64, u64)>,
}

impl Traffic {
    pub fn note(&mut self, at: Duration, bytes: u64) {
        let second = at.as_secs();
        self.total += bytes;
        match self.recent.back_mut().filter(|(newest, _)| *newest >= second) {
            Some((_, sent)) => *sent += bytes,
            None => self.recent.push_back((second, bytes)),
        }
        self.forget(at);
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes per second over the current second and the ones before it.
    pub fn per_second(&self, now: Duration) -> u64 {
        let oldest = now.as_secs().saturating_sub(SECONDS);
        let sent: u64 = self.recent.iter().filter(|(second, _)| *second >= oldest).map(|(_, bytes)| bytes).sum();
        let since = now.saturating_sub(Duration::from_secs(oldest));
        (sent as f64 / since.as_secs_f64().max(1.0)) as u64
    }

    /// Drops seconds that no longer count.
    pub fn forget(&mut self, now: Duration) {
        let oldest = now.as_secs().saturating_sub(SECONDS);
        while self.recent.front().is_some_and(|(second, _)| *second < oldest) {
            self.recent.pop_front();
        }
    }

    /// Whether the rate changes with time alone.
    pub fn is_moving(&self) -> bool {
        !self.recent.is_empty()
    }
}

/// Two or three digits and a unit: `0`, `940`, `12k`, `3.1M`.
pub fn short(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["", "k", "M", "G", "T"];
    let mut rest = bytes as f64;
    let mut unit = 0;
    while rest >= 999.5 && unit + 1 < UNITS.len() {
        rest /= 1_000.0;
        unit += 1;
    }
    match (unit, rest) {
        (0, _) => bytes.to_string(),
        (_, ..9.95) => format!("{rest:.1}{}", UNITS[unit]),
        _ => format!("{rest:.0}{}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_falls_to_nothing_when_nothing_is_sent_and_the_total_stays() {
        let mut traffic = Traffic::default();
        for at in [1_000, 2_000, 3_000] {
            traffic.note(Duration::from_millis(at), 4_000);
        }
        assert_eq!((traffic.total(), traffic.per_second(Duration::from_millis(4_000))), (12_000, 4_000));
        let later = Duration::from_millis(5_500);
        assert!(traffic.is_moving() && traffic.per_second(later) < 4_000);
        traffic.forget(Duration::from_secs(7));
        assert!(!traffic.is_moving());
        assert_eq!((traffic.total(), traffic.per_second(Duration::from_secs(7))), (12_000, 0));
    }

    #[test]
    fn what_is_heard_of_late_counts_too() {
        let mut traffic = Traffic::default();
        traffic.note(Duration::from_secs(5), 10);
        traffic.note(Duration::from_secs(4), 30);
        assert_eq!((traffic.total(), traffic.per_second(Duration::from_secs(5))), (40, 13));
    }

    #[test]
    fn many_bytes_are_short() {
        let texts = [0, 999, 1_000, 9_949, 9_951, 12_412, 999_499, 999_500, 3_060_000].map(short);
        assert_eq!(texts, ["0", "999", "1.0k", "9.9k", "10k", "12k", "999k", "1.0M", "3.1M"]);
    }
}
