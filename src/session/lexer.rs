//! Looks at the text of a statement as far as the driver must.

use crate::connection::Cancellable;

/// Whether a statement with this text may be cancelled when its future is dropped. One that ends a transaction
/// may not: nobody would know whether it had.
///
/// Statements are told apart by their semicolons, also where one stands in a literal: the answer may then be
/// too careful, never too bold.
pub(crate) fn cancellable(sql: &str) -> Cancellable {
    if sql.split(';').any(ends_transaction) { Cancellable::No } else { Cancellable::Yes }
}

fn ends_transaction(statement: &str) -> bool {
    let mut words = skip_comments(statement)
        .split(|c: char| !c.is_ascii_alphabetic() && c != '_')
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let is = |word: &str, key: &str| word.eq_ignore_ascii_case(key);
    ["commit", "end", "rollback", "abort"].iter().any(|key| is(first, key))
        || (is(first, "prepare") && words.next().is_some_and(|second| is(second, "transaction")))
}

/// The text without the space and the comments before its first word.
fn skip_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = skip_block(comment);
        } else {
            return text;
        }
    }
}

/// The text behind a block comment, in which others may be nested.
fn skip_block(mut text: &str) -> &str {
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = text.find(['*', '/']) else { return "" };
        let rest = text.get(at..).unwrap_or_default();
        (depth, text) = if let Some(rest) = rest.strip_prefix("*/") {
            (depth - 1, rest)
        } else if let Some(rest) = rest.strip_prefix("/*") {
            (depth + 1, rest)
        } else {
            (depth, rest.get(1..).unwrap_or_default())
        };
    }
    text
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
            "/* no end",
            "begin; select 1",
        ] {
            assert_eq!(cancellable(sql), Cancellable::Yes, "{sql}");
        }
    }
}
