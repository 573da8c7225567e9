//! `Rows`: a whole result in one piece of memory.

use std::fmt;
use std::sync::Arc;

use postgres_types::FromSql;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::catalog::Catalog;
use crate::session::column::{Column, ColumnIndex, Described};
use crate::session::from_row::{FromRow, checked_column};
use crate::session::owned_row::OwnedRow;
use crate::session::places::Places;
use crate::session::row::Row;
use crate::session::starts::Starts;

/// All rows of a result. They own their memory, so many results may be open side by side.
///
/// The rows stand one behind the other in a single buffer; there is no allocation per row.
#[derive(Clone)]
pub struct Rows {
    columns: Arc<[Column]>,
    bodies: Vec<u8>,
    /// Where each row's body starts in `bodies`.
    starts: Starts,
    /// Where each value's length stands in its row's body: as many as columns for each row.
    places: Places,
    tag: CommandTag,
}

impl Rows {
    pub(crate) fn new(columns: Arc<[Column]>) -> Self {
        Self {
            columns,
            bodies: Vec::new(),
            starts: Starts::default(),
            places: Places::NONE,
            tag: CommandTag::EMPTY,
        }
    }

    /// One row at most, which is copied, and how the statement ended.
    pub(crate) fn of_one(
        columns: Arc<[Column]>,
        row: Option<&[u8]>,
        tag: CommandTag,
    ) -> Result<Self, Error> {
        let mut rows = Self { tag, ..Self::new(columns) };
        row.map_or(Ok(()), |body| rows.push(body))?;
        Ok(rows)
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, body: &[u8]) -> Result<(), Error> {
        self.places.push(body, self.columns.len())?;
        self.starts.push(self.bodies.len());
        self.bodies.extend_from_slice(body);
        Ok(())
    }

    /// Makes the first row of the memory that it came in, so that a large one is not copied. Its body stands at
    /// `start`.
    pub(crate) fn adopt_first(&mut self, bodies: Vec<u8>, start: usize) -> Result<(), Error> {
        let body = bodies.get(start..).unwrap_or_default();
        self.places.push(body, self.columns.len())?;
        self.starts.push(start);
        self.bodies = bodies;
        Ok(())
    }

    pub(crate) fn shared_columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// Whether types of columns are still to be looked up.
    pub(crate) fn has_unknown(&self) -> bool {
        self.columns.iter().any(Column::is_unknown)
    }

    /// Takes the types that have been looked up.
    pub(crate) fn resolve(&mut self, catalog: &Catalog) {
        self.columns =
            self.columns.iter().map(|column| column.resolved(catalog, Described::Result)).collect();
    }

    /// Frees the rows; the columns and the tag stay.
    #[cfg(feature = "sea-query")]
    pub(crate) fn forget(&mut self) {
        *self = Self { tag: self.tag, ..Self::new(Arc::clone(&self.columns)) };
    }

    pub(crate) fn set_tag(&mut self, tag: CommandTag) {
        self.tag = tag;
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.starts.len() == 0
    }

    /// Returns the columns; there are none if the statement returns no rows by its nature.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns what the server said when the statement was complete.
    pub fn command_tag(&self) -> CommandTag {
        self.tag
    }

    /// Lends the row at `index`, counted from 0.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let start = self.starts.get(index)?;
        let end = self.starts.get(index + 1).unwrap_or(self.bodies.len());
        let places = self.places.of_row(index, self.columns.len())?;
        let row = Row::new(&self.columns, self.bodies.get(start..end)?, places);
        Some(row.numbered(u64::try_from(index).ok()))
    }

    /// Copies the row at `index`.
    pub(crate) fn owned_row(&self, index: usize) -> Option<OwnedRow> {
        self.row(index).map(|row| OwnedRow::copy(row.numbered(None), Arc::clone(&self.columns)))
    }

    /// Lends the rows in order.
    pub fn iter(&self) -> Iter<'_> {
        self.part(0, self.len())
    }

    /// Lends the rows from `start` on, up to `end`.
    pub(crate) fn part(&self, start: usize, end: usize) -> Iter<'_> {
        Iter { rows: self, next: start, end: end.min(self.len()) }
    }

    /// Converts every row into `T`, after checking once that the columns fit.
    ///
    /// # Examples
    ///
    /// ```
    /// fn names(rows: &aiopg::Rows) -> Result<Vec<(i32, &str)>, aiopg::Error> {
    ///     rows.decode()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the columns do not fit `T`, or a value does not.
    pub fn decode<'r, T: FromRow<'r>>(&'r self) -> Result<Vec<T>, Error> {
        self.iter().decode()
    }

    /// Returns the values of one column.
    ///
    /// # Examples
    ///
    /// ```
    /// fn ids(rows: &aiopg::Rows) -> Result<Vec<i64>, aiopg::Error> {
    ///     rows.column("id")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such column, or a value is no `T`.
    pub fn column<'r, T: FromSql<'r>>(&'r self, index: impl ColumnIndex) -> Result<Vec<T>, Error> {
        let position = checked_column::<T>(&self.columns, index)?;
        self.iter().map(|row| row.checked(position)).collect()
    }
}

