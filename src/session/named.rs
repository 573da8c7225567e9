//! `Bound`: a text with named parameters as the server takes it, with `$1` and `$2`, and the values in that order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use postgres_types::ToSql;

use crate::error::Error;
use crate::session::lexer::{Backslash, Token, TokenKind, tokens};
use crate::session::source::Source;
use crate::types::{NamedParams, Params};

/// A text whose names are replaced by numbers. A name that occurs twice has one number.
pub(crate) struct Bound<'p> {
    sql: String,
    /// The names in the order of their numbers, with their colons.
    names: Vec<Box<str>>,
    params: &'p dyn NamedParams,
}

impl<'p> Bound<'p> {
    /// Puts numbers for names. `backslash` is `None` if nobody knows how the session reads one.
    pub(crate) fn new(
        source: Source<'_>,
        params: &'p dyn NamedParams,
        backslash: Option<Backslash>,
    ) -> Result<Self, Error> {
        let bound = match source {
            Source::Text(sql) => Self::number(sql, params, backslash),
            Source::Prepared(_) => Err(Error::usage(
                "a prepared statement takes its parameters by number: give the text itself, which is \
                 prepared at its first use and kept",
            )),
        };
        bound.map_err(|error| error.unsent().with_statement(source.sql()))
    }

    fn number(
        sql: &str,
        params: &'p dyn NamedParams,
        backslash: Option<Backslash>,
    ) -> Result<Self, Error> {
        let (mut numbered, mut numbers) = (String::with_capacity(sql.len()), HashMap::new());
        let mut names = Vec::new();
        for token in known(sql, backslash)? {
            match token.kind {
                TokenKind::Named => {
                    let number = match numbers.entry(bare(token.text)) {
                        Entry::Occupied(known) => *known.get(),
                        Entry::Vacant(new) => {
                            names.push(token.text.into());
                            *new.insert(names.len())
                        }
                    };
                    numbered.push('$');
                    numbered.push_str(&number.to_string());
                }
                TokenKind::Numbered => return Err(mixed(token.text)),
                TokenKind::Space
                | TokenKind::Comment
                | TokenKind::Word
                | TokenKind::QuotedName
                | TokenKind::Literal
                | TokenKind::Digits
                | TokenKind::Symbol => numbered.push_str(token.text),
            }
        }
        check(&numbers, params)?;
        Ok(Self { sql: numbered, names, params })
    }

    pub(crate) fn source(&self) -> Source<'_> {
        Source::Text(&self.sql)
    }
}

impl Params for Bound<'_> {
    fn count(&self) -> usize {
        self.names.len()
    }

    fn at(&self, index: usize) -> Option<&dyn ToSql> {
        self.params.value(bare(self.names.get(index)?))
    }

    fn label(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(AsRef::as_ref)
    }
}

/// The tokens of a text; an error if they depend on what is not known.
pub(crate) fn known(
    sql: &str,
    backslash: Option<Backslash>,
) -> Result<impl Iterator<Item = Token<'_>>, Error> {
    let plain = tokens(sql, Backslash::Plain);
    let chosen = match backslash {
        Some(backslash) => tokens(sql, backslash),
        None if plain.clone().eq(tokens(sql, Backslash::Escapes)) => plain,
        None => {
            return Err(Error::usage(
                "the server does not report standard_conforming_strings: without it, the backslashes in the \
                 statement could mean two things",
            ));
        }
    };
    Ok(chosen)
}

fn bare(name: &str) -> &str {
    name.strip_prefix(':').unwrap_or(name)
}

/// Every name of the text is given, once, and every one that is given is in the text.
fn check(numbers: &HashMap<&str, usize>, params: &dyn NamedParams) -> Result<(), Error> {
    let (mut given, mut wrong) = (vec![false; numbers.len()], Ok(()));
    params.for_each_name(&mut |name| {
        let seen = numbers.get(name).and_then(|number| given.get_mut(number - 1));
        let fault = match seen {
            Some(seen) if !*seen => {
                *seen = true;
                return;
            }
            Some(_) => format!("parameter \":{name}\" was given twice"),
            None => format!("parameter \":{name}\" was given, but is not in the statement"),
        };
        if wrong.is_ok() {
            wrong = Err(Error::usage(fault));
        }
    });
    wrong?;
    let missing = |number: usize| given.get(number - 1) == Some(&false);
    match numbers.iter().filter(|(_, number)| missing(**number)).min_by_key(|(_, number)| **number)
    {
        Some((name, _)) => Err(Error::usage(format!(
            "parameter \":{name}\" is in the statement, but was not given"
        ))),
        None => Ok(()),
    }
}

fn mixed(number: &str) -> Error {
    Error::usage(format!(
        "parameter \"{number}\" has a number, but the values were given by name: use one or the other"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::named;

    #[track_caller]
    fn numbered(sql: &str, params: &dyn NamedParams) -> (String, Vec<String>) {
        let bound = Bound::new(Source::Text(sql), params, Some(Backslash::Plain)).unwrap();
        let values = (0..bound.count()).map(|index| format!("{:?}", bound.at(index).unwrap()));
        (bound.source().sql().to_owned(), values.collect())
    }

    #[track_caller]
    fn refused(sql: &str, params: &dyn NamedParams, backslash: Option<Backslash>) -> String {
        let error = Bound::new(Source::Text(sql), params, backslash).err().unwrap();
        assert!(error.kind() == Kind::Usage && error.is_unsent() && error.statement() == Some(sql));
        error.to_string()
    }

    #[test]
    fn names_become_numbers_in_the_order_of_the_text() {
        let (sql, values) =
            numbered("select :b, :a::int, ':c', :b -- :d", &named! { a: 1_i32, b: "x" });
        assert_eq!(sql, "select $1, $2::int, ':c', $1 -- :d");
        assert_eq!(values, ["\"x\"", "1"]);
        let empty: HashMap<String, i32> = HashMap::new();
        assert_eq!(numbered("select a[1:n]", &empty).0, "select a[1:n]");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let plain = Some(Backslash::Plain);
        let params = named! { a: 1_i32, b: 2_i32 };
        assert_eq!(
            refused("select :a", &params, plain),
            "parameter \":b\" was given, but is not in the statement"
        );
        assert_eq!(
            refused("select :c, :b, :a, :d", &params, plain),
            "parameter \":c\" is in the statement, but was not given"
        );
        assert_eq!(
            refused("select :a, :b", &named! { a: 1_i32, a: 2_i32, b: 3_i32 }, plain),
            "parameter \":a\" was given twice"
        );
        assert_eq!(
            refused("select :a, $1", &params, plain),
            "parameter \"$1\" has a number, but the values were given by name: use one or the other"
        );
    }

    #[test]
    fn an_unknown_backslash_is_no_matter_unless_it_matters() {
        let params = named! { a: 1_i32 };
        let source = Source::Text(r"select 'a\b', :a");
        assert!(Bound::new(source, &params, None).is_ok());
        let text = refused(r"select '\', :a, '", &params, None);
        assert!(text.contains("standard_conforming_strings"));
        let sql = r"select '\', :a, '";
        assert!(Bound::new(Source::Text(sql), &params, Some(Backslash::Plain)).is_ok());
        refused(sql, &params, Some(Backslash::Escapes));
    }

    #[test]
    fn a_wrong_value_is_called_by_its_name() {
        let params = named! { price: "free" };
        let bound =
            Bound::new(Source::Text("select :price"), &params, Some(Backslash::Plain)).unwrap();
        assert_eq!((bound.label(0), bound.label(1)), (Some(":price"), None));
    }
}
