//! Pairs of types that `postgres_types` does not know, and values that it would read wrongly.

use std::any::type_name;
use std::error::Error as StdError;
use std::time::SystemTime;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, WrongType};

use crate::types::calendar::DAY_MICROSECONDS;

type Failure = Box<dyn StdError + Sync + Send>;

/// Tells whether a `T` can be read from `type`, or from another type whose binary form is the same.
pub(crate) fn accepts<'r, T: FromSql<'r>>(r#type: &Type) -> bool {
    T::accepts(r#type) || StandIn::of(r#type).is_some_and(|other| T::accepts(other.r#type()))
}

/// Reads a value of `type`, which [`accepts`] has agreed to.
pub(crate) fn read<'r, T: FromSql<'r>>(r#type: &Type, raw: Option<&'r [u8]>) -> Result<T, Failure> {
    match StandIn::of(r#type) {
        Some(other) if !T::accepts(r#type) => {
            let raw = raw.map(|raw| other.without_version(raw)).transpose()?;
            T::from_sql_nullable(other.r#type(), raw)
        }
        _ => {
            if raw.is_some_and(|raw| is_lost::<T>(r#type, raw)) {
                let text = "the value is infinite, or 24:00:00, which the type cannot hold: \
                            use one of `aiopg::types`";
                return Err(text.into());
            }
            T::from_sql_nullable(r#type, raw)
        }
    }
}

/// Writes a value of `type`, as that type or as another whose binary form is the same.
pub(crate) fn write(
    value: &dyn ToSql,
    r#type: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, Failure> {
    let start = out.len();
    let error = match value.to_sql_checked(r#type, out) {
        Err(error) if error.is::<WrongType>() => error,
        written => return written,
    };
    let Some(other) = StandIn::of(r#type) else { return Err(error) };
    out.truncate(start);
    if other == StandIn::VersionedText {
        out.put_u8(VERSION);
    }
    match value.to_sql_checked(other.r#type(), out) {
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

/// How a type is sent that has no form of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StandIn {
    Text,
    /// Text behind a byte with a version.
    VersionedText,
    Oid,
}

impl StandIn {
    fn of(r#type: &Type) -> Option<Self> {
        match *r#type {
            Type::JSON | Type::XML | Type::REFCURSOR | Type::PG_NODE_TREE => Some(Self::Text),
            Type::JSONB | Type::JSONPATH => Some(Self::VersionedText),
            Type::REGPROC
            | Type::REGPROCEDURE
            | Type::REGOPER
            | Type::REGOPERATOR
            | Type::REGCLASS
            | Type::REGTYPE
            | Type::REGROLE
            | Type::REGNAMESPACE
            | Type::REGCONFIG
            | Type::REGDICTIONARY
            | Type::REGCOLLATION
            | Type::XID
            | Type::CID => Some(Self::Oid),
            _ => matches!(r#type.kind(), Kind::Enum(_)).then_some(Self::Text),
        }
    }

    fn r#type(self) -> &'static Type {
        match self {
            Self::Text | Self::VersionedText => &Type::TEXT,
            Self::Oid => &Type::OID,
        }
    }

    fn without_version(self, raw: &[u8]) -> Result<&[u8], Failure> {
        match (self, raw) {
            (Self::VersionedText, [VERSION, text @ ..]) => Ok(text),
            (Self::VersionedText, _) => Err("its version is unknown".into()),
            (Self::Text | Self::Oid, _) => Ok(raw),
        }
    }
}

/// Tells whether reading a `T` would silently make another value of this one.
///
/// `SystemTime` takes an infinity for a year near 294277, as the times of the crate `time` do where its feature for
/// large dates is on; clocks take 24:00:00 for 00:00:00. Only their names tell these types, and only where such a
/// value comes are they asked for.
#[inline]
fn is_lost<'r, T: FromSql<'r>>(r#type: &Type, raw: &[u8]) -> bool {
    let Ok(raw) = <[u8; 8]>::try_from(raw) else { return false };
    match i64::from_be_bytes(raw) {
        i64::MAX | i64::MIN => {
            matches!(*r#type, Type::TIMESTAMP | Type::TIMESTAMPTZ)
                && loses_infinity(type_name::<T>())
        }
        DAY_MICROSECONDS => *r#type == Type::TIME && loses_midnight(type_name::<T>()),
        _ => false,
    }
}

#[cold]
fn loses_infinity(name: &str) -> bool {
    let name = within_option(name);
    name == type_name::<SystemTime>() || (name.starts_with("time::") && name.ends_with("DateTime"))
}

#[cold]
fn loses_midnight(name: &str) -> bool {
    let name = within_option(name);
    (name.starts_with("time::") && name.ends_with("::Time"))
        || (name.starts_with("chrono::") && name.ends_with("::NaiveTime"))
}

fn within_option(name: &str) -> &str {
    let inside = name.strip_prefix("core::option::Option<");
    inside.and_then(|inside| inside.strip_suffix('>')).unwrap_or(name)
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

    fn mood() -> Type {
        let labels = vec!["sad".to_owned(), "happy".to_owned()];
        Type::new("mood".into(), 70_000, Kind::Enum(labels), "public".into())
    }

    #[test]
    fn text_is_read_and_written_where_the_form_is_text() {
        for r#type in [Type::JSON, Type::XML, Type::REFCURSOR, mood()] {
            assert!(accepts::<String>(&r#type) && accepts::<Option<&str>>(&r#type));
            assert_eq!(read::<&str>(&r#type, Some(b"happy")).unwrap(), "happy");
            assert_eq!(written(&"happy", &r#type).unwrap(), b"|happy");
            assert!(written(&7_i32, &r#type).is_none());
        }
        for r#type in [Type::JSONB, Type::JSONPATH] {
            assert_eq!(read::<String>(&r#type, Some(b"\x01$.a")).unwrap(), "$.a");
            assert_eq!(read::<Option<String>>(&r#type, None).unwrap(), None);
            assert!(read::<String>(&r#type, Some(b"\x02$.a")).is_err());
            assert!(read::<String>(&r#type, Some(b"")).is_err());
            assert_eq!(written(&"$.a", &r#type).unwrap(), b"|\x01$.a");
            assert_eq!(written(&None::<&str>, &r#type).unwrap(), b"");
            assert!(written(&7_i32, &r#type).is_none());
        }
        assert!(!accepts::<i32>(&Type::JSON) && !accepts::<String>(&Type::INT4));
    }

    #[test]
    fn object_identifiers_are_read_and_written_as_numbers() {
        assert_eq!(read::<u32>(&Type::REGCLASS, Some(&[0, 0, 4, 239])).unwrap(), 1263);
        assert_eq!(written(&1263_u32, &Type::REGTYPE).unwrap(), b"|\0\0\x04\xef");
        assert!(!accepts::<u32>(&Type::INT4) && !accepts::<String>(&Type::REGCLASS));
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
}
