//! `Direction`: which rows a cursor of the server gives next.

use std::fmt;

/// Which rows FETCH returns and MOVE passes over. Counts are as large as PostgreSQL's own.
///
/// Only [`Next`](Self::Next), [`Forward`](Self::Forward) with a positive count and [`ForwardAll`](Self::ForwardAll) are
/// open to a cursor that was not declared with [`scroll`](crate::Declare::scroll), as a rule.
///
/// # Source
///
/// [FETCH](https://www.postgresql.org/docs/18/sql-fetch.html)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// The next row.
    Next,
    /// The row before.
    Prior,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The row of this number, counted from 1; from -1 on it is counted back from the end. 0 is in front of the first row.
    Absolute(i32),
    /// The row so many rows on, or back. 0 is the row where the cursor stands.
    Relative(i32),
    /// The next rows, so many. 0 is the row where the cursor stands; a negative count goes backward.
    Forward(i32),
    /// All rows that are left.
    ForwardAll,
    /// The rows before, so many, the nearest first.
    Backward(i32),
    /// All rows before, the nearest first.
    BackwardAll,
}

impl fmt::Display for Direction {
    /// Writes the direction as SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next => f.write_str("next"),
            Self::Prior => f.write_str("prior"),
            Self::First => f.write_str("first"),
            Self::Last => f.write_str("last"),
            Self::Absolute(row) => write!(f, "absolute {row}"),
            Self::Relative(rows) => write!(f, "relative {rows}"),
            Self::Forward(rows) => write!(f, "forward {rows}"),
            Self::ForwardAll => f.write_str("forward all"),
            Self::Backward(rows) => write!(f, "backward {rows}"),
            Self::BackwardAll => f.write_str("backward all"),
        }
    }
}
