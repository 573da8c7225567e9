//! How an element of an array and a bound of a range are quoted in the server's text form.

use std::fmt;

/// An element of an array.
pub(crate) struct Element<'a, T>(pub(crate) &'a T);

impl<T: fmt::Display> fmt::Display for Element<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let special = |c: char| matches!(c, '"' | '\\' | '{' | '}' | ',') || is_space(c);
        if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special) {
            return f.write_str(&text);
        }
        f.write_str("\"")?;
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// A bound of a range.
pub(crate) struct RangeBound<'a, T>(pub(crate) &'a T);

impl<T: fmt::Display> fmt::Display for RangeBound<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let special =
            |c: char| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || is_space(c);
        if !text.is_empty() && !text.contains(special) {
            return f.write_str(&text);
        }
        f.write_str("\"")?;
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                write!(f, "{c}")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// What the server takes for white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}
