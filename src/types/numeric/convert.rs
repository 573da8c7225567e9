//! Between `Numeric` and the numbers of Rust.

use crate::error::Error;
use crate::types::numeric::finite::Finite;
use crate::types::numeric::value::{Form, Numeric};

/// A `u128` has at most 39 decimal digits.
const MOST_WEIGHT: i32 = 9;

fn from_magnitude(negative: bool, magnitude: u128) -> Numeric {
    let mut digits = Vec::new();
    let mut rest = magnitude;
    while rest > 0 {
        digits.push(u16::try_from(rest % 10_000).unwrap_or_default());
        rest /= 10_000;
    }
    digits.reverse();
    let weight = i32::try_from(digits.len()).unwrap_or_default() - 1;
    Finite::new(negative, weight, 0, digits)
        .map_or(Numeric::ZERO, |number| Numeric(Form::Finite(number)))
}

/// The sign and the size of a number that is whole.
fn magnitude(number: &Finite) -> Option<(bool, u128)> {
    let lowest = number.weight + 1 - i32::try_from(number.digits.len()).ok()?;
    if number.weight > MOST_WEIGHT || (lowest < 0 && !number.digits.is_empty()) {
        return None;
    }
    let mut sum = 0_u128;
    for power in (0..=number.weight).rev() {
        sum = sum.checked_mul(10_000)?.checked_add(number.digit(power).into())?;
    }
    Some((number.negative, sum))
}

#[cold]
fn unfit(numeric: &Numeric, target: &str) -> Error {
    let what = match numeric.0 {
        Form::Finite(_) => "the numeric is out of range, or not whole,",
        Form::NaN => "NaN is no value",
        Form::Infinity | Form::NegInfinity => "an infinite numeric is no value",
    };
    Error::conversion(format!("{what} for `{target}`"))
}

macro_rules! signed {
    ($($type:ident),+) => {$(
        impl From<$type> for Numeric {
            fn from(number: $type) -> Self {
                let number = i128::from(number);
                from_magnitude(number < 0, number.unsigned_abs())
            }
        }
    )+};
}

macro_rules! unsigned {
    ($($type:ident),+) => {$(
        impl From<$type> for Numeric {
            fn from(number: $type) -> Self {
                from_magnitude(false, number.into())
            }
        }
    )+};
}

macro_rules! whole {
    ($($type:ident),+) => {$(
        impl TryFrom<&Numeric> for $type {
            type Error = Error;

            /// The number, if it is whole, with whatever scale, and in the range.
            fn try_from(numeric: &Numeric) -> Result<Self, Error> {
                let parts = match &numeric.0 {
                    Form::Finite(number) => magnitude(number),
                    Form::NaN | Form::Infinity | Form::NegInfinity => None,
                };
                let number = parts.and_then(|(negative, magnitude)| {
                    if negative {
                        0_i128.checked_sub_unsigned(magnitude)?.try_into().ok()
                    } else {
                        magnitude.try_into().ok()
                    }
                });
                number.ok_or_else(|| unfit(numeric, stringify!($type)))
            }
        }

        impl TryFrom<Numeric> for $type {
            type Error = Error;

            /// As from a reference.
            fn try_from(numeric: Numeric) -> Result<Self, Error> {
                Self::try_from(&numeric)
            }
        }
    )+};
}

macro_rules! floating {
    ($($type:ident),+) => {$(
        impl From<$type> for Numeric {
            /// The shortest decimal number that stands for this one and no other: what is printed. The sign of
            /// a zero is lost.
            fn from(number: $type) -> Self {
                if number.is_nan() {
                    Self::NAN
                } else if number.is_infinite() {
                    if number > 0.0 { Self::INFINITY } else { Self::NEG_INFINITY }
                } else {
                    let text = number.to_string();
                    Finite::parse(&text).map_or(Self::NAN, |number| Self(Form::Finite(number)))
                }
            }
        }

        impl TryFrom<&Numeric> for $type {
            type Error = Error;

            /// The nearest number.
            ///
            /// # Errors
            ///
            /// [`Kind::Conversion`](crate::Kind::Conversion) if that is an infinity, or 0, and this is not.
            fn try_from(numeric: &Numeric) -> Result<Self, Error> {
                let nearest = match &numeric.0 {
                    Form::Finite(number) => {
                        let nearest = number.to_string().parse::<Self>().ok();
                        nearest.filter(|nearest| {
                            nearest.is_finite() && (*nearest != 0.0 || number.digits.is_empty())
                        })
                    }
                    Form::NaN => Some(Self::NAN),
                    Form::Infinity => Some(Self::INFINITY),
                    Form::NegInfinity => Some(Self::NEG_INFINITY),
                };
                nearest.ok_or_else(|| unfit(numeric, stringify!($type)))
            }
        }

        impl TryFrom<Numeric> for $type {
            type Error = Error;

            /// As from a reference.
            fn try_from(numeric: Numeric) -> Result<Self, Error> {
                Self::try_from(&numeric)
            }
        }
    )+};
}

signed!(i8, i16, i32, i64, i128);
unsigned!(u8, u16, u32, u64, u128);
whole!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);
floating!(f32, f64);
