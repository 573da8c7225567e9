//! `ResultRow`: a row of a result by position, name or column, as a map of its names, beside tuples.

use std::fmt;
use std::ops::Deref;

use crate::error::Error;
use crate::session::{FromRow, OwnedRow};

/// A row that owns its values.
///
/// It has all methods of [`OwnedRow`].
#[derive(Clone)]
pub struct ResultRow {
    row: OwnedRow,
}

impl ResultRow {
    /// Converts the row into a tuple, or whatever else is [`FromRow`].
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the columns do not fit `T`, or a value does not.
    pub fn as_tuple<'r, T: FromRow<'r>>(&'r self) -> Result<T, Error> {
        self.row.decode()
    }

    /// Returns the row without what this adds.
    pub fn into_row(self) -> OwnedRow {
        self.row
    }
}

impl From<OwnedRow> for ResultRow {
    fn from(row: OwnedRow) -> Self {
        Self { row }
    }
}

impl Deref for ResultRow {
    type Target = OwnedRow;

    fn deref(&self) -> &OwnedRow {
        &self.row
    }
}

impl fmt::Debug for ResultRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.fmt(f)
    }
}
