//! Format codes, and what Describe and Close name.

use crate::error::Error;

/// How a value is written: as text or in the type's binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol closes the set")]
pub enum Format {
    /// The text that the type's output function writes.
    Text,
    /// The bytes that the type's send function writes.
    Binary,
}

impl Format {
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    pub(crate) fn from_code(message: &str, code: i16) -> Result<Self, Error> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(Error::protocol(message, "unrecognized format code")),
        }
    }
}

/// What Describe and Close name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Statement,
    Portal,
}

impl Object {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}
