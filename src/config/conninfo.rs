//! `key = value` connection strings, taken apart into pairs.

use std::iter::Peekable;
use std::str::Chars;

use crate::config::check::is_space;
use crate::error::Error;

/// The pairs of a connection string, in order: values may stand in single quotes, where a backslash escapes.
///
/// # Source
///
/// [Keyword/value connection strings](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE)
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut chars = text.chars().peekable();
    let mut pairs = Vec::new();
    loop {
        skip_space(&mut chars);
        if chars.peek().is_none() {
            return Ok(pairs);
        }
        let key = key(&mut chars)?;
        skip_space(&mut chars);
        let value = match chars.peek() {
            Some('\'') => quoted(&mut chars)?,
            _ => plain(&mut chars),
        };
        pairs.push((key, value));
    }
}

fn skip_space(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| is_space(*c)).is_some() {}
}

fn key(chars: &mut Peekable<Chars<'_>>) -> Result<String, Error> {
    let mut key = String::new();
    while let Some(c) = chars.next_if(|c| *c != '=' && !is_space(*c)) {
        key.push(c);
    }
    skip_space(chars);
    if chars.next_if_eq(&'=').is_none() {
        // Not quoted in the text: what stands here may be a piece of a password.
        return Err(Error::config("a key word in the connection string lacks its \"=\""));
    }
    Ok(key)
}

fn plain(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(c) = chars.next_if(|c| !is_space(*c)) {
        value.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    value
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, Error> {
    chars.next();
    let mut value = String::new();
    loop {
        match chars.next() {
            Some('\'') => return Ok(value),
            Some('\\') => value.extend(chars.next()),
            Some(c) => value.push(c),
            None => {
                let text = "a value in the connection string lacks its closing quote";
                return Err(Error::config(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        pairs(text).unwrap()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn pairs_are_found_as_libpq_finds_them() {
        assert_eq!(parsed(""), []);
        assert_eq!(parsed("  host=db  port = 5433 "), [pair("host", "db"), pair("port", "5433")]);
        assert_eq!(parsed("user='a b' dbname="), [pair("user", "a b"), pair("dbname", "")]);
        assert_eq!(
            parsed(r"password='it\'s \\' host=a\ b"),
            [pair("password", r"it's \"), pair("host", "a b"),]
        );
        assert_eq!(parsed("user='a'host=b"), [pair("user", "a"), pair("host", "b")]);
        assert_eq!(parsed("user=\x0ba\x0bhost=b\\"), [pair("user", "a"), pair("host", "b")]);
    }

    #[test]
    fn what_cannot_be_understood_is_refused_without_repeating_it() {
        for text in ["secret", "host=db secret", "password='secret"] {
            let error = pairs(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
