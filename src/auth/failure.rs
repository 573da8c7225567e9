//! Why an authentication exchange failed, and whose fault it was.

use std::error;
use std::fmt;

/// Why an authentication exchange failed. No text here holds a secret of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server broke the protocol: what was wrong.
    Protocol(&'static str),
    /// The server could not prove that it knows the password: it may be an impostor.
    Unproven,
    /// The server asks for something that we do not do: a whole sentence.
    Unsupported(String),
    /// The server ended the exchange with an error of its own, cleaned by [`clean`].
    Rejected(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(what) => write!(f, "invalid SCRAM message from the server: {what}"),
            Self::Unproven => f.write_str("the server could not prove that it knows the password"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Rejected(error) => write!(f, "the server ended the SCRAM exchange: \"{error}\""),
        }
    }
}

impl error::Error for Failure {}

/// Makes text of a server that is not yet trusted fit to be shown: short, one line, ASCII only.
///
/// It could otherwise write to the terminal of whoever reads the log, in control characters or in
/// letters that look like others. What SCRAM has to say is ASCII (RFC 5802 section 7).
pub(crate) fn clean(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN)
        .map(|c| if c == ' ' || (c.is_ascii_graphic() && c != '"') { c } else { '?' })
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// How many characters of the server's text are shown: the longest error of RFC 5802 has 38.
const MAX_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use crate::auth::failure::{Failure, clean};

    #[test]
    fn shown_text_is_bounded_and_printable() {
        assert_eq!(clean("invalid-proof"), "invalid-proof");
        assert_eq!(clean("a\u{1b}[2J\n\0\"é\u{202e}b c"), "a?[2J????".to_owned() + "?b c");
        assert_eq!(clean(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(clean(&"é".repeat(65)), "?".repeat(64) + "...");
    }

    #[test]
    fn messages_are_one_clear_line() {
        for failure in [
            Failure::Protocol("the salt is not base64"),
            Failure::Unproven,
            Failure::Unsupported("no".to_owned()),
            Failure::Rejected("other-error".to_owned()),
        ] {
            let text = failure.to_string();
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        }
    }
}
