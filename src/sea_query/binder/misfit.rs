//! `Misfit`: why a value is not written in a type, and the error that says so.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::num::TryFromIntError;

use postgres_types::Type;
use sea_query::Value;

use crate::error::Error;

/// Why a value is not written in a type.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// No value of its kind is; what to do instead.
    Kind(&'static str),
    /// This one does not fit: why.
    Value(Cow<'static, str>),
    /// It says it all.
    Told(Error),
}

/// Where there is no better advice.
pub(crate) const CAST: &str = "convert it before, or cast it in the statement";

/// Text is what the server takes a parameter for if nothing tells its type.
pub(crate) const TEXT: &str = "if no column tells the parameter's type, say it by `cast_as`";

impl Misfit {
    pub(crate) fn value(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Value(why.into())
    }

    /// For a number or a time, or whatever else is no text.
    pub(crate) fn kind_by(r#type: &Type) -> Self {
        let is_text = matches!(*r#type, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::UNKNOWN);
        Self::Kind(if is_text { TEXT } else { CAST })
    }

    /// The error for a value that was to be written in this type.
    #[cold]
    pub(crate) fn into_error(self, value: &Value, r#type: &Type) -> Error {
        let text = match self {
            Self::Told(error) => return error,
            Self::Kind(advice) => {
                format!("a value of kind {} is never written in type {type}: {advice}", kind(value))
            }
            Self::Value(why) => {
                format!("a value of kind {} does not fit in type {type}: {why}", kind(value))
            }
        };
        Error::conversion(text).unsent()
    }
}

/// A part whose length its four bytes cannot tell.
impl From<TryFromIntError> for Misfit {
    fn from(_: TryFromIntError) -> Self {
        Self::value("a part of it is too long")
    }
}

/// A value of a crate whose feature of ours is not on.
#[cold]
pub(crate) fn unsupported(value: &Value) -> Error {
    let kind = kind(value);
    let text = match feature(&kind) {
        Some(feature) => {
            format!("a value of kind {kind} cannot be written without the feature \"{feature}\"")
        }
        None => format!("values of kind {kind} cannot be written"),
    };
    Error::usage(text).unsent()
}

fn feature(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Json" => "with-serde_json-1",
        "Uuid" => "with-uuid-1",
        "Decimal" => "with-rust_decimal-1",
        "BigDecimal" => "with-bigdecimal-0_4",
        "Vector" => "with-pgvector-0_4",
        "IpNetwork" => "with-ipnetwork-0_21",
        "MacAddress" => "with-mac_address-1",
        "Range" => "with-sea-query-postgres-types-0_1",
        _ if kind.starts_with("Chrono") => "with-chrono-0_4",
        _ if kind.starts_with("Time") => "with-time-0_3",
        _ if kind.starts_with("Jiff") => "with-jiff-0_2",
        _ => return None,
    })
}

/// The name of the value's variant, and nothing of the value.
pub(crate) fn kind(value: &Value) -> String {
    let mut kind = VariantName::default();
    // It stops in the middle, which is an error to the formatter.
    let _stopped = write!(kind, "{value:?}");
    kind.0
}

/// Takes what is written only as far as the name of a variant goes.
#[derive(Default)]
struct VariantName(String);

impl Write for VariantName {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric());
        self.0.push_str(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
        if end.is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use sea_query::ArrayType;

    use super::*;

    #[test]
    fn a_kind_is_a_name_without_the_value() {
        assert_eq!(kind(&Value::BigUnsigned(Some(5))), "BigUnsigned");
        assert_eq!(kind(&Value::String(Some("secret".into()))), "String");
        assert_eq!(kind(&Value::Array(ArrayType::Int, None)), "Array");
    }

    #[test]
    fn errors_say_what_does_not_fit_and_why() {
        let error = |misfit: Misfit| {
            misfit.into_error(&Value::String(Some("secret".into())), &Type::INT4).to_string()
        };
        assert_eq!(
            error(Misfit::Kind(CAST)),
            "a value of kind String is never written in type int4: convert it before, or cast it in the \
             statement"
        );
        assert_eq!(
            error(Misfit::value("it is too long")),
            "a value of kind String does not fit in type int4: it is too long"
        );
        assert_eq!(error(Misfit::Told(Error::conversion("no"))), "no");
    }

    #[test]
    fn every_feature_is_one_of_the_manifest() {
        let manifest = include_str!("../../../Cargo.toml");
        let kinds = [
            "Json",
            "Uuid",
            "Decimal",
            "BigDecimal",
            "Vector",
            "IpNetwork",
            "MacAddress",
            "Range",
            "ChronoDate",
            "TimeDate",
            "JiffTimestamp",
        ];
        for kind in kinds {
            let feature = feature(kind).unwrap();
            assert!(manifest.contains(&format!("\n{feature} = ")), "{feature}");
        }
        for always in ["TinyInt", "TinyUnsigned", "String", "Array", "Enum"] {
            assert_eq!(feature(always), None, "{always}");
        }
    }
}
