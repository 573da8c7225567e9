//! `Machine`: the protocol of an open session, without I/O: bytes in, messages out.

use bytes::BytesMut;

use crate::config::Config;
use crate::error::{Error, Kind, OneLine};
use crate::flow::input::Input;
use crate::flow::output::Output;
use crate::flow::reports::Reports;
use crate::message::{
    Backend, BackendKeyData, CopyFail, Decode, Encode, ErrorResponse, NoticeResponse,
    NotificationResponse, ParameterStatus, ReadyForQuery, Sync,
};
use crate::wire::{HEADER_LENGTH, Header};

/// The limit for a message that describes or reports, in bytes: enough for any error text, little enough to keep.
const REPORT_LIMIT: usize = 16 << 20;

/// The limit for every other message that carries no row, in bytes; PostgreSQL's own are far below.
const SHORT_LIMIT: usize = 64 << 10;

/// Where the body of a message stands in the input, until the next read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) tag: u8,
    start: usize,
    end: usize,
}

/// Which of the two query protocols a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// None yet: the session is being opened.
    Startup,
    Simple,
    Extended,
}

/// What is sent, what has arrived, and what the server still owes.
#[derive(Debug)]
pub(crate) struct Machine {
    input: Input,
    output: Output,
    reports: Reports,
    /// The key for cancel requests.
    key: Option<(i32, Box<[u8]>)>,
    /// Whether a ReadyForQuery is still to come, and for which kind of request.
    owed: Option<Protocol>,
    /// A copy was refused within this request.
    refused: bool,
    message_limit: usize,
}

