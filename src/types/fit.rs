//! `jsonb` and `jsonpath` as text, and values that the types of other crates would read wrongly.

use std::any::type_name;
use std::error::Error as StdError;
use std::time::SystemTime;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, ToSql, Type, WrongType};

use crate::types::calendar::DAY_MICROSECONDS;
use crate::wire::Reader;

type Failure = Box<dyn StdError + Sync + Send>;

/// Tells whether a `T` can be read from `type`, or from the text that `type` is behind its version.
pub(crate) fn accepts<'r, T: FromSql<'r>>(r#type: &Type) -> bool {
    T::accepts(r#type) || (is_versioned(r#type) && T::accepts(&Type::TEXT))
}

/// Tells whether values of `type` may be extreme. Those that are, and those of versioned types and of arrays, are to be
/// read by [`read`]: all others the traits read by themselves.
pub(crate) fn has_extremes(r#type: &Type) -> bool {
    matches!(*r#type, Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME)
}

/// Tells whether a value of such a type may be one that [`read`] refuses.
pub(crate) fn is_extreme(raw: &[u8]) -> bool {
    is_infinite(raw) || is_end_of_day(raw)
}

/// Reads a value of `type`, which [`accepts`] has agreed to.
pub(crate) fn read<'r, T: FromSql<'r>>(r#type: &Type, raw: Option<&'r [u8]>) -> Result<T, Failure> {
    if is_versioned(r#type) && !T::accepts(r#type) {
        let text = raw.map(without_version).transpose()?;
        return T::from_sql_nullable(&Type::TEXT, text);
    }
    if raw.is_some_and(|raw| is_lost::<T>(r#type, raw)) {
        let text = "the value is infinite, or 24:00:00, which the type cannot hold: \
                    use one of `aiopg::types`";
        return Err(text.into());
    }
    T::from_sql_nullable(r#type, raw)
}

/// Writes a value of `type`, or the text that `type` is behind its version.
pub(crate) fn write(
    value: &dyn ToSql,
    r#type: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, Failure> {
    let start = out.len();
    let error = match value.to_sql_checked(r#type, out) {
        Err(error) if is_versioned(r#type) && error.is::<WrongType>() => error,
        written => return written,
    };
    out.truncate(start);
    out.put_u8(VERSION);
    match value.to_sql_checked(&Type::TEXT, out) {
        Ok(IsNull::No) => Ok(IsNull::No),
        Ok(IsNull::Yes) => {
            out.truncate(start);
            Ok(IsNull::Yes)
        }
        // It names the type that was asked for.
        Err(_) => Err(error),
    }
}

/// The version of the binary forms of `jsonb` and `jsonpath`.
const VERSION: u8 = 1;

/// Tells whether values are text behind a byte with a version.
pub(crate) fn is_versioned(r#type: &Type) -> bool {
    matches!(*r#type, Type::JSONB | Type::JSONPATH)
}

fn without_version(raw: &[u8]) -> Result<&[u8], Failure> {
    match raw {
        [VERSION, text @ ..] => Ok(text),
        _ => Err("its version is unknown".into()),
    }
}

/// Tells whether reading a `T` would silently make another value of this one, or of one in this array.
///
/// `SystemTime` takes an infinity for a year near 294277, as the times of the crate `time` do where its feature for
/// large dates is on; clocks take 24:00:00 for 00:00:00. Only their names tell these types, and only where such a
/// value comes are they asked for.
#[inline]
fn is_lost<'r, T: FromSql<'r>>(r#type: &Type, raw: &[u8]) -> bool {
    match *r#type {
        Type::TIMESTAMP | Type::TIMESTAMPTZ => is_infinite(raw) && loses_infinity(type_name::<T>()),
        Type::TIME => is_end_of_day(raw) && loses_end_of_day(type_name::<T>()),
        Type::TIMESTAMP_ARRAY | Type::TIMESTAMPTZ_ARRAY => {
            loses_infinity(type_name::<T>()) && any_element(raw, is_infinite)
        }
        Type::TIME_ARRAY => loses_end_of_day(type_name::<T>()) && any_element(raw, is_end_of_day),
        _ => false,
    }
}

fn is_infinite(raw: &[u8]) -> bool {
    *raw == i64::MAX.to_be_bytes() || *raw == i64::MIN.to_be_bytes()
}

fn is_end_of_day(raw: &[u8]) -> bool {
    *raw == DAY_MICROSECONDS.to_be_bytes()
}

/// Whether some element of an array of values of 8 bytes is such a one. What is no array has none.
fn any_element(raw: &[u8], is_one: fn(&[u8]) -> bool) -> bool {
    let mut reader = Reader::new("array", raw);
    let dimensions = reader.read_i32().ok().and_then(|count| usize::try_from(count).ok());
    let header = dimensions.and_then(|count| count.checked_mul(8)?.checked_add(8));
    if header.is_none_or(|header| reader.read_bytes(header).is_err()) {
        return false;
    }
    std::iter::from_fn(|| reader.read_value().ok()).flatten().any(is_one)
}

#[cold]
fn loses_infinity(name: &str) -> bool {
    let name = innermost(name);
    name == type_name::<SystemTime>() || (name.starts_with("time::") && name.ends_with("DateTime"))
}

#[cold]
fn loses_end_of_day(name: &str) -> bool {
    let name = innermost(name);
    (name.starts_with("time::") && name.ends_with("::Time"))
        || (name.starts_with("chrono::") && name.ends_with("::NaiveTime"))
}

/// The name of the type within options, boxes and arrays.
fn innermost(name: &str) -> &str {
    let wrappers = ["core::option::Option<", "alloc::boxed::Box<", "alloc::vec::Vec<", "["];
    let mut name = name;
    while let Some(inside) = wrappers.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        name = inside;
    }
    let end = name.find(['>', ']', ';']).unwrap_or(name.len());
    // A type with parameters of its own, such as `postgres_types::Timestamp`, keeps the bracket that opens.
    name.get(..end).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &dyn ToSql, r#type: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::from(&b"|"[..]);
        match write(value, r#type, &mut out) {
            Ok(IsNull::No) => Some(out.to_vec()),
            Ok(IsNull::Yes) => {
                assert_eq!(&out[..], b"|");
                Some(Vec::new())
            }
            Err(_) => None,
        }
    }

    #[test]
    fn text_is_read_and_written_behind_its_version() {
        for r#type in [Type::JSONB, Type::JSONPATH] {
            assert_eq!(read::<String>(&r#type, Some(b"\x01$.a")).unwrap(), "$.a");
            assert_eq!(read::<Option<String>>(&r#type, None).unwrap(), None);
            assert!(read::<String>(&r#type, Some(b"\x02$.a")).is_err());
            assert!(read::<String>(&r#type, Some(b"")).is_err());
            assert_eq!(written(&"$.a", &r#type).unwrap(), b"|\x01$.a");
            assert_eq!(written(&None::<&str>, &r#type).unwrap(), b"");
            assert!(written(&7_i32, &r#type).is_none());
        }
        assert!(!accepts::<i32>(&Type::JSONB) && !accepts::<String>(&Type::INT4));
    }

    type Wrapped = postgres_types::Timestamp<SystemTime>;

    #[test]
    fn an_infinity_is_no_system_time() {
        let infinity = i64::MAX.to_be_bytes();
        for r#type in [Type::TIMESTAMP, Type::TIMESTAMPTZ] {
            assert!(read::<SystemTime>(&r#type, Some(&infinity)).is_err());
            assert!(read::<Option<SystemTime>>(&r#type, Some(&i64::MIN.to_be_bytes())).is_err());
            assert!(read::<SystemTime>(&r#type, Some(&1_i64.to_be_bytes())).is_ok());
        }
        let read = read::<Wrapped>(&Type::TIMESTAMP, Some(&infinity)).unwrap();
        assert_eq!(read, Wrapped::PosInfinity);
    }

    #[test]
    fn an_infinity_in_an_array_is_no_system_time_either() {
        let array = |micros: &[i64]| {
            let mut raw = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0x5a, 0, 0, 0, 0, 0, 0, 0, 1].to_vec();
            raw[15] = u8::try_from(micros.len()).unwrap();
            for micros in micros {
                raw.extend([0, 0, 0, 8]);
                raw.extend(micros.to_be_bytes());
            }
            raw
        };
        let (finite, infinite) = (array(&[1, 2]), array(&[1, i64::MAX]));
        let r#type = Type::TIMESTAMP_ARRAY;
        assert_eq!(read::<Vec<SystemTime>>(&r#type, Some(&finite)).unwrap().len(), 2);
        assert!(read::<Vec<SystemTime>>(&r#type, Some(&infinite)).is_err());
        assert!(read::<Option<Vec<Option<SystemTime>>>>(&r#type, Some(&infinite)).is_err());
        assert_eq!(read::<Vec<Wrapped>>(&r#type, Some(&infinite)).unwrap().len(), 2);
        for end in 0..infinite.len() {
            assert!(read::<Vec<SystemTime>>(&r#type, infinite.get(..end)).is_err());
        }
    }
}
