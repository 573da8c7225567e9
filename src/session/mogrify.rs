//! `mogrify`: a statement with its parameters put into the text, for statements that take none.

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::session::bind::wrong_count;
use crate::session::connection::Connection;
use crate::session::lexer::{Backslash, Token, TokenKind, is_one_of};
use crate::session::literal::{EndsWith, Literal, Place};
use crate::session::named::{Bound, known};
use crate::session::source::Source;
use crate::types::Params;

impl<R: Runtime> Connection<R> {
    /// Returns the text of a statement with the parameters in the place of `$1` or `:name`, as literals.
    ///
    /// This is for statements that take no parameters, such as CREATE, ALTER, SET and NOTIFY, and for seeing what a
    /// statement would look like; elsewhere parameters are faster, and take values of every type. Nothing can leave
    /// its literal, whatever the values are and whatever `standard_conforming_strings` is. What stands in literals,
    /// quoted names and comments is left alone.
    ///
    /// A literal has a cast unless it needs none: `12`, `'text'`, `'2024-02-29'::date`. The types are the builtin ones
    /// with a text that means the same in every session; money, composite types and those of extensions are refused.
    /// Up to its first word that begins a query or an expression, such as SELECT, DEFAULT or WHERE, a statement takes
    /// plain numbers and strings only, and gets these.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::named;
    ///
    /// let sql = connection.mogrify("alter role ada password :word", named! { word: "it's" })?;
    /// assert_eq!(sql, "alter role ada password 'it''s'");
    /// connection.batch_execute(&sql).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a value has no text that is known here,
    /// [`Kind::Usage`](crate::Kind::Usage) if there are too few or too many values, or if one would stand beside
    /// another literal, with which it could become one.
    ///
    /// # Source
    ///
    /// [Lexical structure](https://www.postgresql.org/docs/18/sql-syntax-lexical.html)
    pub fn mogrify(&self, sql: &str, params: impl Params) -> Result<String, Error> {
        mogrify(sql, &params, self.backslash())
    }
}

/// `backslash` is `None` if nobody knows how the session reads one.
pub(crate) fn mogrify(
    sql: &str,
    params: &dyn Params,
    backslash: Option<Backslash>,
) -> Result<String, Error> {
    let merged = match params.named() {
        None => merge(sql, params, backslash),
        Some(named) => {
            let bound = Bound::new(Source::Text(sql), named, backslash)?;
            merge(bound.source().sql(), &bound, backslash)
        }
    };
    merged.map_err(|error| error.unsent().with_statement(sql))
}

fn merge(sql: &str, params: &dyn Params, backslash: Option<Backslash>) -> Result<String, Error> {
    let tokens: Vec<_> = known(sql, backslash)?.collect();
    let numbered = tokens.iter().filter(|token| token.kind == TokenKind::Numbered);
    let (expected, given) = (numbered.map(number).max().unwrap_or(0), params.count());
    if expected != given {
        return Err(wrong_count(expected, given));
    }
    let (mut merged, mut place) = (String::with_capacity(sql.len()), Place::Constant);
    for (at, token) in tokens.iter().enumerate() {
        place = place_behind(token, place);
        if token.kind == TokenKind::Numbered {
            let around = Around::of(&tokens, at);
            let literal = written(params, token, place, &around)?;
            around.put(&mut merged, &literal);
        } else {
            merged.push_str(token.text);
        }
    }
    Ok(merged)
}

/// The number of `$1`; one that is too large to be there is the largest.
fn number(token: &Token<'_>) -> usize {
    token.text.strip_prefix('$').and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX)
}

/// Words behind which there are expressions, up to the end of the statement.
const BEGIN_EXPRESSIONS: [&str; 13] = [
    "select", "insert", "update", "delete", "merge", "values", "execute", "call", "default",
    "check", "using", "when", "where",
];

fn place_behind(token: &Token<'_>, place: Place) -> Place {
    match token.kind {
        TokenKind::Symbol if token.text == ";" => Place::Constant,
        TokenKind::Word if is_one_of(token.text, &BEGIN_EXPRESSIONS) => Place::Expression,
        TokenKind::Space
        | TokenKind::Comment
        | TokenKind::Word
        | TokenKind::QuotedName
        | TokenKind::Literal
        | TokenKind::Digits
        | TokenKind::Numbered
        | TokenKind::Named
        | TokenKind::Symbol => place,
    }
}

