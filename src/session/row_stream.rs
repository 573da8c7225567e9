//! `RowStream`: the rows of a statement as they arrive.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::{Error, Kind, SqlState};
use crate::flow::Message;
use crate::message::{Backend, CommandComplete, CommandTag, DataRow, Decode, ReadyForQuery};
use crate::observe::Observation;
use crate::session::column::Column;
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::fetch::Fetch;
use crate::session::from_row::FromRow;
use crate::session::owned_row::OwnedRow;
use crate::session::plan_cache::PlanCache;
use crate::session::portions::Portions;
use crate::session::row::Row;
use crate::session::staleness::{lacks_binary_form, tells_staleness};
use crate::session::statement::Statement;
use crate::session::text_rows::Texts;
use crate::session::values::Values;

/// The rows of a statement as they arrive, each lent until the next is asked for.
///
/// It borrows its connection until it is dropped, also after its end.
///
/// # Cancel safety
///
/// [`next`](Self::next) may be dropped and called again: no row is lost. Dropping the stream gives up the rest of
/// the result, as [`OnDrop`](crate::OnDrop) says; the connection can be used again at once.
pub struct RowStream<'c, R: Runtime = AnyRuntime> {
    pub(crate) exchange: Exchange<'c, R>,
    statement: Statement,
    error: Option<Error>,
    progress: Progress,
    /// Where the rows come in portions. It comes seldom, and the stream is moved often.
    portions: Option<Box<Portions>>,
    /// Where the values come as text.
    texts: Option<Box<Texts>>,
    done: bool,
    /// Rows are due, and there is nothing to be done for one but to hand it on.
    flowing: bool,
    /// How many rows have come.
    pub(crate) count: u64,
    plan: PlanCache,
    /// What ends when the caller has all rows, or wants no more.
    pub(crate) observation: Observation<R>,
}

/// How far the reply to Bind and Execute has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Requested,
    /// BindComplete has come: from here on the statement may have had an effect.
    Bound,
    /// The outcome has come; only ReadyForQuery may follow.
    Complete,
}

impl<'c, R: Runtime> RowStream<'c, R> {
    pub(crate) fn new(
        exchange: Exchange<'c, R>,
        statement: Statement,
        fetch: Option<Fetch>,
    ) -> Self {
        exchange.connection.tag = CommandTag::EMPTY;
        Self {
            exchange,
            statement,
            error: None,
            progress: Progress::Requested,
            portions: fetch.map(|fetch| Box::new(Portions::new(fetch))),
            texts: None,
            done: false,
            flowing: false,
            count: 0,
            plan: PlanCache::default(),
            observation: Observation::none(),
        }
    }

    /// The reply to Query, up to its first row. The columns of `statement` are as if the values came in binary format,
    /// `texts` as they are.
    pub(crate) fn of_texts(
        exchange: Exchange<'c, R>,
        statement: Statement,
        texts: Arc<[Column]>,
    ) -> Self {
        let (progress, texts) = (Progress::Bound, Some(Box::new(Texts::new(texts))));
        Self { progress, texts, ..Self::new(exchange, statement, None) }
    }

