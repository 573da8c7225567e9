//! `FromRow`: a row as a tuple or a struct, its types checked once per result.

use postgres_types::FromSql;

use crate::error::Error;
use crate::message::Misshapen;
use crate::session::column::{Column, ColumnIndex, ReadError};
use crate::session::owned_row::OwnedRow;
use crate::session::row::{Row, accepts, missing};
use crate::session::values::Values;

/// A type that a row can be converted into: tuples of 1 to 16 values by position, structs of your own, and an
/// `Option` of such a type.
///
/// With the feature `derive` a struct needs no more than `#[derive(FromRow)]`; what the derive understands stands
/// with the macro of the same name. An `Option` is `None` if every column that the type inside it reads is NULL, as
/// an outer join makes them.
///
/// The types of the columns are checked once per result, by [`plan`](Self::plan), and not again for each row. All
/// that converts rows makes its plan once: [`Rows::decode`](crate::Rows::decode),
/// [`query_as`](crate::Connection::query_as), [`RowStream::next_as`](crate::RowStream::next_as) and
/// [`RowStream::decode`](crate::RowStream::decode). An error tells the column, what was there, and in which row of
/// the result, counted from 0.
///
/// # Examples
///
/// By hand, with values that borrow from the row:
///
/// ```
/// use aiopg::{Column, Error, FromRow, Row, checked_columns};
///
/// struct City<'r> {
///     name: &'r str,
///     population: Option<i32>,
/// }
///
/// impl<'r> FromRow<'r> for City<'r> {
///     type Plan = [usize; 2];
///
///     fn plan(columns: &[Column]) -> Result<Self::Plan, Error> {
///         checked_columns!(columns, name: &str, population: Option<i32>)
///     }
///
///     fn from_row(plan: &Self::Plan, row: Row<'r>) -> Result<Self, Error> {
///         let [name, population] = *plan;
///         Ok(Self { name: row.value_at(name)?, population: row.value_at(population)? })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a row cannot be converted into `{Self}`",
    note = "a single value is read by `query_scalar`, or as a tuple of one: `(T,)`",
    note = "for a struct there is `#[derive(FromRow)]`, with the feature `derive`"
)]
pub trait FromRow<'r>: Sized {
    /// Which column feeds which part, found once per result.
    type Plan: Send + Sync + 'static;

    /// Finds the columns and checks their types. The same columns always give the same plan.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a column is missing or of another type.
    fn plan(columns: &[Column]) -> Result<Self::Plan, Error>;

    /// Converts a row of the result that the plan was made for.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a value cannot be read.
    fn from_row(plan: &Self::Plan, row: Row<'r>) -> Result<Self, Error>;

    /// Whether [`from_values`](Self::from_values) is there. No part of the interface.
    #[doc(hidden)]
    const IN_ORDER: bool = false;

    /// Converts a row whose values have not been found, which is quicker. There is a plan for its columns. `None` if
    /// anything is wrong with it; then [`from_row`](Self::from_row) says what. No part of the interface.
    #[doc(hidden)]
    fn from_values(columns: &'r [Column], values: Values<'r>) -> Option<Self> {
        let _ = (columns, values);
        None
    }

    /// Tells whether every column that this reads is NULL in a row, so that an `Option` of it is `None`. Unless it
    /// is implemented, the answer is no.
    fn is_null(plan: &Self::Plan, row: Row<'r>) -> bool {
        let _ = (plan, row);
        false
    }
}

impl<'r, T: FromRow<'r>> FromRow<'r> for Option<T> {
    type Plan = T::Plan;

    fn plan(columns: &[Column]) -> Result<T::Plan, Error> {
        T::plan(columns)
    }

    fn from_row(plan: &T::Plan, row: Row<'r>) -> Result<Self, Error> {
        if T::is_null(plan, row) { Ok(None) } else { T::from_row(plan, row).map(Some) }
    }

    fn is_null(plan: &T::Plan, row: Row<'r>) -> bool {
        T::is_null(plan, row)
    }
}

