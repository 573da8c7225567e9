//! `Literal`: a parameter as the text that stands for it in a statement.

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_types::{Format, IsNull, Kind, ToSql, Type, WrongType};

use crate::error::Error;
use crate::types::{OwnType, quote_literal, text_of};

/// A value and its type, or NULL.
#[derive(Debug)]
pub(crate) enum Literal {
    Null,
    Value(Type, String),
}

/// Where a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an expression, where a cast can stand.
    Expression,
    /// Where the grammar has nothing but a number or a string.
    Constant,
}

type Failure = Box<dyn StdError + Sync + Send>;

/// The types that a value is tried as. A value that takes several of them is written as the first: of the textual
/// ones `text`, whose literal takes on any type, and of the times `timestamptz`, which is an instant.
const SCALARS: &[Type] = &[
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::JSON,
    Type::XML,
    Type::CHAR,
    Type::BYTEA,
    Type::UUID,
    Type::DATE,
    Type::TIME,
    Type::TIMETZ,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMP,
    Type::INTERVAL,
    Type::INET,
    Type::CIDR,
    Type::MACADDR,
    Type::MACADDR8,
    Type::VARBIT,
    Type::BIT,
    Type::PG_LSN,
    Type::TID,
    Type::XID,
    Type::CID,
    Type::XID8,
];

const CONTAINERS: &[Type] = &[
    Type::BOOL_ARRAY,
    Type::INT2_ARRAY,
    Type::INT4_ARRAY,
    Type::INT8_ARRAY,
    Type::OID_ARRAY,
    Type::FLOAT4_ARRAY,
    Type::FLOAT8_ARRAY,
    Type::NUMERIC_ARRAY,
    Type::TEXT_ARRAY,
    Type::JSON_ARRAY,
    Type::XML_ARRAY,
    Type::CHAR_ARRAY,
    Type::BYTEA_ARRAY,
    Type::UUID_ARRAY,
    Type::DATE_ARRAY,
    Type::TIME_ARRAY,
    Type::TIMETZ_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
    Type::TIMESTAMP_ARRAY,
    Type::INTERVAL_ARRAY,
    Type::INET_ARRAY,
    Type::CIDR_ARRAY,
    Type::MACADDR_ARRAY,
    Type::MACADDR8_ARRAY,
    Type::VARBIT_ARRAY,
    Type::BIT_ARRAY,
    Type::PG_LSN_ARRAY,
    Type::INT4_RANGE,
    Type::INT8_RANGE,
    Type::NUM_RANGE,
    Type::TS_RANGE,
    Type::TSTZ_RANGE,
    Type::DATE_RANGE,
    Type::INT4MULTI_RANGE,
    Type::INT8MULTI_RANGE,
    Type::NUMMULTI_RANGE,
    Type::TSMULTI_RANGE,
    Type::TSTZMULTI_RANGE,
    Type::DATEMULTI_RANGE,
];

