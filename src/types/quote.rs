//! Quoting: `quote_literal` and `quote_identifier`, for what cannot be a parameter.

use postgres_protocol::escape::{escape_identifier, escape_literal};

use crate::error::Error;

/// Returns a literal whose value is `text`.
///
/// For statements that take no parameters; where `$1` can stand, a parameter is shorter and needs no quoting. The
/// literal is read alike whatever `standard_conforming_strings` is: with a backslash in it, it has the form
/// ` E'...'`, and the space keeps the letter apart from a word in front.
///
/// # Examples
///
/// ```
/// use aiopg::quote_literal;
///
/// assert_eq!(quote_literal("it's")?, "'it''s'");
/// assert_eq!(quote_literal(r"C:\temp")?, r" E'C:\\temp'");
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) if there is a NUL in it, which no text of PostgreSQL can hold.
///
/// # Source
///
/// [String constants](https://www.postgresql.org/docs/18/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS)
pub fn quote_literal(text: &str) -> Result<String, Error> {
    without_nul(text, "a literal")?;
    Ok(escape_literal(text))
}

/// Returns a quoted identifier that names exactly `name`, in upper and lower case as it is.
///
/// PostgreSQL cuts names off at 63 bytes, quoted or not.
///
/// # Examples
///
/// ```
/// use aiopg::quote_identifier;
///
/// let column = quote_identifier("Order \"by\"")?;
/// assert_eq!(format!("select {column} from t"), r#"select "Order ""by""" from t"#);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) if the name is empty, or there is a NUL in it.
///
/// # Source
///
/// [Identifiers](https://www.postgresql.org/docs/18/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS)
pub fn quote_identifier(name: &str) -> Result<String, Error> {
    without_nul(name, "an identifier")?;
    if name.is_empty() {
        return Err(Error::usage("an identifier cannot be empty").unsent());
    }
    Ok(escape_identifier(name))
}

/// Returns the quoted identifiers with dots between them: a schema and what it holds.
///
/// # Examples
///
/// ```
/// use aiopg::quote_qualified;
///
/// assert_eq!(quote_qualified(&["shop", "Order"])?, r#""shop"."Order""#);
/// # Ok::<(), aiopg::Error>(())
/// ```
///
/// # Errors
///
/// As [`quote_identifier`], and if there is no name at all.
///
/// # Source
///
/// [Identifiers](https://www.postgresql.org/docs/18/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS)
pub fn quote_qualified(names: &[&str]) -> Result<String, Error> {
    let quoted: Vec<_> =
        names.iter().map(|name| quote_identifier(name)).collect::<Result<_, _>>()?;
    if quoted.is_empty() {
        return Err(Error::usage("an identifier cannot be empty").unsent());
    }
    Ok(quoted.join("."))
}

fn without_nul(text: &str, what: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error::usage(format!("{what} cannot hold a NUL")).unsent());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn literals_are_safe_under_both_readings_of_a_backslash() {
        for (text, quoted) in [
            ("", "''"),
            ("'", "''''"),
            ("''; drop table t --", "'''''; drop table t --'"),
            (r"\", r" E'\\'"),
            (r"\'", r" E'\\'''"),
            (r"\''; --", r" E'\\''''; --'"),
            ("é\u{ffff}\n", "'é\u{ffff}\n'"),
            ("$$:a$1", "'$$:a$1'"),
        ] {
            assert_eq!(quote_literal(text).unwrap(), quoted);
        }
    }

    #[test]
    fn identifiers_double_their_quotes_and_nothing_else() {
        assert_eq!(quote_identifier(r#"a"b\c'"#).unwrap(), r#""a""b\c'""#);
        assert_eq!(quote_qualified(&[r#"a".b"#, "c"]).unwrap(), r#""a"".b"."c""#);
    }

    #[test]
    fn what_cannot_be_quoted_is_refused() {
        for error in [
            quote_literal("a\0b"),
            quote_identifier("a\0"),
            quote_identifier(""),
            quote_qualified(&[]),
            quote_qualified(&["a", ""]),
        ] {
            let error = error.unwrap_err();
            assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
        }
    }
}
