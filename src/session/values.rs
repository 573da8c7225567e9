//! `Values`: the values of a row in the order of its columns, for what reads them all and in no other order.

use std::slice;

use postgres_types::FromSql;

use crate::message::{DataRow, ValuesInOrder};
use crate::session::column::Column;

/// Goes through the values of a row. It notes nowhere where they stand, so whoever wants them in another order has
/// to have them found first.
#[derive(Debug)]
pub struct Values<'r> {
    columns: slice::Iter<'r, Column>,
    values: ValuesInOrder<'r>,
}

impl<'r> Values<'r> {
    /// `None` if the row has another number of values than there are columns.
    #[inline]
    pub(crate) fn new(columns: &'r [Column], body: &'r [u8]) -> Option<Self> {
        let values = DataRow::new(body).values_in_order(columns.len())?;
        Some(Self { columns: columns.iter(), values })
    }

    /// The next value, whose type has been checked. `None` if there is anything wrong with it: what that is, those can
    /// tell who have the values found.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called for each value, it takes as long as what it does"
    )]
    pub(crate) fn next_as<T: FromSql<'r>>(&mut self) -> Option<T> {
        self.columns.next()?.read(self.values.next_value().ok()?).ok()
    }

    /// Whether all values have been read, and the row ends behind them.
    #[inline]
    pub(crate) fn are_all_read(&self) -> bool {
        self.columns.as_slice().is_empty() && self.values.is_at_end()
    }
}
