//! The values of parameters as text, for an echo that was asked to show them.

use std::fmt::{self, Write};

use crate::types::Params;

/// What is shown of the parameters of one statement: enough to recognize them, and a value of a gigabyte is cut off.
const MOST_BYTES: usize = 4 << 10;

/// Prints the values as `Debug` does: those with names in braces, others in brackets.
pub(crate) fn shown(params: &dyn Params) -> String {
    let mut text = Bounded(String::new());
    if write(params, &mut text).is_err() {
        text.0.push_str("...");
    }
    text.0
}

fn write(params: &dyn Params, out: &mut Bounded) -> fmt::Result {
    let Some(named) = params.named() else {
        out.write_str("[")?;
        for index in 0..params.count() {
            let comma = if index > 0 { ", " } else { "" };
            match params.at(index) {
                Some(value) => write!(out, "{comma}{value:?}")?,
                None => write!(out, "{comma}?")?,
            }
        }
        return out.write_str("]");
    };
    let (mut written, mut comma) = (out.write_str("{"), "");
    named.for_each_name(&mut |name| {
        if let (Ok(()), Some(value)) = (written, named.value(name)) {
            written = write!(out, "{comma}{name}: {value:?}");
            comma = ", ";
        }
    });
    written?;
    out.write_str("}")
}

/// A text that takes no more than it may have.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_BYTES.saturating_sub(self.0.len());
        let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        self.0.push_str(text.get(..end.unwrap_or(0)).unwrap_or_default());
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_their_order() {
        assert_eq!(shown(&(1, "a\nb", None::<i32>)), r#"[1, "a\nb", None]"#);
        assert_eq!(shown(&()), "[]");
        assert_eq!(shown(&crate::named! { id: 1, name: "x" }), r#"{id: 1, name: "x"}"#);
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        let text = shown(&("ä".repeat(MOST_BYTES), "never"));
        assert!(text.ends_with("ä...") && !text.contains("never"), "{text}");
        assert!(text.len() <= MOST_BYTES + 3);
    }
}
