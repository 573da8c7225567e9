//! The seeded generator behind every choice of the simulation.

use std::ops::RangeInclusive;
use std::time::Duration;

/// SplitMix64: one addition and one mix per number, and any seed is a good seed.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

/// The odd constant nearest to 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads the bits of `value` over the whole word.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl SplitMix64 {
    /// A generator for one purpose: the same seed gives unrelated numbers to every purpose, so that an
    /// extra draw for one does not move the others.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        Self(mix(seed ^ mix(purpose.wrapping_add(GOLDEN))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number less than `bound`, or 0 if that is 0. The bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// True in `percent` of all cases. Draws nothing for 0.
    pub(crate) fn happens(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < usize::from(percent)
    }

    /// A whole number of microseconds from `range`.
    pub(crate) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let spread = range.end().saturating_sub(*range.start()).as_micros();
        let spread = usize::try_from(spread).unwrap_or(usize::MAX - 1);
        let extra = if spread == 0 { 0 } else { self.below(spread + 1) };
        range.start().saturating_add(Duration::from_micros(u64::try_from(extra).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut a, mut b) = (SplitMix64::new(7, 1), SplitMix64::new(7, 1));
        assert!((0..100).all(|_| a.next() == b.next()));
    }

    #[test]
    fn every_purpose_draws_its_own_numbers() {
        assert_ne!(SplitMix64::new(7, 1).next(), SplitMix64::new(7, 2).next());
    }

    #[test]
    fn a_duration_stays_within_its_range() {
        let mut random = SplitMix64::new(1, 1);
        let range = Duration::from_micros(5)..=Duration::from_micros(9);
        assert!((0..1000).all(|_| range.contains(&random.duration(&range))));
        assert_eq!(random.duration(&(Duration::ZERO..=Duration::ZERO)), Duration::ZERO);
    }
}
