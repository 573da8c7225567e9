//! `text_of` and `binary_of`: values of every builtin type that has a text form, arrays and ranges of them included.

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::error::Error;
use crate::types::array::Array;
use crate::types::range::{Multirange, Range};
use crate::types::text::form::Form;
use crate::types::text::nested::{self, Item};
use crate::types::text::plain::{self, invalid};

type Failure = Box<dyn StdError + Sync + Send>;

/// The text of a binary value, which the server reads as that value whatever its settings are.
#[expect(clippy::wildcard_enum_match_arm, reason = "what has no form is refused by its name")]
pub(crate) fn text_of(r#type: &Type, raw: &[u8]) -> Result<String, Error> {
    let nested = match r#type.kind() {
        Kind::Array(_) if !is_vector(r#type) => {
            Array::<Option<Item>>::from_sql(r#type, raw).map(|array| array.to_text())
        }
        Kind::Range(_) => Range::<Item>::from_sql(r#type, raw).map(|range| range.to_string()),
        Kind::Multirange(_) => {
            Multirange::<Item>::from_sql(r#type, raw).map(|ranges| ranges.to_string())
        }
        Kind::Domain(base) => return text_of(base, raw),
        Kind::Enum(_) => return text_of(&Type::TEXT, raw),
        _ => {
            let mut text = String::new();
            (Form::of(r#type)?.text)(r#type, raw, &mut text)?;
            return Ok(text);
        }
    };
    nested.map_err(|cause| {
        ours(cause).unwrap_or_else(|cause| plain::malformed(r#type).with_source(cause))
    })
}

/// Appends the binary value of a text as the server prints it.
///
/// Of dates and intervals, the text is that of `DateStyle` `ISO` and `IntervalStyle` `postgres`; the texts of other
/// styles are errors, never other values.
#[expect(clippy::wildcard_enum_match_arm, reason = "what has no form is refused by its name")]
pub(crate) fn binary_of(r#type: &Type, text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let wrong = || invalid(r#type.name());
    let written = match r#type.kind() {
        Kind::Array(_) if !is_vector(r#type) => {
            let (dimensions, items) = nested::array(text).ok_or_else(wrong)?;
            let array =
                Array::new(dimensions, items).map_err(|cause| wrong().with_source(cause))?;
            array.to_sql(r#type, out)
        }
        Kind::Range(_) => nested::range(text).ok_or_else(wrong)?.to_sql(r#type, out),
        Kind::Multirange(_) => {
            Multirange::from(nested::multirange(text).ok_or_else(wrong)?).to_sql(r#type, out)
        }
        Kind::Domain(base) => return binary_of(base, text, out),
        Kind::Enum(_) => return binary_of(&Type::TEXT, text, out),
        _ => return (Form::of(r#type)?.binary)(r#type, text, out),
    };
    written
        .map(drop)
        .map_err(|cause| ours(cause).unwrap_or_else(|cause| wrong().with_source(cause)))
}

/// Whether values of the type can be sent and read as text.
#[expect(clippy::wildcard_enum_match_arm, reason = "what has no form has none")]
pub(crate) fn has_text_form(r#type: &Type) -> bool {
    match r#type.kind() {
        Kind::Array(_) if is_vector(r#type) => false,
        Kind::Array(inner) | Kind::Range(inner) | Kind::Multirange(inner) | Kind::Domain(inner) => {
            has_text_form(inner)
        }
        Kind::Enum(_) => true,
        _ => Form::of(r#type).is_ok(),
    }
}

/// Arrays in binary, and something else in text.
fn is_vector(r#type: &Type) -> bool {
    matches!(*r#type, Type::INT2_VECTOR | Type::OID_VECTOR)
}

/// An error of an element says it all.
fn ours(cause: Failure) -> Result<Error, Failure> {
    cause.downcast::<Error>().map(|error| *error)
}

impl<'a> FromSql<'a> for Item {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(text_of(r#type, raw)?))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Item {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        binary_of(r#type, &self.0, out)?;
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(r#type: &Type, text: &str) {
        let mut raw = BytesMut::new();
        binary_of(r#type, text, &mut raw).unwrap();
        assert_eq!(text_of(r#type, &raw).unwrap(), text);
        // Nothing panics on what is cut off or changed.
        for end in 0..raw.len() {
            drop(text_of(r#type, &raw[..end]));
            let mut changed = raw.to_vec();
            changed[end] ^= 0xff;
            drop(text_of(r#type, &changed));
        }
        for (end, _) in text.char_indices() {
            drop(binary_of(r#type, text.split_at(end).0, &mut raw));
        }
    }

    #[test]
    fn texts_of_every_type_come_back() {
        for (r#type, texts) in [
            (Type::INT2, &["-32768"][..]),
            (Type::INT4, &["2147483647"]),
            (Type::INT8, &["-9223372036854775808"]),
            (Type::OID, &["4294967295"]),
            (Type::NUMERIC, &["NaN", "-Infinity", "0.10", "-123456789012345678901234567890.5"]),
            (Type::TEXT, &["", "a\\'\"{,}"]),
            (Type::DATE, &["infinity", "0044-03-15 BC", "5874897-12-31"]),
            (Type::TIME, &["24:00:00"]),
            (Type::TIMETZ, &["23:59:59.999999-15:59:59"]),
            (Type::TIMESTAMP, &["-infinity", "294276-12-31 23:59:59.999999"]),
            (Type::TIMESTAMPTZ, &["2024-02-29 12:00:00+00"]),
            (Type::INTERVAL, &["-1 mons +1 day -00:00:01"]),
            (Type::INET, &["10.0.0.1/8", "::1"]),
            (Type::CIDR, &["10.0.0.0/8"]),
            (Type::MACADDR, &["08:00:2b:01:02:03"]),
            (Type::MACADDR8, &["08:00:2b:01:02:03:04:05"]),
            (Type::BIT, &["101"]),
            (Type::VARBIT, &[""]),
            (Type::PG_LSN, &["16/B374D848"]),
            (Type::TID, &["(1,2)"]),
            (Type::XID8, &["18446744073709551615"]),
            (Type::INT4_ARRAY, &["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[-1:0][2:2]={{1},{2}}"]),
            (Type::TEXT_ARRAY, &["{a,\"\",\"NULL\",NULL,\"x\\\\\\\"y\",\"a b\",\"{}\",\",\",é}"]),
            (Type::BOOL_ARRAY, &["{true,false}"]),
            (Type::BYTEA_ARRAY, &["{\"\\\\x00ff\"}"]),
            (Type::INT4_RANGE, &["empty", "[1,5)", "(,)", "(,7)"]),
            (Type::NUM_RANGE, &["(1.50,NaN]"]),
            (Type::TS_RANGE, &["[\"2024-01-01 00:00:00\",infinity]"]),
            (Type::INT4_RANGE_ARRAY, &["{\"[1,2)\",empty,NULL}"]),
            (Type::INT4MULTI_RANGE, &["{}", "{[1,2),[3,)}"]),
        ] {
            for text in texts {
                check(&r#type, text);
            }
        }
    }

    #[test]
    fn a_domain_and_an_enum_have_the_text_of_what_they_are_made_of() {
        let mood = Kind::Enum(vec!["ok".to_owned()]);
        let mood = Type::new("mood".to_owned(), 70_000, mood, "public".to_owned());
        check(&mood, "ok");
        let domain = Kind::Domain(Type::INT4_ARRAY);
        check(&Type::new("list".to_owned(), 70_001, domain, "public".to_owned()), "{1,2}");
    }

    #[test]
    fn types_without_a_text_form_are_named() {
        for (r#type, name) in [
            (Type::MONEY, "money"),
            (Type::REGCLASS, "regclass"),
            (Type::POINT, "point"),
            (Type::BOX_ARRAY, "box"),
            (Type::INT2_VECTOR, "int2vector"),
            (Type::RECORD, "record"),
        ] {
            let error = binary_of(&r#type, "{1}", &mut BytesMut::new()).unwrap_err();
            let text = format!("values of type {name} cannot be sent or read as text");
            assert_eq!(error.to_string(), text);
        }
        let error = text_of(&Type::MONEY, &[0; 8]).unwrap_err();
        assert!(error.to_string().contains("money"));
    }

    #[test]
    fn what_is_no_text_of_the_type_is_refused() {
        for (r#type, texts) in [
            (Type::DATE, &["02/29/2024", "29.02.2024", "02-29-2024", "epoch"][..]),
            (Type::TIMESTAMP, &["Thu Feb 29 12:00:00 2024", "29.02.2024 12:00:00"]),
            (Type::INTERVAL, &["P1D", "@ 1 day", "1-2", "0", "+1-2 +3 +4:05:06"]),
            (
                Type::INT4_ARRAY,
                &[
                    "",
                    "{",
                    "{1",
                    "{1}}",
                    "{1,}",
                    "{,}",
                    "{{1},2}",
                    "{{1},{1,2}}",
                    "{{{{{{{1}}}}}}}",
                    "[1:2]={1}",
                    "{}x",
                    "[1:1]",
                    "[2:1]={}",
                    "{x}",
                    "{\"1}",
                    "[1:1={1}",
                    "[9999999999:1]={1}",
                ],
            ),
            (
                Type::INT4_RANGE,
                &["", "[", "[1", "[1,2", "[1,2]x", "1,2", "[a,b]", "[1,2,3]", "[\"1,2]"],
            ),
            (Type::INT4MULTI_RANGE, &["", "{", "{[1,2)", "{[1,2),}", "{,}", "{}x"]),
            (Type::INT4, &["", "1.5", "2147483648", " 1"]),
        ] {
            for text in texts {
                assert!(binary_of(&r#type, text, &mut BytesMut::new()).is_err(), "{text}");
            }
        }
    }
}
