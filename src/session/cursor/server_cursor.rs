//! `ServerCursor`: a result that stays on the server, and is fetched from there piece by piece.

use std::fmt;
use std::num::NonZeroU32;

use crate::config::StatementMode;
use crate::connection::Cancellable;
use crate::error::Error;
use crate::flow::Protocol;
use crate::message::{Encode, Sync};
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::cursor::direction::Direction;
use crate::session::owned_row::OwnedRow;
use crate::session::rows::Rows;
use crate::session::source::{CallOptions, Called, Source, TimeLimit};
use crate::types::quote_identifier;

/// The longest name that the server does not cut off, in bytes.
const LONGEST_NAME: usize = 63;

/// How many rows are fetched at a time where nothing is said: enough that the round trips hardly count.
const ITERSIZE: NonZeroU32 = NonZeroU32::new(2000).unwrap();

/// A cursor of the server: its result is computed and fetched piece by piece, in any direction.
///
/// [`declare`](crate::Connection::declare) makes one. It borrows what it was declared on, which
/// [`client`](Self::client) lends for other statements in between, such as `update ... where current of`.
/// It lives until the end of its transaction; declared with [`hold`](crate::Declare::hold), until it is closed.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::{Client, Direction};
///
/// let mut transaction = connection.begin().await?;
/// let mut cities = transaction.declare("cities").scroll().open("select name from city", ()).await?;
/// let last = cities.fetch(Direction::Last).await?;
/// let all_from_the_end: Vec<(String,)> = cities.fetch(Direction::BackwardAll).await?.decode()?;
/// cities.client().execute("delete from city where name is null", ()).await?;
/// cities.close().await?;
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// Dropped, the cursor is closed on the server with the session's next request, at no cost of its own.
pub struct ServerCursor<C: Client> {
    pub(crate) client: C,
    name: String,
    quoted: String,
    pub(crate) itersize: NonZeroU32,
    pub(crate) query_timeout: TimeLimit,
    /// Nobody else closes it.
    pub(crate) owned: bool,
}

impl<C: Client> ServerCursor<C> {
    /// Takes a cursor that is there already: one that was [left open](Self::leave), or that a function has returned
    /// as `refcursor`. Dropped, it stays open; [`close`](Self::close) closes it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::{Client, ServerCursor};
    ///
    /// let mut transaction = connection.begin().await?;
    /// let name: String = transaction.query_scalar("select open_report($1)", (2024,)).await?;
    /// let rows = ServerCursor::attach(&mut transaction, &name)?.fetch_all().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: whether it is there is told when it is used.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if it cannot be the name of a cursor.
    pub fn attach(client: C, name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let quoted = quote_identifier(&name)?;
        if name.len() > LONGEST_NAME {
            // Cut off by the server, it could not be closed by its whole name.
            let text = format!("the name of a cursor has at most {LONGEST_NAME} bytes");
            return Err(Error::usage(text).unsent());
        }
        let (itersize, query_timeout) = (ITERSIZE, TimeLimit::AsConfigured);
        Ok(Self { client, name, quoted, itersize, query_timeout, owned: false })
    }

    /// Returns the cursor's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its name for SQL, as `where current of` takes it.
    pub fn quoted_name(&self) -> &str {
        &self.quoted
    }

    /// Lends what the cursor was declared on, for other statements.
    pub fn client(&mut self) -> &mut C {
        &mut self.client
    }

    /// Returns how many rows [`stream`](Self::stream) fetches at a time. Default: 2000.
    pub fn itersize(&self) -> NonZeroU32 {
        self.itersize
    }

    /// Sets how many rows [`stream`](Self::stream) fetches at a time.
    pub fn set_itersize(&mut self, rows: NonZeroU32) {
        self.itersize = rows;
    }

