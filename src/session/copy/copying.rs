//! `Copying`: a COPY that is being answered, this way or that.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::flow::{Message, Protocol};
use crate::message::{CommandTag, CopyLayout, Encode, Format, Query};
use crate::observe::{Counted, Observation, Operation};
use crate::session::connection::Connection;
use crate::session::copy::reply::{Direction, Event, Reply};
use crate::session::exchange::Exchange;
use crate::session::lexer::cancellable;
use crate::session::source::TimeLimit;

/// A COPY that was sent. Dropped before its end, it is given up: data in counts for nothing then.
pub(crate) struct Copying<'c, R: Runtime> {
    exchange: Exchange<'c, R>,
    reply: Reply,
    observation: Observation<R>,
}

impl<'c, R: Runtime> Copying<'c, R> {
    /// Sends the COPY, and waits until data may be sent or is to come.
    pub(crate) async fn start(
        connection: &'c mut Connection<R>,
        sql: &str,
        direction: Direction,
    ) -> Result<(Self, CopyLayout), Error> {
        let operation = match direction {
            Direction::In => Operation::CopyIn,
            Direction::Out => Operation::CopyOut,
        };
        let mut observation = connection.observe(operation, sql, &());
        connection.limit(TimeLimit::AsConfigured);
        let request =
            connection.request(Protocol::Simple, cancellable(sql), |out| Query { sql }.encode(out));
        let exchange = match observation.during(pin!(request)).await {
            Ok(exchange) => exchange,
            Err(error) => {
                let error = error.or_statement(sql);
                observation.finish(Err(&error));
                return Err(error);
            }
        };
        if direction == Direction::In {
            exchange.connection.channel.machine_mut().copy_in().expect();
        }
        let mut copying = Self { exchange, reply: Reply::new(direction, sql), observation };
        let layout = poll_fn(|cx| copying.poll_opened(cx)).await?;
        Ok((copying, layout))
    }

    fn poll_opened(&mut self, cx: &mut Context<'_>) -> Poll<Result<CopyLayout, Error>> {
        loop {
            let message = ready!(self.poll_message(cx))?;
            match self.handle(message)? {
                Event::Opened(layout) => return Poll::Ready(Ok(layout)),
                Event::Ready => return Poll::Ready(Err(self.ended())),
                Event::None | Event::Data => {}
            }
        }
    }

    pub(crate) fn sql(&self) -> &str {
        self.reply.sql()
    }

    /// Whether the server has reported an error.
    pub(crate) fn has_failed(&self) -> bool {
        self.reply.has_failed()
    }

    /// Whether nothing is known that would end it.
    pub(crate) fn is_open(&self) -> bool {
        self.reply.outcome().is_none() && !self.reply.has_failed()
    }

    /// How it ended, if it has.
    pub(crate) fn outcome(&self) -> Option<Result<CommandTag, Error>> {
        self.reply.outcome().cloned()
    }

    /// What the server said when it was complete; empty before that.
    pub(crate) fn command_tag(&self) -> CommandTag {
        match self.reply.outcome() {
            Some(Ok(tag)) => *tag,
            Some(Err(_)) | None => CommandTag::EMPTY,
        }
    }

    /// Why it has ended, for whoever goes on all the same.
    pub(crate) fn ended(&self) -> Error {
        match self.reply.outcome() {
            Some(Err(error)) => error.clone(),
            Some(Ok(_)) | None => Error::usage("the copy is complete").with_statement(self.sql()),
        }
    }

    /// The next message of the reply.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let channel = &mut self.exchange.connection.channel;
        let polled = self.observation.scope(|| channel.poll_message(cx));
        polled.map_err(|error| self.end(error))
    }

    /// Ready without a message when everything is written.
    pub(crate) fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        let channel = &mut self.exchange.connection.channel;
        let polled = self.observation.scope(|| channel.poll_written(cx));
        polled.map_err(|error| self.end(error))
    }

    pub(crate) fn handle(&mut self, message: Message) -> Result<Event, Error> {
        let channel = &mut self.exchange.connection.channel;
        let decoded = channel.machine().decode(message);
        let refusal = |error| channel.refusal(error);
        let handled = decoded.and_then(|message| self.reply.handle(message, refusal));
        if matches!(handled, Ok(Event::Opened(_))) {
            channel.rest();
        }
        if self.reply.is_misused() {
            // A copy that comes later in the text gets no data.
            channel.machine_mut().copy_in().fail("the text is not one COPY");
        }
        if let Some(outcome) = self.reply.outcome() {
            let counted = outcome.as_ref().map(|tag| Counted::Affected(tag.rows()));
            self.observation.finish(counted);
        }
        handled.map_err(|error| self.violated(error))
    }

    /// The next piece of data, or `None` when the reply is complete.
    pub(crate) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        loop {
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(outcome.map(|_| None));
            }
            let message = ready!(self.poll_message(cx))?;
            // By the tag alone: this comes once per row.
            if message.is_copy_data() && self.reply.is_data_due() {
                self.exchange.connection.channel.rest();
                return Poll::Ready(Ok(Some(message)));
            }
            self.handle(message)?;
        }
    }

    /// Gives away the memory in which a large piece of data stands, and where it begins there.
    pub(crate) fn take_data(&mut self, message: Message) -> Option<(Vec<u8>, usize)> {
        self.exchange.connection.channel.machine_mut().take_body(message)
    }

    /// The bytes of a piece of data, until the next is asked for.
    pub(crate) fn data(&self, message: Message) -> &[u8] {
        self.exchange.connection.channel.machine().body(message)
    }

    /// How many bytes wait to be sent.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.exchange.connection.channel.machine().unsent_bytes()
    }

    /// The longest message that is taken from the server.
    pub(crate) fn message_limit_bytes(&self) -> usize {
        self.exchange.connection.channel.machine().message_limit_bytes()
    }

    /// Adds to the data what `write` writes.
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut bytes::BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.exchange.connection.channel.machine_mut().copy_in().add(write)
    }

    /// Says that the data is complete.
    pub(crate) fn end_data(&mut self) -> Result<(), Error> {
        self.reply.data_ended();
        self.exchange.connection.channel.machine_mut().copy_in().end()
    }

    /// Says that the data is not to count.
    pub(crate) fn fail(&mut self, reason: &str) {
        self.exchange.connection.channel.machine_mut().copy_in().fail(reason);
    }

    /// Ends the session: the server broke the protocol.
    pub(crate) fn violated(&mut self, error: Error) -> Error {
        let error = self.exchange.connection.channel.end(error);
        self.end(error)
    }

    /// Ends it with an error of this side, which every later call gets.
    pub(crate) fn end(&mut self, error: Error) -> Error {
        let error = self.reply.end(error);
        self.observation.finish(Err(&error));
        error
    }

    /// Checks that the copy is binary, and has as many columns as were described before it.
    pub(crate) fn check_layout(
        &mut self,
        layout: &CopyLayout,
        columns: usize,
    ) -> Result<(), Error> {
        if layout.format == Format::Binary && layout.columns.len() == columns {
            return Ok(());
        }
        let text = format!(
            "the copy has {} columns, but {columns} were described: the table has just been changed",
            layout.columns.len()
        );
        Err(self.end(Error::conversion(text)))
    }
}

impl<R: Runtime> fmt::Debug for Copying<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copying")
            .field("ended", &self.reply.outcome().is_some())
            .finish_non_exhaustive()
    }
}
