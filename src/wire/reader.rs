//! `Reader`: a checked cursor over the body of a message.

use crate::error::Error;

/// Reads the manual's data types from a message body; short or surplus bytes are an error, never a panic.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self { message, rest: body }
    }

    pub(crate) fn read_u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(crate) fn read_i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn read_u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    /// An Int16 that counts: the protocol's counts are unsigned.
    pub(crate) fn read_count(&mut self) -> Result<usize, Error> {
        self.read_u16().map(usize::from)
    }

    pub(crate) fn read_i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn read_u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn read_i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn read_u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn read_f64(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_be_bytes)
    }

    /// A value behind its length; `None` is NULL.
    pub(crate) fn read_value(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.read_i32()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => self.read_bytes(length).map(Some),
                Err(_) => Err(self.invalid("it holds a negative length")),
            },
        }
    }

    /// The next `length` bytes.
    pub(crate) fn read_bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A String of the manual: the bytes up to a zero byte, which is consumed.
    pub(crate) fn read_cstr(&mut self) -> Result<&'a [u8], Error> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or_else(|| self.short())?;
        let text = self.read_bytes(end)?;
        self.read_u8()?;
        Ok(text)
    }

    /// A String that must be UTF-8, since that is the encoding that the session asked for.
    pub(crate) fn read_str(&mut self) -> Result<&'a str, Error> {
        let bytes = self.read_cstr()?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid("a text is not UTF-8"))
    }

    /// Everything that is left.
    pub(crate) fn read_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may be left.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.invalid("it has surplus bytes"))
    }

    #[cold]
    pub(crate) fn invalid(&self, what: &str) -> Error {
        Error::protocol(self.message, what)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[cold]
    fn short(&self) -> Error {
        self.invalid("it is too short")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn reads_what_was_written_and_no_more() {
        let mut reader = Reader::new("Test", b"\x01\x00\x02\xff\xff\xff\xffab\0rest");
        assert_eq!(reader.read_u8().unwrap(), 1);
        assert_eq!(reader.read_count().unwrap(), 2);
        assert_eq!(reader.read_i32().unwrap(), -1);
        assert_eq!(reader.read_str().unwrap(), "ab");
        assert!(reader.finish().is_err());
        assert_eq!(reader.read_rest(), b"rest");
        reader.finish().unwrap();
    }

    #[test]
    fn short_bodies_are_protocol_errors() {
        let calls: [fn(&mut Reader<'_>) -> Option<Error>; 6] = [
            |reader| reader.read_u8().err(),
            |reader| reader.read_i16().err(),
            |reader| reader.read_i32().err(),
            |reader| reader.read_u32().err(),
            |reader| reader.read_cstr().err(),
            |reader| reader.read_bytes(1).err(),
        ];
        for call in calls {
            let error = call(&mut Reader::new("Test", b"")).unwrap();
            assert_eq!(error.kind(), Kind::Protocol);
        }
        assert!(Reader::new("Test", b"no end").read_cstr().is_err());
        assert!(Reader::new("Test", b"\xff\0").read_str().is_err());
        assert!(Reader::new("Test", b"abc").read_bytes(usize::MAX).is_err());
    }
}
