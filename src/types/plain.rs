//! Types without domains and enums: whose values have the same bytes, so that `i32` reads a domain over `int4`.

use std::borrow::Cow;

use bytes::BytesMut;
use postgres_types::{Field, FromSql, IsNull, Kind, ToSql, Type, WrongType};

use crate::error::Error;
use crate::types::codec::{CodecError, put_oid_at};
use crate::types::fit;
use crate::wire::Reader;

/// The type whose values have the same bytes and that more Rust types know: a domain's base type, `text` for an
/// enum and for what is text on the wire, and the same inside arrays, ranges and composite types.
///
/// `None` if that is the type itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "new kinds stand for themselves")]
pub(crate) fn plain(r#type: &Type) -> Option<Type> {
    let named = |kind| {
        let (name, schema) = (r#type.name().to_owned(), r#type.schema().to_owned());
        Some(Type::new(name, r#type.oid(), kind, schema))
    };
    match r#type.kind() {
        Kind::Domain(base) => Some(plain(base).unwrap_or_else(|| base.clone())),
        Kind::Enum(_) => Some(Type::TEXT),
        Kind::Array(member) => plain(member).and_then(|member| named(Kind::Array(member))),
        Kind::Range(subtype) => plain(subtype).and_then(|subtype| named(Kind::Range(subtype))),
        Kind::Multirange(subtype) => {
            plain(subtype).and_then(|subtype| named(Kind::Multirange(subtype)))
        }
        Kind::Composite(fields) => {
            let plain_fields: Vec<_> = fields.iter().map(|field| plain(field.type_())).collect();
            if plain_fields.iter().all(Option::is_none) {
                return None;
            }
            let fields = fields.iter().zip(plain_fields).map(|(field, plain)| {
                let r#type = plain.unwrap_or_else(|| field.type_().clone());
                Field::new(field.name().to_owned(), r#type)
            });
            named(Kind::Composite(fields.collect()))
        }
        _ => match *r#type {
            Type::RECORD_ARRAY => named(Kind::Array(Type::RECORD)),
            Type::JSON | Type::XML | Type::REFCURSOR | Type::CSTRING | Type::PG_NODE_TREE => {
                Some(Type::TEXT)
            }
            Type::REGCLASS
            | Type::REGPROC
            | Type::REGPROCEDURE
            | Type::REGOPER
            | Type::REGOPERATOR
            | Type::REGTYPE
            | Type::REGROLE
            | Type::REGNAMESPACE
            | Type::REGCONFIG
            | Type::REGDICTIONARY
            | Type::REGCOLLATION
            | Type::XID
            | Type::CID => Some(Type::OID),
            _ => None,
        },
    }
}

/// The type by which `T` reads values of `type`: that, or its plain form.
pub(crate) fn read_type<'a, 't, T: FromSql<'a>>(r#type: &'t Type) -> Option<Cow<'t, Type>> {
    if fit::accepts::<T>(r#type) {
        return Some(Cow::Borrowed(r#type));
    }
    plain(r#type).filter(|plain| fit::accepts::<T>(plain)).map(Cow::Owned)
}

/// Whether `T` reads values of `type`.
pub(crate) fn reads<'a, T: FromSql<'a>>(r#type: &Type) -> bool {
    read_type::<T>(r#type).is_some()
}

/// Reads a value by a type that [`read_type`] has found.
pub(crate) fn read<'a, T: FromSql<'a>>(
    r#type: &Type,
    value: Option<&'a [u8]>,
) -> Result<T, CodecError> {
    if let Some(value) = value {
        is_sound(r#type, value)?;
    }
    fit::read(r#type, value)
}

/// Whether `T` writes values of `type`.
pub(crate) fn writes<T: ToSql>(r#type: &Type) -> bool {
    T::accepts(r#type) || plain(r#type).is_some_and(|plain| T::accepts(&plain))
}

/// Writes a value of `type`, by its plain form if `value` knows only that.
#[inline]
pub(crate) fn write(
    value: &dyn ToSql,
    r#type: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, CodecError> {
    let start = out.len();
    match value.to_sql_checked(r#type, out) {
        Ok(is_null) => Ok(is_null),
        Err(error) if error.is::<WrongType>() => {
            out.truncate(start);
            write_in_another_form(value, r#type, out)
        }
        Err(error) => Err(error),
    }
}

/// Writes a value that does not know its type by that name.
#[cold]
fn write_in_another_form(
    value: &dyn ToSql,
    r#type: &Type,
    out: &mut BytesMut,
) -> Result<IsNull, CodecError> {
    let start = out.len();
    let error = match fit::write(value, r#type, out) {
        Err(error) if error.is::<WrongType>() => error,
        written => return written,
    };
    let Some(plain) = plain(r#type) else { return Err(error) };
    out.truncate(start);
    let is_null = match fit::write(value, &plain, out) {
        // It knows neither: the first error names the type that the statement has.
        Err(other) => return Err(if other.is::<WrongType>() { error } else { other }),
        Ok(is_null) => is_null,
    };
    if let Some(written) = out.get_mut(start..) {
        sign(r#type, written);
    }
    Ok(is_null)
}

/// Writes the OIDs of `type` where a value that was written by its plain form has those of the plain form.
/// Whatever is not as it should be is left for the server to refuse.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other kind has values inside its values")]
fn sign(r#type: &Type, bytes: &mut [u8]) {
    let int = |bytes: &[u8], at: usize| {
        let part = bytes.get(at..)?.first_chunk::<4>()?;
        Some(i32::from_be_bytes(*part))
    };
    match r#type.kind() {
        Kind::Domain(base) => sign(base, bytes),
        Kind::Array(member) => {
            put_oid_at(bytes, 8, member.oid());
            let dimensions = int(bytes, 0).and_then(|count| usize::try_from(count).ok());
            let mut at = dimensions.map_or(usize::MAX, |count| 12 + 8 * count.min(6));
            while let Some(length) = int(bytes, at) {
                at += 4;
                at = sign_part(member, bytes, at, length);
            }
        }
        Kind::Composite(fields) => {
            let mut at = 4;
            for field in fields {
                put_oid_at(bytes, at, field.type_().oid());
                let Some(length) = int(bytes, at + 4) else { return };
                at = sign_part(field.type_(), bytes, at + 8, length);
            }
        }
        Kind::Range(subtype) => sign_values(subtype, bytes, 1),
        _ => {}
    }
}

fn sign_values(r#type: &Type, bytes: &mut [u8], mut at: usize) {
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        at = sign_part(r#type, bytes, at + 4, i32::from_be_bytes(*length));
    }
}

/// Signs the value of `length` bytes at `at`, and tells where it ends.
fn sign_part(r#type: &Type, bytes: &mut [u8], at: usize, length: i32) -> usize {
    let end = at.saturating_add(usize::try_from(length).unwrap_or(0));
    if let Some(part) = bytes.get_mut(at..end) {
        sign(r#type, part);
    }
    end
}

/// The most dimensions that an array of the server has.
pub(crate) const MOST_DIMENSIONS: usize = 6;

/// Whether values of `type` hold arrays, which announce how many elements they have.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other kind has values inside its values")]
pub(crate) fn holds_arrays(r#type: &Type) -> bool {
    match r#type.kind() {
        Kind::Array(_) => true,
        Kind::Domain(inner) | Kind::Range(inner) | Kind::Multirange(inner) => holds_arrays(inner),
        Kind::Composite(fields) => fields.iter().any(|field| holds_arrays(field.type_())),
        _ => false,
    }
}

/// Checks that arrays in a value have no more elements than there are bytes for: `Vec` makes room for as many
/// as are announced.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other kind announces how much it holds")]
pub(crate) fn is_sound(r#type: &Type, value: &[u8]) -> Result<(), Error> {
    match r#type.kind() {
        Kind::Array(member) => {
            let mut reader = Reader::new("array", value);
            let dimensions = usize::try_from(reader.read_i32()?).unwrap_or(usize::MAX);
            reader.read_bytes(8)?;
            if dimensions > MOST_DIMENSIONS {
                return Err(reader.invalid("it has too many dimensions"));
            }
            let mut count = 1_usize;
            for _ in 0..dimensions {
                let length = usize::try_from(reader.read_i32()?).unwrap_or(usize::MAX);
                reader.read_i32()?;
                count = count.saturating_mul(length);
            }
            if dimensions > 0 && count > reader.remaining() / size_of::<i32>() {
                return Err(reader.invalid("it is too short for its elements"));
            }
            if holds_arrays(member) {
                while reader.remaining() > 0 {
                    reader.read_value()?.map_or(Ok(()), |value| is_sound(member, value))?;
                }
            }
            Ok(())
        }
        Kind::Domain(base) => is_sound(base, value),
        Kind::Composite(fields) if holds_arrays(r#type) => {
            let mut reader = Reader::new("record", value);
            reader.read_i32()?;
            for field in fields {
                reader.read_u32()?;
                reader.read_value()?.map_or(Ok(()), |value| is_sound(field.type_(), value))?;
            }
            Ok(())
        }
        Kind::Range(subtype) if holds_arrays(subtype) => {
            let mut reader = Reader::new("range", value);
            reader.read_u8()?;
            while reader.remaining() > 0 {
                reader.read_value()?.map_or(Ok(()), |value| is_sound(subtype, value))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(oid: u32, base: Type) -> Type {
        Type::new("domain".into(), oid, Kind::Domain(base), "public".into())
    }

    fn array(oid: u32, member: Type) -> Type {
        Type::new("array".into(), oid, Kind::Array(member), "public".into())
    }

    #[test]
    fn domains_and_enums_are_seen_through_at_any_depth() {
        let positive = domain(70_000, domain(70_001, Type::INT4));
        let mood = Type::new("mood".into(), 70_002, Kind::Enum(vec!["ok".into()]), "x".into());
        assert!(reads::<i32>(&positive) && writes::<i32>(&positive));
        assert!(reads::<Vec<i32>>(&domain(70_003, array(70_004, positive.clone()))));
        assert!(reads::<Vec<Option<&str>>>(&array(70_005, mood)));
        assert!(!reads::<i64>(&positive) && !writes::<i64>(&positive));
        assert!(plain(&Type::INT4).is_none() && plain(&Type::INT4_ARRAY).is_none());
        assert!(reads::<String>(&Type::JSON) && !reads::<String>(&Type::BYTEA));
        assert!(reads::<u32>(&Type::REGCLASS));
    }

    #[test]
    fn what_is_written_by_the_plain_form_carries_the_oids_of_the_type() {
        let positive = domain(0x0001_1170, Type::INT4);
        let mut out = BytesMut::from(&b"before"[..]);
        write(&vec![Some(1_i32), None], &array(70_004, positive.clone()), &mut out).unwrap();
        let expected = b"before\0\0\0\x01\0\0\0\x01\0\x01\x11\x70\0\0\0\x02\0\0\0\x01\
                         \0\0\0\x04\0\0\0\x01\xff\xff\xff\xff";
        assert_eq!(&out[..], expected);
        out.clear();
        write(&7_i32, &positive, &mut out).unwrap();
        assert_eq!(&out[..], b"\0\0\0\x07");
        out.clear();
        assert!(write(&7_i64, &positive, &mut out).is_err());
        assert!(write(&7_i64, &Type::INT4, &mut out).is_err());
    }

    #[test]
    fn an_array_announces_no_more_elements_than_it_has_bytes() {
        let huge = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\x01";
        assert!(is_sound(&Type::INT4_ARRAY, huge).is_err());
        assert!(is_sound(&domain(70_000, Type::INT4_ARRAY), huge).is_err());
        let nested = b"\0\0\0\x02\0\0\0\0\0\0\0\x17\0\x01\0\0\0\0\0\x01\0\x01\0\0\0\0\0\x01";
        assert!(is_sound(&Type::INT4_ARRAY, nested).is_err());
        let fields = vec![Field::new("list".into(), Type::INT4_ARRAY)];
        let row = Type::new("row".into(), 70_000, Kind::Composite(fields), "x".into());
        let mut record = b"\0\0\0\x01\0\0\x03\xef\0\0\0\x14".to_vec();
        record.extend_from_slice(huge);
        assert!(is_sound(&row, &record).is_err());
        let empty = b"\0\0\0\0\0\0\0\0\0\0\0\x17";
        assert!(is_sound(&Type::INT4_ARRAY, empty).is_ok());
        assert!(is_sound(&Type::INT4, b"").is_ok());
    }
}