impl Machine {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            input: Input::new(),
            output: Output::default(),
            reports: Reports::new(config),
            key: None,
            owed: None,
            refused: false,
            message_limit: config.message_limit_bytes,
        }
    }

    /// Writes a request, which is answered by one ReadyForQuery. On error nothing of it remains.
    pub(crate) fn request(
        &mut self,
        protocol: Protocol,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.owed.is_some() || !self.output.is_empty() {
            return Err(Error::usage("a request cannot be made before the last one is answered"));
        }
        write(self.output.request()).inspect_err(|_| self.output.discard())?;
        self.owed = Some(protocol);
        self.refused = false;
        Ok(())
    }

    /// Writes what continues a request that is being answered, such as a password.
    pub(crate) fn answer(&mut self) -> &mut BytesMut {
        self.output.answer()
    }

    /// Takes back the request if none of its bytes was sent, and tells whether it did.
    pub(crate) fn withdraw(&mut self) -> bool {
        let withdrawn = self.output.withdraw();
        if withdrawn {
            self.owed = None;
        }
        withdrawn
    }

    /// Whether a reply, or a part of one, is still to come.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// Whether the session is still being opened.
    pub(crate) fn is_starting(&self) -> bool {
        self.owed == Some(Protocol::Startup)
    }

    pub(crate) fn unsent(&self) -> &[u8] {
        self.output.unsent()
    }

    pub(crate) fn sent(&mut self, count: usize) {
        self.output.sent(count);
    }

    /// Forgets what is unsent: nobody reads it any more.
    pub(crate) fn discard_unsent(&mut self) {
        self.output.discard();
    }

    /// Space to read into; never empty.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.input.spare()
    }

    pub(crate) fn received(&mut self, count: usize) {
        self.input.received(count);
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    pub(crate) fn key(&self) -> Option<(i32, &[u8])> {
        self.key.as_ref().map(|(process_id, key)| (*process_id, &**key))
    }

    pub(crate) fn body(&self, message: Message) -> &[u8] {
        self.input.at(message.start, message.end)
    }

    pub(crate) fn decode(&self, message: Message) -> Result<Backend<'_>, Error> {
        if message.tag == ReadyForQuery::TAG {
            // Its bytes may be gone: when it comes, memory is given back.
            let status = self.reports.transaction_status();
            return Ok(Backend::ReadyForQuery(ReadyForQuery { status }));
        }
        Backend::decode(message.tag, self.body(message))
    }

    /// Takes the next message that belongs to a request, or `None` until more bytes have arrived. Messages that
    /// come unasked are dealt with on the way.
    ///
    /// An error ends the session: the server broke the protocol, or said that it ends the session itself.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, Error> {
        while let Some(message) = self.take_message()? {
            let body = self.input.at(message.start, message.end);
            match message.tag {
                ParameterStatus::TAG => {
                    let status = ParameterStatus::decode(body)?;
                    self.reports.set_parameter(&status)?;
                    if self.owed != Some(Protocol::Startup) {
                        is_utf8(&status)?;
                    }
                }
                NoticeResponse::TAG => {
                    let notice = NoticeResponse::decode(body)?;
                    self.reports.add_notice(notice.0);
                }
                NotificationResponse::TAG => {
                    NotificationResponse::decode(body)?;
                }
                ErrorResponse::TAG if self.ends_session(body)? => {
                    let error = ErrorResponse::decode(body)?;
                    return Err(Error::from_server(error.0));
                }
                tag if self.owed.is_none() => {
                    return Err(Error::unexpected(Backend::decode(tag, body)?.name()));
                }
                // The server may end a copy before it has read the refusal. Nothing else is answered unread.
                ReadyForQuery::TAG if !self.output.is_empty() && !self.refused => {
                    return Err(Error::unexpected("ReadyForQuery"));
                }
                ReadyForQuery::TAG => {
                    let ready = ReadyForQuery::decode(body)?;
                    self.reports.set_transaction_status(ready.status);
                    self.owed = None;
                    self.input.request_done();
                    return Ok(Some(Message { start: 0, end: 0, ..message }));
                }
                BackendKeyData::TAG => {
                    let data = BackendKeyData::decode(body)?;
                    self.key = Some((data.process_id, data.secret_key.into()));
                    return Ok(Some(message));
                }
                COPY_IN if !self.is_starting() => self.refuse_copy_in()?,
                _ => return Ok(Some(message)),
            }
        }
        Ok(None)
    }

    fn take_message(&mut self) -> Result<Option<Message>, Error> {
        let filled = self.input.filled();
        let Some(header) = Header::read(filled, self.message_limit)? else {
            return Ok(None);
        };
        if header.length > self.limit(header.tag) {
            let text = format!(
                "the server announced a message of {} bytes where a short one belongs",
                header.length
            );
            return Err(Error::new(Kind::Protocol, text));
        }
        let length = HEADER_LENGTH.saturating_add(header.length);
        if filled.len() < length {
            self.input.want(length);
            return Ok(None);
        }
        let (start, end) = self.input.take(length);
        Ok(Some(Message { tag: header.tag, start: start + HEADER_LENGTH, end }))
    }

    fn limit(&self, tag: u8) -> usize {
        match tag {
            b'D' | b'd' | b'V' => self.message_limit,
            b'A' | b'E' | b'N' | b'S' | b'T' | b't' => REPORT_LIMIT,
            _ => SHORT_LIMIT,
        }
    }

    /// Whether this error is the last thing that the server says. Unasked there is no other kind.
    fn ends_session(&self, body: &[u8]) -> Result<bool, Error> {
        Ok(self.owed.is_none() || ErrorResponse::decode(body)?.0.ends_session())
    }

    /// A statement asks for copy data that nobody will send. The server skips to the next Sync after this, and
    /// has dropped the one that came with the request.
    fn refuse_copy_in(&mut self) -> Result<(), Error> {
        // After the first the request has failed: another would only make the output grow.
        if std::mem::replace(&mut self.refused, true) {
            return Err(Error::unexpected("CopyInResponse"));
        }
        let extended = self.owed == Some(Protocol::Extended);
        let out = self.output.answer();
        CopyFail { message: "this call sends no copy data" }.encode(out)?;
        if extended { Sync.encode(out) } else { Ok(()) }
    }
}

const COPY_IN: u8 = b'G';

