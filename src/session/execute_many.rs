//! `execute_many`: one statement with many sets of parameters, in bounded memory.

use std::future::poll_fn;
use std::iter::Peekable;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;
use postgres_types::Type;

use crate::config::StatementMode;
use crate::error::Error;
use crate::flow::{End, Message, Protocol, Request, Steps};
use crate::message::{Backend, CommandComplete, DataRow, Decode, Encode, Execute, Parse};
use crate::observe::{Counted, Operation};
use crate::session::bind::write_bound;
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::lexer::{Backslash, is_copy};
use crate::session::named::Bound;
use crate::session::source::{Called, Source, ToStatement};
use crate::session::statement::Statement;
use crate::types::Params;
use crate::wire::Parts;

/// How many unsent bytes there are when more sets are written, and how many are written up to: enough to keep the
/// socket busy, little enough to keep.
const LOW: usize = 32 << 10;
const HIGH: usize = 64 << 10;

impl<R: Runtime> Connection<R> {
    /// Runs a statement once for each set of parameters, all or nothing, and returns how many rows were touched by all
    /// of them. Rows that the statement returns are passed over.
    ///
    /// The sets are taken from the iterator as they are sent: there may be any number of them. Outside a transaction they
    /// are one of their own. To load many rows into a table, COPY is faster still.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let sets = (0..1_000_000).map(|n| (n, format!("city {n}")));
    /// let inserted = connection.execute_many("insert into city (id, name) values ($1, $2)", sets).await?;
    /// assert_eq!(inserted, 1_000_000);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Bind and Execute for each set and one Sync: one round trip, two if the connection does not know the text yet. While
    /// they are written, the replies are read.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it is cancelled, and nothing of it remains.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute), with the number of the set in [`Error::item`]. Nothing of the others remains.
    ///
    /// # Source
    ///
    /// [Pipelining](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING)
    pub async fn execute_many<I>(
        &mut self,
        statement: impl ToStatement,
        sets: I,
    ) -> Result<u64, Error>
    where
        I: IntoIterator<Item: Params, IntoIter: Send>,
    {
        let called = Called::new(&statement);
        let counted = |rows: &u64| Counted::Affected(*rows);
        self.observe(Operation::ExecuteMany, called.source.sql(), &())
            .over(pin!(self.run_sets(called, sets.into_iter())), counted)
            .await
    }

    async fn run_sets<I>(&mut self, called: Called<'_>, sets: I) -> Result<u64, Error>
    where
        I: Iterator<Item: Params> + Send,
    {
        self.limit(called.options.query_timeout);
        self.settle_in_time().await?;
        let mut sets = sets.peekable();
        let Some(first) = sets.peek() else { return Ok(0) };
        let source = called.source;
        let mode = called.options.mode.unwrap_or(self.mode);
        // The first set tells how the names are numbered; the others must be alike.
        let numbered = first.named().map(|named| Bound::new(source, named, self.backslash()));
        let numbered = numbered.transpose()?.map(|bound| bound.source().sql().to_owned());
        let sql = numbered.as_deref().unwrap_or_else(|| source.sql());
        let statement = self.known(called.source, sql, mode).await?;
        let parse = statement.name().is_empty().then_some(sql);
        let mut batch =
            Batch { source, statement: &statement, backslash: self.backslash(), written: 0 };
        let (end, steps) = (End::OpenAndWhole, Steps::Many);
        let request = Request { steps, end, ..Request::new(Protocol::Extended) };
        let written = self.write_request(request, statement.cancellable(), |out| {
            if let Some(sql) = parse {
                let types: Vec<_> = statement.params().iter().map(Type::oid).collect();
                Parse { statement: "", sql, types: &types }.encode(out)?;
            }
            batch.fill(out, &mut sets).map_err(Error::unsent)
        });
        written.await.map_err(|error| self.statements.misfit(sql, error))?;
        let mut exchange = Exchange::new(self);
        let done = exchange.run_batch(batch, sets).await;
        done.map_err(|error| exchange.connection.statements.misfit(sql, error))
    }

    /// The statement as the server knows it, or, where it keeps none, its description.
    async fn known(
        &mut self,
        source: Source<'_>,
        sql: &str,
        mode: StatementMode,
    ) -> Result<Statement, Error> {
        if is_copy(sql) {
            return Err(Error::usage("COPY has no parameters: use `copy_in`").unsent());
        }
        match (source, mode) {
            (Source::Prepared(statement), _) if self.statements.owns(statement) => {
                Ok(statement.clone())
            }
            (Source::Prepared(_), _) => {
                Err(Error::usage("the statement belongs to another connection").unsent())
            }
            (Source::Text(_), StatementMode::Cached) => self.prepare_text(sql).await,
            (Source::Text(_), StatementMode::Simple) => {
                let text = "sets of parameters cannot be sent by the simple protocol";
                Err(Error::usage(text).unsent())
            }
            (Source::Text(_), StatementMode::Described | StatementMode::Unnamed) => {
                self.describe(self.statements.unnamed(), sql).await
            }
        }
    }
}

/// The sets that are written one after the other.
struct Batch<'b> {
    source: Source<'b>,
    statement: &'b Statement,
    backslash: Option<Backslash>,
    /// How many sets have been written.
    written: usize,
}

