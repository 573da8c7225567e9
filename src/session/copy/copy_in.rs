//! `CopyIn`: builds a COPY FROM STDIN, and runs it with rows or with bytes.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;

use crate::error::Error;
use crate::session::connection::Connection;
use crate::session::copy::copy_in_rows::CopyInRows;
use crate::session::copy::copy_in_writer::CopyInWriter;
use crate::session::copy::copying::Copying;
use crate::session::copy::described::{for_text, select};
use crate::session::copy::feed::Feed;
use crate::session::copy::options::{
    CopyFormat, LogVerbosity, OnError, Options, in_parentheses, shared_options,
};
use crate::session::copy::progress::{Meter, Progress};
use crate::session::copy::reply::Direction;
use crate::session::copy::table_name::TableName;
use crate::types::Params;

/// A copy into a table, made by [`Connection::copy_in`]: options first, then the data.
///
/// | call | data |
/// |---|---|
/// | [`rows`](Self::rows) | an iterator of rows: tuples, slices, [`params!`](crate::params) |
/// | [`row_stream`](Self::row_stream) | a stream of them, which may fail |
/// | [`start_rows`](Self::start_rows) | rows, one call each |
/// | [`start`](Self::start) | bytes, in the format that was chosen: text, unless it is [`csv`](Self::csv) or [`binary`](Self::binary) |
///
/// Rows are written in binary and take no option that tells how text is written. Options are passed on as they are,
/// quoted: whether they go together, and whether its version knows them, is the server's to say.
#[must_use = "nothing is sent before `rows`, `row_stream`, `start_rows` or `start`"]
pub struct CopyIn<'c, R: Runtime = AnyRuntime> {
    connection: &'c mut Connection<R>,
    table: TableName,
    columns: Vec<String>,
    options: Options,
    filter: Option<String>,
    meter: Meter<'c>,
}

impl<R: Runtime> Connection<R> {
    /// Copies into a table: many rows at once, much faster than INSERT.
    ///
    /// `columns` names the columns that the data has, in its order. With `&[]` it has all, in their own order,
    /// without those that are generated. Names are quoted, so they mean exactly what they say; a table of a schema is
    /// named by a pair, `("schema", "table")`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let cities = (1..=1_000_000).map(|id| (id, format!("city {id}")));
    /// let copied = connection.copy_in("city", &["id", "name"]).rows(cities).await?;
    /// assert_eq!(copied, 1_000_000);
    ///
    /// let mut copy = connection.copy_in(("geo", "city"), &[]).csv().delimiter(';').start().await?;
    /// copy.send("1;Wien\n2;Graz\n").await?;
    /// assert_eq!(copy.finish().await?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None by itself; see the calls of [`CopyIn`].
    ///
    /// # Source
    ///
    /// [COPY](https://www.postgresql.org/docs/18/sql-copy.html)
    pub fn copy_in(&mut self, table: impl Into<TableName>, columns: &[&str]) -> CopyIn<'_, R> {
        CopyIn {
            connection: self,
            table: table.into(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            options: Options::default(),
            filter: None,
            meter: Meter::default(),
        }
    }

    /// Copies into a table by a COPY ... FROM STDIN of your own, which is fed with bytes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_in_raw("copy city (id, name) from stdin csv header").await?;
    /// copy.send("id,name\n1,Wien\n").await?;
    /// assert_eq!(copy.finish().await?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query; CopyInResponse is awaited: one round trip. See [`CopyInWriter`] for the rest.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte was sent, nothing runs. Dropped later, the copy is given up, and the session can
    /// be used again.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses the copy. [`Kind::Usage`](crate::Kind::Usage) if the
    /// text is no COPY FROM STDIN, or holds other statements, too: the error says whether they have run. What comes
    /// behind the copy is noticed only when it is finished.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn copy_in_raw(&mut self, sql: &str) -> Result<CopyInWriter<'_, R>, Error> {
        let (copying, layout) = Copying::start(self, sql, Direction::In).await?;
        Ok(CopyInWriter::new(Feed::new(copying, Meter::default()), &layout))
    }
}

