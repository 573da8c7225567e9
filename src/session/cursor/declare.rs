//! `Declare`: how a cursor of the server is made.

use std::num::NonZeroU32;
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::cursor::server_cursor::ServerCursor;
use crate::session::savepoint::Savepoint;
use crate::session::source::{CallOptions, Called, Source, TimeLimit};
use crate::session::transaction::Transaction;
use crate::types::Params;

/// How a [`ServerCursor`] is made; [`open`](Self::open) makes it.
///
/// # Source
///
/// [DECLARE](https://www.postgresql.org/docs/18/sql-declare.html)
#[derive(Debug)]
#[must_use = "nothing is declared before `open`"]
pub struct Declare<C: Client> {
    client: C,
    name: String,
    scroll: &'static str,
    hold: &'static str,
    itersize: Option<NonZeroU32>,
    query_timeout: TimeLimit,
}

impl<R: Runtime> Connection<R> {
    /// Names a cursor that is to be made on the server.
    ///
    /// Outside of a transaction it has to be made with [`hold`](Declare::hold).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let sql = "select id, name from city where country = $1";
    /// let mut cities = connection.declare("cities").hold().open(sql, ("AT",)).await?;
    /// let mut rows = cities.stream();
    /// while let Some(row) = rows.next().await? {
    ///     println!("{}", row.get::<&str>("name"));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn declare(&mut self, name: impl Into<String>) -> Declare<&mut Self> {
        Declare::new(self, name)
    }
}

impl<C: Client> Transaction<C> {
    /// Names a cursor that is to be made on the server, where it lives until the end of the transaction.
    ///
    /// # Examples
    ///
    /// See [`ServerCursor`].
    pub fn declare(&mut self, name: impl Into<String>) -> Declare<&mut Self> {
        Declare::new(self, name)
    }
}

impl<R: Runtime> Savepoint<'_, R> {
    /// Names a cursor that is to be made on the server. It goes with the savepoint when that is rolled back.
    pub fn declare(&mut self, name: impl Into<String>) -> Declare<&mut Self> {
        Declare::new(self, name)
    }
}

impl<C: Client> Declare<C> {
    /// Names a cursor that is to be made on whatever lends a session, borrowed or owned.
    pub fn new(client: C, name: impl Into<String>) -> Self {
        let (name, query_timeout) = (name.into(), TimeLimit::AsConfigured);
        Self { client, name, scroll: "", hold: "", itersize: None, query_timeout }
    }

    /// Lets the cursor go backward, too, which some queries pay for. Default: if that costs nothing.
    pub fn scroll(mut self) -> Self {
        self.scroll = "scroll ";
        self
    }

    /// Keeps the cursor from going backward.
    pub fn no_scroll(mut self) -> Self {
        self.scroll = "no scroll ";
        self
    }

    /// Lets the cursor outlive its transaction, at whose end the server stores what is left of its result. Default: no.
    pub fn hold(mut self) -> Self {
        self.hold = "with hold ";
        self
    }

    /// Sets how many rows [`ServerCursor::stream`] fetches at a time. Default: 2000.
    pub fn itersize(mut self, rows: NonZeroU32) -> Self {
        self.itersize = Some(rows);
        self
    }

    /// Sets how long the declaration may take, and each that is asked of the cursor; `None` is for ever. Default: what
    /// [`Config::query_timeout`](crate::Config::query_timeout) says.
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.query_timeout = limit.into().map_or(TimeLimit::Never, TimeLimit::After);
        self
    }

    /// Makes the cursor. It stands in front of the first row.
    ///
    /// # Examples
    ///
    /// See [`ServerCursor`].
    ///
    /// # Messages
    ///
    /// DECLARE: as [`Connection::execute`](crate::Connection::execute).
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the cursor is closed with the session's next request if it was made.
    ///
    /// # Errors
    ///
    /// As [`Connection::execute`](crate::Connection::execute): with SQLSTATE 25P01 outside of a transaction, unless
    /// it holds, and 42P03 if there is a cursor of that name. [`Kind::Usage`](crate::Kind::Usage) if it cannot be the
    /// name of a cursor.
    ///
    /// # Source
    ///
    /// [DECLARE](https://www.postgresql.org/docs/18/sql-declare.html)
    pub async fn open(self, sql: &str, params: impl Params) -> Result<ServerCursor<C>, Error> {
        let Self { client, name, scroll, hold, itersize, query_timeout } = self;
        let mut cursor = ServerCursor::attach(client, name)?;
        cursor.query_timeout = query_timeout;
        cursor.itersize = itersize.unwrap_or(cursor.itersize);
        let declare = format!("declare {} {scroll}cursor {hold}for {sql}", cursor.quoted_name());
        let options = CallOptions { query_timeout, ..CallOptions::default() };
        let called = Called { source: Source::Text(&declare), options };
        // Until its answer comes, nobody knows whether it is there.
        cursor.owned = true;
        let made = cursor.client.connection().execute(called, params).await;
        // One of the same name would be somebody else's.
        cursor.owned = made.is_ok();
        made.map(|_| cursor)
    }
}
