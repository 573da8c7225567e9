//! `Item`: one statement of a pipeline, and what is made of its rows.

use std::fmt;
use std::sync::Arc;

use postgres_types::FromSql;

use crate::error::{Error, Kind};
use crate::session::column::Column;
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
    make: fn(Kept) -> Result<T, Error>,
}

/// Which rows are kept until the item is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    All,
    /// Of the others it is only told how many there are.
    First,
    None,
}

/// What was kept of the reply to an item.
#[derive(Debug)]
pub(crate) struct Kept {
    /// None of them unless all are kept.
    pub(crate) rows: Rows,
    pub(crate) first: Option<OwnedRow>,
    /// How many there were, if any was to be kept.
    pub(crate) count: usize,
}

impl Kept {
    pub(crate) fn new(columns: Arc<[Column]>) -> Self {
        Self { rows: Rows::new(columns), first: None, count: 0 }
    }

    fn only_row(self) -> Result<Option<OwnedRow>, Error> {
        if self.count > 1 {
            let text = format!("one row was expected, but there are {}", self.count);
            return Err(Error::new(Kind::RowCount, text));
        }
        Ok(self.first)
    }
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
        let make = |kept: Kept| Ok(kept.rows);
        Item { statement, params, keep: Keep::All, make }
    }

    /// Returns how many rows were touched, as [`Connection::execute`](crate::Connection::execute).
    #[must_use]
    pub fn execute(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, u64> {
        let make = |kept: Kept| Ok(kept.rows.command_tag().rows());
        Item { statement, params, keep: Keep::None, make }
    }

    /// Returns the only row, as [`Connection::query_one`](crate::Connection::query_one).
    #[must_use]
    pub fn query_one(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, OwnedRow> {
        let make = |kept: Kept| kept.only_row()?.ok_or_else(no_row);
        Item { statement, params, keep: Keep::First, make }
    }

    /// Returns the only row or none, as [`Connection::query_opt`](crate::Connection::query_opt).
    #[must_use]
    pub fn query_opt(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, Option<OwnedRow>> {
        let make = Kept::only_row;
        Item { statement, params, keep: Keep::First, make }
    }

    /// Returns all rows as `T`, as [`Connection::query_as`](crate::Connection::query_as).
    #[must_use]
    pub fn query_as<T: for<'r> FromRow<'r>>(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, Vec<T>> {
        let make = |kept: Kept| kept.rows.decode();
        Item { statement, params, keep: Keep::All, make }
    }

    /// Returns the only value, as [`Connection::query_scalar`](crate::Connection::query_scalar).
    #[must_use]
    pub fn query_scalar<T: for<'r> FromSql<'r>>(
        statement: impl ToStatement + Send,
        params: impl Params,
    ) -> Item<impl ToStatement + Send, impl Params, T> {
        let make = |kept: Kept| {
            let columns = kept.rows.columns().len();
            if columns != 1 {
                let text = format!("one column was expected, but there are {columns}");
                return Err(Error::conversion(text));
            }
            kept.only_row()?.ok_or_else(no_row)?.try_get(0)
        };
        Item { statement, params, keep: Keep::First, make }
    }
}

impl<S: ToStatement, P: Params, T> Item<S, P, T> {
    pub(crate) fn demand(&self) -> Demand<'_> {
        Demand { called: Called::new(&self.statement), params: &self.params, keep: self.keep }
    }

    /// What the caller gets for what was kept.
    pub(crate) fn finish(&self, kept: Result<Kept, Error>) -> Result<T, Error> {
        let made = kept.and_then(self.make);
        made.map_err(|error| error.or_statement(self.statement.source().sql()))
    }
}

fn no_row() -> Error {
    Error::new(Kind::RowCount, "one row was expected, but there is none")
}

impl<S, P, T> fmt::Debug for Item<S, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("keep", &self.keep).finish_non_exhaustive()
    }
}
