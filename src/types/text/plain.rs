//! The types whose values Rust itself holds.

use std::fmt::Display;

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::types::float_text::FloatText;

/// A text that is no value of its type. It is not repeated: it may be a secret.
#[cold]
pub(crate) fn invalid(what: &str) -> Error {
    Error::conversion(format!("invalid text for a value of type {what}"))
}

pub(crate) fn malformed(what: impl Display) -> Error {
    Error::conversion(format!("a binary value of type {what} is malformed"))
}

pub(crate) fn utf8(raw: &[u8]) -> Result<&str, Error> {
    str::from_utf8(raw).map_err(|cause| malformed("text").with_source(cause))
}

pub(crate) fn text(raw: &[u8], text: &mut String) -> Result<(), Error> {
    text.push_str(utf8(raw)?);
    Ok(())
}

pub(crate) fn text_binary(text: &str, out: &mut BytesMut) {
    out.put_slice(text.as_bytes());
}

/// Behind the number of the form, of which there is one.
pub(crate) fn jsonb(raw: &[u8], text: &mut String) -> Result<(), Error> {
    let [1, json @ ..] = raw else { return Err(malformed("jsonb")) };
    text.push_str(utf8(json)?);
    Ok(())
}

pub(crate) fn jsonb_binary(text: &str, out: &mut BytesMut) {
    out.put_u8(1);
    text_binary(text, out);
}

pub(crate) fn bool(raw: &[u8], text: &mut String) -> Result<(), Error> {
    let [value] = raw else { return Err(malformed("bool")) };
    text.push_str(if *value == 0 { "false" } else { "true" });
    Ok(())
}

pub(crate) fn bool_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    out.put_u8(match text {
        "t" | "true" => 1,
        "f" | "false" => 0,
        _ => return Err(invalid("bool")),
    });
    Ok(())
}

/// What is not ASCII has no text that every server reads alike.
pub(crate) fn char(raw: &[u8], text: &mut String) -> Result<(), Error> {
    match raw {
        [0] => Ok(()),
        [byte] if byte.is_ascii() => {
            text.push(char::from(*byte));
            Ok(())
        }
        [_] => Err(Error::conversion("a \"char\" that is not ASCII has no text form")),
        _ => Err(malformed("\"char\"")),
    }
}

pub(crate) fn char_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let octal = |digits: &[u8]| {
        let digits = str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, 8).ok()
    };
    out.put_u8(match text.as_bytes() {
        [] => 0,
        [byte] => *byte,
        [b'\\', digits @ ..] if digits.len() == 3 => {
            octal(digits).ok_or_else(|| invalid("\"char\""))?
        }
        _ => return Err(invalid("\"char\"")),
    });
    Ok(())
}

pub(crate) fn bytea(raw: &[u8], text: &mut String) {
    text.reserve(2 * raw.len() + 2);
    text.push_str("\\x");
    for byte in raw {
        push_hex(*byte, text);
    }
}

fn push_hex(byte: u8, text: &mut String) {
    for digit in [byte >> 4, byte & 15] {
        text.extend(char::from_digit(digit.into(), 16));
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16)?.try_into().ok()
}

/// Reads both of the server's forms. In the older one a backslash is doubled, so that it cannot begin as the other.
pub(crate) fn bytea_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let read = match text.strip_prefix("\\x") {
        Some(digits) => put_hex(digits.as_bytes(), out),
        None => put_escaped(text.as_bytes(), out),
    };
    read.ok_or_else(|| invalid("bytea"))
}

fn put_hex(digits: &[u8], out: &mut BytesMut) -> Option<()> {
    let (pairs, rest) = digits.as_chunks::<2>();
    for [high, low] in pairs {
        out.put_u8(hex_digit(*high)? << 4 | hex_digit(*low)?);
    }
    rest.is_empty().then_some(())
}

fn put_escaped(mut text: &[u8], out: &mut BytesMut) -> Option<()> {
    loop {
        text = match text {
            [] => return Some(()),
            [b'\\', b'\\', rest @ ..] => {
                out.put_u8(b'\\');
                rest
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                out.put_u8((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            [b'\\', ..] => return None,
            [byte, rest @ ..] => {
                out.put_u8(*byte);
                rest
            }
        };
    }
}

pub(crate) fn uuid(raw: &[u8], text: &mut String) -> Result<(), Error> {
    if raw.len() != 16 {
        return Err(malformed("uuid"));
    }
    for (index, byte) in raw.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        push_hex(*byte, text);
    }
    Ok(())
}

pub(crate) fn uuid_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let whole = digits.len() == 32 && text.len() == 36;
    whole.then(|| put_hex(&digits, out)).flatten().ok_or_else(|| invalid("uuid"))
}

/// Bytes with colons between them.
fn addresses<const N: usize>(what: &str, raw: &[u8], text: &mut String) -> Result<(), Error> {
    if raw.len() != N {
        return Err(malformed(what));
    }
    for (index, byte) in raw.iter().enumerate() {
        text.push_str(if index > 0 { ":" } else { "" });
        push_hex(*byte, text);
    }
    Ok(())
}

fn addresses_binary<const N: usize>(
    what: &str,
    text: &str,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let mut parts = text.split(':').map(str::as_bytes);
    let whole = text.len() == 3 * N - 1 && parts.all(|part| part.len() == 2);
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    whole.then(|| put_hex(&digits, out)).flatten().ok_or_else(|| invalid(what))
}

pub(crate) fn macaddr(raw: &[u8], text: &mut String) -> Result<(), Error> {
    addresses::<6>("macaddr", raw, text)
}

pub(crate) fn macaddr_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    addresses_binary::<6>("macaddr", text, out)
}

