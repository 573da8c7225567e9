//! Integers of every width and sign, into every type that holds just that number.

use std::fmt::{Display, Write};

use bytes::{BufMut, BytesMut};
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};
use crate::sea_query::binder::numeric::write_scaled;

/// A whole number, and how wide the type is that it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integer {
    number: i128,
    width: Width,
}

#[derive(Clone, Copy, Debug)]
enum Width {
    Two,
    Four,
    Eight,
}

macro_rules! widths {
    ($($width:ident: $($type:ident)+;)*) => {$($(
        impl From<$type> for Integer {
            fn from(number: $type) -> Self {
                Self { number: number.into(), width: Width::$width }
            }
        }
    )+)*};
}

widths! {
    Two: i8 u8 i16;
    Four: u16 i32;
    Eight: u32 i64 u64;
}

impl Family for Integer {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        let number = self.number;
        match *r#type {
            Type::INT4 => out.put_i32(fit(number, [i32::MIN, i32::MAX])?),
            Type::INT8 => out.put_i64(fit(number, [i64::MIN, i64::MAX])?),
            Type::INT2 => out.put_i16(fit(number, [i16::MIN, i16::MAX])?),
            Type::NUMERIC => return write_scaled(number, 0, out),
            Type::FLOAT8 => out.put_f64(exact(number, f64::MANTISSA_DIGITS, r#type)?),
            Type::FLOAT4 => out.put_f32(narrow(exact(number, f32::MANTISSA_DIGITS, r#type)?)),
            Type::OID => out.put_u32(fit(number, [u32::MIN, u32::MAX])?),
            Type::XID8 => out.put_u64(fit(number, [u64::MIN, u64::MAX])?),
            // As the server casts it. SeaQuery writes `$1 = $2` for `in ()`, and the server takes both for text.
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => {
                write!(out, "{number}").map_err(|_| Misfit::Kind(CAST))?;
            }
            _ => return Err(refused(r#type)),
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        match self.width {
            Width::Two => Type::INT2,
            Width::Four => Type::INT4,
            Width::Eight if i64::try_from(self.number).is_ok() => Type::INT8,
            Width::Eight => Type::NUMERIC,
        }
    }
}

fn fit<T: TryFrom<i128> + Display>(number: i128, [least, most]: [T; 2]) -> Result<T, Misfit> {
    T::try_from(number).map_err(|_| {
        Misfit::value(if number < 0 {
            format!("it is below {least}")
        } else {
            format!("it is beyond {most}")
        })
    })
}

/// The number as a float, if its bits from the first to the last one that is set are no more than a float holds.
fn exact(number: i128, bits: u32, r#type: &Type) -> Result<f64, Misfit> {
    let size = number.unsigned_abs();
    let zeros = size.leading_zeros() + size.trailing_zeros();
    if size != 0 && u128::BITS.saturating_sub(zeros) > bits {
        return Err(Misfit::value(format!("no {type} is just that number: numeric holds it")));
    }
    #[expect(clippy::cast_precision_loss, reason = "it has no more bits than a float")]
    Ok(number as f64)
}

#[expect(clippy::cast_possible_truncation, reason = "it has no more bits than the narrower float")]
fn narrow(float: f64) -> f32 {
    float as f32
}

#[cold]
fn refused(r#type: &Type) -> Misfit {
    match *r#type {
        Type::TIMESTAMPTZ | Type::TIMESTAMP | Type::DATE | Type::TIME | Type::INTERVAL => {
            Misfit::Kind("a number does not say what it counts, and from when: use a time")
        }
        Type::MONEY => Misfit::Kind("cast it in the statement, first to numeric and then to money"),
        _ => Misfit::Kind(CAST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: impl Into<Integer>, r#type: &Type) -> Result<Vec<u8>, String> {
        let mut out = BytesMut::new();
        match number.into().write(r#type, &mut out) {
            Ok(()) => Ok(out.to_vec()),
            Err(Misfit::Value(why)) => Err(why.into_owned()),
            Err(misfit) => Err(format!("{misfit:?}")),
        }
    }

    #[test]
    fn an_integer_is_written_as_wide_as_its_target() {
        assert_eq!(written(5_u64, &Type::INT2).unwrap(), [0, 5]);
        assert_eq!(written(-5_i8, &Type::INT4).unwrap(), (-5_i32).to_be_bytes());
        assert_eq!(written(u32::MAX, &Type::INT8).unwrap(), 4_294_967_295_i64.to_be_bytes());
        assert_eq!(written(u32::MAX, &Type::OID).unwrap(), [0xff; 4]);
        assert_eq!(written(u64::MAX, &Type::XID8).unwrap(), [0xff; 8]);
        assert_eq!(written(i64::MIN, &Type::INT8).unwrap(), i64::MIN.to_be_bytes());
        assert_eq!(written(i64::MIN, &Type::TEXT).unwrap(), b"-9223372036854775808");
    }

    #[test]
    fn what_is_out_of_range_is_told_where_the_range_ends() {
        assert_eq!(written(40_000_u16, &Type::INT2).unwrap_err(), "it is beyond 32767");
        assert_eq!(written(i64::MIN, &Type::INT4).unwrap_err(), "it is below -2147483648");
        assert_eq!(written(u64::MAX, &Type::INT8).unwrap_err(), "it is beyond 9223372036854775807");
        assert_eq!(written(-1_i32, &Type::OID).unwrap_err(), "it is below 0");
        assert_eq!(written(-1_i64, &Type::XID8).unwrap_err(), "it is below 0");
    }

    #[test]
    fn a_float_is_just_that_number() {
        for number in [0, 1, -1, 1 << 53, -(1 << 53), i64::MIN, (1 << 53) + 2] {
            let raw = written(number, &Type::FLOAT8).unwrap();
            let float = f64::from_be_bytes(raw.try_into().unwrap());
            #[expect(clippy::cast_possible_truncation, reason = "the test asks whether it is")]
            let back = float as i128;
            assert_eq!(back, i128::from(number));
        }
        for number in [(1_i64 << 53) + 1, -(1 << 53) - 1, i64::MAX] {
            assert!(written(number, &Type::FLOAT8).unwrap_err().starts_with("no float8 is just"));
        }
        assert_eq!(written(1 << 24, &Type::FLOAT4).unwrap(), 16_777_216_f32.to_be_bytes());
        assert!(written((1 << 24) + 1, &Type::FLOAT4).is_err());
        assert_eq!(written(1_u64 << 63, &Type::FLOAT4).unwrap(), 9.223_372e18_f32.to_be_bytes());
        assert!(written(u64::MAX, &Type::FLOAT8).is_err());
    }

    #[test]
    fn an_integer_is_nothing_but_a_number() {
        for r#type in [Type::BOOL, Type::NAME, Type::TIMESTAMP, Type::MONEY, Type::CHAR, Type::JSON]
        {
            let misfit = Integer::from(5).write(&r#type, &mut BytesMut::new());
            assert!(matches!(misfit, Err(Misfit::Kind(_))), "{type}");
        }
    }

    #[test]
    fn a_literal_is_as_wide_as_the_type_of_rust() {
        assert_eq!(Integer::from(5_u8).own_type(), Type::INT2);
        assert_eq!(Integer::from(5_u16).own_type(), Type::INT4);
        assert_eq!(Integer::from(5_u32).own_type(), Type::INT8);
        assert_eq!(Integer::from(u64::MAX).own_type(), Type::NUMERIC);
    }
}
