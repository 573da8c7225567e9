//! `Row`: the values of one row that is lent, by position or name.

use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;

use postgres_types::{FromSql, WasNull};

use crate::error::Error;
use crate::message::DataRow;
use crate::session::column::{Column, ColumnIndex};
use crate::session::places::RowPlaces;

/// A row that is lent: by a stream until it moves on, or by [`Rows`](crate::Rows).
///
/// Its values borrow from it, so that text and bytes need not be copied. [`OwnedRow`](crate::OwnedRow) has the same
/// methods; a function that takes `impl Into<Row<'r>>` takes both.
///
/// # Examples
///
/// ```
/// use aiopg::{Error, Row};
///
/// fn name<'r>(row: impl Into<Row<'r>>) -> Result<&'r str, Error> {
///     row.into().try_get("name")
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Row<'r> {
    columns: &'r [Column],
    data: DataRow<'r>,
    places: RowPlaces<'r>,
    /// Which row of its result this is, where there may be more than one.
    number: Option<u64>,
}

impl<'r> Row<'r> {
    /// `places` are where the values of `columns` stand in `body`.
    pub(crate) fn new(
        columns: &'r [Column],
        body: &'r [u8],
        places: impl Into<RowPlaces<'r>>,
    ) -> Self {
        Self { columns, data: DataRow::new(body), places: places.into(), number: None }
    }

    /// The same row, whose errors tell that it is row `number` of its result.
    pub(crate) fn numbered(self, number: Option<u64>) -> Self {
        Self { number, ..self }
    }

    /// Returns the columns.
    pub fn columns(&self) -> &'r [Column] {
        self.columns
    }

    /// Returns how many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Tells whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns the value of a column.
    ///
    /// # Panics
    ///
    /// Where [`try_get`](Self::try_get) returns an error.
    #[track_caller]
    pub fn get<T: FromSql<'r>>(&self, index: impl ColumnIndex) -> T {
        value_or_panic(self.try_get(index))
    }

    /// Returns the value of a column.
    ///
    /// A column in text format, as [`simple_query`](crate::Connection::simple_query) gives them, is read as text.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such column, if `T` does not fit the
    /// column's type, or if the value is NULL and `T` is not an `Option`.
    pub fn try_get<T: FromSql<'r>>(&self, index: impl ColumnIndex) -> Result<T, Error> {
        self.value_at(index.position(self.columns)?)
    }

    /// Returns the bytes of a value as they came; `None` is NULL.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such column.
    pub fn raw(&self, index: impl ColumnIndex) -> Result<Option<&'r [u8]>, Error> {
        index.position(self.columns).map(|position| self.bytes(position))
    }

    /// Returns every column with the bytes of its value as they came; `None` is NULL.
    pub fn values(
        &self,
    ) -> impl ExactSizeIterator<Item = (&'r Column, Option<&'r [u8]>)> + use<'r> {
        let row = *self;
        row.columns.iter().enumerate().map(move |(position, column)| (column, row.bytes(position)))
    }

    /// The value at `position`, whose type has been checked.
    pub(crate) fn checked<T: FromSql<'r>>(&self, position: usize) -> Result<T, Error> {
        match self.columns.get(position) {
            Some(column) => self.value(position, column),
            None => Err(missing(position, self.columns.len())),
        }
    }

    /// The bytes of the value at `position`; `None` is NULL, or no such column.
    pub(crate) fn bytes(&self, position: usize) -> Option<&'r [u8]> {
        self.data.value_at(self.places.get(position)?)
    }

    /// What the row is made of, to be copied: its body, where the values stand in it, and its number.
    pub(crate) fn parts(&self) -> (&'r [u8], RowPlaces<'r>, Option<u64>) {
        (self.data.body(), self.places, self.number)
    }

    /// Adds to the error of a value which row it stands in.
    #[cold]
    pub(crate) fn located(&self, error: Error) -> Error {
        match self.number {
            Some(number) => error.with_text(|text| format!("row {number}: {text}")),
            None => error,
        }
    }

    fn value<T: FromSql<'r>>(&self, position: usize, column: &Column) -> Result<T, Error> {
        // Written twice, so that it is not asked twice whether the value is NULL.
        let value = match self.bytes(position) {
            Some(value) => column.read::<T>(Some(value)),
            None => column.read::<T>(None),
        };
        value.map_err(|error| self.located(unreadable::<T>(column, error)))
    }
}