impl<'c, R: Runtime> CopyIn<'c, R> {
    shared_options!();

    /// Passes over the first line of the data, in text (since PostgreSQL 15) and CSV.
    pub fn header(mut self) -> Self {
        self.options.set("header", "true");
        self
    }

    /// Has the first line of the data checked: it must name the columns. Since PostgreSQL 15.
    pub fn header_match(mut self) -> Self {
        self.options.set("header", "match");
        self
    }

    /// Sets the text that stands for a column's default value. Since PostgreSQL 16.
    pub fn default(mut self, default: &str) -> Self {
        self.options.set_text("default", default);
        self
    }

    /// Reads the null text as NULL in these columns also where it is quoted, in CSV; `&[]` is all columns, since
    /// PostgreSQL 17.
    pub fn force_null(mut self, columns: &[&str]) -> Self {
        self.options.set_columns("force_null", columns);
        self
    }

    /// Reads the null text as a text in these columns, in CSV; `&[]` is all columns, since PostgreSQL 17.
    pub fn force_not_null(mut self, columns: &[&str]) -> Self {
        self.options.set_columns("force_not_null", columns);
        self
    }

    /// Stores the rows as if a VACUUM FREEZE had come by already: for a table that was made or truncated within the
    /// same transaction.
    pub fn freeze(mut self) -> Self {
        self.options.set("freeze", "true");
        self
    }

