//! `Range` and `Multirange`.

use std::fmt;
use std::ops::Bound;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, WrongType, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count, put_value};
use crate::types::plain::{read, read_type, reads, write, writes};
use crate::types::quote_element::RangeBound;
use crate::wire::Reader;

/// A range of values: of every range type that is built in, and of those made by `CREATE TYPE ... AS RANGE`.
///
/// A bound is included, excluded, or missing. A bound that is missing is not the same as one that is infinity.
/// Ranges over whole numbers and dates come back from the server as `[a,b)`, however they were written.
///
/// # Examples
///
/// ```
/// use std::ops::Bound;
///
/// use aiopg::types::Range;
///
/// let range = Range::from(1..=3);
/// assert!(range.contains(&3));
/// assert_eq!(range.to_string(), "[1,3]");
/// assert_eq!(Range::new(Bound::Excluded(1), Bound::Unbounded).to_string(), "(1,)");
/// assert_eq!(Range::<i32>::empty().to_string(), "empty");
/// assert_eq!(std::ops::Range::try_from(Range::from(1..3))?, 1..3);
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Range types](https://www.postgresql.org/docs/18/rangetypes.html)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range<T>(Option<(Bound<T>, Bound<T>)>);

impl<T> Range<T> {
    /// Makes a range. The server refuses one whose lower bound is greater than its upper bound.
    pub fn new(lower: Bound<T>, upper: Bound<T>) -> Self {
        Self(Some((lower, upper)))
    }

    /// Makes the range that contains nothing.
    pub fn empty() -> Self {
        Self(None)
    }

    /// Tells whether this is the range that contains nothing.
    ///
    /// One such as `(1,1)` is not told apart here, but it becomes `empty` on the server.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the lower bound; `None` for an empty range.
    pub fn lower(&self) -> Option<Bound<&T>> {
        self.0.as_ref().map(|(lower, _)| lower.as_ref())
    }

    /// Returns the upper bound; `None` for an empty range.
    pub fn upper(&self) -> Option<Bound<&T>> {
        self.0.as_ref().map(|(_, upper)| upper.as_ref())
    }

    /// Returns the bounds; `None` for an empty range.
    pub fn into_bounds(self) -> Option<(Bound<T>, Bound<T>)> {
        self.0
    }

    /// Tells whether a value lies in the range.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialOrd,
    {
        let above = |lower: &Bound<T>| match lower {
            Bound::Included(lower) => lower <= value,
            Bound::Excluded(lower) => lower < value,
            Bound::Unbounded => true,
        };
        let below = |upper: &Bound<T>| match upper {
            Bound::Included(upper) => value <= upper,
            Bound::Excluded(upper) => value < upper,
            Bound::Unbounded => true,
        };
        self.0.as_ref().is_some_and(|(lower, upper)| above(lower) && below(upper))
    }
}

macro_rules! from_bounds {
    ($($range:ty, |$value:ident| $lower:expr, $upper:expr;)*) => {$(
        impl<T> From<$range> for Range<T> {
            fn from($value: $range) -> Self {
                Self::new($lower, $upper)
            }
        }
    )*};
}

from_bounds! {
    std::ops::Range<T>, |range| Bound::Included(range.start), Bound::Excluded(range.end);
    std::ops::RangeFrom<T>, |range| Bound::Included(range.start), Bound::Unbounded;
    std::ops::RangeTo<T>, |range| Bound::Unbounded, Bound::Excluded(range.end);
    std::ops::RangeToInclusive<T>, |range| Bound::Unbounded, Bound::Included(range.end);
    std::ops::RangeFull, |_range| Bound::Unbounded, Bound::Unbounded;
    (Bound<T>, Bound<T>), |bounds| bounds.0, bounds.1;
}

impl<T> From<std::ops::RangeInclusive<T>> for Range<T> {
    fn from(range: std::ops::RangeInclusive<T>) -> Self {
        let (start, end) = range.into_inner();
        Self::new(Bound::Included(start), Bound::Included(end))
    }
}

impl<T> TryFrom<Range<T>> for std::ops::Range<T> {
    type Error = Error;

    fn try_from(range: Range<T>) -> Result<Self, Error> {
        match range.0 {
            Some((Bound::Included(start), Bound::Excluded(end))) => Ok(start..end),
            _ => Err(Error::conversion("the range is not of the form [a,b)")),
        }
    }
}

impl<T> TryFrom<Range<T>> for std::ops::RangeInclusive<T> {
    type Error = Error;

    fn try_from(range: Range<T>) -> Result<Self, Error> {
        match range.0 {
            Some((Bound::Included(start), Bound::Included(end))) => Ok(start..=end),
            _ => Err(Error::conversion("the range is not of the form [a,b]")),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Range<T> {
    /// Writes the range as the server does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((lower, upper)) = &self.0 else { return f.write_str("empty") };
        match lower {
            Bound::Included(value) => write!(f, "[{},", RangeBound(value))?,
            Bound::Excluded(value) => write!(f, "({},", RangeBound(value))?,
            Bound::Unbounded => f.write_str("(,")?,
        }
        match upper {
            Bound::Included(value) => write!(f, "{}]", RangeBound(value)),
            Bound::Excluded(value) => write!(f, "{})", RangeBound(value)),
            Bound::Unbounded => f.write_str(")"),
        }
    }
}

// The flags of a range on the wire.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

impl<'a, T: FromSql<'a>> Range<T> {
    fn read(subtype: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new("range", raw);
        let flags = reader.read_u8()?;
        let known = EMPTY | LOWER_INCLUSIVE | UPPER_INCLUSIVE | LOWER_INFINITE | UPPER_INFINITE;
        if flags & !known != 0 {
            return Err(reader.invalid("it has unrecognized flags").into());
        }
        let has = |flag| flags & flag != 0;
        if has(EMPTY) {
            reader.finish()?;
            return Ok(Self::empty());
        }
        let mut bound = |infinite, inclusive| match (has(infinite), has(inclusive)) {
            (true, _) => Ok(Bound::Unbounded),
            (false, inclusive) => {
                let Some(value) = reader.read_value()? else {
                    return Err(CodecError::from(reader.invalid("a bound is NULL")));
                };
                let value = read(subtype, Some(value))?;
                Ok(if inclusive { Bound::Included(value) } else { Bound::Excluded(value) })
            }
        };
        let lower = bound(LOWER_INFINITE, LOWER_INCLUSIVE)?;
        let upper = bound(UPPER_INFINITE, UPPER_INCLUSIVE)?;
        reader.finish()?;
        Ok(Self::new(lower, upper))
    }
}

impl<T: ToSql> Range<T> {
    fn write(&self, subtype: &Type, out: &mut BytesMut) -> Result<(), CodecError> {
        let Some((lower, upper)) = &self.0 else {
            out.put_u8(EMPTY);
            return Ok(());
        };
        let flag = |bound: &Bound<T>, inclusive, infinite| match bound {
            Bound::Included(_) => inclusive,
            Bound::Excluded(_) => 0,
            Bound::Unbounded => infinite,
        };
        let lower_flag = flag(lower, LOWER_INCLUSIVE, LOWER_INFINITE);
        out.put_u8(lower_flag | flag(upper, UPPER_INCLUSIVE, UPPER_INFINITE));
        for bound in [lower, upper] {
            let (Bound::Included(value) | Bound::Excluded(value)) = bound else { continue };
            put_value(out, |out| match write(value, subtype, out)? {
                IsNull::No => Ok(IsNull::No),
                IsNull::Yes => Err("a bound of a range cannot be NULL: leave it unbounded".into()),
            })?;
        }
        Ok(())
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Range<T> {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let wrong = || Box::new(WrongType::new::<Self>(r#type.clone()));
        let Kind::Range(subtype) = r#type.kind() else { return Err(wrong()) };
        Self::read(&*read_type::<T>(subtype).ok_or_else(wrong)?, raw)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Range(subtype) if reads::<T>(subtype))
    }
}

impl<T: ToSql> ToSql for Range<T> {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        let Kind::Range(subtype) = r#type.kind() else {
            return Err(Box::new(WrongType::new::<Self>(r#type.clone())));
        };
        self.write(subtype, out)?;
        Ok(IsNull::No)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Range(subtype) if writes::<T>(subtype))
    }

    to_sql_checked!();
}

/// A set of ranges: of every multirange type. The server keeps them in order and joins those that touch.
///
/// # Examples
///
/// ```
/// use aiopg::types::{Multirange, Range};
///
/// let ranges: Multirange<i32> = [1..3, 5..8].into_iter().map(Range::from).collect();
/// assert_eq!(ranges.to_string(), "{[1,3),[5,8)}");
/// assert!(ranges.contains(&7));
/// ```
///
/// # Source
///
/// [Multirange types](https://www.postgresql.org/docs/18/rangetypes.html)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Multirange<T>(Vec<Range<T>>);

impl<T> Multirange<T> {
    /// Returns the ranges.
    pub fn ranges(&self) -> &[Range<T>] {
        &self.0
    }

    /// Returns the ranges.
    pub fn into_ranges(self) -> Vec<Range<T>> {
        self.0
    }

    /// Tells whether a value lies in one of the ranges.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialOrd,
    {
        self.0.iter().any(|range| range.contains(value))
    }
}

impl<T> Default for Multirange<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<Range<T>>> for Multirange<T> {
    fn from(ranges: Vec<Range<T>>) -> Self {
        Self(ranges)
    }
}

impl<T> FromIterator<Range<T>> for Multirange<T> {
    fn from_iter<I: IntoIterator<Item = Range<T>>>(ranges: I) -> Self {
        Self(ranges.into_iter().collect())
    }
}

impl<T> IntoIterator for Multirange<T> {
    type Item = Range<T>;
    type IntoIter = std::vec::IntoIter<Range<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: fmt::Display> fmt::Display for Multirange<T> {
    /// Writes the ranges as the server does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (position, range) in self.0.iter().enumerate() {
            f.write_str(if position > 0 { "," } else { "" })?;
            range.fmt(f)?;
        }
        f.write_str("}")
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Multirange<T> {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let wrong = || Box::new(WrongType::new::<Self>(r#type.clone()));
        let Kind::Multirange(subtype) = r#type.kind() else { return Err(wrong()) };
        let subtype = read_type::<T>(subtype).ok_or_else(wrong)?;
        let mut reader = Reader::new("multirange", raw);
        let count = reader.read_u32()?;
        let mut ranges = Vec::new();
        for _ in 0..count {
            let Some(range) = reader.read_value()? else {
                return Err(reader.invalid("a range is NULL").into());
            };
            ranges.push(Range::read(&subtype, range)?);
        }
        reader.finish()?;
        Ok(Self(ranges))
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Multirange(subtype) if reads::<T>(subtype))
    }
}

impl<T: ToSql> ToSql for Multirange<T> {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        let Kind::Multirange(subtype) = r#type.kind() else {
            return Err(Box::new(WrongType::new::<Self>(r#type.clone())));
        };
        put_count(out, self.0.len())?;
        for range in &self.0 {
            put_value(out, |out| range.write(subtype, out).map(|()| IsNull::No))?;
        }
        Ok(IsNull::No)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Multirange(subtype) if writes::<T>(subtype))
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::check;

    #[test]
    fn every_kind_of_bound_round_trips() {
        let both = b"\x02\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x03";
        check(&Range::from(1..3), &Type::INT4_RANGE, both);
        let both = b"\x06\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x03";
        check(&Range::from(1..=3), &Type::INT4_RANGE, both);
        check(&Range::from(..3), &Type::INT4_RANGE, b"\x08\0\0\0\x04\0\0\0\x03");
        check(&Range::from(3..), &Type::INT4_RANGE, b"\x12\0\0\0\x04\0\0\0\x03");
        assert_eq!(Range::<i32>::from_sql(&Type::INT4_RANGE, b"\x18").unwrap(), Range::from(..));
        assert_eq!(Range::<i32>::from_sql(&Type::INT4_RANGE, b"\x01").unwrap(), Range::empty());
        assert!(Range::<i32>::from_sql(&Type::INT4_RANGE, b"\x28\0\0\0\x04\0\0\0\x03").is_err());
        assert!(Range::<i32>::from_sql(&Type::INT4_RANGE, b"\x08\xff\xff\xff\xff").is_err());
        assert!(!<Range<i64> as FromSql<'_>>::accepts(&Type::INT4_RANGE));
        assert!(<Range<i64> as ToSql>::accepts(&Type::INT8_RANGE));
    }

    #[test]
    fn multiranges_round_trip() {
        let ranges: Multirange<i32> = [Range::from(1..3), Range::from(5..)].into_iter().collect();
        let bytes = b"\0\0\0\x02\0\0\0\x11\x02\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x03\
                      \0\0\0\x09\x12\0\0\0\x04\0\0\0\x05";
        check(&ranges, &Type::INT4MULTI_RANGE, bytes);
        check(&Multirange::<i32>::default(), &Type::INT4MULTI_RANGE, b"\0\0\0\0");
        assert_eq!(ranges.to_string(), "{[1,3),[5,)}");
    }

    #[test]
    fn bounds_are_quoted_where_they_must_be() {
        let range = Range::new(Bound::Excluded("a b"), Bound::Included("\"\\"));
        assert_eq!(range.to_string(), r#"("a b","""\\"]"#);
    }

    #[test]
    fn a_range_becomes_one_of_the_standard_library_if_its_bounds_fit() {
        assert_eq!(std::ops::Range::try_from(Range::from(1..3)).unwrap(), 1..3);
        assert_eq!(std::ops::RangeInclusive::try_from(Range::from(1..=3)).unwrap(), 1..=3);
        assert!(std::ops::Range::try_from(Range::from(1..)).is_err());
        assert!(std::ops::Range::<i32>::try_from(Range::empty()).is_err());
        assert!(!Range::empty().contains(&1) && Range::from(..=1).contains(&1));
    }

    #[test]
    fn a_null_bound_cannot_be_written() {
        let mut out = BytesMut::new();
        assert!(Range::from(None::<i32>..).to_sql(&Type::INT4_RANGE, &mut out).is_err());
    }
}