impl<'r> Row<'r> {
    /// Converts the row into `T`.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the columns do not fit `T`, or a value does not.
    pub fn decode<T: FromRow<'r>>(&self) -> Result<T, Error> {
        self.by_plan(&T::plan(self.columns())?)
    }

    /// Converts the row by a plan for its columns.
    #[inline]
    pub(crate) fn by_plan<T: FromRow<'r>>(self, plan: &T::Plan) -> Result<T, Error> {
        let (body, ..) = self.parts();
        if T::IN_ORDER
            && let Some(value) = T::from_values(self.columns(), Values::new(body))
        {
            return Ok(value);
        }
        T::from_row(plan, self)
    }

    /// Returns the value at `position`, as [`FromRow::plan`] has found it. The type is checked all the same, which
    /// costs a comparison: the plan could be that of another result.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if the value cannot be read, or is NULL and `T` is not an
    /// `Option`.
    pub fn value_at<T: FromSql<'r>>(&self, position: usize) -> Result<T, Error> {
        let column =
            self.columns().get(position).ok_or_else(|| missing(position, self.columns().len()))?;
        accepts::<T>(column)?;
        self.checked(position)
    }
}

impl OwnedRow {
    /// Converts the row into `T`.
    ///
    /// # Errors
    ///
    /// As [`Row::decode`].
    pub fn decode<'r, T: FromRow<'r>>(&'r self) -> Result<T, Error> {
        self.row().decode()
    }

    /// Returns the value at `position`, as [`FromRow::plan`] has found it; see [`Row::value_at`].
    ///
    /// # Errors
    ///
    /// As [`Row::value_at`].
    pub fn value_at<'r, T: FromSql<'r>>(&'r self, position: usize) -> Result<T, Error> {
        self.row().value_at(position)
    }
}

/// Finds the column that `index` names and checks that `T` reads its type; for [`FromRow::plan`].
///
/// # Errors
///
/// [`Kind::Conversion`](crate::Kind::Conversion) if it is missing, ambiguous or of another type.
pub fn checked_column<'r, T: FromSql<'r>>(
    columns: &[Column],
    index: impl ColumnIndex,
) -> Result<usize, Error> {
    let position = index.position(columns)?;
    columns.get(position).map_or(Ok(()), accepts::<T>)?;
    Ok(position)
}

/// Finds columns by name and checks their types; for [`FromRow::plan`](crate::FromRow::plan).
#[macro_export]
macro_rules! checked_columns {
    ($columns:expr, $($name:ident: $type:ty),+ $(,)?) => {{
        let columns: &[$crate::Column] = $columns;
        (|| Ok([$($crate::checked_column::<$type>(columns, stringify!($name))?),+]))()
    }};
}

fn has_columns(columns: &[Column], expected: usize) -> Result<(), Error> {
    if columns.len() == expected {
        return Ok(());
    }
    let text = format!("the result has {} columns, the tuple {expected}", columns.len());
    Err(Error::conversion(text))
}

/// A value that could not be read: [`FromRow::from_row`] says why.
#[cold]
fn unread<T>(error: ReadError) -> Option<T> {
    drop(error);
    None
}

