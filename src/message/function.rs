//! FunctionCall and its response: obsolete, kept complete because a server may speak of it.

use postgres_types::Oid;

use crate::error::Error;
use crate::message::codec::{Decode, Encode};
use crate::message::format::Format;
use crate::wire::{Length, Reader, Writer};

/// FunctionCallResponse: the result of a fast-path call; `None` is NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionCallResponse<'a> {
    pub(crate) value: Option<&'a [u8]>,
}

impl<'a> Decode<'a> for FunctionCallResponse<'a> {
    const TAG: u8 = b'V';
    const NAME: &'static str = "FunctionCallResponse";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let length = reader.read_i32()?;
        if length == -1 {
            return Ok(Self { value: None });
        }
        let length = usize::try_from(length).map_err(|_| reader.invalid("a negative length"))?;
        Ok(Self { value: Some(reader.read_bytes(length)?) })
    }
}

/// FunctionCall: calls a function by its OID, arguments and result in binary.
#[cfg_attr(not(test), expect(dead_code, reason = "a statement does the same"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionCall<'a> {
    pub(crate) function: Oid,
    pub(crate) arguments: &'a [Option<&'a [u8]>],
}

impl Encode for FunctionCall<'_> {
    const IDENTIFIER: u8 = b'F';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_u32(self.function);
        writer.write_count(1, "formats")?;
        writer.write_i16(Format::Binary.code());
        writer.write_count(self.arguments.len(), "arguments")?;
        self.arguments.iter().try_for_each(|argument| write_nullable(writer, *argument))?;
        writer.write_i16(Format::Binary.code());
        Ok(())
    }
}

/// Writes a value behind its length; NULL has the length -1.
#[cfg_attr(not(test), expect(dead_code, reason = "only function calls need it"))]
fn write_nullable(writer: &mut Writer<'_>, value: Option<&[u8]>) -> Result<(), Error> {
    let Some(value) = value else {
        writer.write_i32(-1);
        return Ok(());
    };
    writer.sized(Length::OfWhatFollows, |writer| {
        writer.write_bytes(value);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::message::codec::tests::check;

    impl Encode for FunctionCallResponse<'_> {
        const IDENTIFIER: u8 = b'V';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            write_nullable(writer, self.value)
        }
    }

    #[test]
    fn function_call_is_written_as_the_manual_says() {
        let mut out = BytesMut::new();
        FunctionCall { function: 2, arguments: &[Some(b"ab"), None] }.encode(&mut out).unwrap();
        let vector = b"F\0\0\0\x1a\0\0\0\x02\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01";
        assert_eq!(&out[..], vector);
    }

    #[test]
    fn function_call_response_round_trips() {
        check(&FunctionCallResponse { value: None }, b"V\0\0\0\x08\xff\xff\xff\xff");
        check(&FunctionCallResponse { value: Some(b"ab") }, b"V\0\0\0\x0a\0\0\0\x02ab");
        assert!(FunctionCallResponse::decode(b"\xff\xff\xff\xfe").is_err());
    }
}
