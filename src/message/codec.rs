//! `Decode` and `Encode`: what every message of one direction can do.

use bytes::BytesMut;

use crate::error::Error;
use crate::wire::{Reader, Writer};

/// A message that is read: all that a backend sends.
pub(crate) trait Decode<'a>: Sized {
    const TAG: u8;
    /// The manual's name, for errors.
    const NAME: &'static str;

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error>;

    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Self::NAME, body);
        let message = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }
}

/// A message that is written: all that a frontend sends.
pub(crate) trait Encode {
    /// The byte that identifies the message.
    const IDENTIFIER: u8;

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error>;

    /// Appends the whole message to `out`; on error nothing of it remains there.
    fn encode(&self, out: &mut BytesMut) -> Result<(), Error> {
        Writer::new(out).message(Self::IDENTIFIER, |writer| self.write(writer))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::error::Kind;
    use crate::wire::{HEADER_LENGTH, Header};

    /// Holds `message` against `vector`, the bytes of a real server or a real client: it writes as these
    /// bytes, reads back the same, and every shorter body is an error or another message, never a panic.
    pub(crate) fn check<'a, M>(message: &M, vector: &'a [u8])
    where
        M: Decode<'a> + Encode + PartialEq + Debug,
    {
        assert_eq!(M::TAG, M::IDENTIFIER);
        let mut out = BytesMut::new();
        message.encode(&mut out).unwrap();
        assert_eq!(&out[..], vector, "{message:?} as bytes");
        let header = Header::read(vector, usize::MAX).unwrap().unwrap();
        assert_eq!(header, Header { tag: M::TAG, length: vector.len() - HEADER_LENGTH });
        let body = &vector[HEADER_LENGTH..];
        assert_eq!(&M::decode(body).unwrap(), message);
        for length in 0..body.len() {
            match M::decode(&body[..length]) {
                Ok(shorter) => assert_ne!(&shorter, message, "cut at {length}"),
                Err(error) => assert_eq!(error.kind(), Kind::Protocol, "cut at {length}"),
            }
        }
    }
}
