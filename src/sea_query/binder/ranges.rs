//! Ranges, bound by bound, into every range of numbers.

use bytes::{BufMut, BytesMut};
use postgres_types::{IsNull, Kind, Type};
use sea_query_postgres_types::range::{RangeBound, RangeType};

use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::floats::Double;
use crate::sea_query::binder::integers::Integer;
use crate::sea_query::binder::misfit::{CAST, Misfit};
use crate::types::put_behind_length;

/// A range. Its bounds are inclusive and exclusive as their names say, whatever their text is.
#[derive(Debug)]
pub(crate) struct Range<'v>(pub(crate) &'v RangeType);

impl Family for Range<'_> {
    fn write(&self, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
        let Kind::Range(subtype) = r#type.kind() else { return Err(Misfit::Kind(CAST)) };
        match self.0 {
            RangeType::Int4Range(lower, upper) => {
                write_bounds([lower, upper], |bound| Integer::from(*bound), subtype, out)
            }
            RangeType::Int8Range(lower, upper) => {
                write_bounds([lower, upper], |bound| Integer::from(*bound), subtype, out)
            }
            RangeType::NumRange(lower, upper) => {
                write_bounds([lower, upper], |bound| Double(*bound), subtype, out)
            }
        }
    }

    fn own_type(&self) -> Type {
        match self.0 {
            RangeType::Int4Range(..) => Type::INT4_RANGE,
            RangeType::Int8Range(..) => Type::INT8_RANGE,
            RangeType::NumRange(..) => Type::NUM_RANGE,
        }
    }
}

// The flags of a range on the wire: of its lower and of its upper bound.
const INCLUSIVE: [u8; 2] = [0x02, 0x04];
const INFINITE: [u8; 2] = [0x08, 0x10];

fn write_bounds<T: Clone + std::fmt::Display, F: Family>(
    bounds: [&RangeBound<T>; 2],
    family: impl Fn(&T) -> F,
    subtype: &Type,
    out: &mut BytesMut,
) -> Result<(), Misfit> {
    // The crate of these ranges calls such a one empty, its bounds say that it is everything.
    if bounds.iter().all(|bound| matches!(bound, RangeBound::Unbounded)) {
        let why = "without bounds it could mean nothing or everything: say which in SQL, as 'empty' or '(,)'";
        return Err(Misfit::value(why));
    }
    let flags = bounds.into_iter().zip(INCLUSIVE).zip(INFINITE);
    let flags = flags.map(|((bound, inclusive), infinite)| match bound {
        RangeBound::Inclusive(_) => inclusive,
        RangeBound::Exclusive(_) => 0,
        RangeBound::Unbounded => infinite,
    });
    let start = out.len();
    out.put_u8(flags.fold(0, |flags, flag| flags | flag));
    let subtype = base(subtype);
    for bound in bounds {
        let (RangeBound::Inclusive(value) | RangeBound::Exclusive(value)) = bound else { continue };
        let written =
            put_behind_length(out, |out| family(value).write(subtype, out).map(|()| IsNull::No));
        written.map_err(|misfit| {
            out.truncate(start);
            match misfit {
                Misfit::Value(why) => Misfit::value(format!("a bound: {why}")),
                Misfit::Kind(_) | Misfit::Told(_) => misfit,
            }
        })?;
    }
    Ok(())
}

/// The type without domains.
fn base(r#type: &Type) -> &Type {
    if let Kind::Domain(inner) = r#type.kind() { base(inner) } else { r#type }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(range: &RangeType, r#type: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        Range(range).write(r#type, &mut out).ok().map(|()| out.to_vec())
    }

    #[test]
    fn bounds_are_inclusive_and_exclusive_as_they_are_called() {
        let range = RangeType::Int4Range(RangeBound::Inclusive(1), RangeBound::Exclusive(5));
        let expected = b"\x02\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x05";
        assert_eq!(written(&range, &Type::INT4_RANGE).unwrap(), expected);
        let range = RangeType::Int8Range(RangeBound::Exclusive(1), RangeBound::Inclusive(5));
        let expected = b"\x04\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x05";
        assert_eq!(written(&range, &Type::INT4_RANGE).unwrap(), expected);
        let range = RangeType::NumRange(RangeBound::Unbounded, RangeBound::Unbounded);
        assert!(written(&range, &Type::NUM_RANGE).is_none(), "nothing or everything?");
        let range = RangeType::NumRange(RangeBound::Unbounded, RangeBound::Exclusive(0.0));
        assert_eq!(written(&range, &Type::NUM_RANGE).unwrap().first(), Some(&0x08));
    }

    #[test]
    fn bounds_fit_the_range_that_is_expected() {
        let wide = RangeType::Int8Range(RangeBound::Inclusive(1 << 40), RangeBound::Unbounded);
        assert!(written(&wide, &Type::INT8_RANGE).is_some());
        assert!(written(&wide, &Type::NUM_RANGE).is_some());
        assert!(written(&wide, &Type::INT4_RANGE).is_none());
        let numbers = RangeType::NumRange(RangeBound::Inclusive(1.5), RangeBound::Unbounded);
        assert!(written(&numbers, &Type::INT4_RANGE).is_none());
        assert!(written(&numbers, &Type::DATE_RANGE).is_none());
        assert!(written(&numbers, &Type::TEXT).is_none());
    }
}
