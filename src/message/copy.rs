//! COPY: CopyInResponse, CopyOutResponse, CopyBothResponse, CopyData, CopyDone and CopyFail.

use bytes::{BufMut, BytesMut};

use crate::error::Error;
use crate::message::codec::{Decode, Encode};
use crate::message::format::Format;
use crate::wire::{HEADER_LENGTH, Reader, Writer, message_length};

/// The layout of the data that follows a copy response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyLayout {
    pub(crate) format: Format,
    pub(crate) columns: Vec<Format>,
}

impl CopyLayout {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let format = Format::from_code("copy response", i16::from(reader.read_u8()?))?;
        let count = reader.read_count()?;
        let columns = (0..count)
            .map(|_| Format::from_code("copy response", reader.read_i16()?))
            .collect::<Result<_, _>>()?;
        Ok(Self { format, columns })
    }
}

macro_rules! copy_responses {
    ($($(#[$doc:meta])* $name:ident = $tag:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) CopyLayout);

        impl<'a> Decode<'a> for $name {
            const TAG: u8 = $tag;
            const NAME: &'static str = stringify!($name);

            fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
                CopyLayout::read(reader).map(Self)
            }
        }
    )*};
}

copy_responses! {
    /// The server waits for copy data.
    CopyInResponse = b'G';
    /// The server sends copy data.
    CopyOutResponse = b'H';
    /// Both at once: replication only.
    CopyBothResponse = b'W';
}

/// CopyFail: ends a copy in with an error, whose text the server repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyFail<'a> {
    pub(crate) message: &'a str,
}

impl Encode for CopyFail<'_> {
    const IDENTIFIER: u8 = b'f';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_cstr(self.message.as_bytes(), "the reason")
    }
}

/// CopyData: a piece of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyData;

impl CopyData {
    pub(crate) const TAG: u8 = b'd';

    /// Writes more data to the message that begins at `start`, the last in `out`, or begins one there. The message
    /// is whole at any time; on error nothing of what `write` wrote remains.
    pub(crate) fn extend(
        out: &mut BytesMut,
        start: usize,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let end = out.len();
        if start == end {
            out.put_u8(Self::TAG);
            out.put_i32(0);
        }
        let written =
            write(out).and_then(|()| message_length(out.len() - start - size_of_val(&Self::TAG)));
        match (written, out.get_mut(start + 1..start + HEADER_LENGTH)) {
            (Ok(length), Some(field)) => {
                field.copy_from_slice(&length.to_be_bytes());
                Ok(())
            }
            (written, _) => {
                out.truncate(end);
                written.map(drop)
            }
        }
    }
}

/// CopyDone: the copy is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyDone;

impl Encode for CopyDone {
    const IDENTIFIER: u8 = b'c';

    fn write(&self, _: &mut Writer<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::codec::tests::check;

    macro_rules! mirrors {
        ($($name:ident)*) => {$(
            impl Encode for $name {
                const IDENTIFIER: u8 = Self::TAG;

                fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
                    writer.write_u8(self.0.format.code().try_into().unwrap());
                    writer.write_count(self.0.columns.len(), "columns")?;
                    self.0.columns.iter().for_each(|format| writer.write_i16(format.code()));
                    Ok(())
                }
            }
        )*};
    }

    mirrors!(CopyInResponse CopyOutResponse CopyBothResponse);

    impl<'a> Decode<'a> for CopyFail<'a> {
        const TAG: u8 = b'f';
        const NAME: &'static str = "CopyFail";

        fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
            Ok(Self { message: reader.read_str()? })
        }
    }

    #[test]
    fn copy_messages_round_trip() {
        let text = CopyLayout { format: Format::Text, columns: vec![Format::Text; 2] };
        check(&CopyInResponse(text), b"G\0\0\0\x0b\0\0\x02\0\0\0\0");
        let binary = CopyLayout { format: Format::Binary, columns: vec![Format::Binary] };
        check(&CopyOutResponse(binary.clone()), b"H\0\0\0\x09\x01\0\x01\0\x01");
        check(&CopyBothResponse(binary), b"W\0\0\0\x09\x01\0\x01\0\x01");
        check(&CopyFail { message: "stop" }, b"f\0\0\0\x09stop\0");
    }

    #[test]
    fn copy_data_is_written_as_libpq_writes_it() {
        let mut out = BytesMut::new();
        let put = |bytes: &'static [u8]| {
            move |out: &mut BytesMut| -> Result<(), Error> {
                out.put_slice(bytes);
                Ok(())
            }
        };
        CopyData::extend(&mut out, 0, put(b"1\t")).unwrap();
        CopyData::extend(&mut out, 0, put(b"a\n")).unwrap();
        CopyData::extend(&mut out, 9, put(b"")).unwrap();
        CopyDone.encode(&mut out).unwrap();
        assert_eq!(&out[..], b"d\0\0\0\x081\ta\nd\0\0\0\x04c\0\0\0\x04");
    }

    #[test]
    fn unrecognized_copy_formats_are_refused() {
        assert!(CopyInResponse::decode(b"\x02\0\0").is_err());
        assert!(CopyInResponse::decode(b"\0\0\x01\0\x05").is_err());
    }
}
