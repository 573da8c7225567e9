//! `Money`: an amount in the smallest unit of the server's currency.

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::numeric::Numeric;
use crate::types::wire_form::{WireForm, wire_form};
use crate::wire::Reader;

/// A `money`: an amount, counted in the smallest unit of the currency.
///
/// What that unit is depends on `lc_monetary` of the session: with two digits after the point, as for dollars, 1205
/// is 12.05; with none, as for yen, it is 1205. The value does not tell, and so it has no text here: ask the server
/// for `amount::text`, or for `amount::numeric`.
///
/// # Examples
///
/// ```
/// use aiopg::types::Money;
///
/// assert_eq!(Money(1205).to_numeric(2).to_string(), "12.05");
/// ```
///
/// # Source
///
/// [Monetary types](https://www.postgresql.org/docs/18/datatype-money.html)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is a number and nothing else")]
pub struct Money(pub i64);

impl Money {
    /// Returns the amount as a number, where the currency has so many digits after the point.
    pub fn to_numeric(self, fraction_digits: u8) -> Numeric {
        // A scale of at most 255 is always in range.
        Numeric::new(self.0.into(), fraction_digits.into()).unwrap_or(Numeric::NAN)
    }
}

impl WireForm for Money {
    const NAME: &'static str = "money";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.read_i64().map(Self)
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        out.put_i64(self.0);
        Ok(())
    }
}

wire_form!(Money: MONEY);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_is_exact_with_any_number_of_digits() {
        assert_eq!(Money(i64::MIN).to_numeric(2).to_string(), "-92233720368547758.08");
        assert_eq!(Money(-5).to_numeric(0).to_string(), "-5");
        assert_eq!(Money(1).to_numeric(255).scale(), Some(255));
    }
}
