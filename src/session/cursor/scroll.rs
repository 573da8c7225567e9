//! `Scroll`: where to go in a result.

/// Where to go in a result that is kept here.
///
/// For a cursor of the server there is [`Direction`](crate::Direction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Scroll {
    /// So many rows on from the next row, or back.
    Relative(i64),
    /// To the row of this number, counted from 0.
    Absolute(usize),
}

impl Scroll {
    /// The number of the row that is then the next one, if there is one that can be counted.
    pub(crate) fn from(self, next: usize) -> Option<usize> {
        match self {
            Self::Relative(rows) => {
                let distance = usize::try_from(rows.unsigned_abs()).ok()?;
                if rows < 0 { next.checked_sub(distance) } else { next.checked_add(distance) }
            }
            Self::Absolute(row) => Some(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_from_the_next_row() {
        assert_eq!(Scroll::Relative(2).from(1), Some(3));
        assert_eq!(Scroll::Relative(-1).from(1), Some(0));
        assert_eq!(Scroll::Relative(-2).from(1), None);
        assert_eq!(Scroll::Relative(i64::MIN).from(1), None);
        assert_eq!(Scroll::Relative(1).from(usize::MAX), None);
        assert_eq!(Scroll::Absolute(7).from(1), Some(7));
    }
}
