//! `column_of`: the column that a parameter is for, read from a text that SeaQuery has built.

use crate::session::lexer::{Backslash, Token, TokenKind, tokens};

/// The column into which `$number` is inserted, or with which it is compared, if that can be told.
///
/// This is for errors alone: it looks no further than it must.
pub(crate) fn column_of(sql: &str, number: usize) -> Option<String> {
    let parameter = format!("${number}");
    let tokens: Vec<_> = tokens(sql, Backslash::Plain)
        .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        .collect();
    let is_it = |token: &Token<'_>| token.kind == TokenKind::Numbered && token.text == parameter;
    let before = tokens.get(..tokens.iter().position(is_it)?)?;
    let column = inserted(before).or_else(|| compared(before))?;
    let name = column.text.strip_prefix('"')?.strip_suffix('"')?;
    Some(name.replace("\"\"", "\""))
}

/// The column that has the same place in `insert into t (a, b) values ($1, $2)`.
fn inserted<'s>(before: &[Token<'s>]) -> Option<Token<'s>> {
    let values = before.iter().rposition(|token| is_word(token, "values"))?;
    let columns = columns(before.get(..values)?)?;
    let (mut depth, mut place) = (0_usize, 0_usize);
    // Inside a cast, a value is still that of its column.
    let mut casts = 0_usize;
    let row = before.get(values + 1..)?;
    for (index, token) in row.iter().enumerate() {
        match token.text {
            "(" if depth == 0 => (depth, place) = (1, 0),
            "(" => {
                depth += 1;
                let is_cast = index.checked_sub(1).and_then(|index| row.get(index));
                casts += usize::from(is_cast.is_some_and(|token| is_word(token, "cast")));
            }
            ")" => {
                depth = depth.checked_sub(1)?;
                casts = casts.min(depth.saturating_sub(1));
            }
            "," if depth == 1 => place += 1,
            _ if depth == 0 && token.text != "," => return None,
            _ => {}
        }
    }
    if depth == casts + 1 { columns.get(place).copied() } else { None }
}

/// The names in the last parentheses of `insert into "s"."t" ("a", "b")`.
fn columns<'s>(before: &[Token<'s>]) -> Option<Vec<Token<'s>>> {
    let (close, rest) = before.split_last()?;
    if close.text != ")" {
        return None;
    }
    let open = rest.iter().rposition(|token| token.text == "(")?;
    let names = rest.get(open + 1..)?.iter();
    Some(names.filter(|token| token.kind == TokenKind::QuotedName).copied().collect())
}

const OPERATOR_WORDS: [&str; 5] = ["in", "like", "ilike", "between", "not"];
const OPERATOR_SYMBOLS: [&str; 5] = ["=", "<", ">", "!", "~"];

/// The column in front of an operator: `"a" = $1`, `"a" IN ($1, $2)`, `"a" BETWEEN $1 AND $2`, `"a" = ANY($1)`.
fn compared<'s>(before: &[Token<'s>]) -> Option<Token<'s>> {
    let mut rest = before;
    rest = strip_list(rest);
    rest = strip(rest, |token| is_word(token, "any") || is_word(token, "all"));
    rest = strip_between(rest);
    let operand = rest;
    while let Some((token, next)) = rest.split_last() {
        let is_word = OPERATOR_WORDS.iter().any(|word| is_word(token, word));
        if !is_word && !OPERATOR_SYMBOLS.contains(&token.text) {
            break;
        }
        rest = next;
    }
    let column = rest.last()?;
    let is_compared = rest.len() < operand.len() && column.kind == TokenKind::QuotedName;
    is_compared.then_some(*column)
}

/// What stands in front of a list of values that is begun, and of a cast.
fn strip_list<'a, 's>(tokens: &'a [Token<'s>]) -> &'a [Token<'s>] {
    let in_list = |token: &Token<'_>| token.kind == TokenKind::Numbered || token.text == ",";
    let list = tokens.iter().rposition(|token| !in_list(token)).map_or(0, |last| last + 1);
    let rest = strip(tokens.get(..list).unwrap_or_default(), |token| token.text == "(");
    strip(strip(rest, |token| is_word(token, "cast")), |token| token.text == "(")
}

/// Up to `BETWEEN`, where the first of its values follows.
fn strip_between<'a, 's>(tokens: &'a [Token<'s>]) -> &'a [Token<'s>] {
    match tokens {
        [rest @ .., first, and]
            if is_word(and, "and")
                && first.kind == TokenKind::Numbered
                && rest.last().is_some_and(|token| is_word(token, "between")) =>
        {
            rest
        }
        _ => tokens,
    }
}

/// Without the last token, if it is such a one.
fn strip<'a, 's>(
    tokens: &'a [Token<'s>],
    is_one: impl FnOnce(&Token<'_>) -> bool,
) -> &'a [Token<'s>] {
    match tokens {
        [rest @ .., last] if is_one(last) => rest,
        _ => tokens,
    }
}

fn is_word(token: &Token<'_>, word: &str) -> bool {
    token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[Option<&str>]) {
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(column_of(sql, index + 1).as_deref(), *expected, "${} in {sql}", index + 1);
        }
    }

    #[test]
    fn inserted_values_have_the_columns_of_their_places() {
        let (a, b) = (Some("a"), Some("b"));
        check(r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2), ($3, $4)"#, &[a, b, a, b]);
        check(r#"INSERT INTO "s"."t" ("a", "b") VALUES (DEFAULT, CAST($1 AS "mood"))"#, &[b]);
        check(r#"INSERT INTO "t" ("a", "b") VALUES ($1::"mood", $2 + 1)"#, &[a, b]);
        check(r#"INSERT INTO "t" ("a", "b") VALUES (CAST($1 AS x), $2)"#, &[a, b]);
        check(
            r#"INSERT INTO "t" ("a", "b") VALUES ((SELECT "x" FROM "y" WHERE "z" = $1), $2)"#,
            &[Some("z"), b],
        );
        check(
            r#"INSERT INTO "t" ("a") VALUES ($1) ON CONFLICT ("id") DO UPDATE SET "b" = $2"#,
            &[a, b],
        );
        check(r#"INSERT INTO "t" ("a""b") VALUES ($1)"#, &[Some("a\"b")]);
    }

    #[test]
    fn compared_values_have_the_columns_beside_them() {
        let (a, b) = (Some("a"), Some("b"));
        check(r#"UPDATE "t" SET "a" = $1, "b" = CAST($2 AS int4) WHERE "t"."a" <> $3"#, &[a, b, a]);
        check(
            r#"SELECT 1 WHERE "a" IN ($1, $2) AND "b" NOT LIKE $3 AND "a" = ANY($4)"#,
            &[a, a, b, a],
        );
        check(
            r#"SELECT 1 WHERE "a" BETWEEN $1 AND $2 AND "b" NOT BETWEEN $3 AND $4"#,
            &[a, a, b, b],
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        check("SELECT $1", &[None]);
        check(r#"SELECT "a" + $1, f($2), $3 = "b" LIMIT $4"#, &[None, None, None, None]);
        check(r#"SELECT 1 WHERE ("a", "b") IN (($1, $2))"#, &[None, None]);
        check(r#"SELECT 1 WHERE "a" = '$1' OR $1 < $2 AND $3"#, &[None, None, None]);
        check("VALUES ($1), ($2)", &[None, None]);
        check("SELECT 1", &[None]);
    }
}