fn written(
    params: &dyn Params,
    token: &Token<'_>,
    place: Place,
    around: &Around<'_>,
) -> Result<String, Error> {
    let name = || {
        let label = number(token).checked_sub(1).and_then(|index| params.label(index));
        label.unwrap_or(token.text).to_owned()
    };
    let value = number(token).checked_sub(1).and_then(|index| params.at(index));
    let value =
        value.ok_or_else(|| Error::usage(format!("there is no parameter \"{}\"", name())))?;
    if around.is_literal() {
        let text = format!(
            "parameter \"{}\" stands beside a literal, with which it could become one",
            name()
        );
        return Err(Error::usage(text));
    }
    let literal = Literal::of(value).and_then(|literal| {
        let (text, end) = literal.write(place)?;
        if place == Place::Constant && text.starts_with('-') && !around.takes_sign() {
            return Ok(literal.write(Place::Expression)?);
        }
        Ok((text, end))
    });
    let (text, end) = literal.map_err(|cause| {
        let text = format!("parameter \"{}\" cannot be put into the text of a statement", name());
        Error::conversion(text).with_source(cause)
    })?;
    Ok(if end == EndsWith::Type && around.extends_type() { format!("({text})") } else { text })
}

/// What stands about a parameter.
struct Around<'t> {
    /// The bytes that touch it.
    before: Option<u8>,
    behind: Option<u8>,
    /// The nearest tokens that are neither white space nor comments.
    previous: Option<Token<'t>>,
    next: Option<Token<'t>>,
}

