//! The verbs: `query`, `query_one`, `query_opt`, `query_scalar`, `query_as`, `query_typed`, `execute`, `stream`.

use std::pin::pin;

use aiopg_runtime::Runtime;
use postgres_types::{FromSql, ToSql, Type};

use crate::config::StatementMode;
use crate::error::Error;
use crate::observe::{Counted, Operation};
use crate::session::bind::{MOST_PARAMS, too_many};
use crate::session::connection::Connection;
use crate::session::from_row::FromRow;
use crate::session::owned_row::OwnedRow;
use crate::session::row_stream::RowStream;
use crate::session::rows::Rows;
use crate::session::run::no_row;
use crate::session::source::{Called, TimeLimit, ToStatement};
use crate::types::Params;

impl<R: Runtime> Connection<R> {
    /// Runs a statement and returns all its rows.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let rows = connection.query("select id, name from city where id < $1", (100,)).await?;
    /// for row in &rows {
    ///     println!("{}: {}", row.get::<i32>("id"), row.get::<&str>("name"));
    /// }
    /// let cities: Vec<(i32, &str)> = rows.decode()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Bind, Execute and Sync in one write: one round trip. The first use of a text adds Parse and Describe: in
    /// the same trip if it has no parameters, else in one before it. Outside a transaction, a text whose statement
    /// the server has forgotten (SQLSTATE 26000) or finds outgrown (0A000) is prepared anew and sent once more. One
    /// whose parameters did not fit is described anew at its next use: its table may have been made anew meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte was sent, the statement never runs. Dropped later, it may or may not have
    /// run; its reply is read off before the next operation.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the statement fails, [`Kind::Conversion`](crate::Kind::Conversion) if
    /// a parameter does not fit its type, [`Kind::Usage`](crate::Kind::Usage) if there are too few or too many;
    /// nothing is run in these two cases. [`Kind::Io`](crate::Kind::Io) if the connection is lost,
    /// [`Kind::Closed`](crate::Kind::Closed) if it was before. COPY: see [`batch_execute`](Self::batch_execute).
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<Rows, Error> {
        let called = Called::new(&statement);
        self.observe(Operation::Query, called.source.sql(), &params)
            .over(pin!(self.fetch(&called, &params)), counted)
            .await
    }

    /// Runs a statement and converts each of its rows into `T`, after checking once that the columns fit.
    ///
    /// For values that borrow from the row, [`query`](Self::query) and [`Rows::decode`] serve.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let cities: Vec<(i32, String)> = connection.query_as("select id, name from city", ()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query), and [`Kind::Conversion`](crate::Kind::Conversion) if a column or a value does not
    /// fit.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query_as<T: for<'r> FromRow<'r>>(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<Vec<T>, Error> {
        self.query(statement, params).await?.decode()
    }

    /// Runs a statement that returns exactly one row.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let sql = "insert into city (name) values ($1) returning id";
    /// let row = connection.query_one(sql, ("Wien",)).await?;
    /// println!("city {}", row.get::<i32>("id"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query), and [`Kind::RowCount`](crate::Kind::RowCount) if there is no row, or more than one.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query_one(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<OwnedRow, Error> {
        let called = Called::new(&statement);
        let observation = self.observe(Operation::QueryOne, called.source.sql(), &params);
        let fetching =
            async { self.fetch_opt(&called, &params).await?.ok_or_else(|| no_row(&called)) };
        observation.over(pin!(fetching), |_| Counted::Returned(1)).await
    }

    /// Runs a statement that returns one row or none.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let row = connection.query_opt("select name from city where id = $1", (1,)).await?;
    /// let name: Option<String> = row.map(|row| row.try_get("name")).transpose()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query), and [`Kind::RowCount`](crate::Kind::RowCount) if there is more than one row.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query_opt(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<Option<OwnedRow>, Error> {
        let called = Called::new(&statement);
        let rows = |row: &Option<_>| Counted::Returned(u64::from(row.is_some()));
        self.observe(Operation::QueryOpt, called.source.sql(), &params)
            .over(pin!(self.fetch_opt(&called, &params)), rows)
            .await
    }

    /// Runs a statement that returns exactly one row of one column, and returns its value.
    ///
    /// A value that can be NULL is read as an `Option`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let count: i64 = connection.query_scalar("select count(*) from city", ()).await?;
    /// let last: Option<i32> = connection.query_scalar("select max(id) from city", ()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query), [`Kind::RowCount`](crate::Kind::RowCount) if there is no row, or more than one, and
    /// [`Kind::Conversion`](crate::Kind::Conversion) if there is more than one column or `T` does not fit.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query_scalar<T: for<'r> FromSql<'r>>(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<T, Error> {
        let called = Called::new(&statement);
        self.observe(Operation::QueryScalar, called.source.sql(), &params)
            .over(pin!(self.fetch_scalar(&called, &params)), |_| Counted::Returned(1))
            .await
    }

    /// Runs a statement with parameters whose types are given, so that the server need not be asked for them.
    ///
    /// The statement is not kept.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::postgres_types::Type;
    ///
    /// let rows = connection.query_typed("select $1 + 1", &[(&1_i64, Type::INT8)]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Parse, Describe, Bind, Execute and Sync in one write: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn query_typed(
        &mut self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Rows, Error> {
        let types: Vec<_> = params.iter().map(|(_, r#type)| r#type.clone()).collect();
        let values: Vec<_> = params.iter().map(|(value, _)| *value).collect();
        let observation = self.observe(Operation::QueryTyped, sql, &values);
        self.limit(TimeLimit::AsConfigured);
        let fetching = async {
            if self.mode == StatementMode::Simple {
                return self.run_simply(sql, &values).await?.collect().await;
            }
            if types.len() > MOST_PARAMS {
                return Err(too_many(types.len()));
            }
            let name = self.statements.unnamed();
            let rows = self.parse_and_run(name, sql, &types, &[], &values, None).await;
            let mut rows = rows?.collect().await?;
            self.look_up_types_of_rows(&mut rows).await;
            Ok(rows)
        };
        observation.over(pin!(fetching), counted).await
    }

    /// Runs a statement and returns how many rows it touched: inserted, updated, deleted, merged or selected.
    ///
    /// Rows that it returns are passed over.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let deleted = connection.execute("delete from city where id < $1", (100,)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn execute(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<u64, Error> {
        let called = Called::new(&statement);
        let counted = |rows: &u64| Counted::Affected(*rows);
        self.observe(Operation::Execute, called.source.sql(), &params)
            .over(pin!(self.pass_over(&called, &params)), counted)
            .await
    }

    /// Runs a statement and returns its rows as they arrive.
    ///
    /// The stream borrows the connection until it is dropped, also after its end: `drop(rows)` gives it back.
    ///
    /// # Examples
    ///
    /// See [`RowStream::next`].
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query), but rows are read as they are asked for, and nothing is sent twice: if the server
    /// has forgotten a statement or finds it outgrown, that is an error here, and its next use prepares it anew.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query); see [`RowStream`] for the stream itself.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query); most errors of the server come with the first row.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn stream(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<RowStream<'_, R>, Error> {
        let called = Called::new(&statement);
        let mut observation = self.observe(Operation::Stream, called.source.sql(), &params);
        match observation.during(pin!(self.run_in_portions(&called, &params))).await {
            Ok(rows) => Ok(rows.observed(observation)),
            Err(error) => {
                observation.finish(Err(&error));
                Err(error)
            }
        }
    }
}

fn counted(rows: &Rows) -> Counted {
    Counted::returned(rows.len())
}
