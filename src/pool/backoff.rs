//! How long to wait before a server that is down is tried again.

use std::time::Duration;

/// The pause after the first failure: a server that restarts is often back within it.
const FIRST: Duration = Duration::from_millis(50);

/// The longest pause: a server that is back is noticed within it, and one that is down is asked no more often.
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after so many failures in a row. It doubles each time, and `random` takes up to half of it away, so that
/// the programs that lost the same server do not come back at the same moment.
pub(crate) fn pause(failures: u32, random: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let half = whole / 2;
    let nanoseconds = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random % nanoseconds.saturating_add(1))
}

/// A span that `random` has made shorter by up to a tenth, so that sessions that were opened together do not all end
/// together.
pub(crate) fn jittered(span: Duration, random: u64) -> Duration {
    let tenth = u64::try_from((span / 10).as_nanos()).unwrap_or(u64::MAX);
    span.saturating_sub(Duration::from_nanos(random % tenth.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        for (failures, whole) in
            [(1, 50), (2, 100), (3, 200), (7, 3_200), (8, 5_000), (u32::MAX, 5_000)]
        {
            let whole = Duration::from_millis(whole);
            for random in [0, 1, 12_345_678_901, u64::MAX] {
                let pause = pause(failures, random);
                assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
            }
        }
    }

    #[test]
    fn pauses_differ_by_chance() {
        assert_ne!(pause(5, 1), pause(5, 1 << 40));
    }

    #[test]
    fn a_tenth_at_most_is_taken_away() {
        let span = Duration::from_secs(100);
        for random in [0, 7, 9_999_999_999, u64::MAX] {
            let jittered = jittered(span, random);
            assert!(jittered >= Duration::from_secs(90) && jittered <= span, "{jittered:?}");
        }
        assert_eq!(jittered(Duration::ZERO, 5), Duration::ZERO);
    }
}
