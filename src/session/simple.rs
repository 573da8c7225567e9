//! `batch_execute` and `simple_query`: several statements in one text, by the simple protocol.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use aiopg_runtime::Runtime;

use crate::connection::Cancellable;
use crate::error::Error;
use crate::flow::{Message, Protocol};
use crate::message::{Backend, CommandTag, Encode, Query};
use crate::observe::{Counted, Operation};
use crate::session::catalog::Catalog;
use crate::session::column::{Described, columns};
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::lexer::cancellable;
use crate::session::row_stream::copy_out_refused;
use crate::session::rows::Rows;
use crate::session::source::TimeLimit;

impl<R: Runtime> Connection<R> {
    /// Runs a text of any number of statements, without parameters, and passes over what they return.
    ///
    /// Unless the text begins transactions itself, all of it is one: an error undoes the whole.
    ///
    /// No copy data is sent or taken. COPY FROM STDIN is answered with CopyFail, and so fails like any statement.
    /// COPY TO STDOUT runs and its data is dropped; the call returns an error at the end, although the rest of
    /// the text was run.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection
    ///     .batch_execute("create table city (id int primary key, name text); create index on city (name)")
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) with the first error; what follows it in the text is not run.
    /// [`Kind::Usage`](crate::Kind::Usage) if the text has a COPY TO STDOUT: all of it was run.
    ///
    /// # Source
    ///
    /// [Simple query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY)
    pub async fn batch_execute(&mut self, sql: &str) -> Result<(), Error> {
        self.observe(Operation::BatchExecute, sql, &())
            .over(pin!(self.run_batch(sql)), |()| Counted::Nothing)
            .await
    }

    async fn run_batch(&mut self, sql: &str) -> Result<(), Error> {
        let mut exchange = self.query_simply(sql, TimeLimit::AsConfigured).await?;
        let mut reply = Reply::new(sql);
        let reading = poll_fn(|cx| {
            while let Some(message) = ready!(reply.poll_next(&mut exchange, cx))? {
                let channel = &mut exchange.connection.channel;
                if let Some(error) = channel.machine().decode(message).err() {
                    return Poll::Ready(Err(channel.end(error)));
                }
            }
            Poll::Ready(Ok(()))
        });
        reading.await
    }

    /// Runs a text of any number of statements, without parameters, and returns the result of each in text format.
    ///
    /// What holds for transactions and COPY in [`batch_execute`](Self::batch_execute), holds here.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let results = connection.simple_query("show work_mem; show lock_timeout").await?;
    /// for row in results.iter().flatten() {
    ///     println!("{}", row.get::<&str>(0));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`batch_execute`](Self::batch_execute).
    ///
    /// # Source
    ///
    /// [Simple query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-SIMPLE-QUERY)
    pub async fn simple_query(&mut self, sql: &str) -> Result<Vec<Rows>, Error> {
        let counted = |results: &Vec<Rows>| Counted::returned(results.iter().map(Rows::len).sum());
        self.observe(Operation::SimpleQuery, sql, &())
            .over(pin!(self.collect_results(sql, sql, TimeLimit::AsConfigured)), counted)
            .await
    }

    /// Runs `text` within a limit of time and returns all results. Errors call it `sql`.
    pub(crate) async fn collect_results(
        &mut self,
        text: &str,
        sql: &str,
        limit: TimeLimit,
    ) -> Result<Vec<Rows>, Error> {
        let mut exchange = self.query_simply(text, limit).await?;
        let mut reply = Reply::new(sql);
        let mut results = Results::default();
        let reading = poll_fn(|cx| {
            while let Some(message) = ready!(reply.poll_next(&mut exchange, cx))? {
                let machine = exchange.connection.channel.machine();
                let added = machine.decode(message).and_then(|message| results.add(message));
                added.map_err(|error| exchange.connection.channel.end(error))?;
            }
            Poll::Ready(Ok::<_, Error>(()))
        });
        reading.await?;
        Ok(results.complete)
    }

    /// Runs what ends a transaction or a savepoint, and returns what the server says last.
    pub(crate) async fn end_transaction(&mut self, sql: &str) -> Result<CommandTag, Error> {
        self.limit(TimeLimit::AsConfigured);
        let mut exchange = self
            .request(Protocol::Simple, Cancellable::No, |out| Query { sql }.encode(out))
            .await?;
        let mut reply = Reply::new(sql);
        let mut tag = CommandTag::EMPTY;
        let reading = poll_fn(|cx| {
            while let Some(message) = ready!(reply.poll_next(&mut exchange, cx))? {
                let channel = &mut exchange.connection.channel;
                match channel.machine().decode(message) {
                    Ok(Backend::CommandComplete(complete)) => tag = complete.tag,
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(channel.end(error))),
                }
            }
            Poll::Ready(Ok(()))
        });
        reading.await?;
        Ok(tag)
    }

    /// Ends a transaction, or a part of it, as an operation of its own.
    pub(crate) async fn end_observed(
        &mut self,
        operation: Operation,
        sql: &str,
    ) -> Result<(), Error> {
        let observation = self.observe(operation, sql, &());
        let ending = async { self.end_transaction(sql).await.map(drop) };
        observation.over(pin!(ending), |()| Counted::Nothing).await
    }

    async fn query_simply(
        &mut self,
        sql: &str,
        limit: TimeLimit,
    ) -> Result<Exchange<'_, R>, Error> {
        self.limit(limit);
        let may_cancel: Cancellable = cancellable(sql);
        self.request(Protocol::Simple, may_cancel, |out| Query { sql }.encode(out)).await
    }
}

