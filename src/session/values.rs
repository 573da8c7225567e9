//! `Values`: the values of a row in the order of its columns, for what reads them all and in no other order.

use crate::message::{DataRow, ValuesInOrder};

/// The values of a row. It is noted nowhere where they stand, so whoever wants them in another order has to have them
/// found first.
#[derive(Clone, Copy, Debug)]
pub struct Values<'r> {
    body: &'r [u8],
}

impl<'r> Values<'r> {
    #[inline]
    pub(crate) fn new(body: &'r [u8]) -> Self {
        Self { body }
    }

    /// The values from the first to the last, if there are so many.
    #[inline]
    pub(crate) fn in_order(self, count: usize) -> Option<ValuesInOrder<'r>> {
        DataRow::new(self.body).values_in_order(count)
    }
}