/// The next value of a row, which stands in this column. Written out for each, since of what a function returns it
/// would be asked once more whether it is there.
macro_rules! next_as {
    ($type:ty, $column:expr, $values:expr) => {{
        let value = match $values.next_value() {
            Ok(Some(value)) => $column.read::<$type>(Some(value)),
            Ok(None) => $column.read::<$type>(None),
            Err(Misshapen) => return None,
        };
        match value {
            Ok(value) => value,
            Err(error) => return unread(error),
        }
    }};
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $index:tt),+;)*) => {$(
        impl<'r, $($name: FromSql<'r>),+> FromRow<'r> for ($($name,)+) {
            type Plan = ();

            fn plan(columns: &[Column]) -> Result<(), Error> {
                has_columns(columns, $count)?;
                $(checked_column::<$name>(columns, $index)?;)+
                Ok(())
            }

            fn from_row(_: &(), row: Row<'r>) -> Result<Self, Error> {
                Ok(($(row.checked::<$name>($index)?,)+))
            }

            const IN_ORDER: bool = true;

            #[inline(never)]
            fn from_values(columns: &'r [Column], values: Values<'r>) -> Option<Self> {
                let columns: &[Column; $count] = columns.try_into().ok()?;
                let mut values = values.in_order($count)?;
                let row = ($(next_as!($name, columns[$index], values),)+);
                values.is_at_end().then_some(row)
            }

            fn is_null(_: &(), row: Row<'r>) -> bool {
                $(row.bytes($index).is_none())&&+
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
    13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12;
    14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13;
    15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14;
    16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15;
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use postgres_types::{Kind, Type};

    use super::*;
    use crate::message::Format;
    use crate::session::column::tests::column;

    #[test]
    fn a_plan_names_what_does_not_fit() {
        let columns =
            [column("id", Type::INT4, Format::Binary), column("n", Type::TEXT, Format::Binary)];
        assert!(<(i32, &str)>::plan(&columns).is_ok());
        let text = <(i32,)>::plan(&columns).unwrap_err().to_string();
        assert_eq!(text, "the result has 2 columns, the tuple 1");
        let text = <(i32, i32)>::plan(&columns).unwrap_err().to_string();
        assert_eq!(text, "column \"n\" of type text cannot be read as `i32`");
        let plan: Result<[usize; 2], Error> = checked_columns!(&columns, n: &str, id: i32);
        assert_eq!(plan.unwrap(), [1, 0]);
        let plan: Result<[usize; 1], Error> = checked_columns!(&columns, missing: i32);
        assert!(plan.unwrap_err().to_string().contains("\"missing\""));
    }

    fn decoded<T>(r#type: Type, format: Format, value: Option<&[u8]>) -> Result<T, Error>
    where
        T: for<'r> FromSql<'r>,
    {
        let columns = [column("n", r#type, format)];
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        let body = [b"\0\x01", &length.to_be_bytes()[..], value.unwrap_or_default()].concat();
        let in_order = <(T,)>::from_values(&columns, Values::new(&body));
        let offsets = [2_u32.to_ne_bytes()];
        let row = Row::new(&columns, &body, &offsets[..]);
        let found = <(T,)>::from_row(&(), row);
        assert_eq!(in_order.is_some(), found.is_ok(), "both ways come to the same");
        row.decode::<(T,)>().map(|(value,)| value)
    }

    #[test]
    fn a_value_that_is_read_in_order_takes_the_same_care() {
        let (finite, infinite) = (1_i64.to_be_bytes(), i64::MAX.to_be_bytes());
        for r#type in [Type::TIMESTAMP, Type::TIMESTAMPTZ] {
            let decoded = |value| decoded::<SystemTime>(r#type.clone(), Format::Binary, value);
            assert!(decoded(Some(&finite)).is_ok());
            assert!(decoded(Some(&infinite)).is_err() && decoded(None).is_err());
        }
        let null = decoded::<Option<SystemTime>>(Type::TIMESTAMP, Format::Binary, None);
        assert_eq!(null.unwrap(), None);
        let text = decoded::<String>(Type::JSONB, Format::Binary, Some(b"\x01{}"));
        assert_eq!(text.unwrap(), "{}");
        assert!(decoded::<String>(Type::JSONB, Format::Binary, Some(b"\x02{}")).is_err());
        let text = decoded::<String>(Type::TIMESTAMP, Format::Text, Some(b"infinity"));
        assert_eq!(text.unwrap(), "infinity");
        let domain = Type::new("d".into(), 70_000, Kind::Domain(Type::INT4), "public".into());
        let number = decoded::<i32>(domain, Format::Binary, Some(&[0, 0, 0, 7]));
        assert_eq!(number.unwrap(), 7);
        let huge = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\x01";
        assert!(decoded::<Vec<i32>>(Type::INT4_ARRAY, Format::Binary, Some(huge)).is_err());
    }

    #[test]
    fn a_row_of_another_shape_is_not_read_in_order() {
        let columns = [column("n", Type::INT4, Format::Binary)];
        let read = |body| <(i32,)>::from_values(&columns, Values::new(body));
        assert_eq!(read(b"\0\x01\0\0\0\x04\0\0\0\x07"), Some((7,)));
        assert_eq!(read(b"\0\x01\0\0\0\x04\0\0\0\x07x"), None);
        assert_eq!(read(b"\0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff"), None);
        assert_eq!(read(b"\0\x01\0\0\0\x04\0\0\0"), None);
        assert_eq!(<(i32,)>::from_values(&[], Values::new(b"\0\x01\0\0\0\x04\0\0\0\x07")), None);
    }
}
