//! Floats, into `float4`, `float8` and `numeric`.

use bytes::{BufMut, BytesMut};
use postgres_types::Type;

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::{CAST, Misfit};
use crate::types::Numeric;

/// A `float4`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float(pub(crate) f32);

/// A `float8`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Double(pub(crate) f64);

impl Family for Float {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match *r#type {
            Type::FLOAT4 => out.put_f32(self.0),
            Type::FLOAT8 => out.put_f64(self.0.into()),
            Type::NUMERIC => return write_decimal(self.0, out),
            _ => return Err(refused(r#type)),
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::FLOAT4
    }
}

impl Family for Double {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        match *r#type {
            Type::FLOAT8 => out.put_f64(self.0),
            Type::FLOAT4 => out.put_f32(narrow(self.0)?),
            Type::NUMERIC => return write_decimal(self.0, out),
            _ => return Err(refused(r#type)),
        }
        Ok(())
    }

    fn own_type(&self) -> Type {
        Type::FLOAT8
    }
}

/// The shortest decimal that stands for this float and no other: reading it as a float gives the float.
fn write_decimal(float: impl Into<Numeric>, out: &mut BytesMut) -> Result<(), Misfit> {
    float.into().write(&Type::NUMERIC, out)
}

/// The narrower float that is the same number, or is written with the same digits, as 0.1 is.
fn narrow(double: f64) -> Result<f32, Misfit> {
    #[expect(clippy::cast_possible_truncation, reason = "what it lost is looked at")]
    let float = double as f32;
    let is_same = f64::from(float).to_bits() == double.to_bits() || double.is_nan();
    // Neither becomes an infinity nor a zero: their digits are others.
    if is_same || float.to_string() == double.to_string() {
        return Ok(float);
    }
    Err(Misfit::value("it has more digits than a float4 keeps: round it before"))
}

#[cold]
fn refused(r#type: &Type) -> Misfit {
    match *r#type {
        Type::INT2 | Type::INT4 | Type::INT8 => {
            Misfit::Kind("a float is no integer: round it before, or cast it in the statement")
        }
        Type::MONEY => Misfit::Kind(CAST),
        _ => Misfit::kind_by(r#type),
    }
}

#[cfg(test)]
mod tests {
    use postgres_types::ToSql;

    use super::*;

    fn written(family: &dyn Family, r#type: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        family.write(r#type, &mut out).ok().map(|()| out.to_vec())
    }

    #[test]
    fn a_wider_float_is_the_same_number() {
        for float in [0.1, -0.0, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY] {
            let expected = f64::from(float).to_be_bytes();
            assert_eq!(written(&Float(float), &Type::FLOAT8).unwrap(), expected);
        }
    }

    #[test]
    fn a_narrower_float_has_the_same_digits() {
        for (double, float) in [
            (0.1, 0.1_f32),
            (0.5, 0.5),
            (-0.0, -0.0),
            (f64::from(0.1_f32), 0.1),
            (f64::from(f32::MAX), f32::MAX),
            (f64::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            assert_eq!(written(&Double(double), &Type::FLOAT4).unwrap(), float.to_be_bytes());
        }
        assert!(written(&Double(f64::NAN), &Type::FLOAT4).is_some());
        for double in [0.1 + 0.2, 1e39, f64::MAX, 1e-50, 16_777_217.0, 0.123_456_789] {
            assert!(written(&Double(double), &Type::FLOAT4).is_none(), "{double}");
        }
    }

    #[test]
    fn a_numeric_has_the_digits_that_are_printed() {
        let numeric = |text: &str| {
            let mut out = BytesMut::new();
            text.parse::<Numeric>().unwrap().to_sql(&Type::NUMERIC, &mut out).unwrap();
            out.to_vec()
        };
        assert_eq!(written(&Double(0.1), &Type::NUMERIC).unwrap(), numeric("0.1"));
        assert_eq!(written(&Float(0.1), &Type::NUMERIC).unwrap(), numeric("0.1"));
        assert_eq!(written(&Double(f64::NAN), &Type::NUMERIC).unwrap(), numeric("NaN"));
        assert_eq!(written(&Double(1e300), &Type::NUMERIC).unwrap(), numeric("1e300"));
    }

    #[test]
    fn a_float_is_no_integer() {
        for r#type in [Type::INT4, Type::INT8, Type::TEXT, Type::BOOL] {
            assert!(
                written(&Double(5.0), &r#type).is_none() && written(&Float(5.0), &r#type).is_none()
            );
        }
    }
}
