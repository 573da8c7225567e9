//! The binder: a value of SeaQuery in the type that the server expects, or an error; never another value.

mod misfit;
mod family;
mod booleans;
mod numeric;
mod integers;
mod floats;
mod text;
mod bytes;
#[cfg(feature = "with-uuid-1")]
mod uuid;
#[cfg(feature = "with-serde_json-1")]
mod json;
#[cfg(any(feature = "with-chrono-0_4", feature = "with-time-0_3", feature = "with-jiff-0_2"))]
mod times;
#[cfg(any(feature = "with-ipnetwork-0_21", feature = "with-mac_address-1"))]
mod network;
#[cfg(feature = "with-pgvector-0_4")]
mod vector;
#[cfg(feature = "with-sea-query-postgres-types-0_1")]
mod ranges;
mod arrays;
mod sorted;

use ::bytes::BytesMut;
use postgres_types::{IsNull, Kind, Type};
use sea_query::Value;

use crate::error::Error;
use crate::sea_query::binder::family::Family;
use crate::sea_query::binder::misfit::Misfit;
use crate::sea_query::binder::sorted::sorted;
use crate::types::plain;

/// Writes a value in the type that the server expects, if it fits. NULL fits in every type.
pub(crate) fn write(value: &Value, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Error> {
    let written = sorted(value, write, |sorted| match sorted? {
        Some(family) => write_family(family, r#type, out).map(|()| IsNull::No),
        None => Ok(IsNull::Yes),
    });
    written.map_err(|misfit| misfit.into_error(value, r#type))
}

/// The type of a literal with this value, where nothing else tells it.
pub(crate) fn own_type(value: &Value) -> Result<Type, Error> {
    let own_type = sorted(value, write, |sorted| Ok(sorted?.map_or(Type::TEXT, Family::own_type)));
    own_type.map_err(|misfit: Misfit| misfit.into_error(value, &Type::UNKNOWN))
}

fn write_family(family: &dyn Family, r#type: &Type, out: &mut BytesMut) -> Result<(), Misfit> {
    match family.write(r#type, out) {
        Err(Misfit::Kind(advice)) => {
            write_as_plain(family, r#type, out).unwrap_or(Err(Misfit::Kind(advice)))
        }
        written => written,
    }
}

/// Writes a value of a domain as one of its base type, and an OID by another name as an OID.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are types of their own")]
fn write_as_plain(
    family: &dyn Family,
    r#type: &Type,
    out: &mut BytesMut,
) -> Option<Result<(), Misfit>> {
    match r#type.kind() {
        Kind::Domain(base) => Some(write_family(family, base, out)),
        Kind::Simple if plain(r#type) == Some(Type::OID) => match family.write(&Type::OID, out) {
            Err(Misfit::Kind(_)) => None,
            written => Some(written),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sea_query::ArrayType;

    use super::*;

    fn written(value: &Value, r#type: &Type) -> Result<Option<Vec<u8>>, String> {
        let mut out = BytesMut::new();
        match write(value, r#type, &mut out) {
            Ok(IsNull::No) => Ok(Some(out.to_vec())),
            Ok(IsNull::Yes) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn domain(base: Type) -> Type {
        Type::new("positive".into(), 70_000, Kind::Domain(base), "public".into())
    }

    #[test]
    fn a_domain_is_written_as_its_base_type() {
        let five = 5_i64.into();
        assert_eq!(written(&five, &domain(domain(Type::INT2))).unwrap().unwrap(), [0, 5]);
        let error = written(&70_000_i64.into(), &domain(Type::INT2)).unwrap_err();
        assert!(error.contains("does not fit in type positive: it is beyond 32767"), "{error}");
        let error = written(&"5".into(), &domain(Type::INT2)).unwrap_err();
        assert!(error.starts_with("a value of kind String is never written in type"), "{error}");
        let member = domain(Type::INT4);
        let array = Type::new("list".into(), 70_001, Kind::Array(member), "public".into());
        let expected = b"\0\0\0\x01\0\0\0\0\0\x01\x11\x70\0\0\0\x01\0\0\0\x01\0\0\0\x04\0\0\0\x05";
        let list = Value::Array(ArrayType::BigInt, Some(Box::new(vec![five])));
        assert_eq!(written(&list, &domain(array)).unwrap().unwrap(), expected);
    }

    #[test]
    fn an_oid_has_many_names() {
        for r#type in [Type::OID, Type::REGCLASS, Type::XID, Type::CID] {
            assert_eq!(written(&7_i32.into(), &r#type).unwrap().unwrap(), [0, 0, 0, 7]);
            assert!(written(&(-7_i32).into(), &r#type).unwrap_err().contains("below 0"));
            assert!(written(&true.into(), &r#type).unwrap_err().contains("never written"));
        }
    }

    #[test]
    fn null_fits_everywhere() {
        let nulls = [
            Value::Int(None),
            Value::String(None),
            Value::Array(ArrayType::Int, None),
            Value::Enum(sea_query::OptionEnum::None("mood".into())),
        ];
        for null in nulls {
            for r#type in [Type::INT4, Type::TEXT, Type::DATE, Type::POINT, Type::INT4_ARRAY] {
                assert_eq!(written(&null, &r#type), Ok(None));
            }
        }
    }

    #[test]
    fn an_error_has_no_value() {
        let secret = Value::String(Some("secret".into()));
        for r#type in [Type::INT4, Type::CHAR, Type::BYTEA] {
            assert!(!written(&secret, &r#type).unwrap_err().contains("secret"));
        }
    }
}
