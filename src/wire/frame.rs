//! Splits the byte stream into messages: a tag, a length, a body.

use crate::error::{Error, Kind};

/// The bytes before a body: the tag and the length field.
pub(crate) const HEADER_LENGTH: usize = 5;

/// The head of a message whose length field has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    /// Bytes in the body.
    pub(crate) length: usize,
}

impl Header {
    /// Reads the head of the message at the start of `bytes`, or `None` while it is incomplete. A body longer
    /// than `limit` bytes is refused here, before anything is allocated for it.
    pub(crate) fn read(bytes: &[u8], limit: usize) -> Result<Option<Self>, Error> {
        let Some(&[tag, a, b, c, d]) = bytes.first_chunk::<HEADER_LENGTH>() else {
            return Ok(None);
        };
        let length = usize::try_from(i32::from_be_bytes([a, b, c, d]))
            .ok()
            .and_then(|length| length.checked_sub(size_of::<i32>()))
            .ok_or_else(|| not_postgresql(tag))?;
        if length > limit {
            return Err(too_long(tag, length, limit));
        }
        Ok(Some(Self { tag, length }))
    }
}

#[cold]
fn not_postgresql(tag: u8) -> Error {
    let tag = char::from(tag).escape_default();
    Error::new(Kind::Protocol, format!("the server sent a message '{tag}' with an invalid length"))
}

#[cold]
fn too_long(tag: u8, length: usize, limit: usize) -> Error {
    let tag = char::from(tag).escape_default();
    Error::new(
        Kind::Protocol,
        format!("the server announced a message '{tag}' of {length} bytes: the limit is {limit}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_needs_five_bytes() {
        let bytes = b"Z\0\0\0\x05I";
        for length in 0..HEADER_LENGTH {
            assert_eq!(Header::read(&bytes[..length], 10).unwrap(), None);
        }
        assert_eq!(Header::read(bytes, 10).unwrap(), Some(Header { tag: b'Z', length: 1 }));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for length in [i32::MIN, -1, 0, 3] {
            let mut bytes = vec![b'D'];
            bytes.extend(length.to_be_bytes());
            assert_eq!(Header::read(&bytes, 100).unwrap_err().kind(), Kind::Protocol);
        }
    }

    #[test]
    fn the_limit_is_checked_on_the_announcement() {
        let header = |length: i32| {
            let mut bytes = vec![b'D'];
            bytes.extend(length.to_be_bytes());
            bytes
        };
        assert!(Header::read(&header(104), 100).unwrap().is_some());
        assert!(Header::read(&header(105), 100).is_err());
        assert!(Header::read(&header(i32::MAX), 100).is_err());
    }
}
