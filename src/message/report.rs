//! ErrorResponse, NoticeResponse, ParameterStatus, NotificationResponse.

use crate::error::{Error, ServerError, SqlState};
use crate::message::codec::Decode;
use crate::wire::Reader;

/// The most fields that are kept of one report; PostgreSQL defines 18, and the limit bounds a hostile list.
const MAX_FIELDS: usize = 64;

/// ErrorResponse: the request failed, or the session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorResponse(pub(crate) ServerError);

impl<'a> Decode<'a> for ErrorResponse {
    const TAG: u8 = b'E';
    const NAME: &'static str = "ErrorResponse";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        report(reader).map(Self)
    }
}

/// NoticeResponse: a warning or a word of information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoticeResponse(pub(crate) ServerError);

impl<'a> Decode<'a> for NoticeResponse {
    const TAG: u8 = b'N';
    const NAME: &'static str = "NoticeResponse";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        report(reader).map(Self)
    }
}

/// Reads the fields. Texts are taken as they come: before the session's encoding is set they may not be UTF-8.
fn report(reader: &mut Reader<'_>) -> Result<ServerError, Error> {
    let (mut severity, mut sqlstate, mut message) = (None, None, None);
    let mut fields = Vec::new();
    loop {
        let tag = reader.read_u8()?;
        if tag == 0 {
            break;
        }
        let text = String::from_utf8_lossy(reader.read_cstr()?).into_owned().into_boxed_str();
        match tag {
            b'V' => severity = Some(text),
            // Localized, and all that servers before 9.6 send: it stands in until `V` comes.
            b'S' => severity = severity.or(Some(text)),
            b'C' => sqlstate = SqlState::from_code(&text),
            b'M' => message = Some(text),
            _ if fields.len() < MAX_FIELDS => fields.push((tag, text)),
            _ => return Err(reader.invalid("it has too many fields")),
        }
    }
    Ok(ServerError {
        severity: severity.ok_or_else(|| reader.invalid("it has no severity"))?,
        sqlstate: sqlstate.ok_or_else(|| reader.invalid("it has no valid SQLSTATE"))?,
        message: message.ok_or_else(|| reader.invalid("it has no message"))?,
        fields: fields.into_boxed_slice(),
    })
}

/// ParameterStatus: a run-time parameter that the server reports has this value now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterStatus<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Decode<'a> for ParameterStatus<'a> {
    const TAG: u8 = b'S';
    const NAME: &'static str = "ParameterStatus";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self { name: reader.read_str()?, value: reader.read_str()? })
    }
}

/// NotificationResponse: another session has notified a channel that this one listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotificationResponse<'a> {
    pub(crate) process_id: i32,
    pub(crate) channel: &'a str,
    pub(crate) payload: &'a str,
}

impl<'a> Decode<'a> for NotificationResponse<'a> {
    const TAG: u8 = b'A';
    const NAME: &'static str = "NotificationResponse";

    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            process_id: reader.read_i32()?,
            channel: reader.read_str()?,
            payload: reader.read_str()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::codec::Encode;
    use crate::message::codec::tests::check;
    use crate::wire::Writer;

    fn write_report(report: &ServerError, writer: &mut Writer<'_>) -> Result<(), Error> {
        let head =
            [(b'V', &*report.severity), (b'C', report.sqlstate.code()), (b'M', &*report.message)];
        let fields = report.fields.iter().map(|(tag, text)| (*tag, &**text));
        for (tag, text) in head.into_iter().chain(fields) {
            writer.write_u8(tag);
            writer.write_cstr(text.as_bytes(), "field")?;
        }
        writer.write_u8(0);
        Ok(())
    }

    impl Encode for ErrorResponse {
        const IDENTIFIER: u8 = b'E';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            write_report(&self.0, writer)
        }
    }

    impl Encode for NoticeResponse {
        const IDENTIFIER: u8 = b'N';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            write_report(&self.0, writer)
        }
    }

    impl Encode for ParameterStatus<'_> {
        const IDENTIFIER: u8 = b'S';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_cstr(self.name.as_bytes(), "name")?;
            writer.write_cstr(self.value.as_bytes(), "value")
        }
    }

    impl Encode for NotificationResponse<'_> {
        const IDENTIFIER: u8 = b'A';

        fn write(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
            writer.write_i32(self.process_id);
            writer.write_cstr(self.channel.as_bytes(), "channel")?;
            writer.write_cstr(self.payload.as_bytes(), "payload")
        }
    }

    fn sample() -> ServerError {
        ServerError {
            severity: "ERROR".into(),
            sqlstate: SqlState::DIVISION_BY_ZERO,
            message: "division by zero".into(),
            fields: [(b'F', "int.c".into()), (b'L', "840".into())].into(),
        }
    }

    #[test]
    fn reports_round_trip() {
        let body = b"VERROR\0C22012\0Mdivision by zero\0Fint.c\0L840\0\0";
        let vector = |tag: u8| [&[tag, 0, 0, 0, 49][..], body].concat();
        check(&ErrorResponse(sample()), &vector(b'E'));
        check(&NoticeResponse(sample()), &vector(b'N'));
    }

    #[test]
    fn the_localized_severity_serves_only_without_the_other() {
        let severity = |body| ErrorResponse::decode(body).unwrap().0.severity().to_owned();
        assert_eq!(severity(b"SFEHLER\0VERROR\0C22012\0Mm\0\0"), "ERROR");
        assert_eq!(severity(b"VERROR\0SFEHLER\0C22012\0Mm\0\0"), "ERROR");
        assert_eq!(severity(b"SERROR\0C22012\0Mm\0\0"), "ERROR");
    }

    #[test]
    fn a_report_in_another_encoding_is_still_read() {
        let error = ErrorResponse::decode(b"SFATAL\0C28000\0Mr\xf4le\0\0").unwrap().0;
        assert_eq!(error.message(), "r\u{fffd}le");
    }

    #[test]
    fn reports_without_their_fields_or_with_too_many_are_refused() {
        for body in [&b"\0"[..], b"SERROR\0C22012\0\0", b"SERROR\0C2201\0Mm\0\0", b"C22012\0Mm\0\0"]
        {
            assert!(ErrorResponse::decode(body).is_err());
        }
        let mut body = b"SERROR\0C22012\0Mm\0".to_vec();
        body.extend(b"x\0".repeat(65));
        body.push(0);
        assert!(ErrorResponse::decode(&body).is_err());
    }

    #[test]
    fn parameter_status_and_notification_round_trip() {
        let status = ParameterStatus { name: "TimeZone", value: "UTC" };
        check(&status, b"S\0\0\0\x11TimeZone\0UTC\0");
        let notification = NotificationResponse { process_id: 6443, channel: "c", payload: "p" };
        check(&notification, b"A\0\0\0\x0c\0\0\x19\x2bc\0p\0");
    }
}
