//! `OwnType`: the type that a value has of itself, told by one that takes several.

use std::error::Error as StdError;
use std::fmt;

use postgres_types::{Kind, Type};

/// What a value that can be written in several types answers to [`OwnType::question`], in the place of an error: the
/// traits have no other way to ask.
#[derive(Debug)]
pub(crate) struct OwnType(pub(crate) Type);

impl OwnType {
    /// A type that nothing is of. Whoever is asked to be written in it can tell its own.
    pub(crate) fn question() -> Type {
        Type::new(String::new(), 0, Kind::Simple, String::new())
    }
}

impl fmt::Display for OwnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value is of type {}", self.0)
    }
}

impl StdError for OwnType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_the_server_is_taken_for_the_question() {
        assert_eq!(OwnType::question(), OwnType::question());
        assert!(OwnType::question() != Type::INT4 && OwnType::question() != Type::UNKNOWN);
        assert_eq!(OwnType(Type::INT4).to_string(), "the value is of type int4");
    }
}
