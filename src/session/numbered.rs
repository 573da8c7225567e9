//! How many parameters a text takes, as far as it tells by itself.

use crate::session::lexer::{Backslash, TokenKind, is_one_of, tokens};

/// The first words of the statements whose `$1` is always a parameter. In CREATE FUNCTION it may be an argument, in
/// PREPARE it waits for EXECUTE.
const PLANNED: [&str; 8] =
    ["select", "insert", "update", "delete", "with", "values", "merge", "table"];

/// The highest number of a parameter, 0 if there is none; `None` if the text alone does not tell.
pub(crate) fn highest(sql: &str, backslash: Option<Backslash>) -> Option<usize> {
    let mut words = tokens(sql, backslash?)
        .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        .skip_while(|token| token.text == "(");
    let first = words.next()?;
    if first.kind != TokenKind::Word || !is_one_of(first.text, &PLANNED) {
        return None;
    }
    let mut highest = 0;
    for token in words.filter(|token| token.kind == TokenKind::Numbered) {
        highest = highest.max(token.text.strip_prefix('$')?.parse().ok()?);
    }
    Some(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_where_they_are_parameters() {
        let plain = |sql| highest(sql, Some(Backslash::Plain));
        assert_eq!(plain("select 1"), Some(0));
        assert_eq!(plain("/* $9 */ SELECT $2, $1 -- $3"), Some(2));
        assert_eq!(plain("((select '$7', $$ $8 $$, \"$9\", a$b$1))"), Some(0));
        assert_eq!(plain("with a as (select $3::int) table a"), Some(3));
        assert_eq!(plain("insert into t values ($1, '\\', $2)"), Some(2));
        let escapes = Some(Backslash::Escapes);
        assert_eq!(highest("select '\\' , $1', $2", escapes), Some(2));
    }

    #[test]
    fn what_the_text_does_not_tell_is_left_to_the_server() {
        for sql in [
            "",
            "-- select $1",
            "create function f(int) returns int return $1",
            "prepare p as select $1",
            "explain (generic_plan) select $1",
            "select $99999999999999999999999",
        ] {
            assert_eq!(highest(sql, Some(Backslash::Plain)), None, "{sql}");
        }
        assert_eq!(highest("select $1", None), None);
    }
}