    /// The reply to Query of which only ReadyForQuery is still to come.
    pub(crate) fn complete(
        exchange: Exchange<'c, R>,
        statement: Statement,
        tag: CommandTag,
    ) -> Self {
        let rows = Self::new(exchange, statement, None);
        rows.exchange.connection.tag = tag;
        Self { progress: Progress::Complete, ..rows }
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut rows = connection.stream("select generate_series(1, $1)", (1_000_000,)).await?;
    /// let mut sum = 0_i64;
    /// while let Some(row) = rows.next().await? {
    ///     sum += i64::from(row.get::<i32>(0));
    /// }
    /// drop(rows);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// A DataRow is awaited, or at the end CommandComplete and ReadyForQuery; nothing more is sent. Rows that
    /// have arrived together take no further system call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing: the next call returns the row.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the statement fails, which may happen after some rows,
    /// [`Kind::Io`](crate::Kind::Io) if the connection is lost. The stream is at its end then.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        let Some(message) = poll_fn(|cx| self.poll_row(cx)).await? else {
            return Ok(None);
        };
        self.find_values(message)?;
        Ok(Some(self.lend(message)))
    }

    /// Returns the next row as `T`, or `None` at the end.
    ///
    /// The columns are checked at the first call: the plan for `T` is kept by the stream, in one allocation.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cities = connection.stream("select id, name from city", ()).await?;
    /// while let Some((id, name)) = cities.next_as::<(i32, &str)>().await? {
    ///     println!("{id}: {name}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), and [`Kind::Conversion`](crate::Kind::Conversion): if the columns do not fit `T`, in
    /// which case no row is taken, or if a value does not, in which case that row is passed over.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn next_as<'s, T: FromRow<'s>>(&'s mut self) -> Result<Option<T>, Error> {
        self.prepare_plan::<T>()?;
        let Some(message) = poll_fn(|cx| self.poll_row(cx)).await? else {
            return Ok(None);
        };
        self.decode_message(message)
    }

    /// The row in a message, as the type that the plan was prepared for; never `None`, which is what whoever asks for
    /// the next row gets at the end.
    #[inline]
    pub(crate) fn decode_message<'s, T: FromRow<'s>>(
        &'s mut self,
        message: Message,
    ) -> Result<Option<T>, Error> {
        let Self { exchange, statement, texts, done, plan, count, .. } = self;
        let Exchange { connection, violation, .. } = exchange;
        let Connection { channel, offsets, .. } = &mut **connection;
        let body = match texts {
            Some(texts) => texts.body(),
            None => channel.machine().body(message),
        };
        let columns = statement.columns();
        if T::IN_ORDER {
            let value = T::from_values(columns, Values::new(body));
            if value.is_some() {
                return Ok(value);
            }
        }
        // What is wrong with the row, if anything is, shows here.
        offsets.clear();
        if let Err(error) = DataRow::new(body).find_values(columns.len(), offsets) {
            *done = true;
            return Err(violation.insert(error).clone().with_statement(statement.sql()));
        }
        plan.decode(Row::new(columns, body, &*offsets).numbered(count.checked_sub(1))).map(Some)
    }

    /// Makes the plan for `T`, unless it is there.
    #[inline]
    pub(crate) fn prepare_plan<'s, T: FromRow<'s>>(&mut self) -> Result<(), Error> {
        if self.plan.is_for::<T>() {
            return Ok(());
        }
        self.plan.make::<T>(self.statement.columns())
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        self.statement.columns()
    }

    /// Returns what the server said when the statement was complete; empty before the end of the stream.
    pub fn command_tag(&self) -> CommandTag {
        self.exchange.connection.tag
    }

    /// The next DataRow, or `None` when the reply is complete.
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        if self.flowing
            && !self.done
            && let Some(row) = self.exchange.connection.channel.arrived_row()
        {
            self.count += 1;
            return Poll::Ready(Ok(Some(row)));
        }
        self.poll_next_message(cx)
    }

    fn poll_next_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        while !self.done {
            let polled = ready!(self.exchange.connection.channel.poll_message(cx));
            let message = polled.map_err(|error| self.failed(error))?;
            let rows_are_due = self.progress == Progress::Bound && self.error.is_none();
            if message.tag == DataRow::TAG && rows_are_due {
                self.count += 1;
                if let Some(portions) = &mut self.portions {
                    portions.add(self.exchange.connection.channel.machine().body(message).len());
                }
                if self.take_text(message)? {
                    return Poll::Ready(Ok(Some(message)));
                }
                continue;
            }
            self.handle(message)?;
        }
        Poll::Ready(self.error.take().map_or(Ok(None), Err))
    }

    /// Turns the values of a row around if they come as text. Tells whether they can be read: if not, that is the
    /// error at the end.
    fn take_text(&mut self, message: Message) -> Result<bool, Error> {
        let Some(texts) = &mut self.texts else { return Ok(true) };
        let body = self.exchange.connection.channel.machine().body(message);
        match texts.take(body, self.statement.columns()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Kind::Protocol => Err(self.violated(error)),
            Err(error) => {
                self.error = Some(error.with_statement(self.statement.sql()));
                Ok(false)
            }
        }
    }

    /// The body of a DataRow that [`poll_message`](Self::poll_message) has returned.
    pub(crate) fn body(&self, message: Message) -> &[u8] {
        let machine = self.exchange.connection.channel.machine();
        match &self.texts {
            Some(texts) => texts.body(),
            None => machine.body(message),
        }
    }

    /// Finds the values of a row.
    pub(crate) fn find_values(&mut self, message: Message) -> Result<(), Error> {
        let connection = &mut *self.exchange.connection;
        connection.offsets.clear();
        let body = match &self.texts {
            Some(texts) => texts.body(),
            None => connection.channel.machine().body(message),
        };
        let columns = self.statement.columns().len();
        let found = DataRow::new(body).find_values(columns, &mut connection.offsets);
        found.map_err(|error| self.violated(error))
    }

    /// Lends a row whose values have been found.
    pub(crate) fn lend(&self, message: Message) -> Row<'_> {
        let offsets = &self.exchange.connection.offsets;
        let row = Row::new(self.statement.columns(), self.body(message), offsets);
        row.numbered(self.count.checked_sub(1))
    }

    /// Gives away the memory that the body of a large row came in, and where it begins there; never that of texts.
    pub(crate) fn take_body(&mut self, message: Message) -> Option<(Vec<u8>, usize)> {
        let machine = self.exchange.connection.channel.machine_mut();
        if self.texts.is_none() { machine.take_body(message) } else { None }
    }

    /// Makes a row one that owns its values; a large one is not copied.
    pub(crate) fn own(&mut self, message: Message) -> Result<OwnedRow, Error> {
        let taken = self.take_body(message);
        let columns = self.statement.shared_columns();
        let owned = match taken {
            Some((data, start)) => OwnedRow::adopt(data, start, columns),
            None => OwnedRow::new(self.body(message), columns),
        };
        match owned {
            Ok(row) => Ok(row.numbered(self.count.checked_sub(1))),
            Err(error) => Err(self.violated(error)),
        }
    }

    /// Whether the server refused the statement because it has forgotten it, or because what it returns is no
    /// longer what was described. Nothing has been run then.
    pub(crate) fn is_stale(&self, error: &Error) -> bool {
        let before_it_ran = self.progress == Progress::Requested;
        error
            .sqlstate()
            .is_some_and(|state| before_it_ran && tells_staleness(state, &self.statement))
            || lacks_binary_form(error)
    }

    pub(crate) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Ends the session: the server broke the protocol.
    pub(crate) fn violated(&mut self, error: Error) -> Error {
        let error = self.exchange.connection.channel.end(error);
        self.failed(error)
    }

    fn failed(&mut self, error: Error) -> Error {
        self.done = true;
        error.with_statement(self.statement.sql())
    }

    /// Whether what follows `progress` may come now: after an error it is not looked at.
    fn has_come_to(&self, progress: Progress) -> bool {
        self.progress == progress || self.error.is_some()
    }

    fn handle(&mut self, message: Message) -> Result<(), Error> {
        self.flowing = false;
        let machine = self.exchange.connection.channel.machine();
        // What every reply holds goes by its tag: to tell all messages apart takes longer.
        match message.tag {
            BIND_COMPLETE
                if self.progress == Progress::Requested && machine.body(message).is_empty() =>
            {
                self.progress = Progress::Bound;
                self.flowing = self.portions.is_none() && self.texts.is_none();
            }
            CommandComplete::TAG if self.has_come_to(Progress::Bound) => {
                match CommandComplete::decode(machine.body(message)) {
                    Ok(outcome) => self.exchange.connection.tag = outcome.tag,
                    Err(error) => return Err(self.violated(error)),
                }
                self.progress = Progress::Complete;
                self.end_portions()?;
            }
            PORTAL_SUSPENDED if self.progress == Progress::Bound && self.portions.is_some() => {
                self.next_portion()?;
            }
            // Those that were asked for ahead find nothing.
            CommandComplete::TAG
                if self.portions.as_mut().is_some_and(|portions| portions.is_surplus()) => {}
            // Without an outcome it would pass for a result without rows.
            ReadyForQuery::TAG if self.has_come_to(Progress::Complete) => {
                self.done = true;
            }
            _ => self.handle_other(message)?,
        }
        Ok(())
    }

    /// Asks for more rows.
    fn next_portion(&mut self) -> Result<(), Error> {
        let Some(portions) = &mut self.portions else { return Ok(()) };
        let channel = &mut self.exchange.connection.channel;
        for until in portions.suspended() {
            until.write(channel.answer())?;
        }
        Ok(())
    }

    /// The last portion has come: the request can end, and what it was is all of them.
    fn end_portions(&mut self) -> Result<(), Error> {
        if let Some(portions) = &mut self.portions {
            // Where there are rows, the server counts those of the last portion alone.
            if !self.statement.columns().is_empty() {
                let tag = &mut self.exchange.connection.tag;
                *tag = tag.with_rows(portions.rows());
            }
            portions.completed();
            self.exchange.end_open()?;
        }
        Ok(())
    }

    fn handle_other(&mut self, message: Message) -> Result<(), Error> {
        match self.exchange.connection.channel.machine().decode(message) {
            Ok(Backend::EmptyQueryResponse) if self.has_come_to(Progress::Bound) => {
                self.progress = Progress::Complete;
                self.end_portions()?;
            }
            Ok(Backend::ErrorResponse(error)) => {
                let error = self.exchange.connection.channel.refusal(error.0);
                let error = error.with_statement(self.statement.sql());
                if self.is_stale(&error) {
                    // Whoever asks for the same text next has it prepared anew. A server that has forgotten one
                    // statement has, after `DISCARD ALL`, forgotten them all.
                    let statements = &mut self.exchange.connection.statements;
                    if error.sqlstate() == Some(SqlState::INVALID_SQL_STATEMENT_NAME) {
                        statements.forget_all();
                    } else if !lacks_binary_form(&error) {
                        statements.forget(self.statement.sql());
                        self.exchange.connection.catalog.forget(self.statement.oids());
                    }
                }
                self.error.get_or_insert(error);
                self.exchange.end_open()?;
            }
            Ok(Backend::CopyOutResponse(_)) => {
                self.error.get_or_insert_with(copy_out_refused);
            }
            Ok(Backend::CloseComplete | Backend::ParseComplete) => {}
            // Nobody waits for them.
            Ok(Backend::DataRow(_) | Backend::CopyData(_) | Backend::CopyDone)
                if self.error.is_some() => {}
            Ok(other) => {
                let error = Error::unexpected(other.name());
                return Err(self.violated(error));
            }
            Err(error) => return Err(self.violated(error)),
        }
        Ok(())
    }
}

const BIND_COMPLETE: u8 = b'2';
const PORTAL_SUSPENDED: u8 = b's';

/// The statement sends copy data, and nobody asked for it.
pub(crate) fn copy_out_refused() -> Error {
    Error::usage(
        "this call takes no copy data: COPY ... TO STDOUT has run, and its data was dropped",
    )
}

impl<R: Runtime> fmt::Debug for RowStream<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream")
            .field("statement", &self.statement)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
