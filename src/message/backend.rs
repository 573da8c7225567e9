//! `Backend`: the sum of what a backend sends.

use crate::error::Error;
use crate::message::authentication::Authentication;
use crate::message::codec::Decode;
use crate::message::copy::{CopyBothResponse, CopyInResponse, CopyOutResponse};
use crate::message::extended::ParameterDescription;
use crate::message::function::FunctionCallResponse;
use crate::message::report::{
    ErrorResponse, NoticeResponse, NotificationResponse, ParameterStatus,
};
use crate::message::row::{DataRow, RowDescription};
use crate::message::simple::{CommandComplete, ReadyForQuery};
use crate::message::startup::{BackendKeyData, NegotiateProtocolVersion};
use crate::wire::Reader;

macro_rules! backend {
    (
        decoded { $($decoded:ident $(<$life:lifetime>)?,)* }
        bare { $($bare:ident = $tag:literal,)* }
    ) => {
        /// Any message of a backend.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Backend<'a> {
            $($decoded($decoded $(<$life>)?),)*
            /// Left undecoded: its values are found only when somebody wants them.
            DataRow(DataRow<'a>),
            /// The bytes of a copy, as they are.
            CopyData(&'a [u8]),
            $($bare,)*
        }

        impl<'a> Backend<'a> {
            /// Decodes the body of a message with this tag.
            pub(crate) fn decode(tag: u8, body: &'a [u8]) -> Result<Self, Error> {
                match tag {
                    $(<$decoded $(<$life>)? as Decode<'a>>::TAG => {
                        <$decoded $(<$life>)? as Decode<'a>>::decode(body).map(Self::$decoded)
                    })*
                    DataRow::TAG => Ok(Self::DataRow(DataRow::new(body))),
                    b'd' => Ok(Self::CopyData(body)),
                    $($tag => Reader::new(stringify!($bare), body).finish().map(|()| Self::$bare),)*
                    _ => Err(Error::unexpected(&format!("a message '{}'", char::from(tag).escape_default()))),
                }
            }

            /// The manual's name of the message.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$decoded(_) => <$decoded $(<$life>)? as Decode<'a>>::NAME,)*
                    Self::DataRow(_) => "DataRow",
                    Self::CopyData(_) => "CopyData",
                    $(Self::$bare => stringify!($bare),)*
                }
            }
        }
    };
}

backend! {
    decoded {
        Authentication<'a>,
        BackendKeyData<'a>,
        CommandComplete,
        CopyBothResponse,
        CopyInResponse,
        CopyOutResponse,
        ErrorResponse,
        FunctionCallResponse<'a>,
        NegotiateProtocolVersion<'a>,
        NoticeResponse,
        NotificationResponse<'a>,
        ParameterDescription,
        ParameterStatus<'a>,
        ReadyForQuery,
        RowDescription<'a>,
    }
    bare {
        BindComplete = b'2',
        CloseComplete = b'3',
        CopyDone = b'c',
        EmptyQueryResponse = b'I',
        NoData = b'n',
        ParseComplete = b'1',
        PortalSuspended = b's',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn messages_without_a_body_refuse_one() {
        let bare = [
            (b'1', "ParseComplete"),
            (b'2', "BindComplete"),
            (b'3', "CloseComplete"),
            (b'c', "CopyDone"),
            (b'I', "EmptyQueryResponse"),
            (b'n', "NoData"),
            (b's', "PortalSuspended"),
        ];
        for (tag, name) in bare {
            assert_eq!(Backend::decode(tag, b"").unwrap().name(), name);
            assert_eq!(Backend::decode(tag, b"x").unwrap_err().kind(), Kind::Protocol);
        }
    }

    #[test]
    fn copy_data_is_taken_as_it_is() {
        assert_eq!(Backend::decode(b'd', b"\0\xff").unwrap(), Backend::CopyData(b"\0\xff"));
    }

    #[test]
    fn every_tag_with_every_short_body_decodes_or_is_a_protocol_error() {
        // A generator of our own: the bodies must be the same in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for tag in 0..=u8::MAX {
            for length in 0..200_usize {
                let body: Vec<u8> = (0..length)
                    .map(|_| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        // Small numbers come often: they pass for counts and lengths.
                        let byte = state.to_be_bytes()[0];
                        if byte < 160 { byte & 3 } else { byte }
                    })
                    .collect();
                if let Err(error) = Backend::decode(tag, &body) {
                    assert_eq!(error.kind(), Kind::Protocol, "{error}");
                }
            }
        }
    }
}
