//! Decimal numbers, digit by digit, into `numeric` and into floats that keep them.

use bytes::{BufMut, BytesMut};
use postgres_types::{ToSql, Type};

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::Misfit;
use crate::types::Numeric;

/// How many of `numeric`'s digits, which count to 10000, a `u128` has at most.
const MOST_DIGITS: usize = 10;

/// Writes the number `unscaled` / 10^`scale` as a `numeric`.
pub(crate) fn write_scaled(unscaled: i128, scale: u16, out: &mut BytesMut) -> Result<(), Misfit> {
    let too_large = || Misfit::value("it has too many digits");
    // A digit of ours begins at the point.
    let missing = (4 - scale % 4) % 4;
    let shifted = unscaled.unsigned_abs().checked_mul(10_u128.pow(missing.into()));
    let mut rest = shifted.ok_or_else(too_large)?;
    let (mut digits, mut count) = ([0_u16; MOST_DIGITS], 0_i16);
    for digit in &mut digits {
        if rest == 0 {
            break;
        }
        *digit = u16::try_from(rest % 10_000).unwrap_or_default();
        rest /= 10_000;
        count += 1;
    }
    let behind_point = i16::try_from((scale + missing) / 4).map_err(|_| too_large())?;
    let used = digits.iter().take(count.unsigned_abs().into());
    let zeros = used.clone().take_while(|digit| **digit == 0).count();
    let shown = used.skip(zeros);
    out.put_u16(u16::try_from(shown.len()).unwrap_or_default());
    out.put_i16(if count == 0 { 0 } else { count - 1 - behind_point });
    out.put_u16(if unscaled < 0 { 0x4000 } else { 0 });
    out.put_u16(scale);
    shown.rev().for_each(|digit| out.put_u16(*digit));
    Ok(())
}

/// A number with a fixed point.
#[cfg(feature = "with-rust_decimal-1")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    pub(crate) unscaled: i128,
    pub(crate) scale: u32,
}

#[cfg(feature = "with-rust_decimal-1")]
impl Family for Decimal {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        let scale =
            u16::try_from(self.scale).map_err(|_| Misfit::value("its scale is too large"))?;
        if *r#type == Type::NUMERIC {
            return write_scaled(self.unscaled, scale, out);
        }
        Numeric::new(self.unscaled, scale).map_err(Misfit::Told)?.write(r#type, out)
    }

    fn own_type(&self) -> Type {
        Type::NUMERIC
    }
}

/// A number with any number of digits: `unscaled` / 10^`scale`.
#[cfg(feature = "with-bigdecimal-0_4")]
pub(crate) fn of_big(unscaled: impl std::fmt::Display, scale: i64) -> Result<Numeric, Misfit> {
    let text = format!("{unscaled}e{}", -i128::from(scale));
    text.parse().map_err(|_| Misfit::value("it has more digits than a numeric"))
}

impl Family for Numeric {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match *r#type {
            Type::NUMERIC => {
                self.to_sql(r#type, out).map_err(|_| Misfit::value("it is out of range"))?;
            }
            Type::FLOAT8 => {
                let float = f64::try_from(self).ok().filter(|float| Self::from(*float) == *self);
                out.put_f64(float.ok_or_else(|| rounded(r#type))?);
            }
            Type::FLOAT4 => {
                let float = f32::try_from(self).ok().filter(|float| Self::from(*float) == *self);
                out.put_f32(float.ok_or_else(|| rounded(r#type))?);
            }
            Type::INT2 | Type::INT4 | Type::INT8 => {
                let advice =
                    "a decimal is no integer: round it before, or cast it in the statement";
                return Err(Misfit::Kind(advice));
            }
            _ => return Err(Misfit::kind_by(r#type)),
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::NUMERIC
    }
}

#[cold]
fn rounded(r#type: &Type) -> Misfit {
    Misfit::value(format!("it has more digits than a {type} keeps: round it before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_numeric_writes() {
        let numbers = [
            0,
            1,
            -1,
            9_999,
            10_000,
            -10_001,
            99_999_999,
            100_000_000,
            i64::MAX.into(),
            i64::MIN.into(),
            u64::MAX.into(),
            1_000_000_000_000_000_000_000,
            79_228_162_514_264_337_593_543_950_335,
            -79_228_162_514_264_337_593_543_950_335,
        ];
        for number in numbers {
            for scale in 0..=28 {
                let (mut ours, mut expected) = (BytesMut::new(), BytesMut::new());
                write_scaled(number, scale, &mut ours).unwrap();
                let numeric = Numeric::new(number, scale).unwrap();
                numeric.to_sql(&Type::NUMERIC, &mut expected).unwrap();
                assert_eq!(ours, expected, "{number} {scale}");
            }
        }
        assert!(write_scaled(i128::MAX, 0, &mut BytesMut::new()).is_ok());
        assert!(write_scaled(i128::MAX, 1, &mut BytesMut::new()).is_err());
    }

    #[test]
    fn a_float_keeps_the_digits_of_a_decimal() {
        let written = |text: &str, r#type: &Type| {
            let mut out = BytesMut::new();
            Family::write(&text.parse::<Numeric>().unwrap(), r#type, &mut out)
                .map(|()| out.to_vec())
        };
        assert_eq!(written("0.10", &Type::FLOAT8).unwrap(), 0.1_f64.to_be_bytes());
        assert_eq!(written("0.1", &Type::FLOAT4).unwrap(), 0.1_f32.to_be_bytes());
        assert_eq!(
            written("-9007199254740992", &Type::FLOAT8).unwrap(),
            (-9_007_199_254_740_992_f64).to_be_bytes()
        );
        for text in ["0.12345678901234567890", "9007199254740993", "1e400", "1e-400"] {
            assert!(matches!(written(text, &Type::FLOAT8), Err(Misfit::Value(_))), "{text}");
        }
        assert!(matches!(written("16777217", &Type::FLOAT4), Err(Misfit::Value(_))));
        assert!(matches!(written("1", &Type::INT4), Err(Misfit::Kind(_))));
    }

    #[cfg(feature = "with-bigdecimal-0_4")]
    #[test]
    fn a_big_decimal_keeps_its_scale_and_has_a_limit() {
        assert_eq!(of_big(1205, 2).unwrap().to_string(), "12.05");
        assert_eq!(of_big(-5, -3).unwrap().to_string(), "-5000");
        assert_eq!(of_big(0, 2).unwrap().to_string(), "0.00");
        for scale in [i64::MIN, i64::MAX, 16_384, -131_072] {
            assert!(matches!(of_big(1, scale), Err(Misfit::Value(_))), "{scale}");
        }
    }
}
