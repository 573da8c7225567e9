//! `Machine`: the protocol of an open session, without I/O: bytes in, messages out.

use std::num::NonZeroU32;

use crate::config::{Config, Event};
use crate::error::{Error, Kind};
use crate::flow::asides::Asides;
use crate::flow::copy_in::{Asked, CopyIn, CopyInData};
use crate::flow::input::Input;
use crate::flow::message::Message;
use crate::flow::notification::Queued;
use crate::flow::output::Output;
use crate::flow::reports::{Reports, is_utf8};
use crate::flow::request::{End, Protocol, Request, Steps};
use crate::message::{
    Backend, BackendKeyData, CommandComplete, CopyFail, DataRow, Decode, Encode, ErrorResponse,
    Execute, NoticeResponse, NotificationResponse, ParameterStatus, ReadyForQuery, Sync,
    TransactionStatus,
};
use crate::wire::{HEADER_LENGTH, Header, Parts};

/// The limit for a message that describes or reports, in bytes: enough for any error text, little enough to keep.
const REPORT_LIMIT: usize = 16 << 20;

/// The limit for every other message that carries no row, in bytes; PostgreSQL's own are far below.
pub(in crate::flow) const SHORT_LIMIT: usize = 64 << 10;

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Replies,
    /// Reading stops at each, so that whoever receives them is not overrun.
    Notifications,
}

/// What is sent, what has arrived, and what the server still owes.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(in crate::flow) input: Input,
    pub(in crate::flow) output: Output,
    pub(in crate::flow) reports: Reports,
    /// The key for cancel requests.
    key: Option<(i32, Box<[u8]>)>,
    /// The request whose reply, or a part of it, is still to come.
    pub(in crate::flow) owed: Option<Request>,
    requests: u64,
    pub(in crate::flow) asides: Asides,
    /// The data that this request has for a copy.
    copy_in: CopyIn,
    pub(in crate::flow) message_limit: usize,
}

