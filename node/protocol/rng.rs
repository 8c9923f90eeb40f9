//! SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), the only generator of random numbers in the project.
//!
//! The core draws election timeouts from it. Everything else (simulator, load, chaos, tests) draws from it through
//! `verify::rng`. A seed must give the same numbers in every later version, because failed runs are reported by their
//! seed. No crate promises that: the `rand` family may change values in a minor version. The core, too, may depend on
//! `bytes` and `blake3` alone. The tests pin the reference values.
//!
//! Left out: ranges and choices (`verify::rng`), and secrets. The sequence is predictable from one output.

/// The increment of the sequence: 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator with 64 bits of state. Every seed gives a different sequence of period 2^64.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator whose sequence begins after this seed.
    pub const fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    /// A generator for one purpose (`stream`) of a run. Draws from one stream do not shift another stream.
    pub const fn stream(seed: u64, stream: u64) -> SplitMix64 {
        SplitMix64(mix(seed ^ mix(stream.wrapping_add(GAMMA))))
    }

    /// The next number of the sequence.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }
}

/// The generator's output function: a bijection in which each input bit affects all output bits.
pub const fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `splitmix64.c` by Sebastiano Vigna (prng.di.unimi.it), which `rand_xoshiro` is tested against, too.
    #[test]
    fn the_sequence_is_that_of_the_reference_implementation() {
        let mut rng = SplitMix64::new(1_477_776_061_723_855_037);
        let reference = [
            1_985_237_415_132_408_290,
            2_979_275_885_539_914_483,
            13_511_426_838_097_143_398,
            8_488_337_342_461_049_707,
            15_141_737_807_933_549_159,
        ];
        assert_eq!(reference.map(|_| rng.next_u64()), reference);
    }
}
