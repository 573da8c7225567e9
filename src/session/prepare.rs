//! Parse and Describe: how a text becomes a statement, in a trip of its own or together with its first use.

use std::pin::pin;

use aiopg_runtime::Runtime;
use postgres_types::Type;

use crate::connection::Cancellable;
use crate::error::Error;
use crate::flow::{End, Protocol};
use crate::message::{Backend, Decode, Describe, Encode, Object, Parse, ReadyForQuery, Sync};
use crate::observe::{Counted, Operation};
use crate::session::bind::{Until, write_run, wrong_count};
use crate::session::column::{Column, Described, columns};
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::fetch::Fetch;
use crate::session::lexer::cancellable;
use crate::session::row_stream::RowStream;
use crate::session::source::TimeLimit;
use crate::session::statement::{Name, Statement};
use crate::types::Params;
use crate::wire::Parts;

impl<R: Runtime> Connection<R> {
    /// Prepares a statement, unless the connection has it already.
    ///
    /// There is seldom a need to: a statement given as text is prepared at its first use and kept.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let insert = connection.prepare("insert into city (name) values ($1)").await?;
    /// for name in ["Wien", "Graz"] {
    ///     connection.execute(&insert, (name,)).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Parse, Describe and Sync in one write: one round trip, or none if the connection has the statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, a statement that the server may have made is closed with the next request.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server rejects the text.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        let observation = self.observe_quietly(Operation::Prepare, sql);
        self.limit(TimeLimit::AsConfigured);
        observation.over(pin!(self.prepare_text(sql)), |_| Counted::Nothing).await
    }

    /// Prepares a statement, unless the connection has it already.
    pub(crate) async fn prepare_text(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.find_named(sql) {
            self.look_up_types_of(&statement).await;
            return Ok(statement);
        }
        // First, so that a name is not used up each time that this is tried in vain.
        self.settle_in_time().await?;
        let name = self.statements.next_name();
        let statement = self.describe(name, sql).await?;
        self.statements.keep(statement.clone());
        Ok(statement)
    }

    /// Has the server parse and describe a statement.
    pub(crate) async fn describe(&mut self, name: Name, sql: &str) -> Result<Statement, Error> {
        let mut exchange = self
            .request(Protocol::Extended, Cancellable::Yes, |out| {
                write_parse(out, &name, sql, &[])?;
                Sync.encode(out)
            })
            .await?;
        exchange.parses = name.number;
        let statement = exchange.described(name, sql).await?;
        if let Some(error) = exchange.finish().await? {
            return Err(error.with_statement(sql));
        }
        drop(exchange);
        self.look_up_types_of(&statement).await;
        Ok(statement)
    }

    /// Prepares and runs a statement in one round trip, which takes the types of the parameters. With a name,
    /// the statement is kept. Where its columns are known, they come in the format of each.
    pub(crate) async fn parse_and_run(
        &mut self,
        name: Name,
        sql: &str,
        types: &[Type],
        columns: &[Column],
        params: &dyn Params,
        fetch: Option<Fetch>,
    ) -> Result<RowStream<'_, R>, Error> {
        let until = Until::of(fetch);
        let written = self.write_request(until.request(), cancellable(sql), |out| {
            write_parse(out, &name, sql, types)?;
            write_run(out, &name.text, types, columns, params, until)
        });
        written.await.map_err(|error| self.statements.misfit(sql, error))?;
        let mut exchange = Exchange::new(self);
        let kept = !name.text.is_empty();
        exchange.parses = name.number;
        let statement = exchange.described(name, sql).await?;
        if kept {
            exchange.connection.statements.keep(statement.clone());
        }
        let (expected, given) = (statement.params().len(), params.count());
        if expected != given {
            // The server has refused to bind them: nothing was run.
            exchange.finish().await?;
            return Err(wrong_count(expected, given).with_statement(sql));
        }
        Ok(RowStream::new(exchange, statement, fetch))
    }
}

pub(crate) fn write_parse(
    out: &mut Parts,
    name: &Name,
    sql: &str,
    types: &[Type],
) -> Result<(), Error> {
    let oids: Vec<_> = types.iter().map(Type::oid).collect();
    Parse { statement: &name.text, sql, types: &oids }.encode(out)?;
    Describe { object: Object::Statement, name: &name.text }.encode(out)
}

impl<R: Runtime> Exchange<'_, R> {
    /// Reads the reply to Parse and Describe.
    pub(crate) async fn described(
        &mut self,
        mut name: Name,
        sql: &str,
    ) -> Result<Statement, Error> {
        let (mut params, mut parsed) = (None, false);
        loop {
            let message = self.message().await?;
            let columns = match self.connection.channel.machine().decode(message) {
                Ok(Backend::CloseComplete) => continue,
                Ok(Backend::ParseComplete) => {
                    parsed = true;
                    continue;
                }
                Ok(Backend::ParameterDescription(description)) => {
                    let catalog = &self.connection.catalog;
                    let r#type = |oid| catalog.find_or_unknown(oid).r#type;
                    params = Some(description.types.into_iter().map(r#type).collect());
                    continue;
                }
                Ok(Backend::RowDescription(description)) => {
                    columns(description, &self.connection.catalog, Described::Statement)
                }
                Ok(Backend::NoData) => [].into(),
                Ok(Backend::ErrorResponse(error)) => {
                    if !parsed {
                        name.forget();
                    }
                    let error = self.connection.channel.refusal(error.0).with_statement(sql);
                    self.finish().await?;
                    return Err(error);
                }
                Ok(other) => {
                    let error = Error::unexpected(other.name());
                    return Err(self.connection.channel.end(error));
                }
                Err(error) => return Err(self.connection.channel.end(error)),
            };
            let Some(params) = params else {
                let error = Error::unexpected("RowDescription");
                return Err(self.connection.channel.end(error));
            };
            return Ok(Statement::new(name, sql, params, columns.into()));
        }
    }

    /// Writes the Sync that an open request still lacks.
    pub(crate) fn end_open(&mut self) -> Result<(), Error> {
        let channel = &mut self.connection.channel;
        if channel.machine().end() != End::Written {
            Sync.encode(channel.answer())?;
            channel.machine_mut().ended();
        }
        Ok(())
    }

    /// Reads up to the next ReadyForQuery, and returns the error that the server reports on the way, if it reports one.
    pub(crate) async fn finish(&mut self) -> Result<Option<Error>, Error> {
        let mut failure = None;
        self.end_open()?;
        while self.connection.channel.machine().is_owed() {
            let message = self.message().await?;
            if message.tag == ReadyForQuery::TAG {
                break;
            }
            let channel = &self.connection.channel;
            match channel.machine().decode(message) {
                Ok(Backend::ErrorResponse(error)) => {
                    failure.get_or_insert_with(|| channel.refusal(error.0));
                }
                Ok(_) => {}
                Err(error) => return Err(self.connection.channel.end(error)),
            }
        }
        Ok(failure)
    }
}
