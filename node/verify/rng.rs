//! Random draws from a seed: numbers in a range, choices, chances. The sequence is [`SplitMix64`] and never changes.

use crate::protocol::rng::SplitMix64;

pub use crate::protocol::rng::mix;

/// Draws from one seed. Ranges are taken by remainder; the bias is below 2^-40 for the bounds used here.
#[derive(Clone, Debug)]
pub struct Rng(SplitMix64);

impl Rng {
    /// The main stream of a seed.
    pub fn new(seed: u64) -> Rng {
        Rng(SplitMix64::new(seed))
    }

    /// A generator for one purpose (`stream`) of a run. Draws from one stream do not shift another stream.
    pub fn stream(seed: u64, stream: u64) -> Rng {
        Rng(SplitMix64::stream(seed, stream))
    }

    /// A number from the whole range of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From 0 to `bound - 1`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }

    /// From `min` to `max`, both included.
    pub fn between(&mut self, min: u64, max: u64) -> u64 {
        min + self.below(max - min + 1)
    }

    /// An index into a sequence of this length; 0 for an empty one.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// True with a chance of 1 in `count`; never for 0.
    pub fn one_in(&mut self, count: u64) -> bool {
        count > 0 && self.below(count) == 0
    }

    /// One element of a slice that is not empty.
    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// Puts the elements in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}
