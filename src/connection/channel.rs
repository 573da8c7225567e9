//! `Channel`: the machine and its transport, driven by whoever polls.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use aiopg_runtime::Runtime;
use sync_wrapper::SyncWrapper;

use crate::config::{Config, Event, OnDrop, ProtocolVersion, TargetSessionAttrs};
use crate::connection::cancel::CancelToken;
use crate::connection::canceller::{Cancellable, Canceller};
use crate::connection::close::close;
use crate::connection::limit::Limit;
use crate::connection::switch::{Switch, turned_off};
use crate::connection::target::Target;
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};
use crate::flow::{End, Machine, Protocol, Request};
use crate::message::{Decode, Encode, ErrorResponse, Query, Terminate, TransactionStatus};
use crate::observe::Server;
use crate::wire::Parts;

/// Reads that succeed at once before the executor gets its turn: 1 MiB where the buffer is large.
const READS_PER_TURN: u32 = 16;

/// What is read of an abandoned reply before the statement is cancelled, in bytes: a cancel request costs a
/// connection to the server, and a short reply is often on its way already.
const READ_BEFORE_CANCEL: usize = 64 << 10;

/// Whether a request that was given up had not been sent, so that the server never hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    Yes,
    No,
}

/// Whether somebody waits for the reply that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connection) enum Attendance {
    Attended,
    /// Whoever did has given it up.
    Abandoned,
    /// The same, and it ends the transaction, which nobody holds any more.
    GivenUpEnd,
    /// Nobody ever did, and any answer will do.
    Unattended,
    /// Nobody ever did: it brings the session into order, so that without it nothing may follow.
    Order,
}

/// A live session: no task drives it, it moves only while it is polled.
pub(crate) struct Channel<R: Runtime> {
    pub(in crate::connection) runtime: R,
    /// Gone when the session has ended, so that the server learns of it at once.
    transport: SyncWrapper<Option<Transport<R>>>,
    pub(in crate::connection) machine: Machine,
    on_drop: OnDrop,
    pub(in crate::connection) canceller: Canceller<R>,
    pub(in crate::connection) attendance: Attendance,
    pub(in crate::connection) limit: Limit<R>,
    /// Something was written that is not flushed.
    unflushed: bool,
    /// Reads that have succeeded since the executor had its turn.
    reads: u32,
    write_error: Option<io::Error>,
    /// Why the session ended.
    pub(in crate::connection) ended: Option<Error>,
    /// What was odd about the configuration, but no reason to stop.
    pub(crate) warnings: Vec<String>,
    /// What spans tell of the server.
    pub(crate) server: Box<Server>,
    /// What ends the session from outside.
    pub(crate) switch: Option<Arc<Switch>>,
    /// The version that both sides speak.
    pub(crate) protocol_version: ProtocolVersion,
    /// The kind of server that it was opened on, and is to be on.
    pub(crate) wanted: TargetSessionAttrs,
}

impl<R: Runtime> Channel<R> {
    pub(crate) fn new(
        runtime: R,
        transport: Transport<R>,
        target: Option<Target>,
        config: &Config,
    ) -> Self {
        let server = target.as_ref().map(|target| target.server.clone()).unwrap_or_default();
        Self {
            runtime,
            server: Box::new(server),
            transport: SyncWrapper::new(Some(transport)),
            machine: Machine::new(config),
            on_drop: config.on_drop,
            canceller: Canceller::new(target),
            attendance: Attendance::Attended,
            limit: Limit::new(),
            unflushed: false,
            reads: 0,
            write_error: None,
            ended: None,
            warnings: Vec::new(),
            switch: None,
            protocol_version: ProtocolVersion::V3_0,
            wanted: TargetSessionAttrs::Any,
        }
    }

