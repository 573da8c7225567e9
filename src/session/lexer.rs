//! Looks at the text of a statement as far as the driver must.

use crate::connection::Cancellable;

/// Whether a statement with this text may be cancelled when its future is dropped. One that ends a transaction
/// may not: nobody would know whether it had.
///
/// Where a text holds no comment, statements are told apart by their semicolons, also by those in a literal: the
/// answer may then be too careful. Comments are taken out first, by both readings of a backslash in a literal,
/// since it depends on a setting of the session which one is right.
pub(crate) fn cancellable(sql: &str) -> Cancellable {
    let commented = sql.contains("--") || sql.contains("/*");
    let ends = if commented {
        let bare = |backslash| bare(sql, backslash).split(';').any(ends_transaction);
        bare(Backslash::Plain) || bare(Backslash::Escapes)
    } else {
        sql.split(';').any(ends_transaction)
    };
    if ends { Cancellable::No } else { Cancellable::Yes }
}

/// What a backslash is in a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escapes,
}

/// The text without its comments and literals, each of which leaves a space.
fn bare(sql: &str, backslash: Backslash) -> String {
    let mut bare = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '\'' {
            quoted(rest, '\'', backslash)
        } else if first == '"' {
            quoted(rest, '"', Backslash::Plain)
        } else if first == '$' {
            dollar_quoted(rest)
        } else {
            0
        };
        let length = if skipped > 0 { skipped } else { first.len_utf8() };
        let (taken, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        bare.push_str(if skipped > 0 { " " } else { taken });
        rest = behind;
    }
    bare
}

/// The length of the comment at the start of `text`, in which others may be nested.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..) {
        let step = rest.chars().next().map_or(0, char::len_utf8);
        at += if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            step
        };
        if depth == 0 || step == 0 {
            break;
        }
    }
    at
}

/// The length of the literal at the start of `text`. A doubled quote begins another at once, which is the same.
fn quoted(text: &str, quote: char, backslash: Backslash) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && backslash == Backslash::Escapes {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The length of the dollar-quoted literal at the start of `text`; 0 if the dollar begins something else.
fn dollar_quoted(text: &str) -> usize {
    let is_tag = |c: char| c.is_alphanumeric() || c == '_';
    let tag_end = text.get(1..).and_then(|rest| rest.find(|c| !is_tag(c))).map(|at| at + 1);
    let Some(tag) = tag_end.filter(|at| text.get(*at..).is_some_and(|rest| rest.starts_with('$')))
    else {
        return 0;
    };
    let starts_with_digit = text.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    let (Some(delimiter), false) = (text.get(..=tag), starts_with_digit) else { return 0 };
    let body = text.get(delimiter.len()..).unwrap_or_default();
    body.find(delimiter).map_or(text.len(), |at| at + 2 * delimiter.len())
}

/// The first words of statements that end a transaction.
const ENDS: [&str; 4] = ["commit", "end", "rollback", "abort"];

fn ends_transaction(statement: &str) -> bool {
    let mut words = words(statement);
    let first = words.next().unwrap_or_default();
    is_one_of(first, &ENDS)
        || (is_one_of(first, &["prepare"])
            && words.next().is_some_and(|second| is_one_of(second, &["transaction"])))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn is_one_of(word: &str, keys: &[&str]) -> bool {
    keys.iter().any(|key| word.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_transaction_is_not_cancellable() {
        for sql in [
            "commit",
            "  COMMIT and chain",
            "end",
            "Rollback to savepoint a",
            "abort;",
            "prepare transaction 'x'",
            "commit prepared 'x'",
            "-- a comment\n commit",
            "/* a /* nested */ one */commit",
            "insert into t values (1); commit",
            "-- a; b\ncommit",
            "/* a; b */ commit",
            "prepare /* x */ transaction 'x'",
            "prepare -- x\n transaction 'x'",
            "select 1 -- one\n; rollback",
            "select '--'; -- a; b\n commit",
            "select '/*'; commit /* */",
            "select '\\'; commit; --'",
            "select $$--$$; commit",
            "/* /* */ ; */ commit",
        ] {
            assert_eq!(cancellable(sql), Cancellable::No, "{sql}");
        }
    }

    #[test]
    fn everything_else_is() {
        for sql in [
            "",
            "select 1",
            "prepare p as select 1",
            "select case when true then 1 end",
            "commitment",
            "/* commit */ select 1",
            "-- commit",
            "-- a comment\nselect case when true then 1 end",
            "/* app */ select '; commit', \"; commit\", $$; commit$$, $a$; commit$a$",
            "select $1, a$b$c /* x */",
            "/* no end",
            "begin; select 1",
        ] {
            assert_eq!(cancellable(sql), Cancellable::Yes, "{sql}");
        }
    }
}