impl Literal {
    /// Finds the type of a value, which Rust does not tell: that which it tells itself, or the first of those above
    /// that it takes.
    pub(crate) fn of(value: &dyn ToSql) -> Result<Self, Failure> {
        let refused = match value.to_sql_checked(&OwnType::question(), &mut BytesMut::new()) {
            Ok(IsNull::Yes) => return Ok(Self::Null),
            Ok(IsNull::No) => {
                return Err("the value takes every type, so that its own is not known".into());
            }
            Err(error) if error.is::<WrongType>() => error,
            Err(error) => {
                let OwnType(own_type) = *error.downcast::<OwnType>()?;
                return Self::of_type(value, &own_type);
            }
        };
        for r#type in SCALARS.iter().chain(CONTAINERS) {
            match Self::of_type(value, r#type) {
                Err(error) if error.is::<WrongType>() => {}
                found => return found,
            }
        }
        Err(refused)
    }

    fn of_type(value: &dyn ToSql, r#type: &Type) -> Result<Self, Failure> {
        let mut raw = BytesMut::new();
        if let IsNull::Yes = value.to_sql_checked(r#type, &mut raw)? {
            return Ok(Self::Null);
        }
        let text = match value.encode_format(r#type) {
            Format::Binary => text_of(r#type, &raw)?,
            Format::Text => str::from_utf8(&raw)?.to_owned(),
        };
        Ok(Self::Value(r#type.clone(), text))
    }

    /// Returns the text, and whether it ends with the name of a type, which what follows could be taken to.
    pub(crate) fn write(&self, place: Place) -> Result<(String, EndsWith), Error> {
        let Self::Value(r#type, text) = self else {
            return Ok(("NULL".to_owned(), EndsWith::Value));
        };
        let bare = match place {
            Place::Expression => *r#type == Type::INT4 && !text.starts_with('-'),
            Place::Constant => is_number(r#type, text),
        };
        if bare || *r#type == Type::BOOL {
            return Ok((text.clone(), EndsWith::Value));
        }
        let quoted = quote_literal(text)?;
        if place == Place::Constant || matches!(*r#type, Type::TEXT | Type::JSON | Type::UNKNOWN) {
            return Ok((quoted, EndsWith::Value));
        }
        Ok((format!("{quoted}::{}", name_of(r#type)), EndsWith::Type))
    }
}

/// What the text of a literal ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndsWith {
    Value,
    Type,
}

/// Whether the text can stand as a number, maybe with a sign.
fn is_number(r#type: &Type, text: &str) -> bool {
    let numeric = matches!(
        *r#type,
        Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::OID
            | Type::FLOAT4
            | Type::FLOAT8
            | Type::NUMERIC
    );
    // Neither `NaN` nor `Infinity`.
    numeric && text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
}

/// Without quotes, `char` would be `char(1)` and `bit` would be `bit(1)`.
#[expect(clippy::wildcard_enum_match_arm, reason = "only arrays are not called by a name")]
fn name_of(r#type: &Type) -> String {
    match r#type.kind() {
        Kind::Array(element) => format!("{}[]", name_of(element)),
        _ if matches!(*r#type, Type::CHAR | Type::BIT) => format!("\"{type}\""),
        _ => r#type.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::types::{Array, Bits, Interval, Money, Range};

    #[track_caller]
    fn check(value: &dyn ToSql, expression: &str, constant: &str) {
        let literal = Literal::of(value).unwrap();
        assert_eq!(literal.write(Place::Expression).unwrap().0, expression);
        assert_eq!(literal.write(Place::Constant).unwrap().0, constant);
    }

    #[test]
    fn every_value_finds_its_type() {
        check(&true, "true", "true");
        check(&7_i16, "'7'::int2", "7");
        check(&7_i32, "7", "7");
        check(&-7_i32, "'-7'::int4", "-7");
        check(&i64::MIN, "'-9223372036854775808'::int8", "-9223372036854775808");
        check(&7_u32, "'7'::oid", "7");
        check(&-0.5_f64, "'-0.5'::float8", "-0.5");
        check(&f32::NAN, "'NaN'::float4", "'NaN'");
        check(&f64::NEG_INFINITY, "'-Infinity'::float8", "'-Infinity'");
        check(&"it's", "'it''s'", "'it''s'");
        check(&r"a\b", r" E'a\\b'", r" E'a\\b'");
        check(&&b"\0'"[..], r" E'\\x0027'::bytea", r" E'\\x0027'");
        check(&None::<i32>, "NULL", "NULL");
        check(&Some(1), "1", "1");
        check(&7_i8, "'\u{7}'::\"char\"", "'\u{7}'");
        let instant = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let text = "'1970-01-01 00:00:01+00'";
        check(&instant, &format!("{text}::timestamptz"), text);
        let interval = Interval { months: -1, days: 1, microseconds: 0 };
        check(&interval, "'-1 mons +1 day'::interval", "'-1 mons +1 day'");
        let bits: Bits = "101".parse().unwrap();
        check(&bits, "'101'::varbit", "'101'");
    }

    #[test]
    fn arrays_and_ranges_do_too() {
        check(&vec![1, 2], "'{1,2}'::int4[]", "'{1,2}'");
        check(&Vec::<&str>::new(), "'{}'::text[]", "'{}'");
        check(&vec![Some("a'"), None], "'{a'',NULL}'::text[]", "'{a'',NULL}'");
        check(&vec![1_i8], "'{\u{1}}'::\"char\"[]", "'{\u{1}}'");
        let rows = Array::from_rows(vec![vec![1_i64], vec![2]]).unwrap();
        check(&rows, "'{{1},{2}}'::int8[]", "'{{1},{2}}'");
        check(&Range::from(1..5), "'[1,5)'::int4range", "'[1,5)'");
    }

    #[test]
    fn what_has_no_known_text_is_refused() {
        assert!(Literal::of(&Money(1)).unwrap_err().is::<WrongType>());
        assert!(Literal::of(&-1_i8).unwrap_err().is::<Error>());
        let hstore: std::collections::HashMap<String, Option<String>> = [].into();
        assert!(Literal::of(&hstore).is_err());
    }

    /// Says that it takes everything, as some types of other crates do.
    #[derive(Debug)]
    struct Everything;

    impl ToSql for Everything {
        fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Failure> {
            Ok(IsNull::No)
        }

        fn accepts(_: &Type) -> bool {
            true
        }

        postgres_types::to_sql_checked!();
    }

    #[test]
    fn a_value_that_takes_every_type_has_none() {
        assert!(Literal::of(&Everything).unwrap_err().to_string().contains("every type"));
    }
}
