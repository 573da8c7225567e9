//! `ResultRow`: a row of a result by position, name or column, as a map of its names, beside tuples.

use std::fmt;
use std::ops::Deref;

use crate::error::Error;
use crate::sea_query::cell::{Cell, Cells};
use crate::sea_query::same::{same_rows, same_values};
use crate::session::{Column, ColumnIndex, FromRow, OwnedRow};
use crate::types::Params;

/// A row that owns its values.
///
/// It has all methods of [`OwnedRow`]: [`get`](OwnedRow::get) and [`try_get`](OwnedRow::try_get) by position, by name
/// or by [`col`](crate::sea_query::col), [`decode`](OwnedRow::decode) into structs. Beside these it is
///
/// - a sequence of [`Cell`]s, for types that are not known when the program is written: `for cell in &row`;
/// - a map of names to them: [`keys`](Self::keys), [`contains`](Self::contains), [`cell`](Self::cell),
///   [`items`](Self::items);
/// - equal to a tuple of its values. They are compared in the column's type: `(1_i32,)` equals an `integer` 1, but no
///   `bigint`, and a [`Numeric`](crate::types::Numeric) 1.0 a `numeric` 1.00. JSON is the same only if it is written alike. A value that is no value of
///   the column's type equals none in it.
///
/// `Debug` shows its names and no value; [`as_tuple`](Self::as_tuple) gives values to show.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
/// let row = connection.execute("select 1 as id, 'Wien' as name", ()).await?.first()?;
/// let row = row.expect("a row");
/// assert!(row == (1, "Wien"));
/// assert_eq!(row.get::<&str>("name"), row.get::<&str>(1));
/// assert_eq!(row.keys().collect::<Vec<_>>(), ["id", "name"]);
/// assert!(row.contains("name") && !row.contains("Name"));
/// let (id, name): (i32, &str) = row.as_tuple()?;
/// # Ok(()) }
/// ```
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

    /// Returns the names of the columns, in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.row.columns().iter().map(Column::name)
    }

    /// Tells whether there is a column of this name, or more than one.
    pub fn contains(&self, name: &str) -> bool {
        self.keys().any(|key| key == name)
    }

    /// Returns the values with their columns, in the order of these.
    pub fn iter(&self) -> Cells<'_> {
        Cells::new(self.row.row())
    }

    /// Returns the names with their values. A name that more than one column has comes as often.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(row: &aiopg::sea_query::ResultRow) -> Result<(), aiopg::Error> {
    /// use std::collections::HashMap;
    ///
    /// let values: HashMap<_, _> = row.items().collect();
    /// println!("{:?}", values["name"].to_text()?);
    /// # Ok(()) }
    /// ```
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, Cell<'_>)> {
        self.iter().map(|cell| (cell.name(), cell))
    }

    /// Returns the value of a column, of whatever type.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is no such column, or more than one of that name.
    pub fn cell(&self, index: impl ColumnIndex) -> Result<Cell<'_>, Error> {
        let position = index.position(self.row.columns())?;
        let missing = || Error::conversion(format!("there is no column {position}"));
        Cell::at(self.row.row(), position).ok_or_else(missing)
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

impl<'r> IntoIterator for &'r ResultRow {
    type Item = Cell<'r>;
    type IntoIter = Cells<'r>;

    fn into_iter(self) -> Cells<'r> {
        self.iter()
    }
}

impl fmt::Debug for ResultRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.fmt(f)
    }
}

impl PartialEq for ResultRow {
    fn eq(&self, other: &Self) -> bool {
        same_rows(self.row.row(), other.row.row())
    }
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name),+> PartialEq<($($name,)+)> for ResultRow
        where
            ($($name,)+): Params,
        {
            fn eq(&self, values: &($($name,)+)) -> bool {
                same_values(self.row.row(), values)
            }
        }
    )*};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I)
    (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
    (A, B, C, D, E, F, G, H, I, J, K, L, M)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P)
}
