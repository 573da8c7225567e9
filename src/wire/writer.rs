//! `Writer`: appends the manual's data types to a buffer and patches lengths in.

use bytes::{BufMut, BytesMut};

use crate::error::Error;

/// The longest message that PostgreSQL takes, by its length field: one byte less than it can allocate at once.
const LONGEST_MESSAGE: usize = 0x3fff_fffe;

/// A text that is so long gets space for itself and what usually follows it at once, so that it is not copied again.
const LONG_TEXT: usize = 64 << 10;

/// Space for what follows a long text.
const BEHIND_LONG_TEXT: usize = 1 << 10;

/// The length field of a message of so many bytes. Longer ones would end the session, or pass for shorter ones.
#[inline]
pub(crate) fn message_length(bytes: usize) -> Result<i32, Error> {
    if bytes > LONGEST_MESSAGE {
        return Err(too_long(bytes));
    }
    Ok(i32::try_from(bytes).unwrap_or(i32::MAX))
}

#[cold]
fn too_long(bytes: usize) -> Error {
    let text = format!("a message of {bytes} bytes is too long: PostgreSQL takes 1 GiB");
    Error::usage(text).unsent()
}

#[cold]
fn too_many(count: usize, what: &str) -> Error {
    Error::usage(format!("a statement cannot have {count} {what}: 65535 is the most")).unsent()
}

/// Writes message bodies; what does not fit its length field is refused, and so is a NUL in a String.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    /// Writes a message: `tag`, its length, and what `body` writes. On error nothing of it remains.
    pub(crate) fn message(
        &mut self,
        tag: u8,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.out.len();
        self.out.put_u8(tag);
        let written = self.sized(Length::IncludingItself, body);
        if written.is_err() {
            self.out.truncate(start);
        }
        written
    }

    /// Writes a message that has no tag: those before and beside a session.
    pub(crate) fn untagged_message(
        &mut self,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.out.len();
        let written = self.sized(Length::IncludingItself, body);
        if written.is_err() {
            self.out.truncate(start);
        }
        written
    }

    /// Writes what `body` writes behind an Int32 that gives its length.
    pub(crate) fn sized(
        &mut self,
        length: Length,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.out.len();
        self.out.put_i32(0);
        body(&mut Writer { out: self.out })?;
        let counted = match length {
            Length::IncludingItself => self.out.len() - start,
            Length::OfWhatFollows => self.out.len() - start - size_of::<i32>(),
        };
        let counted = message_length(counted)?;
        if let Some(field) = self.out.get_mut(start..start + size_of::<i32>()) {
            field.copy_from_slice(&counted.to_be_bytes());
        }
        Ok(())
    }

    pub(crate) fn write_u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    pub(crate) fn write_i16(&mut self, value: i16) {
        self.out.put_i16(value);
    }

    /// Writes an Int16 that counts; `what` is counted.
    #[inline]
    pub(crate) fn write_count(&mut self, count: usize, what: &str) -> Result<(), Error> {
        let count = u16::try_from(count).map_err(|_| too_many(count, what))?;
        self.out.put_u16(count);
        Ok(())
    }

    pub(crate) fn write_i32(&mut self, value: i32) {
        self.out.put_i32(value);
    }

    pub(crate) fn write_u32(&mut self, value: u32) {
        self.out.put_u32(value);
    }

    #[inline]
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// Writes a String: `what` names it if it cannot be written.
    pub(crate) fn write_cstr(&mut self, text: &[u8], what: &str) -> Result<(), Error> {
        if text.contains(&0) {
            return Err(Error::usage(format!("{what} cannot hold a NUL byte")).unsent());
        }
        message_length(text.len())?;
        if text.len() >= LONG_TEXT {
            self.out.reserve(text.len().saturating_add(BEHIND_LONG_TEXT));
        }
        self.out.put_slice(text);
        self.out.put_u8(0);
        Ok(())
    }

    /// Writes a String that is known to hold no NUL, such as a name of the driver's own.
    #[inline]
    pub(crate) fn write_own_cstr(&mut self, text: &str) {
        self.out.put_slice(text.as_bytes());
        self.out.put_u8(0);
    }

    /// The buffer itself, for codecs that write to one.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.out
    }
}

/// What a length field counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// The field and all that follows, as in a message.
    IncludingItself,
    /// Only what follows, as in a value.
    OfWhatFollows,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn lengths_are_patched_in() {
        let mut out = BytesMut::new();
        let written = Writer::new(&mut out).message(b'Q', |body| {
            body.write_cstr(b"ab", "a text")?;
            body.sized(Length::OfWhatFollows, |value| {
                value.write_u8(7);
                Ok(())
            })
        });
        written.unwrap();
        assert_eq!(&out[..], b"Q\0\0\0\x0cab\0\0\0\0\x01\x07");
    }

    #[test]
    fn a_refused_message_leaves_nothing_behind() {
        let mut out = BytesMut::from(&b"before"[..]);
        let error = Writer::new(&mut out)
            .message(b'Q', |body| body.write_cstr(b"a\0b", "the statement"))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.to_string(), "the statement cannot hold a NUL byte");
        assert_eq!(&out[..], b"before");
    }

    #[test]
    fn lengths_end_where_postgresql_refuses_them() {
        assert_eq!(message_length(0x3fff_fffe).unwrap(), 0x3fff_fffe);
        for bytes in [0x3fff_ffff, 1 << 31, (1 << 31) - 1, 1 << 32, (1 << 32) + 8, usize::MAX] {
            let error = message_length(bytes).unwrap_err();
            assert!(error.kind() == Kind::Usage && error.is_unsent() && !error.is_retryable());
        }
    }

    #[test]
    fn counts_end_at_65535() {
        let mut out = BytesMut::new();
        Writer::new(&mut out).write_count(65_535, "parameters").unwrap();
        assert_eq!(&out[..], b"\xff\xff");
        let error = Writer::new(&mut out).write_count(65_536, "parameters").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a statement cannot have 65536 parameters: 65535 is the most"
        );
        assert!(error.is_unsent() && !error.is_retryable());
    }
}
