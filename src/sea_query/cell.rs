//! `Cell`: one value of a row, whose type is known when the program runs.

use std::fmt;

use postgres_types::FromSql;

use crate::error::Error;
use crate::message::Format;
use crate::session::{Column, Row};
use crate::types::text_of;

/// One value of a row, together with its column.
///
/// # Examples
///
/// ```no_run
/// # fn example(row: &aiopg::sea_query::ResultRow) -> Result<(), aiopg::Error> {
/// for cell in row {
///     println!("{}: {}", cell.name(), cell.to_text()?.as_deref().unwrap_or("null"));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
pub struct Cell<'r> {
    row: Row<'r>,
    column: &'r Column,
    position: usize,
    raw: Option<&'r [u8]>,
}

impl<'r> Cell<'r> {
    /// The value at `position`.
    pub(crate) fn at(row: Row<'r>, position: usize) -> Option<Self> {
        let column = row.columns().get(position)?;
        Some(Self { row, column, position, raw: row.bytes(position) })
    }

    /// Returns the column.
    pub fn column(&self) -> &'r Column {
        self.column
    }

    /// Returns the name of the column.
    pub fn name(&self) -> &'r str {
        self.column.name()
    }

    /// Returns the bytes of the value as they came; `None` is NULL.
    pub fn raw(&self) -> Option<&'r [u8]> {
        self.raw
    }

    /// Tells whether the value is NULL.
    pub fn is_null(&self) -> bool {
        self.raw.is_none()
    }

    /// Returns the value as a `T`.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if `T` does not fit the column's type, or if the value is NULL and
    /// `T` is not an `Option`.
    pub fn decode<T: FromSql<'r>>(&self) -> Result<T, Error> {
        self.row.try_get(self.position)
    }

    /// Returns the value as the text that the server reads as that value; `None` is NULL.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if nothing is known of how values of the type are written; then
    /// cast it to `text` in SQL, or use [`raw`](Self::raw).
    pub fn to_text(&self) -> Result<Option<String>, Error> {
        let Some(raw) = self.raw else { return Ok(None) };
        match self.column.format() {
            Format::Text => self.decode().map(Some),
            Format::Binary => text_of(self.column.r#type(), raw).map(Some),
        }
    }
}

/// The values of a row, one after the other.
#[derive(Clone, Debug)]
pub struct Cells<'r> {
    row: Row<'r>,
    next: usize,
}

impl<'r> Cells<'r> {
    /// Stands before the first value.
    pub(crate) fn new(row: Row<'r>) -> Self {
        Self { row, next: 0 }
    }
}

impl<'r> Iterator for Cells<'r> {
    type Item = Cell<'r>;

    fn next(&mut self) -> Option<Cell<'r>> {
        let cell = Cell::at(self.row, self.next)?;
        self.next += 1;
        Some(cell)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.row.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Cells<'_> {}

impl fmt::Debug for Cell<'_> {
    /// Shows the column, but no value: it can be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cell").field(&self.name()).finish()
    }
}
