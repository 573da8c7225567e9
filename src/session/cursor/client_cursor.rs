//! `Cursor`: runs statements, and keeps the result of the last one to be read step by step.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::config::Echo;
use crate::error::Error;
use crate::observe::{Counted, Operation};
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::cursor::result_set::{ResultSet, nothing_to_fetch};
use crate::session::mogrify::mogrify;
use crate::session::rows::Rows;
use crate::session::run_simply::{is_empty, is_several_as};
use crate::session::savepoint::Savepoint;
use crate::session::source::{Called, Source, TimeLimit, ToStatement};
use crate::session::transaction::Transaction;
use crate::session::transaction_options::TransactionOptions;
use crate::types::Params;

/// Runs statements on whatever lends a session, and keeps the result of the last one to be read step by step.
///
/// The whole result is fetched by [`execute`](Self::execute); nothing that reads it talks to the server or waits. For
/// a result that should stay on the server there is [`declare`](crate::Connection::declare), and for rows that are
/// read once, as they arrive, [`stream`](crate::Connection::stream).
///
/// A cursor is a `Stream` of the rows that are left. [`detach`](Self::detach) gives the result away, to be read on
/// while the cursor executes something else: so any number of results are open side by side.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// let mut cursor = connection.cursor();
/// cursor.execute("select id, name from city where id < $1", (100,)).await?;
/// println!("{:?} cities", cursor.rowcount());
/// while let Some(city) = cursor.fetch_one()? {
///     println!("{}: {}", city.get::<i32>("id"), city.get::<&str>("name"));
/// }
/// # Ok(()) }
/// ```
pub struct Cursor<C: Client> {
    client: C,
    pub(crate) result: Option<ResultSet>,
    pub(crate) arraysize: usize,
    query_timeout: TimeLimit,
    options: TransactionOptions,
    echo: Option<Echo>,
    last_query: Option<String>,
    pub(crate) closed: bool,
    /// The stream has told that there is nothing to fetch.
    pub(crate) told: bool,
}

impl<R: Runtime> Connection<R> {
    /// Returns a cursor, which borrows the connection until it is dropped.
    ///
    /// # Examples
    ///
    /// See [`Cursor`].
    pub fn cursor(&mut self) -> Cursor<&mut Self> {
        Cursor::new(self)
    }
}

impl<C: Client> Transaction<C> {
    /// Returns a cursor within the transaction.
    pub fn cursor(&mut self) -> Cursor<&mut Self> {
        Cursor::new(self)
    }
}

impl<R: Runtime> Savepoint<'_, R> {
    /// Returns a cursor within the savepoint.
    pub fn cursor(&mut self) -> Cursor<&mut Self> {
        Cursor::new(self)
    }
}

/// How a cursor is made, and what it is set to.
impl<C: Client> Cursor<C> {
    /// Makes a cursor on whatever lends a session, borrowed or owned.
    pub fn new(client: C) -> Self {
        Self {
            client,
            result: None,
            arraysize: 1,
            query_timeout: TimeLimit::AsConfigured,
            options: TransactionOptions::new(),
            echo: None,
            last_query: None,
            closed: false,
            told: false,
        }
    }