impl<'t> Around<'t> {
    fn of(tokens: &[Token<'t>], at: usize) -> Self {
        let counts =
            |token: &&Token<'t>| !matches!(token.kind, TokenKind::Space | TokenKind::Comment);
        let before = tokens.get(..at).unwrap_or_default();
        let behind = tokens.get(at + 1..).unwrap_or_default();
        Self {
            before: before.last().and_then(|token| token.text.bytes().last()),
            behind: behind.first().and_then(|token| token.text.bytes().next()),
            previous: before.iter().rev().find(counts).copied(),
            next: behind.iter().find(counts).copied(),
        }
    }

    /// Two literals with a line break between them are one.
    fn is_literal(&self) -> bool {
        let literal =
            |token: &Token<'_>| matches!(token.kind, TokenKind::Literal | TokenKind::Numbered);
        self.previous.as_ref().is_some_and(literal) || self.next.as_ref().is_some_and(literal)
    }

    /// Whether a sign belongs to the number behind it, and to nothing else.
    fn takes_sign(&self) -> bool {
        let before = self.previous.is_none_or(|token| {
            token.kind == TokenKind::Word || matches!(token.text, "=" | "(" | ",")
        });
        before
            && self.next.is_none_or(|token| {
                matches!(token.text, ";" | "," | ")") || token.kind == TokenKind::Word
            })
    }

    /// Whether what follows could belong to the name of a type: `'1'::interval day`, `'{1}'::int4[][1]`.
    fn extends_type(&self) -> bool {
        const HARMLESS: [&str; 22] = [
            "and",
            "or",
            "from",
            "where",
            "group",
            "order",
            "limit",
            "offset",
            "returning",
            "then",
            "else",
            "end",
            "when",
            "as",
            "in",
            "is",
            "on",
            "union",
            "having",
            "asc",
            "desc",
            "between",
        ];
        self.next.is_some_and(|token| match token.kind {
            TokenKind::Word => !is_one_of(token.text, &HARMLESS),
            TokenKind::Symbol => matches!(token.text, "[" | "." | "("),
            TokenKind::Space
            | TokenKind::Comment
            | TokenKind::QuotedName
            | TokenKind::Literal
            | TokenKind::Digits
            | TokenKind::Numbered
            | TokenKind::Named => true,
        })
    }

    /// Adds a literal, with a space where it would join what touches it: `-` and `-1`, `U&` and `'a'`, `1` and `2`.
    fn put(&self, merged: &mut String, literal: &str) {
        let apart = |c: u8| c.is_ascii_whitespace() || b"(,=[<>+*/;".contains(&c);
        let before = self.before.is_none_or(|c| match literal.bytes().next() {
            Some(b'-') => c.is_ascii_whitespace() || b"(,".contains(&c),
            Some(b' ') => true,
            _ => apart(c) || c == b'-',
        });
        let behind =
            self.behind.is_none_or(|c| c.is_ascii_whitespace() || b"),=]<>+-*/|;:".contains(&c));
        merged.push_str(if before { "" } else { " " });
        merged.push_str(literal);
        merged.push_str(if behind { "" } else { " " });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::types::{Date, Interval};
    use crate::{named, params};

    #[track_caller]
    fn check(sql: &str, params: &dyn Params, expected: &str) {
        assert_eq!(mogrify(sql, params, Some(Backslash::Plain)).unwrap(), expected);
    }

    #[track_caller]
    fn refused(sql: &str, params: &dyn Params) -> (Kind, String) {
        let error = mogrify(sql, params, Some(Backslash::Plain)).unwrap_err();
        assert!(error.is_unsent() && error.statement() == Some(sql));
        (error.kind(), error.to_string())
    }

    #[test]
    fn parameters_become_literals() {
        let date: Date = "2020-01-01".parse().unwrap();
        check(
            "select $1, $2 from t where d=$3",
            &(1, "it's", date),
            "select 1, 'it''s' from t where d='2020-01-01'::date",
        );
        check("select :a, :b, :a", &named! { a: 1_i32, b: None::<i32> }, "select 1, NULL, 1");
        check("select 1", &(), "select 1");
        check("notify ch, $1", &("x",), "notify ch, 'x'");
        check("SELECT $1", &("1",), "SELECT '1'");
    }

    #[test]
    fn a_sign_never_makes_a_comment() {
        check("select 1-$1", &(-1,), "select 1-'-1'::int4");
        check("select -$1, -$2", &(-1_i64, 1), "select -'-1'::int8, -1");
        check("alter sequence s restart with $1", &(-5_i64,), "alter sequence s restart with -5");
        check("set x=$1", &(-5,), "set x= -5");
        check("create index on t ((x-$1))", &(-5,), "create index on t ((x-'-5'::int4))");
        check(
            "create index on t ((x - $1::int))",
            &(-5,),
            "create index on t ((x - '-5'::int4::int))",
        );
    }

    #[test]
    fn nothing_joins_what_it_touches() {
        check("select 1$1", &(2,), "select 1 2");
        check("select $1e5", &(2,), "select 2 e5");
        check("select U&$1", &("a",), "select U& 'a'");
        check("select 1.$1", &(5,), "select 1. 5");
        check("select a||$1||b", &("x",), "select a|| 'x'||b");
        check("select $1[1]", &(vec![1],), "select ('{1}'::int4[]) [1]");
        let day = Interval { days: 1, ..Interval::ZERO };
        check("select $1 day", &(day,), "select ('1 day'::interval) day");
        check("select $1 from t", &(day,), "select '1 day'::interval from t");
    }

    #[test]
    fn what_is_no_parameter_stays() {
        let sql = "select '$1', E'\\'$1', $$ $1 $$, $a$ $1 $a$, \"$1\", a$1, /* $1 /* $1 */ */ U&'$1' -- $1";
        check(sql, &(), sql);
        check(":a", &(), ":a");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let usage = |text: &str| (Kind::Usage, text.to_owned());
        assert_eq!(
            refused("select $1", &(1, 2)),
            usage("the statement takes 1 parameter, but 2 were given")
        );
        assert_eq!(
            refused("select $3", &(1, 2)),
            usage("the statement takes 3 parameters, but 2 were given")
        );
        assert_eq!(refused("select $0, $1", &(1,)), usage("there is no parameter \"$0\""));
        assert_eq!(refused("select $99999999999999999999", &()).0, Kind::Usage);
        let money = crate::types::Money(1);
        assert_eq!(
            refused("select :m", &named! { m: money }),
            (
                Kind::Conversion,
                "parameter \":m\" cannot be put into the text of a statement".to_owned()
            )
        );
        let nul = params!["a\0"];
        assert_eq!(refused("select $1", &nul).0, Kind::Conversion);
        for sql in ["select 'a'\n$1", "select $1 -- x\n 'a'", "select $1 /**/ $1"] {
            assert!(refused(sql, &("x",)).1.contains("beside a literal"));
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces = [
            "'", "\"", "$1", "$", "$$", "\\", "--", "\n", "/*", "*/", "E'", "é", "-", ";", "set",
            " ", "[", ":a",
        ];
        let mut state = 1_u64;
        for _ in 0..5_000 {
            let mut sql = String::new();
            for _ in 0..10 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sql.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
            }
            for backslash in [None, Some(Backslash::Plain), Some(Backslash::Escapes)] {
                drop(mogrify(&sql, &("it's",), backslash));
                drop(mogrify(&sql, &(-1,), backslash));
                drop(mogrify(&sql, &named! { a: "\\" }, backslash));
            }
        }
    }
}
