//! The Authentication family and the answers to it.

use crate::error::Error;
use crate::message::codec::{Decode, Encode};
use crate::wire::{Length, Reader, Writer};

/// What the server asks for before it opens the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authentication<'a> {
    Ok,
    KerberosV5,
    CleartextPassword,
    Md5Password { salt: [u8; 4] },
    Gss,
    GssContinue(&'a [u8]),
    Sspi,
    Sasl { mechanisms: Vec<&'a str> },
    SaslContinue(&'a [u8]),
    SaslFinal(&'a [u8]),
}

impl<'a> Decode<'a> for Authentication<'a> {
    const TAG: u8 = b'R';
    const NAME: &'static str = "Authentication";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(match reader.read_i32()? {
            0 => Self::Ok,
            2 => Self::KerberosV5,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password { salt: salt(reader)? },
            7 => Self::Gss,
            8 => Self::GssContinue(reader.read_rest()),
            9 => Self::Sspi,
            10 => Self::Sasl { mechanisms: mechanisms(reader)? },
            11 => Self::SaslContinue(reader.read_rest()),
            12 => Self::SaslFinal(reader.read_rest()),
            _ => return Err(reader.invalid("unrecognized authentication method")),
        })
    }
}

fn salt(reader: &mut Reader<'_>) -> Result<[u8; 4], Error> {
    reader.read_u32().map(u32::to_be_bytes)
}

/// Names, each ended by a zero byte, and an empty one at the end.
fn mechanisms<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a str>, Error> {
    let mut names = Vec::new();
    loop {
        match reader.read_str()? {
            "" => return Ok(names),
            name => names.push(name),
        }
    }
}

/// PasswordMessage: a password or its md5 answer. A text that holds a NUL is refused.
pub(crate) struct PasswordMessage<'a> {
    pub(crate) password: &'a [u8],
}

impl Encode for PasswordMessage<'_> {
    const IDENTIFIER: u8 = b'p';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_cstr(self.password, "the password")
    }
}

/// SASLInitialResponse: the chosen mechanism and its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SaslInitialResponse<'a> {
    pub(crate) mechanism: &'a str,
    pub(crate) data: &'a [u8],
}

impl Encode for SaslInitialResponse<'_> {
    const IDENTIFIER: u8 = b'p';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_cstr(self.mechanism.as_bytes(), "the SASL mechanism")?;
        writer.sized(Length::OfWhatFollows, |writer| {
            writer.write_bytes(self.data);
            Ok(())
        })
    }
}

/// SASLResponse: the next message of the mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SaslResponse<'a> {
    pub(crate) data: &'a [u8],
}

impl Encode for SaslResponse<'_> {
    const IDENTIFIER: u8 = b'p';

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.write_bytes(self.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::message::codec::tests::check;

    impl Encode for Authentication<'_> {
        const IDENTIFIER: u8 = b'R';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            let (code, data): (i32, &[u8]) = match self {
                Self::Ok => (0, b""),
                Self::KerberosV5 => (2, b""),
                Self::CleartextPassword => (3, b""),
                Self::Md5Password { salt } => (5, salt),
                Self::Gss => (7, b""),
                Self::GssContinue(data) => (8, data),
                Self::Sspi => (9, b""),
                Self::Sasl { mechanisms } => {
                    writer.write_i32(10);
                    for name in mechanisms {
                        writer.write_cstr(name.as_bytes(), "name")?;
                    }
                    writer.write_u8(0);
                    return Ok(());
                }
                Self::SaslContinue(data) => (11, data),
                Self::SaslFinal(data) => (12, data),
            };
            writer.write_i32(code);
            writer.write_bytes(data);
            Ok(())
        }
    }

    impl<'a> Decode<'a> for SaslInitialResponse<'a> {
        const TAG: u8 = b'p';
        const NAME: &'static str = "SASLInitialResponse";

        fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
            let mechanism = reader.read_str()?;
            let length = reader.read_i32()?.try_into().unwrap();
            Ok(Self { mechanism, data: reader.read_bytes(length)? })
        }
    }

    #[test]
    fn every_authentication_request_round_trips() {
        check(&Authentication::Ok, b"R\0\0\0\x08\0\0\0\0");
        check(&Authentication::KerberosV5, b"R\0\0\0\x08\0\0\0\x02");
        check(&Authentication::CleartextPassword, b"R\0\0\0\x08\0\0\0\x03");
        let md5 = Authentication::Md5Password { salt: *b"\x93\x1f\x02\xbc" };
        check(&md5, b"R\0\0\0\x0c\0\0\0\x05\x93\x1f\x02\xbc");
        check(&Authentication::Gss, b"R\0\0\0\x08\0\0\0\x07");
        check(&Authentication::GssContinue(b"ab"), b"R\0\0\0\x0a\0\0\0\x08ab");
        check(&Authentication::Sspi, b"R\0\0\0\x08\0\0\0\x09");
        let sasl = Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256"] };
        check(&sasl, b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
        check(&Authentication::SaslContinue(b"r=x"), b"R\0\0\0\x0b\0\0\0\x0br=x");
        check(&Authentication::SaslFinal(b"v=y"), b"R\0\0\0\x0b\0\0\0\x0cv=y");
    }

    #[test]
    fn an_unrecognized_authentication_method_is_a_protocol_error() {
        for code in [1, 4, 6, 13, -1] {
            assert!(Authentication::decode(&i32::to_be_bytes(code)).is_err());
        }
    }

    #[test]
    fn the_answers_are_written_as_libpq_writes_them() {
        let mut out = BytesMut::new();
        PasswordMessage { password: b"secret" }.encode(&mut out).unwrap();
        assert_eq!(&out[..], b"p\0\0\0\x0bsecret\0");
        assert!(PasswordMessage { password: b"a\0" }.encode(&mut out).is_err());
        out.clear();
        let first = SaslInitialResponse { mechanism: "SCRAM-SHA-256", data: b"n,,n=,r=ab" };
        first.encode(&mut out).unwrap();
        assert_eq!(&out[..], b"p\0\0\0\x20SCRAM-SHA-256\0\0\0\0\x0an,,n=,r=ab");
        check(&first, b"p\0\0\0\x20SCRAM-SHA-256\0\0\0\0\x0an,,n=,r=ab");
        out.clear();
        SaslResponse { data: b"c=biws" }.encode(&mut out).unwrap();
        assert_eq!(&out[..], b"p\0\0\0\x0ac=biws");
    }
}