    /// Sets how long each statement may take; `None` is for ever, and zero is at once. What a [`Call`](crate::Call)
    /// says goes before it. Default: what [`Config::query_timeout`](crate::Config::query_timeout) says.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.query_timeout = limit.into().map_or(TimeLimit::Never, TimeLimit::After);
        self
    }

    /// Sets how [`begin`](Self::begin) begins a transaction.
    #[must_use]
    pub fn transaction_options(mut self, options: TransactionOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets what is kept for [`last_query`](Self::last_query); nothing more is told to anybody. Default: what
    /// [`Config::echo`](crate::Config::echo) says.
    #[must_use]
    pub fn echo(mut self, echo: Echo) -> Self {
        self.echo = Some(echo);
        self
    }

    /// Returns the session.
    pub fn connection(&mut self) -> &mut Connection<C::Runtime> {
        self.client.connection()
    }

    /// Returns what lends the session.
    pub fn into_client(self) -> C {
        self.client
    }

    /// Begins a transaction on the session, which lends it until its end. Its statements are run on the transaction, or
    /// on a cursor of its own.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cursor = connection.cursor();
    /// let mut transaction = cursor.begin().await?;
    /// transaction.cursor().execute("delete from city where name is null", ()).await?;
    /// transaction.commit().await?;
    /// cursor.execute("select name from city", ()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::begin`]: none.
    ///
    /// # Errors
    ///
    /// As [`Connection::begin`], and [`Kind::Usage`](crate::Kind::Usage) if the cursor is closed.
    pub async fn begin(&mut self) -> Result<Transaction<&mut Connection<C::Runtime>>, Error> {
        self.check_open()?;
        self.client.connection().begin_with(&self.options).await
    }

    /// Gives the result away, with its position; the cursor has none then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cursor = connection.cursor();
    /// cursor.execute("select name from city order by name", ()).await?;
    /// let mut cities = cursor.detach()?;
    /// cursor.execute("select name from river order by name", ()).await?;
    /// while let (Some(city), Some(river)) = (cities.fetch_one()?, cursor.fetch_one()?) {
    ///     println!("{} {}", city.get::<&str>(0), river.get::<&str>(0));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the cursor is closed, or no statement was run, or the last one failed.
    pub fn detach(&mut self) -> Result<ResultSet, Error> {
        self.check_open()?;
        self.result.take().ok_or_else(nothing_to_fetch)
    }

    /// Frees the result. The cursor executes and fetches nothing any more; the session goes on. Closing it again does
    /// nothing.
    pub fn close(&mut self) {
        self.result = None;
        self.closed = true;
    }

    /// Tells whether the cursor is closed, or its session is.
    pub fn is_closed(&mut self) -> bool {
        self.closed || self.client.connection().is_closed()
    }

    /// Returns the text of the last query, where [`echo`](Self::echo) has it kept. A query that failed counts, too.
    ///
    /// With [`Echo::StatementsAndParameters`] it is the text as the server understood it, the parameters in the place of
    /// `$1` or `:name`, unless there is one of a type that [`mogrify`](Self::mogrify) does not know.
    pub fn last_query(&self) -> Option<&str> {
        self.last_query.as_deref()
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.closed {
            return Err(Error::usage("the cursor is closed: take another one").unsent());
        }
        Ok(())
    }
}