/// Texts are read and written as UTF-8: in another encoding they would be silently corrupted.
fn is_utf8(status: &ParameterStatus<'_>) -> Result<(), Error> {
    if status.name != "client_encoding" || matches!(status.value, "UTF8" | "UNICODE") {
        return Ok(());
    }
    let text = format!(
        "the session's client_encoding was set to \"{}\": only UTF8 can be spoken",
        OneLine(status.value)
    );
    Err(Error::new(Kind::Protocol, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Query, TransactionStatus};

    fn machine() -> Machine {
        let mut machine = Machine::new(&Config::new().message_limit_bytes(100_000));
        let sql = Query { sql: "select 1" };
        machine.request(Protocol::Simple, |out| sql.encode(out)).unwrap();
        machine.sent(machine.unsent().len());
        machine
    }

    fn put(machine: &mut Machine, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let spare = machine.spare();
            let count = spare.len().min(bytes.len());
            spare[..count].copy_from_slice(&bytes[..count]);
            machine.received(count);
            bytes = &bytes[count..];
        }
    }

    fn tags(machine: &mut Machine) -> Result<Vec<u8>, Error> {
        let mut tags = Vec::new();
        while let Some(message) = machine.next_message()? {
            tags.push(message.tag);
        }
        Ok(tags)
    }

    const NOTICE: &[u8] = b"N\0\0\0\x1fSNOTICE\0VNOTICE\0C00000\0Mm\0\0";
    const STATUS: &[u8] = b"S\0\0\0\x08a\0b\0";
    const NOTIFICATION: &[u8] = b"A\0\0\0\x0c\0\0\0\x01c\0p\0";
    const COMPLETE: &[u8] = b"C\0\0\0\x0dSELECT 1\0";
    const READY: &[u8] = b"Z\0\0\0\x05T";

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let mut machine = machine();
        for byte in [COMPLETE, READY].concat() {
            let before = tags(&mut machine).unwrap();
            assert!(before.len() <= 1);
            put(&mut machine, &[byte]);
        }
        assert_eq!(tags(&mut machine).unwrap(), [b'Z']);
        assert!(!machine.is_owed());
        assert_eq!(machine.reports().transaction_status(), TransactionStatus::InTransaction);
    }

    #[test]
    fn unasked_messages_are_dealt_with_between_any_two() {
        let mut machine = machine();
        let unasked = [NOTICE, STATUS, NOTIFICATION].concat();
        put(&mut machine, &[&unasked[..], COMPLETE, &unasked, READY, &unasked].concat());
        assert_eq!(tags(&mut machine).unwrap(), *b"CZ");
        assert_eq!(machine.reports().notices().len(), 3);
        assert_eq!(machine.reports().parameter("a"), Some("b"));
    }

    #[test]
    fn a_reply_to_no_request_is_refused() {
        for surplus in [READY, COMPLETE, b"1\0\0\0\x04"] {
            let mut machine = machine();
            put(&mut machine, &[READY, surplus].concat());
            assert_eq!(tags(&mut machine).unwrap_err().kind(), Kind::Protocol);
        }
    }

    #[test]
    fn a_fatal_error_ends_the_session_and_an_unasked_error_too() {
        let fatal = b"E\0\0\0\x1dSFATAL\0VFATAL\0C57P01\0Mm\0\0";
        let mut busy = machine();
        put(&mut busy, fatal);
        let error = tags(&mut busy).unwrap_err();
        assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (Kind::Server, "57P01"));
        let mut idle = machine();
        put(&mut idle, &[READY, b"E\0\0\0\x1dSERROR\0VERROR\0C57P01\0Mm\0\0"].concat());
        assert_eq!(tags(&mut idle).unwrap_err().kind(), Kind::Server);
    }

    #[test]
    fn limits_depend_on_what_a_message_is_for() {
        let announced = |tag: u8, length: i32| {
            let mut machine = machine();
            put(&mut machine, &[&[tag][..], &length.to_be_bytes()].concat());
            machine.next_message()
        };
        assert!(announced(b'D', 90_000).is_ok());
        assert!(announced(b'D', 100_005).is_err());
        assert!(announced(b'T', 90_000).is_ok());
        assert!(announced(b'C', 90_000).is_err());
        assert!(announced(b'D', -1).is_err());
    }

    #[test]
    fn a_request_that_was_not_sent_is_withdrawn() {
        let mut machine = Machine::new(&Config::new());
        let sql = Query { sql: "select 1" };
        machine.request(Protocol::Simple, |out| sql.encode(out)).unwrap();
        let second = machine.request(Protocol::Simple, |out| sql.encode(out));
        assert_eq!(second.unwrap_err().kind(), Kind::Usage);
        assert!(machine.withdraw());
        assert!(!machine.is_owed() && machine.unsent().is_empty());
        machine.request(Protocol::Simple, |out| sql.encode(out)).unwrap();
        machine.sent(1);
        assert!(!machine.withdraw());
        assert!(machine.is_owed());
    }

    #[test]
    fn a_request_that_cannot_be_written_leaves_nothing() {
        let mut machine = Machine::new(&Config::new());
        let sql = Query { sql: "select '\0'" };
        assert!(machine.request(Protocol::Simple, |out| sql.encode(out)).is_err());
        assert!(!machine.is_owed() && machine.unsent().is_empty());
    }

    #[test]
    fn copy_in_is_refused_as_the_protocol_of_the_request_wants_it() {
        let copy_in = b"G\0\0\0\x07\0\0\0";
        let mut simple = machine();
        put(&mut simple, copy_in);
        assert_eq!(tags(&mut simple).unwrap(), b"");
        assert_eq!(simple.unsent().first(), Some(&b'f'));
        assert!(!simple.unsent().ends_with(b"S\0\0\0\x04"));
        assert!(!simple.withdraw(), "the refusal is not a request of its own");

        let mut extended = Machine::new(&Config::new());
        extended.request(Protocol::Extended, |out| Sync.encode(out)).unwrap();
        extended.sent(5);
        put(&mut extended, copy_in);
        assert_eq!(tags(&mut extended).unwrap(), b"");
        assert!(extended.unsent().ends_with(b"S\0\0\0\x04"));
    }
}
