//! `CopyOut`: builds a COPY TO STDOUT, and reads rows or bytes from it.

use std::fmt;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::session::connection::Connection;
use crate::session::copy::copy_out_reader::CopyOutReader;
use crate::session::copy::copy_out_rows::CopyOutRows;
use crate::session::copy::copying::Copying;
use crate::session::copy::described::{for_text, select};
use crate::session::copy::options::{CopyFormat, Options, in_parentheses, shared_options};
use crate::session::copy::progress::{Meter, Progress};
use crate::session::copy::reply::Direction;
use crate::session::copy::table_name::TableName;

/// A copy out of a table or a query, made by [`Connection::copy_out`] or [`Connection::copy_out_query`]: options
/// first, then the data.
///
/// | call | data |
/// |---|---|
/// | [`rows`](Self::rows) | rows, lent one by one or as a stream |
/// | [`start`](Self::start) | bytes, in the format that was chosen: text, unless it is [`csv`](Self::csv) or [`binary`](Self::binary) |
///
/// Rows are read in binary and take no option that tells how text is written. Options are passed on as they are,
/// quoted: whether they go together, and whether its version knows them, is the server's to say.
#[must_use = "nothing is sent before `rows` or `start`"]
pub struct CopyOut<'c, R: Runtime = AnyRuntime> {
    connection: &'c mut Connection<R>,
    source: Source,
    options: Options,
    meter: Meter<'c>,
}

/// What is copied.
enum Source {
    Table(TableName, Vec<String>),
    Query(String),
}

impl<R: Runtime> Connection<R> {
    /// Copies out of a table.
    ///
    /// `columns` names the columns that are wanted, in their order. With `&[]` these are all, without those that are
    /// generated. Names are quoted, so they mean exactly what they say; a table of a schema is named by a pair,
    /// `("schema", "table")`. Rows of tables that inherit from it are not copied, nor those of a view: for these there
    /// is [`copy_out_query`](Self::copy_out_query).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), Box<dyn std::error::Error>> {
    /// let copy = connection.copy_out("city", &["id", "name"]).csv().header().start().await?;
    /// let mut file = futures_util::io::AllowStdIo::new(std::fs::File::create("city.csv")?);
    /// futures_util::io::copy(copy, &mut file).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None by itself; see the calls of [`CopyOut`].
    ///
    /// # Source
    ///
    /// [COPY](https://www.postgresql.org/docs/18/sql-copy.html)
    pub fn copy_out(&mut self, table: impl Into<TableName>, columns: &[&str]) -> CopyOut<'_, R> {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        CopyOut::new(self, Source::Table(table.into(), columns))
    }

    /// Copies the rows that a query returns. It can have no parameters.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let query = "select id, name from city where population > 1000000";
    /// let mut rows = connection.copy_out_query(query).rows().await?;
    /// while let Some(row) = rows.next().await? {
    ///     println!("{}", row.get::<&str>("name"));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None by itself; see the calls of [`CopyOut`].
    ///
    /// # Source
    ///
    /// [COPY](https://www.postgresql.org/docs/18/sql-copy.html)
    pub fn copy_out_query(&mut self, sql: &str) -> CopyOut<'_, R> {
        let sql = sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        CopyOut::new(self, Source::Query(sql.to_owned()))
    }

    /// Copies out by a COPY ... TO STDOUT of your own, whose data is read as bytes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_out_raw("copy (values (1), (2)) to stdout").await?;
    /// while let Some(line) = copy.chunk().await? {
    ///     print!("{}", String::from_utf8_lossy(line));
    /// }
    /// assert_eq!(copy.command_tag().rows(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query; CopyOutResponse is awaited: one round trip. See [`CopyOutReader`] for the rest.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte was sent, nothing runs. Dropped later, the statement is given up, as
    /// [`OnDrop`](crate::OnDrop) says.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses the copy. [`Kind::Usage`](crate::Kind::Usage) if the
    /// text is no COPY TO STDOUT, or holds other statements, too: the error says whether they have run. What comes
    /// behind the copy is noticed only at its end.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn copy_out_raw(&mut self, sql: &str) -> Result<CopyOutReader<'_, R>, Error> {
        let (copying, layout) = Copying::start(self, sql, Direction::Out).await?;
        Ok(CopyOutReader::new(copying, Meter::default(), &layout))
    }
}