/// Statements.
impl<C: Client> Cursor<C> {
    /// Runs a statement and fetches its whole result, which takes the place of the one before.
    ///
    /// A text may hold several statements: then it goes by the simple protocol, parameters as literals, the result of
    /// the last one is kept, and an error undoes all of them unless the text begins transactions itself.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use std::time::Duration;
    ///
    /// use aiopg::{Call, named};
    ///
    /// let mut cursor = connection.cursor();
    /// let sql = "select name from city where country = :country";
    /// let quick = Call::new(sql).query_timeout(Duration::from_secs(1));
    /// cursor.execute(quick, named! { country: "AT" }).await?;
    /// let names: Vec<(String,)> = cursor.fetch_all()?.decode()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`Connection::query`]; several statements are one Query.
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::query`]; the cursor has no result then.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`], and [`Kind::Usage`](crate::Kind::Usage) if the cursor is closed or the text holds no
    /// statement. The cursor has no result then, and can be used again.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn execute(
        &mut self,
        statement: impl ToStatement,
        params: impl Params,
    ) -> Result<&mut Self, Error> {
        self.run(Called::new(&statement), &params).await
    }

    /// Runs a statement once for each set of parameters, all or nothing. [`rowcount`](Self::rowcount) is that of all
    /// sets; there is nothing to fetch.
    ///
    /// # Messages
    ///
    /// As [`Connection::execute_many`].
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::execute_many`]; the cursor has no result then.
    ///
    /// # Errors
    ///
    /// As [`Connection::execute_many`], and [`Kind::Usage`](crate::Kind::Usage) if the cursor is closed.
    ///
    /// # Source
    ///
    /// [Pipelining](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING)
    pub async fn execute_many<I>(
        &mut self,
        statement: impl ToStatement,
        sets: I,
    ) -> Result<&mut Self, Error>
    where
        I: IntoIterator<Item: Params, IntoIter: Send>,
    {
        let called = self.prepare(Called::new(&statement))?;
        self.keep_query(called.source.sql(), None);
        let touched = self.client.connection().execute_many(called, sets).await?;
        self.result = Some(ResultSet::counted(touched));
        Ok(self)
    }

    /// Returns the text of a statement with its parameters in the place of `$1` or `:name`; see
    /// [`Connection::mogrify`].
    ///
    /// # Errors
    ///
    /// As [`Connection::mogrify`].
    pub fn mogrify(&mut self, sql: &str, params: impl Params) -> Result<String, Error> {
        self.client.connection().mogrify(sql, params)
    }

    /// Runs a statement and keeps its result.
    pub(crate) async fn run(
        &mut self,
        called: Called<'_>,
        params: &dyn Params,
    ) -> Result<&mut Self, Error> {
        let called = self.prepare(called)?;
        self.keep_query(called.source.sql(), Some(params));
        let rows = fetch_last(self.client.connection(), called, params).await?;
        self.keep(rows);
        Ok(self)
    }

    /// Keeps the text of a query, if that is wanted.
    fn keep_query(&mut self, sql: &str, params: Option<&dyn Params>) {
        let connection = self.client.connection();
        self.last_query = match (self.echo.unwrap_or(connection.config.echo), params) {
            (Echo::Off, _) => None,
            (Echo::StatementsAndParameters, Some(params)) => {
                let merged = mogrify(sql, params, connection.backslash());
                Some(merged.unwrap_or_else(|_| sql.to_owned()))
            }
            (Echo::Statements | Echo::StatementsAndParameters, _) => Some(sql.to_owned()),
        };
    }

    /// Makes ready for a statement: what was there is gone, whatever becomes of it.
    fn prepare<'s>(&mut self, mut called: Called<'s>) -> Result<Called<'s>, Error> {
        self.check_open()?;
        (self.result, self.told) = (None, false);
        if matches!(called.options.query_timeout, TimeLimit::AsConfigured) {
            called.options.query_timeout = self.query_timeout;
        }
        if is_empty(called.source.sql()) {
            let text = "the query is empty: there is no statement in it";
            return Err(Error::usage(text).unsent());
        }
        Ok(called)
    }

    fn keep(&mut self, rows: Rows) {
        let mut result = ResultSet::new(rows);
        result.set_arraysize(self.arraysize);
        self.result = Some(result);
    }
}

/// Runs a statement, or several, and returns the result of the last.
async fn fetch_last<R: Runtime>(
    connection: &mut Connection<R>,
    called: Called<'_>,
    params: &dyn Params,
) -> Result<Rows, Error> {
    // What is owed may tell how the session reads a backslash.
    connection.settle().await?;
    let backslash = connection.backslash();
    let sql = match (called.source, backslash) {
        (Source::Text(sql), Some(backslash)) if is_several_as(sql, backslash) => sql,
        _ => return connection.query(called, params).await,
    };
    let merged;
    let text = if params.count() == 0 && params.named().is_none() {
        sql
    } else {
        merged = mogrify(sql, params, backslash)?;
        &merged
    };
    let observation = connection.observe(Operation::SimpleQuery, sql, params);
    // Errors do not tell the parameters.
    let running = connection.collect_results(text, sql, called.options.query_timeout);
    let counted = |results: &Vec<Rows>| Counted::returned(results.iter().map(Rows::len).sum());
    let results = observation.over(pin!(running), counted).await?;
    let last = results.into_iter().next_back();
    last.ok_or_else(|| Error::unexpected("ReadyForQuery"))?.to_binary()
}

impl<C: Client> fmt::Debug for Cursor<C> {
    /// Leaves the last query out: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("result", &self.result)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