impl fmt::Debug for Row<'_> {
    /// Shows the columns, but no value: a row can hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns.iter().map(Column::name);
        f.debug_list().entries(names).finish()
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "what `get` promises: `try_get` is there for the other case")]
pub(crate) fn value_or_panic<T>(value: Result<T, Error>) -> T {
    match value {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// Checks that `T` reads the type of `column`.
pub(crate) fn accepts<'r, T: FromSql<'r>>(column: &Column) -> Result<(), Error> {
    if column.read_by::<T>().is_some() {
        return Ok(());
    }
    Err(not_accepted(column, type_name::<T>()))
}

#[cold]
fn not_accepted(column: &Column, name: &str) -> Error {
    Error::conversion(format!(
        "column \"{}\" of type {} cannot be read as `{name}`",
        column.name(),
        column.read_as()
    ))
}

#[cold]
pub(crate) fn missing(position: usize, count: usize) -> Error {
    Error::conversion(format!("there is no column {position}: the result has {count} columns"))
}

#[cold]
fn unreadable<T>(column: &Column, error: Box<dyn StdError + Sync + Send>) -> Error {
    if error.is::<WasNull>() {
        return Error::conversion(format!(
            "column \"{}\" is NULL, which `{}` cannot hold: use `Option`",
            column.name(),
            type_name::<T>()
        ));
    }
    let text = format!("column \"{}\" cannot be read as `{}`", column.name(), type_name::<T>());
    Error::conversion(text).with_source(error)
}

#[cfg(test)]
pub(crate) mod tests {
    use postgres_types::Type;

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;

    const BODY: &[u8] = b"\0\x03\0\0\0\x04\0\0\0\x2a\xff\xff\xff\xff\0\0\0\x02ab";

    pub(crate) fn with_row(format: Format, test: impl FnOnce(Row<'_>)) {
        let columns = [
            column("id", Type::INT4, format),
            column("gone", Type::INT4, format),
            column("name", Type::VARCHAR, format),
        ];
        let mut offsets = Vec::new();
        DataRow::new(BODY).find_values(3, &mut offsets).unwrap();
        test(Row::new(&columns, BODY, &offsets));
    }

    #[test]
    fn values_are_read_by_position_and_name() {
        with_row(Format::Binary, |row| {
            assert_eq!(row.get::<i32>(0), 42);
            assert_eq!(row.get::<i32>("id"), 42);
            assert_eq!(row.get::<Option<i32>>("gone"), None);
            assert_eq!(row.get::<&str>("name"), "ab");
            assert_eq!(row.raw("name").unwrap(), Some(&b"ab"[..]));
            assert_eq!(row.raw("gone").unwrap(), None);
        });
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        with_row(Format::Binary, |row| {
            let text = row.try_get::<i64>("id").unwrap_err().to_string();
            assert_eq!(text, "column \"id\" of type int4 cannot be read as `i64`");
            let text = row.try_get::<i32>("gone").unwrap_err().to_string();
            assert_eq!(text, "column \"gone\" is NULL, which `i32` cannot hold: use `Option`");
            let row = row.numbered(Some(3));
            let text = row.try_get::<i32>("gone").unwrap_err().to_string();
            assert!(text.starts_with("row 3: column \"gone\" is NULL"), "{text}");
            assert!(row.try_get::<i32>(3).is_err());
        });
    }

    #[test]
    fn text_format_is_read_as_text_and_as_nothing_else() {
        with_row(Format::Text, |row| {
            assert_eq!(row.get::<&str>("name"), "ab");
            assert!(row.try_get::<i32>("id").is_err());
        });
    }

    #[test]
    fn debug_shows_no_values() {
        with_row(Format::Binary, |row| {
            assert_eq!(format!("{row:?}"), r#"["id", "gone", "name"]"#);
        });
    }
}