pub(crate) fn macaddr8(raw: &[u8], text: &mut String) -> Result<(), Error> {
    addresses::<8>("macaddr8", raw, text)
}

pub(crate) fn macaddr8_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    addresses_binary::<8>("macaddr8", text, out)
}

pub(crate) fn float8(raw: &[u8], text: &mut String) -> Result<(), Error> {
    let bytes = raw.try_into().map_err(|_| malformed("float8"))?;
    text.push_str(&FloatText(f64::from_be_bytes(bytes)).to_string());
    Ok(())
}

pub(crate) fn float8_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let number: f64 = text.parse().map_err(|_| invalid("float8"))?;
    out.put_f64(if names_infinity(text) || number.is_finite() {
        number
    } else {
        nan(text)?.into()
    });
    Ok(())
}

/// Its own digits: those of the same number as a `float8` would be more.
pub(crate) fn float4(raw: &[u8], text: &mut String) -> Result<(), Error> {
    let bytes = raw.try_into().map_err(|_| malformed("float4"))?;
    let number = f32::from_be_bytes(bytes);
    let small = number == 0.0 || (1e-4..1e6).contains(&number.abs());
    let digits = match number {
        _ if !number.is_finite() => FloatText(number.into()).to_string(),
        _ if small => number.to_string(),
        _ => format!("{number:e}"),
    };
    text.push_str(&digits);
    Ok(())
}

pub(crate) fn float4_binary(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    let number: f32 = text.parse().map_err(|_| invalid("float4"))?;
    out.put_f32(if names_infinity(text) || number.is_finite() { number } else { nan(text)? });
    Ok(())
}

fn names_infinity(text: &str) -> bool {
    matches!(text, "Infinity" | "-Infinity")
}

/// A number that is out of range would be read as an infinity.
fn nan(text: &str) -> Result<f32, Error> {
    if text == "NaN" { Ok(f32::NAN) } else { Err(invalid("a floating-point type")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(&[u8], &mut String) -> Result<(), Error>;
    type Read = fn(&str, &mut BytesMut) -> Result<(), Error>;

    #[track_caller]
    fn check(write: Write, read: Read, raw: &[u8], text: &str) {
        let (mut written, mut out) = (String::new(), BytesMut::new());
        write(raw, &mut written).unwrap();
        assert_eq!(written, text);
        read(text, &mut out).unwrap();
        assert_eq!(&out[..], raw, "{text}");
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands beside others")]
    fn infallible_bytea(raw: &[u8], text: &mut String) -> Result<(), Error> {
        bytea(raw, text);
        Ok(())
    }

    #[track_caller]
    fn refused(read: Read, texts: &[&str]) {
        for text in texts {
            assert!(read(text, &mut BytesMut::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_come_back_as_the_bytes_they_were_made_of() {
        check(bool, bool_binary, &[1], "true");
        check(char, char_binary, b"\0", "");
        check(char, char_binary, b"\\", "\\");

        check(infallible_bytea, bytea_binary, b"\0\\'\xff", "\\x005c27ff");
        check(infallible_bytea, bytea_binary, b"", "\\x");
        let id = b"\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0";
        check(uuid, uuid_binary, id, "12345678-9abc-def0-1234-56789abcdef0");
        for (number, text) in [
            (1.5, "1.5"),
            (-0.0, "-0"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            check(float8, float8_binary, &f64::to_be_bytes(number), text);
        }
        for (number, text) in [(1.1, "1.1"), (f32::MAX, "3.4028235e38"), (1e-45, "1e-45")] {
            check(float4, float4_binary, &f32::to_be_bytes(number), text);
        }
    }

    #[test]
    fn other_texts_of_the_server_are_read_too() {
        let mut out = BytesMut::new();
        bytea_binary("a\\000\\\\x'\\377", &mut out).unwrap();
        char_binary("\\377", &mut out).unwrap();
        bool_binary("f", &mut out).unwrap();
        assert_eq!(&out[..], b"a\0\\x'\xff\xff\0");
        out.clear();
        float8_binary("NaN", &mut out).unwrap();
        assert!(f64::from_be_bytes(out[..].try_into().unwrap()).is_nan());
    }

    #[test]
    fn what_is_no_text_of_the_type_is_refused() {
        refused(bool_binary, &["", "yes", "T"]);
        refused(char_binary, &["ab", "\\400", "\\9", "é"]);
        refused(bytea_binary, &["\\x0", "\\xgg", "\\", "\\9", "\\x+1", "\\400", "\\12"]);
        refused(uuid_binary, &["", "12345678-9abc-def0-1234-56789abcdefg", "1234567890"]);
        refused(float8_binary, &["", "1e999", "inf", "1 ", "nan x"]);
        refused(float4_binary, &["1e39", "-1e39"]);
        for write in [bool as Write, char, jsonb, uuid, float4, float8] {
            assert!(write(b"", &mut String::new()).is_err());
            assert!(write(&[7; 20], &mut String::new()).is_err());
        }
        assert!(char(b"\x80", &mut String::new()).is_err());
        assert!(text(b"\xff", &mut String::new()).is_err());
    }
}