/// The reply to Query, as far as it is alike for everybody.
struct Reply<'s> {
    sql: &'s str,
    error: Option<Error>,
    /// A statement is complete: without that, or an error, there is no outcome.
    complete: bool,
}

impl<'s> Reply<'s> {
    fn new(sql: &'s str) -> Self {
        Self { sql, error: None, complete: false }
    }
}

impl Reply<'_> {
    /// The next message that belongs to a result, or `None` at the end.
    fn poll_next<R: Runtime>(
        &mut self,
        exchange: &mut Exchange<'_, R>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        let channel = &mut exchange.connection.channel;
        loop {
            let polled = ready!(channel.poll_message(cx));
            let message = polled.map_err(|error| error.with_statement(self.sql))?;
            match message.tag {
                READY_FOR_QUERY if self.complete || self.error.is_some() => {
                    return Poll::Ready(self.error.take().map_or(Ok(None), Err));
                }
                READY_FOR_QUERY => {
                    let error = channel.end(Error::unexpected("ReadyForQuery"));
                    return Poll::Ready(Err(error.with_statement(self.sql)));
                }
                ERROR_RESPONSE => {
                    let error = match channel.machine().decode(message) {
                        Ok(Backend::ErrorResponse(error)) => channel.refusal(error.0),
                        Ok(other) => Error::unexpected(other.name()),
                        Err(error) => return Poll::Ready(Err(channel.end(error))),
                    };
                    self.error.get_or_insert_with(|| error.with_statement(self.sql));
                }
                COPY_OUT_RESPONSE => {
                    self.error.get_or_insert_with(copy_out_refused);
                }
                _ if self.error.is_some() => {}
                tag => {
                    self.complete |= matches!(tag, COMMAND_COMPLETE | EMPTY_QUERY_RESPONSE);
                    return Poll::Ready(Ok(Some(message)));
                }
            }
        }
    }
}

const READY_FOR_QUERY: u8 = b'Z';
const ERROR_RESPONSE: u8 = b'E';
const COPY_OUT_RESPONSE: u8 = b'H';
const COMMAND_COMPLETE: u8 = b'C';
const EMPTY_QUERY_RESPONSE: u8 = b'I';

/// The results of the statements.
#[derive(Default)]
struct Results {
    complete: Vec<Rows>,
    open: Option<Rows>,
}

impl Results {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is refused by name")]
    fn add(&mut self, message: Backend<'_>) -> Result<(), Error> {
        match message {
            Backend::RowDescription(description) => {
                let columns: Arc<[_]> =
                    columns(description, &Catalog::default(), Described::Result).into();
                self.open = Some(Rows::new(columns));
                Ok(())
            }
            Backend::DataRow(row) => {
                let open = self.open.as_mut().ok_or_else(|| Error::unexpected("DataRow"))?;
                open.push(row.body())
            }
            Backend::CommandComplete(complete) => {
                self.close(complete.tag);
                Ok(())
            }
            Backend::EmptyQueryResponse => {
                self.close(CommandTag::EMPTY);
                Ok(())
            }
            other => Err(Error::unexpected(other.name())),
        }
    }

    fn close(&mut self, tag: CommandTag) {
        let mut rows = self.open.take().unwrap_or_else(|| Rows::new([].into()));
        rows.set_tag(tag);
        self.complete.push(rows);
    }
}
