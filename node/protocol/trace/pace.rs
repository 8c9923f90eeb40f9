//! The pace of a lab node's time: real time, or slower by a whole factor.

use std::fmt;
use std::str::FromStr;

/// Time passes `slowdown` times slower than real time. A lab node stretches with it the time of its core, the flight of
/// each message and each flush of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pace(u32);

impl Pace {
    /// Real time.
    pub const REAL: Pace = Pace(1);
    /// The greatest slowdown: one millisecond takes one second.
    pub const SLOWDOWN_MAX: u32 = 1_000;
    /// The paces that a person chooses among, from real time on.
    pub const STEPS: &[u32] = &[1, 3, 10, 30, 100, 300, 1_000];

    /// `None` if the slowdown is 0 or above [`Pace::SLOWDOWN_MAX`].
    pub fn new(slowdown: u32) -> Option<Pace> {
        (1..=Pace::SLOWDOWN_MAX).contains(&slowdown).then_some(Pace(slowdown))
    }

    /// How many times slower than real time.
    pub const fn slowdown(self) -> u32 {
        self.0
    }

    /// Whether it is real time.
    pub const fn is_real(self) -> bool {
        self.0 == 1
    }

    /// Converts microseconds at this pace to real microseconds.
    pub const fn stretch(self, micros: u64) -> u64 {
        micros.saturating_mul(self.0 as u64)
    }

    /// Converts real microseconds to microseconds at this pace.
    pub const fn passed(self, real_micros: u64) -> u64 {
        real_micros / self.0 as u64
    }

    /// What is due at `due` by this pace, by another pace from `at` on.
    pub const fn rescale(self, to: Pace, at: u64, due: u64) -> u64 {
        let left = due.saturating_sub(at) as u128 * to.0 as u128 / self.0 as u128;
        at.saturating_add(left as u64)
    }

    /// The next slower or faster step; the pace itself at the end of the steps.
    pub fn step(self, slower: bool) -> Pace {
        let slowdown = if slower {
            Pace::STEPS.iter().find(|step| **step > self.0)
        } else {
            Pace::STEPS.iter().rev().find(|step| **step < self.0)
        };
        slowdown.map_or(self, |step| Pace(*step))
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::REAL
    }
}

/// `1/100`; `1` is real time.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_real() { f.write_str("1") } else { write!(f, "1/{}", self.0) }
    }
}

/// `100` and `1/100` are the same pace.
impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Pace, String> {
        let slowdown = text.strip_prefix("1/").unwrap_or(text).parse().ok();
        slowdown.and_then(Pace::new).ok_or_else(|| format!("`{text}` is no pace: 1 to {}", Pace::SLOWDOWN_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_comes_back_from_its_text() {
        for (text, slowdown) in [("1", 1), ("100", 100), ("1/100", 100), ("1/1000", 1_000)] {
            assert_eq!(text.parse(), Ok(Pace(slowdown)));
            assert_eq!(Pace(slowdown).to_string().parse(), Ok(Pace(slowdown)));
        }
        for text in ["0", "1001", "1/0", "-3", "", "fast"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }

    #[test]
    fn steps_lead_from_real_time_to_the_slowest_and_back() {
        let mut pace = Pace::REAL;
        for step in &Pace::STEPS[1..] {
            pace = pace.step(true);
            assert_eq!(pace.slowdown(), *step);
        }
        assert_eq!(pace.step(true), pace);
        assert_eq!(Pace(50).step(false), Pace(30));
        assert_eq!(Pace::REAL.step(false), Pace::REAL);
    }

    #[test]
    fn what_is_left_of_a_wait_is_stretched_and_not_what_has_passed() {
        assert_eq!(Pace(10).rescale(Pace(100), 50, 60), 150);
        assert_eq!(Pace(100).rescale(Pace::REAL, 50, 150), 51);
        assert_eq!(Pace(100).rescale(Pace(3), 50, 40), 50, "it was due already");
    }
}