impl<'r> IntoIterator for &'r Rows {
    type Item = Row<'r>;
    type IntoIter = Iter<'r>;

    fn into_iter(self) -> Iter<'r> {
        self.iter()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("len", &self.len())
            .field("command_tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// Lends the rows of a [`Rows`], or a part of them, in order.
#[derive(Clone, Debug)]
pub struct Iter<'r> {
    rows: &'r Rows,
    next: usize,
    end: usize,
}

impl<'r> Iter<'r> {
    /// Converts the rows that are left into `T`, after checking once that the columns fit.
    ///
    /// # Errors
    ///
    /// As [`Rows::decode`].
    pub fn decode<T: FromRow<'r>>(self) -> Result<Vec<T>, Error> {
        let plan = T::plan(&self.rows.columns)?;
        self.map(|row| row.by_plan(&plan)).collect()
    }
}

impl<'r> Iterator for Iter<'r> {
    type Item = Row<'r>;

    fn next(&mut self) -> Option<Row<'r>> {
        if self.next >= self.end {
            return None;
        }
        let row = self.rows.row(self.next)?;
        self.next += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use postgres_types::Type;

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;

    #[test]
    fn rows_come_back_in_order() {
        let mut rows = Rows::new([column("name", Type::TEXT, Format::Binary)].into());
        for text in [&b"a"[..], b"", b"ccc"] {
            let length = u32::try_from(text.len()).unwrap().to_be_bytes();
            rows.push(&[b"\0\x01", &length[..], text].concat()).unwrap();
        }
        rows.push(b"\0\x01\xff\xff\xff\xff").unwrap();
        assert_eq!(rows.iter().len(), 4);
        let names: Vec<_> = rows.iter().map(|row| row.get::<Option<&str>>(0)).collect();
        assert_eq!(names, [Some("a"), Some(""), Some("ccc"), None]);
        assert!(rows.row(4).is_none());
        let text = rows.decode::<(&str,)>().unwrap_err().to_string();
        assert!(text.starts_with("row 3: column \"name\" is NULL"), "{text}");
        assert_eq!(rows.decode::<Option<(&str,)>>().unwrap()[2..], [Some(("ccc",)), None]);
        assert_eq!(rows.column::<Option<&str>>("name").unwrap(), names);
        assert_eq!(rows.decode::<(Option<&str>,)>().unwrap().len(), 4);
    }

    #[test]
    fn a_first_row_can_keep_the_memory_that_it_came_in() {
        let mut rows = Rows::new([column("name", Type::TEXT, Format::Binary)].into());
        rows.adopt_first(b"headr\0\x01\0\0\0\x01a".to_vec(), 5).unwrap();
        rows.push(b"\0\x01\0\0\0\x01b").unwrap();
        assert_eq!(rows.column::<&str>("name").unwrap(), ["a", "b"]);
        assert!(rows.adopt_first(b"headr\0\x02".to_vec(), 5).is_err());
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let mut rows = Rows::new([].into());
        rows.push(b"\0\0").unwrap();
        rows.push(b"\0\0").unwrap();
        assert_eq!(rows.iter().count(), 2);
        assert!(rows.push(b"\0\x01\xff\xff\xff\xff").is_err());
    }
}
