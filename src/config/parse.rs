//! Connection strings: a `Config` from a URI or from `key=value` pairs.

use std::str::FromStr;

use crate::config::builder::Config;
use crate::config::check::check;
use crate::config::hosts::slots;
use crate::config::keyword::KeyWord;
use crate::config::values::Values;
use crate::config::{conninfo, uri};
use crate::error::Error;

impl FromStr for Config {
    type Err = Error;

    /// Reads a `postgresql://` URI or `key=value` pairs, as libpq does. Nothing is looked up yet.
    fn from_str(text: &str) -> Result<Self, Error> {
        let values = values(text)?;
        for (word, value) in values.iter() {
            check(word, value)?;
        }
        slots(&values)?;
        Ok(Self { values, ..Self::new() })
    }
}

/// What a connection string sets; of a key word that stands there twice, the last counts.
pub(crate) fn values(text: &str) -> Result<Values, Error> {
    let mut values = Values::default();
    for (key, value) in uri::pairs(text).unwrap_or_else(|| conninfo::pairs(text))? {
        // From before there was sslmode.
        if key == "requiressl" {
            let mode = if value.starts_with('1') { "require" } else { "prefer" };
            values.set(KeyWord::Sslmode, mode);
            continue;
        }
        let word = KeyWord::find(&key).ok_or_else(|| KeyWord::unrecognized(&key))?;
        values.set(word, value);
    }
    Ok(values)
}

impl TryFrom<&str> for Config {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for Config {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Config {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn the_last_of_several_counts_and_the_others_need_not_be_valid() {
        let config: Config = "port=x host=a host=b port=1".parse().unwrap();
        assert_eq!(config.values.get(KeyWord::Host), Some("b"));
        let config: Config = "postgresql://a:x/d?host=b&port=1".parse().unwrap();
        assert_eq!(config.values.get(KeyWord::Host), Some("b"));
    }

    #[test]
    fn old_and_foreign_spellings_of_sslmode_are_understood() {
        let mode = |text: &str| {
            let config: Config = text.parse().unwrap();
            config.values.get(KeyWord::Sslmode).unwrap().to_owned()
        };
        assert_eq!(mode("requiressl=1"), "require");
        assert_eq!(mode("sslmode=verify-full requiressl=0"), "prefer");
        assert_eq!(mode("postgresql:///?ssl=true"), "require");
        assert!("ssl=true".parse::<Config>().is_err());
        assert!("postgresql:///?ssl=1".parse::<Config>().is_err());
    }

    #[test]
    fn what_is_wrong_in_a_connection_string_is_named() {
        let error = |text: &str| {
            let error = text.parse::<Config>().unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            error.to_string()
        };
        assert_eq!(error("port=0"), "invalid port \"0\": a number from 1 to 65535 is expected");
        assert_eq!(error("host=a,b port=1,2,3"), "3 ports do not match 2 hosts");
        assert_eq!(error("hots=a"), "unrecognized key word \"hots\": did you mean \"host\"?");
        assert_eq!(error("user=a\0b"), "the value of \"user\" has a NUL byte in it");
    }
}
