//! `DeError`: why serde could not take a value, without the value.

use std::fmt;

use serde::de::{Error as _, Expected, Unexpected};

/// Why serde could not take a value.
///
/// What serde says by itself repeats the value, which may be a secret.
#[derive(Debug)]
pub(crate) struct DeError {
    text: String,
    /// Whether the words are those of somebody else.
    custom: bool,
    position: Option<usize>,
}

impl DeError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), custom: false, position: None }
    }

    /// Adds the position of the column, unless it is known.
    pub(crate) fn at(self, position: usize) -> Self {
        Self { position: self.position.or(Some(position)), ..self }
    }

    pub(crate) fn position(&self) -> Option<usize> {
        self.position
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.custom
    }
}

impl std::error::Error for DeError {}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::de::Error for DeError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self { custom: true, ..Self::new(text.to_string()) }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        if found == Unexpected::Option {
            return Self::new(format!("it is NULL, but {expected} is expected: use `Option`"));
        }
        Self::new(format!("{} is not {expected}", kind(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} does not fit {expected}", kind(&found)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("the text is none of \"{}\"", expected.join("\", \"")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("there is no column \"{field}\""))
    }
}

impl From<serde_json::Error> for DeError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        Self::new(format!("the JSON does not fit at line {line}, column {column}"))
    }
}

impl From<crate::error::Error> for DeError {
    fn from(error: crate::error::Error) -> Self {
        Self::custom(error)
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for DeError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::custom(error)
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "text",
        Unexpected::Bytes(_) => "a byte string",
        Unexpected::Seq => "a sequence",
        Unexpected::Map => "a map",
        Unexpected::Unit
        | Unexpected::Option
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "what it holds",
    }
}