impl<'c, R: Runtime> CopyOut<'c, R> {
    fn new(connection: &'c mut Connection<R>, source: Source) -> Self {
        Self { connection, source, options: Options::default(), meter: Meter::default() }
    }

    shared_options!();

    /// Begins with a line that names the columns, in text (since PostgreSQL 15) and CSV.
    pub fn header(mut self) -> Self {
        self.options.set("header", "true");
        self
    }

    /// Quotes all values of these columns but NULL, in CSV; `&[]` is all columns.
    pub fn force_quote(mut self, columns: &[&str]) -> Self {
        self.options.set_columns("force_quote", columns);
        self
    }

    /// Has `on_progress` called for every 64 KiB that are read, and at the end. It should be quick: the copy waits
    /// for it.
    ///
    /// # Examples
    ///
    /// See [`CopyIn::on_progress`](crate::CopyIn::on_progress).
    pub fn on_progress(mut self, on_progress: impl FnMut(Progress) + Send + 'c) -> Self {
        self.meter.set(on_progress);
        self
    }

    /// Starts the copy, whose data is read as bytes in the format that was chosen.
    ///
    /// # Examples
    ///
    /// See [`CopyOutReader::chunk`].
    ///
    /// # Messages
    ///
    /// Query; CopyOutResponse is awaited: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::copy_out_raw`].
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses the copy.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn start(self) -> Result<CopyOutReader<'c, R>, Error> {
        let sql = self.sql();
        let (copying, layout) = Copying::start(self.connection, &sql, Direction::Out).await?;
        Ok(CopyOutReader::new(copying, self.meter, &layout))
    }

    /// Starts the copy, whose data is read as rows.
    ///
    /// # Examples
    ///
    /// See [`CopyOutRows::next`].
    ///
    /// # Messages
    ///
    /// Parse, Describe and Sync, to learn the types of the columns as they are now: one round trip, and one more where
    /// the columns of a table are not named; then Query and CopyOutResponse: another. A table that somebody alters in
    /// between is not noticed; within a transaction nobody can.
    ///
    /// # Cancel safety
    ///
    /// As [`Connection::copy_out_raw`].
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses the copy, [`Kind::Usage`](crate::Kind::Usage) if an
    /// option is set that goes with text.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn rows(mut self) -> Result<CopyOutRows<'c, R>, Error> {
        if let Some(option) = self.options.not_for_rows() {
            return Err(for_text(option));
        }
        self.options.format = Some(CopyFormat::Binary);
        let question = match &mut self.source {
            Source::Table(table, columns) => {
                let named = std::mem::take(columns);
                *columns = self.connection.copied_columns(table, named).await?;
                select(table, columns)
            }
            Source::Query(sql) => sql.clone(),
        };
        let description = self.connection.describe_now(&question).await?;
        let sql = self.sql();
        let (mut copying, layout) = Copying::start(self.connection, &sql, Direction::Out).await?;
        copying.check_layout(&layout, description.columns().len())?;
        Ok(CopyOutRows::new(copying, self.meter, description))
    }

    fn sql(&self) -> String {
        let mut sql = match &self.source {
            Source::Table(table, columns) if columns.is_empty() => format!("copy {table}"),
            Source::Table(table, columns) => format!("copy {table} {}", in_parentheses(columns)),
            // It may end with a comment.
            Source::Query(query) => format!("copy ({query}\n)"),
        };
        sql.push_str(" to stdout");
        self.options.write(&mut sql);
        sql
    }
}

impl<R: Runtime> fmt::Debug for CopyOut<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOut").finish_non_exhaustive()
    }
}
