//! Whether a statement may be cancelled: one that ends a transaction may not.

use crate::connection::Cancellable;
use crate::session::lexer::token::{Backslash, TokenKind, tokens};

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

/// Whether the first word of a text, behind any comments, is COPY: it speaks a protocol of its own.
pub(crate) fn is_copy(sql: &str) -> bool {
    let word = tokens(sql, Backslash::Plain)
        .find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment));
    word.is_some_and(|word| word.text.eq_ignore_ascii_case("copy"))
}

/// The text without its comments and literals, each of which leaves a space.
fn bare(sql: &str, backslash: Backslash) -> String {
    let mut bare = String::with_capacity(sql.len());
    for token in tokens(sql, backslash) {
        let hides =
            matches!(token.kind, TokenKind::Comment | TokenKind::Literal | TokenKind::QuotedName);
        bare.push_str(if hides { " " } else { token.text });
    }
    bare
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

/// Whether a word is one of the keys, in upper or lower case.
pub(crate) fn is_one_of(word: &str, keys: &[&str]) -> bool {
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
            "-- a line break of its own\r commit",
            "/* */ select $€$ -- $€$; commit",
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