    pub(crate) fn runtime(&self) -> &R {
        &self.runtime
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Tells the program's hook what happened although no call failed.
    pub(crate) fn tell(&self, event: &Event) {
        self.machine.reports().tell(event);
    }

    pub(crate) fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Why the session ended, if it has.
    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Whether the session is there, nothing is owed, unsent or under way, and nothing has arrived.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.ended.is_none() && self.machine.is_quiet() && self.canceller.is_idle()
    }

    /// Reads off what is owed to futures that were dropped, so that the next request gets its own reply.
    ///
    /// Cancel-safe: whoever comes next goes on.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        if let Some(cause) = &self.ended {
            return Err(Error::closed(Some(cause)));
        }
        if self.is_owing() || !self.canceller.is_idle() {
            self.abandon();
            // An error here belongs to whoever gave up its request. The next gets it as a cause.
            let settled = poll_fn(|cx| self.poll_settled(cx)).await;
            settled.map_err(|error| Error::closed(Some(self.ended.as_ref().unwrap_or(&error))))?;
        }
        // What has arrived since is nobody's reply, and must not become that of the next request.
        match self.machine.next_message() {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::closed(Some(&self.end(error)))),
        }
    }

    /// Writes a request to the output; nothing is sent before the next poll.
    pub(crate) fn request(
        &mut self,
        request: Request,
        cancellable: Cancellable,
        write: impl FnOnce(&mut Parts) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.machine.request(request, write)?;
        self.canceller.begin(cancellable);
        self.attendance = Attendance::Attended;
        Ok(())
    }

    /// Writes what continues a request that is being answered.
    pub(crate) fn answer(&mut self) -> &mut Parts {
        self.machine.answer()
    }

    /// Whether replies are to be read off, or bytes to be sent, for requests of futures that were dropped.
    pub(crate) fn is_owing(&self) -> bool {
        self.machine.is_owed() || !self.machine.unsent().is_empty()
    }

    /// Whether nothing is owed, unsent or under way.
    pub(crate) fn is_settled(&self) -> bool {
        !self.is_owing() && self.canceller.is_idle()
    }

    /// Gives up a request: takes it back if it was not sent, else sees to it that the server stops.
    /// Tells whether it was taken back.
    pub(crate) fn abandon(&mut self) -> Withdrawn {
        if !self.machine.is_owed() || self.attendance != Attendance::Attended {
            return Withdrawn::No;
        }
        if self.machine.withdraw() {
            return Withdrawn::Yes;
        }
        let rests = self.machine.end() == End::Open;
        self.machine.finish_open();
        self.attendance = Attendance::Abandoned;
        let fails = self.machine.copy_in().fail("the copy was given up");
        if (fails || rests) && self.on_drop == OnDrop::Cancel {
            // The server stops as soon as it reads that, and is cancelled only if it takes its time.
            self.canceller.postpone();
        }
        if self.on_drop == OnDrop::Wait || !self.is_rest_pending() {
            return Withdrawn::No;
        }
        if self.on_drop == OnDrop::Close {
            let text =
                "a statement was dropped before its reply came, and \"on_drop\" says to close";
            self.end(Error::new(Kind::Closed, text));
        } else {
            self.cancel_abandoned();
        }
        Withdrawn::No
    }

    /// The request that was given up ends the transaction: if it is open still when that was answered, the session ends.
    pub(crate) fn must_end_transaction(&mut self) {
        if self.attendance == Attendance::Abandoned {
            self.attendance = Attendance::GivenUpEnd;
        }
    }

    /// Sends a query whose reply nobody waits for, as far as that takes no waiting. Only where nothing is owed.
    pub(crate) fn send_unattended(&mut self, sql: &str) -> Result<(), Error> {
        self.send_alone(sql, Attendance::Unattended)
    }

    /// The same for what brings the session into order: if it is refused, the session ends. Only where all is settled.
    pub(crate) fn send_order(&mut self, sql: &str) -> Result<(), Error> {
        self.send_alone(sql, Attendance::Order)
    }

    fn send_alone(&mut self, sql: &str, attendance: Attendance) -> Result<(), Error> {
        let request = Request::new(Protocol::Simple);
        self.request(request, Cancellable::No, |out| Query { sql }.encode(out))?;
        self.attendance = attendance;
        let _: bool = self.is_rest_pending();
        Ok(())
    }

    /// Takes what has arrived of an abandoned reply, without waiting, and tells whether that was not all.
    fn is_rest_pending(&mut self) -> bool {
        // The next operation registers its own waker.
        let mut cx = Context::from_waker(Waker::noop());
        self.reads = 0;
        self.poll_rest(&mut cx).is_pending()
    }

    /// Ends the session because of `error`, which every later caller gets as the cause.
    pub(crate) fn end(&mut self, error: Error) -> Error {
        self.machine.discard_unsent();
        *self.transport.get_mut() = None;
        self.ended.get_or_insert_with(|| error.clone());
        error
    }

    /// Says good-bye and closes the transport. Dropped half-way, the session is closed all the same.
    pub(crate) async fn close(&mut self) -> Result<(), Error> {
        if self.ended.is_some() {
            return Ok(());
        }
        self.abandon();
        let good_bye = self.good_bye();
        let transport = self.transport.get_mut().take();
        self.end(Error::new(Kind::Closed, "it was closed by its owner"));
        let Some(transport) = transport else { return Ok(()) };
        let closed = close(&self.runtime, transport, good_bye).await;
        closed.map_err(|error| Error::io("could not close the connection", error))
    }

    /// Terminate, unless it would stand in the middle of another message.
    fn good_bye(&self) -> bytes::BytesMut {
        let mut good_bye = bytes::BytesMut::new();
        if self.machine.unsent().is_empty() {
            // It has no text that could be refused.
            drop(Terminate.encode(&mut good_bye));
        }
        good_bye
    }

    /// Writes and reads until `next` finds in the machine what it looks for.
    pub(crate) fn poll_transport<T>(
        &mut self,
        cx: &mut Context<'_>,
        next: fn(&mut Machine) -> Result<Option<T>, Error>,
    ) -> Poll<Result<T, Error>> {
        if self.switch.as_ref().is_some_and(|switch| switch.is_off()) {
            return Poll::Ready(Err(turned_off()));
        }
        loop {
            if let Some(found) = next(&mut self.machine)? {
                return Poll::Ready(Ok(found));
            }
            if let Err(error) = self.write(cx) {
                // The server may have said why before it hung up: that is read first.
                self.machine.discard_unsent();
                self.write_error = Some(error);
            }
            if self.reads >= READS_PER_TURN {
                // A server that sends without end must not keep the executor's thread.
                self.reads = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(transport) = self.transport.get_mut() else {
                return Poll::Ready(Err(Error::closed(self.ended.as_ref())));
            };
            let read = transport.poll_read(cx, self.machine.spare());
            match (read, self.write_error.take()) {
                (Poll::Ready(Ok(count)), error) if count > 0 => {
                    self.reads += 1;
                    self.machine.received(count);
                    self.write_error = error;
                }
                (Poll::Pending, None) => {
                    self.reads = 0;
                    if self.switch.as_ref().is_some_and(|switch| switch.poll_off(cx)) {
                        return Poll::Ready(Err(turned_off()));
                    }
                    return Poll::Pending;
                }
                (_, Some(error)) => {
                    return Poll::Ready(Err(Error::io("could not write to the server", error)));
                }
                (Poll::Ready(Err(error)), None) => {
                    return Poll::Ready(Err(Error::io("could not read from the server", error)));
                }
                (Poll::Ready(Ok(_)), None) => {
                    let end = io::ErrorKind::UnexpectedEof.into();
                    let text = "the server closed the connection unexpectedly";
                    return Poll::Ready(Err(Error::io(text, end)));
                }
            }
        }
    }

    /// Writes as much as the transport takes.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(transport) = self.transport.get_mut() else { return Ok(()) };
        while !self.machine.unsent().is_empty() {
            match transport.poll_write(cx, self.machine.unsent())? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.machine.sent(count),
                Poll::Pending => return Ok(()),
            }
            self.unflushed = true;
        }
        if self.unflushed {
            self.unflushed = transport.poll_flush(cx)?.is_pending();
        }
        Ok(())
    }

    /// Reads off what nobody waits for, and has it cancelled if that takes long.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let rest = self.poll_rest(cx);
        while rest.is_pending() {
            self.cancel_abandoned();
            ready!(self.poll_cancel_requests(cx))?;
            ready!(self.canceller.poll_patience(&self.runtime, cx));
        }
        ready!(self.poll_cancel_requests(cx))?;
        rest
    }

    /// Ready when no cancel request is under way. One that nobody confirmed ends the session.
    fn poll_cancel_requests(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let done = self.canceller.poll_done(cx);
        done.map_err(|error| self.end(error))
    }

    /// Reads and forgets an abandoned reply. Pending also when it turns out to be long, so that it is cancelled.
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut read = 0;
        while self.machine.is_owed() {
            let message = ready!(self.poll_message(cx))?;
            if message.tag == ErrorResponse::TAG && self.attendance == Attendance::Order {
                let refusal = ErrorResponse::decode(self.machine.body(message));
                let error = refusal.map_or_else(|error| error, |it| Error::from_server(it.0));
                return Poll::Ready(Err(self.end(error)));
            }
            read += self.machine.body(message).len();
            if read > READ_BEFORE_CANCEL {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if self.attendance == Attendance::GivenUpEnd
            && self.machine.reports().transaction_status() != TransactionStatus::Idle
        {
            let text = "the transaction is open still, since what was to end it was refused";
            let error = Error::rolled_back(text, self.machine.asides().failure());
            return Poll::Ready(Err(self.end(error)));
        }
        // The refusal of a copy that the server ended by itself.
        if !self.machine.unsent().is_empty() {
            let written = self.write(cx);
            written.map_err(|error| self.end(Error::io("could not write to the server", error)))?;
            if !self.machine.unsent().is_empty() {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Has an abandoned statement cancelled, if that is wanted.
    fn cancel_abandoned(&mut self) {
        if self.on_drop == OnDrop::Cancel {
            self.cancel_running();
        }
    }

    /// Has a statement cancelled, if it may be and is on the server.
    pub(in crate::connection) fn cancel_running(&mut self) {
        self.canceller.cancel(&self.runtime, &self.machine);
    }

    /// What cancels the session's statement from outside; `None` where nobody knows how to reach the server.
    pub(crate) fn cancel_token(&self) -> Option<CancelToken<R>> {
        self.canceller.token(&self.runtime, &self.machine)
    }
}

impl<R: Runtime> Drop for Channel<R> {
    /// Says good-bye as far as that takes no waiting; no runtime is needed.
    fn drop(&mut self) {
        if self.machine.is_starting() {
            // The session never opened: there is nobody to say it to.
            return;
        }
        self.abandon();
        // A pool that drops a session has its reasons.
        if self.ended.is_none() && self.switch.is_none() {
            self.tell(&Event::ConnectionDropped {
                process_id: self.machine.key().map(|(process_id, _)| process_id),
                transaction_status: self.machine.reports().transaction_status(),
                statement_running: self.machine.is_owed()
                    && !matches!(self.attendance, Attendance::Unattended | Attendance::Order),
            });
        }
        let good_bye = self.good_bye();
        if let Some(transport) = self.transport.get_mut() {
            let mut cx = Context::from_waker(Waker::noop());
            // If the socket is full, the server learns of the end from the end of the stream.
            if transport.poll_write(&mut cx, &good_bye).is_ready() {
                let _: Poll<io::Result<()>> = transport.poll_flush(&mut cx);
            }
        }
    }
}

impl<R: Runtime> fmt::Debug for Channel<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("machine", &self.machine)
            .field("canceller", &self.canceller)
            .field("attendance", &self.attendance)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