impl Batch<'_> {
    /// Writes sets until there are enough bytes, or no more sets.
    fn fill<P: Params>(
        &mut self,
        out: &mut Parts,
        sets: &mut impl Iterator<Item = P>,
    ) -> Result<(), Error> {
        while out.total_bytes() < HIGH
            && let Some(set) = sets.next()
        {
            self.write(out, &set).map_err(|error| error.or_item(self.written))?;
            self.written += 1;
        }
        Ok(())
    }

    fn write(&self, out: &mut Parts, set: &dyn Params) -> Result<(), Error> {
        let named = set.named().map(|named| Bound::new(self.source, named, self.backslash));
        let (name, types) = (self.statement.name(), self.statement.params());
        match named.transpose()? {
            Some(bound) => write_bound(out, name, types, &[], &bound)?,
            None => write_bound(out, name, types, &[], set)?,
        }
        Execute::WHOLE.encode(out)
    }
}

/// What has come of the reply to a batch.
#[derive(Default)]
struct Outcome {
    rows: u64,
    complete: usize,
    error: Option<Error>,
    ready: bool,
}

impl<R: Runtime> Exchange<'_, R> {
    /// Sends the sets that are left while it reads the replies to those that were sent.
    async fn run_batch<P: Params>(
        &mut self,
        mut batch: Batch<'_>,
        mut sets: Peekable<impl Iterator<Item = P>>,
    ) -> Result<u64, Error> {
        let mut outcome = Outcome::default();
        let running = poll_fn(|cx| {
            loop {
                if let Err(error) = self.send_more(&mut batch, &mut sets, &outcome) {
                    return Poll::Ready(Err(error));
                }
                if outcome.ready {
                    return Poll::Ready(Ok(()));
                }
                match self.poll_batch(cx, &mut outcome) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    // What was written may have left meanwhile: then there is room for more.
                    Poll::Pending if self.wants_more(&mut sets, &outcome) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        running.await?;
        match outcome.error.map(|error| self.connection.channel.late(error)) {
            // What is left to the commit fails behind the last set.
            Some(error) if outcome.complete < batch.written => Err(error.or_item(outcome.complete)),
            Some(error) => Err(error),
            None if outcome.complete == batch.written => Ok(outcome.rows),
            None => Err(self.connection.channel.end(Error::unexpected("ReadyForQuery"))),
        }
    }

    fn wants_more<P>(
        &self,
        sets: &mut Peekable<impl Iterator<Item = P>>,
        outcome: &Outcome,
    ) -> bool {
        let machine = self.connection.channel.machine();
        let ends = outcome.error.is_some() || sets.peek().is_none();
        let due = ends || machine.unsent_bytes() < LOW || self.connection.channel.is_overdue();
        machine.end() != End::Written && due
    }

    /// Writes more sets where there is room, and the Sync behind the last one or behind an error.
    fn send_more<P: Params>(
        &mut self,
        batch: &mut Batch<'_>,
        sets: &mut Peekable<impl Iterator<Item = P>>,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        if !self.wants_more(sets, outcome) {
            return Ok(());
        }
        if self.connection.channel.is_overdue() {
            self.connection.channel.machine_mut().finish_open();
            return Ok(());
        }
        if outcome.error.is_none() {
            // What cannot be written undoes the rest: dropped, an open request fails.
            let filled = batch.fill(self.connection.channel.answer(), sets);
            filled.map_err(Error::sent)?;
        }
        if outcome.error.is_some() || sets.peek().is_none() {
            self.end_open()?;
        }
        Ok(())
    }

    fn poll_batch(
        &mut self,
        cx: &mut Context<'_>,
        outcome: &mut Outcome,
    ) -> Poll<Result<(), Error>> {
        let message = ready!(self.connection.channel.poll_message(cx))?;
        let taken = self.take_batch(message, outcome);
        Poll::Ready(taken.map_err(|error| self.connection.channel.end(error)))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is refused by name")]
    fn take_batch(&self, message: Message, outcome: &mut Outcome) -> Result<(), Error> {
        let channel = &self.connection.channel;
        // What most replies are made of goes by its tag: to tell all messages apart takes longer.
        match message.tag {
            DataRow::TAG => return Ok(()),
            CommandComplete::TAG if outcome.error.is_none() => {
                let complete = CommandComplete::decode(channel.machine().body(message))?;
                outcome.rows = outcome.rows.saturating_add(complete.tag.rows());
                outcome.complete += 1;
                return Ok(());
            }
            _ => {}
        }
        match channel.machine().decode(message)? {
            Backend::EmptyQueryResponse if outcome.error.is_none() => outcome.complete += 1,
            Backend::ErrorResponse(error) => {
                outcome.error.get_or_insert_with(|| channel.refusal(error.0));
            }
            Backend::ReadyForQuery(_) => outcome.ready = true,
            Backend::BindComplete
            | Backend::CloseComplete
            | Backend::DataRow(_)
            | Backend::ParseComplete => {}
            other => return Err(Error::unexpected(other.name())),
        }
        Ok(())
    }
}
