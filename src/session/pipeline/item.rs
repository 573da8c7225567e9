//! `Item`: one statement of a pipeline, and what is made of its rows.

use std::fmt;

use postgres_types::FromSql;

use crate::error::{Error, Kind};
use crate::session::from_row::FromRow;
use crate::session::owned_row::OwnedRow;
use crate::session::rows::Rows;
use crate::session::source::{Called, ToStatement};
use crate::types::Params;

/// One statement of a pipeline, with its parameters, and what its caller wants of its rows.
///
/// There is one constructor for each verb of a connection; see [`Connection::pipeline`](crate::Connection::pipeline).
pub struct Item<S, P, T> {
    statement: S,
    params: P,
    keep: Keep,
    make: fn(Rows) -> Result<T, Error>,
}

/// Whether the rows are kept until the item is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Rows,
    Nothing,
}

/// A statement as a pipeline sees it, whatever is made of its rows.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'i> {
    pub(crate) called: Called<'i>,
    pub(crate) params: &'i dyn Params,
    pub(crate) keep: Keep,
}

impl Item<(), (), ()> {
    /// Returns all rows, as [`Connection::query`](crate::Connection::query).
    #[must_use]
    pub fn query(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, Rows> {
        let make = Ok;
        Item { statement, params, keep: Keep::Rows, make }
    }

    /// Returns how many rows were touched, as [`Connection::execute`](crate::Connection::execute).
    #[must_use]
    pub fn execute(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, u64> {
        let make = |rows: Rows| Ok(rows.command_tag().rows());
        Item { statement, params, keep: Keep::Nothing, make }
    }

    /// Returns the only row, as [`Connection::query_one`](crate::Connection::query_one).
    #[must_use]
    pub fn query_one(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, OwnedRow> {
        let make = |rows: Rows| only_row(&rows)?.ok_or_else(no_row);
        Item { statement, params, keep: Keep::Rows, make }
    }

    /// Returns the only row or none, as [`Connection::query_opt`](crate::Connection::query_opt).
    #[must_use]
    pub fn query_opt(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, Option<OwnedRow>> {
        let make = |rows: Rows| only_row(&rows);
        Item { statement, params, keep: Keep::Rows, make }
    }

    /// Returns all rows as `T`, as [`Connection::query_as`](crate::Connection::query_as).
    #[must_use]
    pub fn query_as<T: for<'r> FromRow<'r>>(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, Vec<T>> {
        let make = |rows: Rows| rows.decode();
        Item { statement, params, keep: Keep::Rows, make }
    }

    /// Returns the only value, as [`Connection::query_scalar`](crate::Connection::query_scalar).
    #[must_use]
    pub fn query_scalar<T: for<'r> FromSql<'r>>(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, T> {
        let make = |rows: Rows| {
            let columns = rows.columns().len();
            if columns != 1 {
                let text = format!("one column was expected, but there are {columns}");
                return Err(Error::conversion(text));
            }
            only_row(&rows)?.ok_or_else(no_row)?.try_get(0)
        };
        Item { statement, params, keep: Keep::Rows, make }
    }
}

impl<S: ToStatement, P: Params, T> Item<S, P, T> {
    pub(crate) fn demand(&self) -> Demand<'_> {
        Demand { called: Called::new(&self.statement), params: &self.params, keep: self.keep }
    }

    /// What the caller gets for the rows.
    pub(crate) fn finish(&self, rows: Result<Rows, Error>) -> Result<T, Error> {
        let made = rows.and_then(self.make);
        made.map_err(|error| error.or_statement(self.statement.source().sql()))
    }
}

fn only_row(rows: &Rows) -> Result<Option<OwnedRow>, Error> {
    if rows.len() > 1 {
        let text = format!("one row was expected, but there are {}", rows.len());
        return Err(Error::new(Kind::RowCount, text));
    }
    Ok(rows.owned_row(0))
}

fn no_row() -> Error {
    Error::new(Kind::RowCount, "one row was expected, but there is none")
}

impl<S, P, T> fmt::Debug for Item<S, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("keep", &self.keep).finish_non_exhaustive()
    }
}