    /// Fetches rows.
    ///
    /// # Examples
    ///
    /// See [`ServerCursor`].
    ///
    /// # Messages
    ///
    /// FETCH: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the cursor may have moved or not, and what was fetched is lost. If the server was asked to
    /// cancel it, the transaction may have failed.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`](crate::Connection::query): with SQLSTATE 34000 if the cursor is gone, and 55000 if it
    /// cannot go backward.
    ///
    /// # Source
    ///
    /// [FETCH](https://www.postgresql.org/docs/18/sql-fetch.html)
    pub async fn fetch(&mut self, direction: Direction) -> Result<Rows, Error> {
        self.run("fetch", direction).await
    }

    /// Fetches the next row; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_one(&mut self) -> Result<Option<OwnedRow>, Error> {
        Ok(self.fetch(Direction::Next).await?.owned_row(0))
    }

    /// Fetches the next rows: so many, or as many as there are left.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_many(&mut self, count: NonZeroU32) -> Result<Rows, Error> {
        self.fetch(forward(count)).await
    }

    /// Fetches the rows that are left.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_all(&mut self) -> Result<Rows, Error> {
        self.fetch(Direction::ForwardAll).await
    }

    /// Moves the cursor, as [`fetch`](Self::fetch) would, and returns how many rows that would have fetched.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(transaction: &mut aiopg::Transaction<aiopg::Connection>) -> Result<(), aiopg::Error> {
    /// use aiopg::Direction;
    ///
    /// let mut cities = transaction.declare("cities").open("select name from city", ()).await?;
    /// let passed_over = cities.move_to(Direction::Forward(100)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// MOVE: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`fetch`](Self::fetch).
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    ///
    /// # Source
    ///
    /// [MOVE](https://www.postgresql.org/docs/18/sql-move.html)
    pub async fn move_to(&mut self, direction: Direction) -> Result<u64, Error> {
        Ok(self.run("move", direction).await?.command_tag().rows())
    }

    /// Leaves the cursor open on the server: nobody closes it when this is dropped.
    pub fn leave(mut self) {
        self.owned = false;
    }

    /// Closes the cursor on the server. That it is gone already is no error.
    ///
    /// Dropping does the same with the session's next request.
    ///
    /// # Examples
    ///
    /// See [`ServerCursor`].
    ///
    /// # Messages
    ///
    /// Close and Sync: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the cursor is closed with the session's next request.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) or [`Kind::Closed`](crate::Kind::Closed) if the connection was lost: then the
    /// cursor is gone, too.
    ///
    /// # Source
    ///
    /// [Extended query](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY)
    pub async fn close(mut self) -> Result<(), Error> {
        self.owned = false;
        let connection: &mut Connection<C::Runtime> = self.client.connection();
        connection.riders.close_portal(&self.name);
        connection.limit(self.query_timeout);
        let protocol = Protocol::Extended;
        let mut exchange =
            connection.request(protocol, Cancellable::No, |out| Sync.encode(out)).await?;
        let refused = exchange.finish().await?;
        exchange.connection.take_note();
        refused.map_or(Ok(()), Err)
    }

    async fn run(&mut self, verb: &str, direction: Direction) -> Result<Rows, Error> {
        let sql = format!("{verb} {direction} from {}", self.quoted);
        let connection = self.client.connection();
        // Prepared, it would keep the columns that a cursor of this name had before.
        let simple = connection.mode == StatementMode::Simple;
        let mode = Some(if simple { StatementMode::Simple } else { StatementMode::Unnamed });
        let query_timeout = self.query_timeout;
        let options = CallOptions { mode, query_timeout, fetch: None };
        connection.query(Called { source: Source::Text(&sql), options }, ()).await
    }
}

/// The next rows, as many as FETCH can count.
pub(crate) fn forward(count: NonZeroU32) -> Direction {
    Direction::Forward(i32::try_from(count.get()).unwrap_or(i32::MAX))
}

impl<C: Client> Drop for ServerCursor<C> {
    fn drop(&mut self) {
        if self.owned {
            self.client.connection().riders.close_portal(&self.name);
        }
    }
}

impl<C: Client> fmt::Debug for ServerCursor<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCursor").field("name", &self.name).finish_non_exhaustive()
    }
}
