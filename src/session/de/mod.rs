//! Rows into any type that serde can deserialize.

mod error;
mod value;
mod columns;

use std::any::type_name;

use serde::de::Deserialize;

use crate::error::Error;
use crate::session::column::Column;
use crate::session::de::columns::{Columns, repeated};
use crate::session::de::error::DeError;
use crate::session::owned_row::OwnedRow;
use crate::session::row::Row;
use crate::session::rows::Rows;

impl<'r> Row<'r> {
    /// Converts the row into `T` by serde: a struct or a map by the names of the columns, a tuple by position, an
    /// `Option` of them that is `None` if all is NULL, and a single value from a single column.
    ///
    /// | PostgreSQL | as serde sees it |
    /// |---|---|
    /// | `boolean`, `smallint`, `integer`, `bigint`, `oid`, `real`, `double precision`, `"char"` | the same; an integer may be taken as one of another size, or as a float that holds every value of its type |
    /// | `text`, `varchar`, `char(n)`, `name`, enums, `xml` and other text | a string, which can be borrowed |
    /// | `bytea` | bytes, which can be borrowed |
    /// | `json`, `jsonb` | what is in it |
    /// | `numeric` | a string, or an integer if it is a whole number |
    /// | `date`, `time`, `timestamp`, `timestamptz` | a string as in ISO 8601, `2001-02-03T04:05:06+00:00`; infinities and years before Christ as the server writes them |
    /// | `uuid`, `interval`, `timetz`, `bit`, `varbit`, `inet`, `cidr`, `macaddr`, `macaddr8`, `pg_lsn`, `xid8`, `tid` | a string, as the server writes it |
    /// | arrays | a sequence, of sequences where there are several dimensions |
    /// | composite types | a map; `record` is a sequence |
    /// | NULL | `None` |
    ///
    /// Other types are refused. A column in text format, as [`simple_query`](crate::Connection::simple_query) gives
    /// them, is a string. [`FromRow`](crate::FromRow) is faster: it checks the types once per result.
    ///
    /// # Examples
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct City<'r> {
    ///     id: i32,
    ///     name: &'r str,
    /// }
    ///
    /// fn city(row: aiopg::Row<'_>) -> Result<City<'_>, aiopg::Error> {
    ///     row.deserialize()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a value does not fit or a column is missing; if a map or
    /// struct would take one of several columns of the same name; if a tuple has another length than the row.
    pub fn deserialize<T: Deserialize<'r>>(&self) -> Result<T, Error> {
        deserialize(*self, &repeated(self.columns()))
    }
}

impl OwnedRow {
    /// Converts the row into `T` by serde; see [`Row::deserialize`].
    ///
    /// # Errors
    ///
    /// As [`Row::deserialize`].
    pub fn deserialize<'r, T: Deserialize<'r>>(&'r self) -> Result<T, Error> {
        self.row().deserialize()
    }
}

impl Rows {
    /// Converts every row into `T` by serde; see [`Row::deserialize`].
    ///
    /// # Errors
    ///
    /// As [`Row::deserialize`].
    pub fn deserialize<'r, T: Deserialize<'r>>(&'r self) -> Result<Vec<T>, Error> {
        let repeated = repeated(self.columns());
        self.iter().map(|row| deserialize(row, &repeated)).collect()
    }
}

/// `repeated` are the names that more than one column has.
fn deserialize<'r, T: Deserialize<'r>>(row: Row<'r>, repeated: &[&str]) -> Result<T, Error> {
    T::deserialize(Columns::new(row, repeated)).map_err(|error| described::<T>(row, error))
}

/// The error with what is known of its column and its row.
#[cold]
fn described<T>(row: Row<'_>, error: DeError) -> Error {
    let target = type_name::<T>();
    let column = error.position().and_then(|position| row.columns().get(position));
    let what = match column.map(|column| (column.name(), column_type(column))) {
        Some((name, r#type)) => {
            format!("column \"{name}\" of type {type} cannot be deserialized for `{target}`")
        }
        None => format!("the row cannot be deserialized into `{target}`"),
    };
    row.located(if error.is_custom() {
        // It is made by the caller's own types, and could hold a value.
        Error::conversion(what).with_source(error)
    } else {
        Error::conversion(format!("{what}: {error}"))
    })
}

fn column_type(column: &Column) -> &str {
    column.r#type().name()
}