impl Machine {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            input: Input::new(),
            output: Output::default(),
            reports: Reports::new(config),
            key: None,
            owed: None,
            requests: 0,
            asides: Asides::default(),
            copy_in: CopyIn::default(),
            message_limit: config.message_limit_bytes,
        }
    }

    /// Writes a request. On error nothing of it remains.
    pub(crate) fn request(
        &mut self,
        request: Request,
        write: impl FnOnce(&mut Parts) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.owed.is_some() || !self.output.is_empty() {
            return Err(Error::usage("a request cannot be made before the last one is answered"));
        }
        write(self.output.request()).inspect_err(|_| self.output.discard())?;
        self.owed = Some(request);
        self.requests += 1;
        self.asides.begin();
        self.copy_in = CopyIn::default();
        Ok(())
    }

    /// Notes that the last Sync of an open request has been written.
    pub(crate) fn ended(&mut self) {
        if let Some(owed) = &mut self.owed {
            owed.end = End::Written;
        }
    }

    /// Ends a request that was given up before all of it was written.
    pub(crate) fn finish_open(&mut self) {
        let end = self.end();
        if end == End::Written {
            return;
        }
        let out = self.answer();
        // Their texts are the driver's own: none can be refused.
        if end == End::OpenAndWhole {
            // Sync would make what was done of it last. An error undoes it: there is no such portal.
            drop(Execute { portal: "aiopg_given_up", most_rows: 0 }.encode(out));
        }
        drop(Sync.encode(out));
        self.ended();
    }

    /// Whether more is to be written before the server can end its reply.
    pub(crate) fn end(&self) -> End {
        self.owed.map_or(End::Written, |owed| owed.end)
    }

    /// Whether the server works at what has been sent, however much has not.
    pub(crate) fn has_many_steps(&self) -> bool {
        self.owed.is_some_and(|owed| owed.steps == Steps::Many)
    }

    fn awaits_riders(&self) -> bool {
        self.owed.is_some_and(|owed| owed.riders > 0)
    }

    /// What replies did beside their purpose.
    pub(crate) fn asides(&self) -> &Asides {
        &self.asides
    }

    pub(crate) fn asides_mut(&mut self) -> &mut Asides {
        &mut self.asides
    }

    /// Whether openers are on their way, so that nobody knows yet what becomes of them.
    pub(crate) fn awaits_openers(&self) -> bool {
        self.owed.is_some_and(|owed| owed.openers > 0)
    }

    /// Whether the next request finds nothing in its way.
    pub(crate) fn is_free(&self) -> bool {
        self.owed.is_none() && self.output.is_empty()
    }

    /// The same, and nothing has arrived.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_free() && self.input.filled().is_empty()
    }

    /// Writes what continues a request that is being answered, such as a password.
    pub(crate) fn answer(&mut self) -> &mut Parts {
        self.output.answer()
    }

    /// Takes back the request if none of its bytes was sent, and tells whether it did.
    pub(crate) fn withdraw(&mut self) -> bool {
        let withdrawn = self.output.withdraw();
        if withdrawn {
            self.owed = None;
            self.requests -= 1;
        }
        withdrawn
    }

    /// How many requests were made and not taken back: whoever made one can tell by that whether it was sent.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether a reply, or a part of one, is still to come.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// Whether the session is still being opened.
    pub(crate) fn is_starting(&self) -> bool {
        self.speaks(Protocol::Startup)
    }

    fn speaks(&self, protocol: Protocol) -> bool {
        self.owed.is_some_and(|owed| owed.protocol == protocol)
    }

    /// The longest message that is taken from the server.
    pub(crate) fn message_limit_bytes(&self) -> usize {
        self.message_limit
    }

    pub(crate) fn unsent(&self) -> &[u8] {
        self.output.unsent()
    }

    /// How many bytes are unsent: [`unsent`](Self::unsent) gives the first of them.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.output.unsent_bytes()
    }

    #[inline]
    pub(crate) fn sent(&mut self, count: usize) {
        self.output.sent(count);
    }

    /// Forgets what is unsent: nobody reads it any more.
    pub(crate) fn discard_unsent(&mut self) {
        self.output.discard();
    }

    /// Space to read into; never empty.
    #[inline]
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.input.spare()
    }

    pub(crate) fn received(&mut self, count: usize) {
        self.input.received(count);
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Takes the oldest notification that nobody has received.
    pub(crate) fn take_notification(&mut self) -> Option<Queued> {
        self.reports.notifications_mut().pop()
    }

    /// Forgets the notifications that nobody has received.
    pub(crate) fn forget_notifications(&mut self) {
        self.reports.notifications_mut().clear();
    }

    pub(crate) fn key(&self) -> Option<(i32, &[u8])> {
        self.key.as_ref().map(|(process_id, key)| (*process_id, &**key))
    }

    pub(crate) fn body(&self, message: Message) -> &[u8] {
        self.input.at(message.start, message.end)
    }

    /// Gives away the memory in which the body of a large message stands, and where it begins there. The message is
    /// gone then.
    #[inline]
    pub(crate) fn take_body(&mut self, message: Message) -> Option<(Vec<u8>, usize)> {
        let bytes = self.input.take_out(message.start, message.end)?;
        Some((bytes, message.start))
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
        if self.input.filled().len() < HEADER_LENGTH {
            return Ok(None);
        }
        match self.next_plain() {
            Some(message) => Ok(Some(message)),
            None => self.next(Wanted::Replies),
        }
    }

    /// Reads messages until there is a notification, and tells whether there is one; `None` until more bytes have
    /// arrived. Nothing may be owed.
    pub(crate) fn next_notification(&mut self) -> Result<Option<()>, Error> {
        if self.reports.notifications().is_empty() {
            // A message that belongs to a request is refused in there.
            let _: Option<Message> = self.next(Wanted::Notifications)?;
        }
        Ok((!self.reports.notifications().is_empty()).then_some(()))
    }

    fn next(&mut self, wanted: Wanted) -> Result<Option<Message>, Error> {
        while let Some(message) = self.take_message()? {
            self.take_note(message)?;
            let body = self.input.at(message.start, message.end);
            match message.tag {
                ParameterStatus::TAG => {
                    let status = ParameterStatus::decode(body)?;
                    self.reports.set_parameter(&status)?;
                    if !self.is_starting() {
                        is_utf8(&status)?;
                    }
                }
                NoticeResponse::TAG => {
                    let notice = NoticeResponse::decode(body)?;
                    self.reports.add_notice(notice.0);
                }
                NotificationResponse::TAG => {
                    let notification = NotificationResponse::decode(body)?;
                    if self.reports.add_notification(&notification) {
                        let process_id = self.key.as_ref().map(|(process_id, _)| *process_id);
                        self.reports.tell(&Event::NotificationsLagged { process_id });
                    }
                    if wanted == Wanted::Notifications {
                        return Ok(None);
                    }
                }
                ErrorResponse::TAG if self.ends_session(body)? => {
                    let error = ErrorResponse::decode(body)?;
                    return Err(Error::from_server(error.0));
                }
                tag if self.owed.is_none() => {
                    return Err(Error::unexpected(Backend::decode(tag, body)?.name()));
                }
                tag if self.owed.is_some_and(|owed| owed.riders > 0) => {
                    self.rider_said(tag, message)?;
                }
                tag if self.awaits_openers() => {
                    if self.opener_said(tag)? {
                        return Ok(Some(message));
                    }
                }
                ReadyForQuery::TAG => return self.ready(message).map(Some),
                BackendKeyData::TAG => {
                    let data = BackendKeyData::decode(body)?;
                    self.key = Some((data.process_id, data.secret_key.into()));
                    return Ok(Some(message));
                }
                COPY_IN if !self.is_starting() => match self.copy_in.asked()? {
                    Asked::Pass => return Ok(Some(message)),
                    Asked::Refuse => self.refuse_copy_in()?,
                },
                ErrorResponse::TAG => {
                    self.copy_in.failed();
                    return Ok(Some(message));
                }
                _ => return Ok(Some(message)),
            }
        }
        Ok(None)
    }

    /// Takes note of what a message says beside its purpose.
    fn take_note(&mut self, message: Message) -> Result<(), Error> {
        let body = self.input.at(message.start, message.end);
        match message.tag {
            // What rides is known to whoever sent it.
            CommandComplete::TAG if FORGETS.contains(&body) && !self.awaits_riders() => {
                self.asides.forgotten = true;
            }
            CLOSE_COMPLETE => self.asides.closed += 1,
            ErrorResponse::TAG => {
                let error = ErrorResponse::decode(body)?.0;
                self.asides.refused(error);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes note of a ReadyForQuery that belongs to a request.
    fn ready(&mut self, message: Message) -> Result<Message, Error> {
        let ready = ReadyForQuery::decode(self.body(message))?;
        let Some(owed) = &mut self.owed else { return Err(Error::unexpected("ReadyForQuery")) };
        let rest = NonZeroU32::new(owed.ready.get() - 1);
        // The server may end a copy before it has read all of it, or the refusal. Nothing else is answered unread.
        let unread = !self.output.is_empty() && !self.copy_in.may_leave_unsent();
        if rest.is_none() && (unread || owed.end != End::Written) {
            return Err(Error::unexpected("ReadyForQuery"));
        }
        if let Some(rest) = rest {
            owed.ready = rest;
            self.note_status(ready.status);
        } else {
            self.answered(ready.status);
        }
        Ok(Message { start: 0, end: 0, ..message })
    }

    /// Takes note of the last ReadyForQuery of a reply.
    #[inline]
    pub(in crate::flow) fn answered(&mut self, status: TransactionStatus) {
        self.note_status(status);
        self.owed = None;
        self.input.request_done();
    }

    #[inline]
    fn note_status(&mut self, status: TransactionStatus) {
        self.reports.set_transaction_status(status);
        self.asides.ready(status);
    }

    /// Takes note of a message that answers a rider. It brings the session into order, so that without it nothing
    /// may follow: an error ends the session.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is refused by name")]
    fn rider_said(&mut self, tag: u8, message: Message) -> Result<(), Error> {
        let body = self.input.at(message.start, message.end);
        match Backend::decode(tag, body)? {
            Backend::ErrorResponse(error) => return Err(Error::from_server(error.0)),
            Backend::ReadyForQuery(ready) => {
                self.reports.set_transaction_status(ready.status);
                self.asides.ready(ready.status);
                self.asides.riders_done += 1;
                if let Some(owed) = &mut self.owed {
                    owed.riders = owed.riders.saturating_sub(1);
                }
            }
            Backend::CloseComplete
            | Backend::CommandComplete(_)
            | Backend::DataRow(_)
            | Backend::EmptyQueryResponse
            | Backend::RowDescription(_) => {}
            other => return Err(Error::unexpected(other.name())),
        }
        Ok(())
    }

    /// Takes note of a message that answers an opener, and tells whether it belongs to the request, too: the error
    /// by which all of it has failed.
    fn opener_said(&mut self, tag: u8) -> Result<bool, Error> {
        let Some(owed) = &mut self.owed else { return Ok(true) };
        match tag {
            // Those that are left are not run.
            ErrorResponse::TAG => {
                owed.openers = 0;
                self.asides.opener_refused = true;
            }
            CommandComplete::TAG => {
                owed.openers -= 1;
                self.asides.openers_done += 1;
            }
            PARSE_COMPLETE | BIND_COMPLETE | DataRow::TAG => {}
            _ => return Err(Error::unexpected("a message that does not answer BEGIN")),
        }
        Ok(tag == ErrorResponse::TAG)
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
            b'E' | b'N' | b'S' | b'T' | b't' => REPORT_LIMIT,
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
        // Where more of the request stands behind it, nobody can say which Sync the server has dropped.
        let is_last =
            self.owed.is_some_and(|owed| owed.ready.get() == 1 && owed.end == End::Written);
        if !is_last {
            return Err(Error::unexpected("CopyInResponse"));
        }
        let extended = self.speaks(Protocol::Extended);
        let out = self.output.answer();
        CopyFail { message: "this call sends no copy data" }.encode(out)?;
        if extended { Sync.encode(out) } else { Ok(()) }
    }

    /// The data of a copy that the request has.
    pub(crate) fn copy_in(&mut self) -> CopyInData<'_> {
        CopyInData::new(&mut self.copy_in, &mut self.output)
    }

    /// Whether the server is taking data, or did so within this request.
    pub(crate) fn has_copied_in(&self) -> bool {
        self.copy_in.was_open()
    }
}

/// What the server says when it has forgotten all prepared statements.
pub(in crate::flow) const FORGETS: [&[u8]; 2] = [b"DISCARD ALL\0", b"DEALLOCATE ALL\0"];

const COPY_IN: u8 = b'G';
const CLOSE_COMPLETE: u8 = b'3';
const PARSE_COMPLETE: u8 = b'1';
pub(in crate::flow) const BIND_COMPLETE: u8 = b'2';
