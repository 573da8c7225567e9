//! What is exchanged before and beside a session: start-up, cancel request, protocol negotiation, cancel key.

use bytes::BytesMut;

use crate::error::Error;
use crate::message::codec::Decode;
use crate::wire::{Reader, Writer};

/// Protocol 3.0, as the number in StartupMessage: the major version in the upper half.
pub(crate) const PROTOCOL_3_0: u32 = 3 << 16;

/// Protocol 3.2, of PostgreSQL 18.
pub(crate) const PROTOCOL_3_2: u32 = (3 << 16) | 2;

/// What stands in a version's place: 1234 and 5678, chosen to be no version.
const CANCEL_REQUEST_CODE: u32 = 0x04d2_162e;

/// The longest cancel key that protocol 3.2 allows, in bytes.
const MAX_SECRET_KEY: usize = 256;

/// StartupMessage: opens a session. It has no tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartupMessage<'a> {
    pub(crate) version: u32,
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
}

impl StartupMessage<'_> {
    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), Error> {
        Writer::new(out).untagged_message(|writer| {
            writer.write_u32(self.version);
            for (name, value) in &self.parameters {
                writer.write_cstr(name.as_bytes(), "the name of a start-up parameter")?;
                writer
                    .write_cstr(value.as_bytes(), &format!("the start-up parameter \"{name}\""))?;
            }
            writer.write_u8(0);
            Ok(())
        })
    }
}

/// SSLRequest: asks whether the server speaks TLS. It has no tag; the answer is one byte.
pub(crate) const SSL_REQUEST: [u8; 8] = *b"\0\0\0\x08\x04\xd2\x16\x2f";

/// CancelRequest: asks for the statement of another session to be cancelled. It has no tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CancelRequest<'a> {
    pub(crate) process_id: i32,
    pub(crate) secret_key: &'a [u8],
}

impl CancelRequest<'_> {
    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), Error> {
        Writer::new(out).untagged_message(|writer| {
            writer.write_u32(CANCEL_REQUEST_CODE);
            writer.write_i32(self.process_id);
            writer.write_bytes(self.secret_key);
            Ok(())
        })
    }
}

/// BackendKeyData: what a cancel request must quote. Four bytes of key in protocol 3.0, up to 256 in 3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendKeyData<'a> {
    pub(crate) process_id: i32,
    pub(crate) secret_key: &'a [u8],
}

impl<'a> Decode<'a> for BackendKeyData<'a> {
    const TAG: u8 = b'K';
    const NAME: &'static str = "BackendKeyData";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let process_id = reader.read_i32()?;
        let secret_key = reader.read_rest();
        if secret_key.is_empty() || secret_key.len() > MAX_SECRET_KEY {
            return Err(reader.invalid("the key is not of 1 to 256 bytes"));
        }
        Ok(Self { process_id, secret_key })
    }
}

/// NegotiateProtocolVersion: the newest minor version the server speaks, and the options it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NegotiateProtocolVersion<'a> {
    pub(crate) version: u32,
    pub(crate) unrecognized: Vec<&'a str>,
}

impl<'a> Decode<'a> for NegotiateProtocolVersion<'a> {
    const TAG: u8 = b'v';
    const NAME: &'static str = "NegotiateProtocolVersion";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let version = reader.read_u32()?;
        let count = reader.read_u32()?;
        // Each option takes a byte at least: a count beyond the body ends at its first missing byte.
        let unrecognized = (0..count).map(|_| reader.read_str()).collect::<Result<_, _>>()?;
        Ok(Self { version, unrecognized })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::codec::Encode;
    use crate::message::codec::tests::check;

    impl Encode for BackendKeyData<'_> {
        const IDENTIFIER: u8 = b'K';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_i32(self.process_id);
            writer.write_bytes(self.secret_key);
            Ok(())
        }
    }

    impl Encode for NegotiateProtocolVersion<'_> {
        const IDENTIFIER: u8 = b'v';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_u32(self.version);
            writer.write_i32(self.unrecognized.len().try_into().unwrap());
            self.unrecognized.iter().try_for_each(|name| writer.write_cstr(name.as_bytes(), "name"))
        }
    }

    #[test]
    fn startup_is_written_as_libpq_writes_it() {
        let mut out = BytesMut::new();
        let parameters = vec![("user", "postgres"), ("database", "db")];
        StartupMessage { version: PROTOCOL_3_0, parameters }.encode(&mut out).unwrap();
        assert_eq!(&out[..], b"\0\0\0\x23\0\x03\0\0user\0postgres\0database\0db\0\0");
    }

    #[test]
    fn startup_refuses_a_nul_and_names_the_parameter() {
        let mut out = BytesMut::new();
        let parameters = vec![("user", "a\0b")];
        let error = StartupMessage { version: PROTOCOL_3_0, parameters }.encode(&mut out);
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "the start-up parameter \"user\" cannot hold a NUL byte");
        assert!(out.is_empty());
    }

    #[test]
    fn cancel_request_quotes_keys_of_any_length() {
        for length in [4, 32, 256] {
            let secret_key = vec![7; length];
            let mut out = BytesMut::new();
            CancelRequest { process_id: 258, secret_key: &secret_key }.encode(&mut out).unwrap();
            assert_eq!(out[..4], u32::try_from(12 + length).unwrap().to_be_bytes());
            assert_eq!(&out[4..12], b"\x04\xd2\x16\x2e\0\0\x01\x02");
            assert_eq!(&out[12..], &secret_key[..]);
        }
    }

    #[test]
    fn backend_key_data_round_trips_with_short_and_long_keys() {
        let vector = b"K\0\0\0\x0c\0\0\x19\x2b\x1f\x8e\x27\x5d";
        check(&BackendKeyData { process_id: 6443, secret_key: b"\x1f\x8e\x27\x5d" }, vector);
        let mut long = b"K\0\0\0\x28\0\0\x19\x2b".to_vec();
        long.extend([9; 32]);
        check(&BackendKeyData { process_id: 6443, secret_key: &[9; 32] }, &long);
    }

    #[test]
    fn backend_key_data_needs_a_key_of_bounded_length() {
        assert!(BackendKeyData::decode(b"\0\0\0\x01").is_err());
        assert!(BackendKeyData::decode(&[1; 4 + 256]).is_ok());
        assert!(BackendKeyData::decode(&[1; 4 + 257]).is_err());
    }

    #[test]
    fn negotiate_protocol_version_round_trips() {
        let message =
            NegotiateProtocolVersion { version: PROTOCOL_3_0, unrecognized: vec!["_pq_.x"] };
        check(&message, b"v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0");
    }

    #[test]
    fn negotiate_protocol_version_with_an_absurd_count_is_refused() {
        assert!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\xff\xff\xff\xff").is_err());
    }
}
