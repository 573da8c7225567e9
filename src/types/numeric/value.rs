//! `Numeric`: every value that `numeric` has.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::numeric::finite::{Finite, MOST_SCALE};
use crate::types::wire_form::{WireForm, invalid_text, out_of_range, wire_form};
use crate::wire::Reader;

/// A `numeric`: a decimal number of any precision, `NaN`, or from PostgreSQL 14 on an infinity.
///
/// Nothing is rounded. The scale, which is the number of digits after the point that are shown, survives; like
/// the server's, our comparison, order and hash do not ask for it. `NaN` equals itself and is greater than
/// everything else.
///
/// There is no arithmetic: leave that to the server, or to a crate of decimals whose types implement
/// [`FromSql`](postgres_types::FromSql).
///
/// # Examples
///
/// ```
/// use aiopg::types::Numeric;
///
/// let price: Numeric = "120.50".parse()?;
/// assert_eq!((price.to_string().as_str(), price.scale()), ("120.50", Some(2)));
/// assert_eq!(price, Numeric::new(1205, 1)?);
/// assert_eq!(i64::try_from(&Numeric::from(7_i32))?, 7);
/// assert!(i64::try_from(&price).is_err(), "it is not whole");
/// assert_eq!(f64::try_from(&price)?, 120.5);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Arbitrary precision numbers](https://www.postgresql.org/docs/18/datatype-numeric.html#DATATYPE-NUMERIC-DECIMAL)
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numeric(pub(crate) Form);

/// The order of the variants is that of their values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    NegInfinity,
    Finite(Finite),
    Infinity,
    NaN,
}

impl Numeric {
    /// `NaN`.
    pub const NAN: Self = Self(Form::NaN);
    /// `Infinity`, from PostgreSQL 14 on.
    pub const INFINITY: Self = Self(Form::Infinity);
    /// `-Infinity`, from PostgreSQL 14 on.
    pub const NEG_INFINITY: Self = Self(Form::NegInfinity);
    /// 0.
    pub const ZERO: Self =
        Self(Form::Finite(Finite { negative: false, weight: 0, scale: 0, digits: Vec::new() }));

    /// Makes the number `unscaled` / 10^`scale`: 1205 and 1 are 120.5.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there are more than 16383 digits after the point.
    pub fn new(unscaled: i128, scale: u16) -> Result<Self, Error> {
        let number = Finite::parse(&format!("{unscaled}e-{scale}"));
        number.map(|number| Self(Form::Finite(number))).ok_or_else(out_of_range::<Self>)
    }

    /// Returns how many digits are shown after the point; `None` for `NaN` and the infinities.
    pub fn scale(&self) -> Option<u16> {
        match &self.0 {
            Form::Finite(number) => Some(number.scale),
            Form::NaN | Form::Infinity | Form::NegInfinity => None,
        }
    }

    /// Tells whether this is a number: neither `NaN` nor an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self.0, Form::Finite(_))
    }

    /// Tells whether this is `NaN`.
    pub fn is_nan(&self) -> bool {
        self.0 == Form::NaN
    }

    /// Tells whether this is 0, with whatever scale.
    pub fn is_zero(&self) -> bool {
        matches!(&self.0, Form::Finite(number) if number.digits.is_empty())
    }

    /// Tells whether this is less than 0.
    pub fn is_negative(&self) -> bool {
        *self < Self::ZERO
    }
}

impl Default for Numeric {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Finite(number) => number.fmt(f),
            Form::NaN => f.write_str("NaN"),
            Form::Infinity => f.write_str("Infinity"),
            Form::NegInfinity => f.write_str("-Infinity"),
        }
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

impl FromStr for Numeric {
    type Err = Error;

    /// Reads a number with or without a point and an exponent, and `NaN`, `Infinity` and `inf` in any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
        let form = if is(&["nan"]) {
            Some(Form::NaN)
        } else if is(&["infinity", "+infinity", "inf", "+inf"]) {
            Some(Form::Infinity)
        } else if is(&["-infinity", "-inf"]) {
            Some(Form::NegInfinity)
        } else {
            Finite::parse(text).map(Form::Finite)
        };
        form.map(Self).ok_or_else(invalid_text::<Self>)
    }
}

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEG_INFINITY: u16 = 0xf000;

impl WireForm for Numeric {
    const NAME: &'static str = "numeric";

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = usize::from(reader.read_u16()?);
        let weight = reader.read_i16()?;
        let sign = reader.read_u16()?;
        let scale = reader.read_u16()?;
        let digits = reader.read_bytes(count * 2)?.chunks_exact(2);
        // Of what is no number the server sends whatever weight and scale.
        let negative = match sign {
            POSITIVE => false,
            NEGATIVE => true,
            NAN if count == 0 => return Ok(Self::NAN),
            INFINITY if count == 0 => return Ok(Self::INFINITY),
            NEG_INFINITY if count == 0 => return Ok(Self::NEG_INFINITY),
            _ => return Err(reader.invalid("its sign is unknown")),
        };
        let digit =
            |bytes: &[u8]| bytes.iter().fold(0, |digit, byte| digit << 8 | u16::from(*byte));
        if scale > MOST_SCALE {
            return Err(reader.invalid("its scale is too large"));
        }
        let number = Finite::new(negative, weight.into(), scale, digits.map(digit).collect());
        let number = number.ok_or_else(|| reader.invalid("its digits do not fit its scale"))?;
        Ok(Self(Form::Finite(number)))
    }

    fn write(&self, out: &mut BytesMut) -> Result<(), Error> {
        let (sign, number) = match &self.0 {
            Form::Finite(number) => (if number.negative { NEGATIVE } else { POSITIVE }, number),
            Form::NaN => return write_special(NAN, out),
            Form::Infinity => return write_special(INFINITY, out),
            Form::NegInfinity => return write_special(NEG_INFINITY, out),
        };
        let count = u16::try_from(number.digits.len()).map_err(|_| out_of_range::<Self>())?;
        let weight = i16::try_from(number.weight).map_err(|_| out_of_range::<Self>())?;
        out.put_u16(count);
        out.put_i16(weight);
        out.put_u16(sign);
        out.put_u16(number.scale);
        number.digits.iter().for_each(|digit| out.put_u16(*digit));
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what writing returns")]
fn write_special(sign: u16, out: &mut BytesMut) -> Result<(), Error> {
    out.put_slice(&[0; 4]);
    out.put_u16(sign);
    out.put_u16(0);
    Ok(())
}

wire_form!(Numeric: NUMERIC);
