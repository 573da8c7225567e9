//! `SASLprep`, which makes one password of all the ways to type it, as the server does it.

use std::borrow::Cow;

use stringprep::tables;

/// Prepares a password for SCRAM (RFC 5802 section 2.2, RFC 4013).
///
/// A password that cannot be prepared is used as it is. It is no error, since the server does the
/// same when it stores the password: it may have been in another encoding than UTF-8 all along.
///
/// The server looks for characters that forbid preparing (RFC 3454 sections 5 to 7) before it
/// normalizes, where RFC 4013 says after, so that part is done here, in the server's order. What
/// is left of the difference: symbols that normalize to letters of the other direction ("™" beside
/// Hebrew letters), which the server prepares and we send as they are.
pub(crate) fn saslprep(password: &[u8]) -> Cow<'_, [u8]> {
    let raw = Cow::Borrowed(password);
    if password.is_ascii() {
        return raw;
    }
    let Ok(text) = str::from_utf8(password) else { return raw };
    if !is_preparable(text) {
        return raw;
    }
    match stringprep::saslprep(text) {
        Ok(prepared) => Cow::Owned(prepared.into_owned().into_bytes()),
        Err(_) => raw,
    }
}

fn is_preparable(text: &str) -> bool {
    // RFC 4013 section 2.1: mapping.
    let mapped = || {
        text.chars()
            .map(|c| if tables::non_ascii_space_character(c) { ' ' } else { c })
            .filter(|&c| !tables::commonly_mapped_to_nothing(c))
    };
    // The server takes no empty password, so it does not make one either.
    let (Some(first), Some(last)) = (mapped().next(), mapped().next_back()) else { return false };
    if mapped().any(is_prohibited) {
        return false;
    }
    // RFC 3454 section 6: text with a right-to-left character has no left-to-right one, and both
    // begins and ends with a right-to-left one.
    !mapped().any(tables::bidi_r_or_al)
        || (tables::bidi_r_or_al(first)
            && tables::bidi_r_or_al(last)
            && !mapped().any(tables::bidi_l))
}

/// RFC 4013 sections 2.3 (prohibited output) and 2.5 (unassigned code points, as in RFC 3454 A.1).
fn is_prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::auth::saslprep::saslprep;

    fn prepared(password: &str) -> String {
        String::from_utf8(saslprep(password.as_bytes()).into_owned()).unwrap()
    }

    fn is_kept(password: &[u8]) -> bool {
        saslprep(password) == Cow::Borrowed(password)
    }

    #[test]
    fn examples_of_rfc_4013_hold() {
        assert_eq!(prepared("I\u{ad}X"), "IX");
        assert_eq!(prepared("user"), "user");
        assert_eq!(prepared("USER"), "USER");
        assert_eq!(prepared("\u{aa}"), "a");
        assert_eq!(prepared("\u{2168}"), "IX");
        assert!(is_kept(b"\x07"));
        assert!(is_kept("\u{627}1".as_bytes()));
    }

    #[test]
    fn prepares_what_the_server_prepares() {
        // Each was stored by a server of version 15, which let the right side in.
        assert_eq!(prepared("\u{a0}x"), " x");
        assert_eq!(prepared("\u{212b}"), "\u{c5}");
        assert_eq!(prepared("p\u{ad}encil"), "pencil");
    }

    #[test]
    fn keeps_what_the_server_keeps() {
        // Each was stored by a server of version 15, which let only the same bytes in. The first
        // two would be prepared by the letter of RFC 4013: "à", "xA".
        for password in
            ["a\u{340}", "x\u{1d2c}", "a\u{7}", "\u{627}1", "\u{ad}", "\u{20ac}\u{1f600}"]
        {
            assert!(is_kept(password.as_bytes()), "{password:?}");
        }
        assert!(is_kept("é\u{7}".as_bytes()));
        assert!(is_kept("\u{e000}\u{aa}".as_bytes()));
        assert!(is_kept(b"\xff\xfe latin"));
        assert!(is_kept(b""));
    }

    #[test]
    fn right_to_left_text_stands_alone() {
        assert_eq!(prepared("\u{5d0}\u{ad}1\u{5d0}"), "\u{5d0}1\u{5d0}");
        assert!(is_kept("\u{5d0}\u{ad}a\u{5d0}".as_bytes()));
        assert!(is_kept("\u{5d0}\u{ad}\u{a0}".as_bytes()));
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        for password in ["I\u{ad}X", "\u{2168}", "\u{a0}x", "\u{5d0}\u{ad}1\u{5d0}"] {
            let once = prepared(password);
            assert_eq!(prepared(&once), once);
        }
    }
}