    /// Sets what happens to a row whose values the server cannot read, in text and CSV. Since PostgreSQL 17.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        let value = match on_error {
            OnError::Stop => "stop",
            OnError::Ignore => "ignore",
        };
        self.options.set("on_error", value);
        self
    }

    /// Sets how many rows are passed over at most with [`OnError::Ignore`]. Since PostgreSQL 18.
    pub fn reject_limit(mut self, rows: u64) -> Self {
        self.options.set("reject_limit", rows.to_string());
        self
    }

    /// Sets what the server tells about rows that it passes over. Since PostgreSQL 17.
    pub fn log_verbosity(mut self, log_verbosity: LogVerbosity) -> Self {
        let value = match log_verbosity {
            LogVerbosity::Silent => "silent",
            LogVerbosity::Default => "default",
            LogVerbosity::Verbose => "verbose",
        };
        self.options.set("log_verbosity", value);
        self
    }

    /// Copies only the rows for which `condition` is true. It is SQL and goes into the statement as it is: nothing
    /// that a stranger has written belongs into it.
    pub fn where_clause(mut self, condition: &str) -> Self {
        self.filter = Some(condition.to_owned());
        self
    }

    /// Has `on_progress` called for every 64 KiB that are sent, and at the end. It should be quick: the copy waits
    /// for it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::Progress;
    ///
    /// let copy = connection.copy_in("number", &["n"]);
    /// let copy = copy.on_progress(|Progress { rows, bytes, .. }| println!("{rows:?} rows, {bytes} bytes"));
    /// copy.rows((0..1_000_000).map(|n| (n,))).await?;
    /// # Ok(()) }
    /// ```
    pub fn on_progress(mut self, on_progress: impl FnMut(Progress) + Send + 'c) -> Self {
        self.meter.set(on_progress);
        self
    }

    /// Copies the rows of an iterator, and returns how many the server has copied.
    ///
    /// They are written in binary, in chunks of 64 KiB, as fast as the server takes them. An error of the server ends
    /// the copy at once, not when all rows are sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let names = ["Wien", "Graz", "Linz"];
    /// let rows = (1..).zip(names).map(|(id, name)| (id, Some(name)));
    /// assert_eq!(connection.copy_in("city", &["id", "name"]).rows(rows).await?, 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Parse, Describe and Sync, to learn the types of the columns as they are now: one round trip, and one more where
    /// the columns are not named; then Query and CopyInResponse: another. CopyData awaits nothing; CopyDone with the
    /// last of it, and CommandComplete, are the last round trip. A table that somebody alters in between is not
    /// noticed; within a transaction nobody can.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the end, the copy is given up: none of its rows is in the table, unless CopyDone was sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if a value does not fit its column: the text names the row, counted
    /// from 1, and the column. [`Kind::Usage`](crate::Kind::Usage) if a row has too few values or too many, or an option
    /// is set that goes with text. [`Kind::Server`](crate::Kind::Server) if the server rejects a row. No row was copied
    /// then; within a transaction, the transaction has failed.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn rows<I>(self, rows: I) -> Result<u64, Error>
    where
        I: IntoIterator<Item: Params, IntoIter: Send> + Send,
    {
        let mut copy = self.start_rows().await?;
        for row in rows {
            copy.write(row).await?;
        }
        copy.finish().await
    }

    /// Copies the rows of a stream, and returns how many the server has copied. Where the stream fails, so does the
    /// copy, and the stream's error is returned.
    ///
    /// While the stream has no row to give, what has been gathered is sent, and the server is listened to.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::Error;
    /// use futures_util::{StreamExt, stream};
    ///
    /// let rows = stream::iter(0..100).map(|n| Ok::<_, Error>((n, "a name")));
    /// let copied = connection.copy_in("city", &["id", "name"]).row_stream(rows).await?;
    /// assert_eq!(copied, 100);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`rows`](Self::rows).
    ///
    /// # Cancel safety
    ///
    /// As [`rows`](Self::rows).
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and those of the stream.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn row_stream<S, P, E>(self, rows: S) -> Result<u64, E>
    where
        S: Stream<Item = Result<P, E>> + Send,
        P: Params,
        E: From<Error>,
    {
        let mut copy = self.start_rows().await?;
        let mut rows = pin!(rows);
        loop {
            let next = poll_fn(|cx| {
                let row = rows.as_mut().poll_next(cx);
                match row {
                    Poll::Ready(row) => Poll::Ready(Ok(row)),
                    Poll::Pending => match copy.poll_sent(cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
                    },
                }
            });
            match next.await? {
                Some(Ok(row)) => copy.write(row).await?,
                Some(Err(error)) => {
                    copy.give_up("the stream of rows has failed").await;
                    return Err(error);
                }
                None => return Ok(copy.finish().await?),
            }
        }
    }

    /// Starts a copy that is fed with rows, one call each.
    ///
    /// # Examples
    ///
    /// See [`CopyInRows::write`].
    ///
    /// # Messages
    ///
    /// As [`rows`](Self::rows), up to CopyInResponse.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is copied.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn start_rows(mut self) -> Result<CopyInRows<'c, R>, Error> {
        if let Some(option) = self.options.not_for_rows() {
            return Err(for_text(option));
        }
        self.options.format = Some(CopyFormat::Binary);
        self.columns = self.connection.copied_columns(&self.table, self.columns).await?;
        let question = select(&self.table, &self.columns);
        let description = self.connection.describe_now(&question).await?;
        let sql = self.sql();
        let (mut copying, layout) = Copying::start(self.connection, &sql, Direction::In).await?;
        copying.check_layout(&layout, description.columns().len())?;
        CopyInRows::new(Feed::new(copying, self.meter), description)
    }

    /// Starts a copy that is fed with bytes, in the format that was chosen.
    ///
    /// # Examples
    ///
    /// See [`CopyInWriter::send`].
    ///
    /// # Messages
    ///
    /// Query; CopyInResponse is awaited: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is copied.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses the copy.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn start(self) -> Result<CopyInWriter<'c, R>, Error> {
        let sql = self.sql();
        let (copying, layout) = Copying::start(self.connection, &sql, Direction::In).await?;
        Ok(CopyInWriter::new(Feed::new(copying, self.meter), &layout))
    }

    fn sql(&self) -> String {
        let mut sql = format!("copy {}", self.table);
        if !self.columns.is_empty() {
            sql.push(' ');
            sql.push_str(&in_parentheses(&self.columns));
        }
        sql.push_str(" from stdin");
        self.options.write(&mut sql);
        if let Some(filter) = &self.filter {
            sql.push_str(" where ");
            sql.push_str(filter);
        }
        sql
    }
}

impl<R: Runtime> fmt::Debug for CopyIn<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").field("table", &self.table).finish_non_exhaustive()
    }
}
