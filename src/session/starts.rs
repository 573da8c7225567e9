//! `Starts`: where each row of a result begins, in four bytes for each.

/// Places that only grow. Of each the low 32 bits are kept, and once for every 4 GiB, which row is the first beyond.
#[derive(Clone, Debug, Default)]
pub(crate) struct Starts {
    low: Vec<u32>,
    /// The first row behind the first 4 GiB, behind the second, and so on.
    beyond: Vec<usize>,
}

impl Starts {
    /// Adds a place, which is no less than the last.
    pub(crate) fn push(&mut self, start: usize) {
        let (high, low) = split(start);
        while self.beyond.len() < high {
            self.beyond.push(self.low.len());
        }
        self.low.push(low);
    }

    /// The place that was added as number `index`, counted from 0.
    pub(crate) fn get(&self, index: usize) -> Option<usize> {
        let low = usize::try_from(*self.low.get(index)?).ok()?;
        if self.beyond.is_empty() {
            return Some(low);
        }
        let high = self.beyond.partition_point(|first| *first <= index);
        Some(high.checked_shl(BITS).unwrap_or(0) | low)
    }

    pub(crate) fn len(&self) -> usize {
        self.low.len()
    }
}

const BITS: u32 = u32::BITS;

/// The two halves of a place; where `usize` has one half, it is all of it.
fn split(start: usize) -> (usize, u32) {
    if let Ok(low) = u32::try_from(start) {
        return (0, low);
    }
    let [a, b, c, d, ..] = start.to_le_bytes();
    (start.checked_shr(BITS).unwrap_or(0), u32::from_le_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn places_beyond_4_gib_are_kept() {
        let mut starts = Starts::default();
        let four = 1 << BITS;
        let places = [0, 5, four - 1, four, four + 7, 3 * four + 1, 3 * four + 1, 4 * four];
        for place in places {
            starts.push(place);
        }
        assert_eq!(starts.len(), places.len());
        for (index, place) in places.into_iter().enumerate() {
            assert_eq!(starts.get(index), Some(place));
        }
        assert_eq!(starts.get(places.len()), None);
    }
}
