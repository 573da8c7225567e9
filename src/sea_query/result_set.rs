//! `ResultSet`: a result that owns its rows, and closes itself when there is nothing left to fetch.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use postgres_types::FromSql;

use crate::error::Error;
use crate::message::CommandTag;
use crate::sea_query::result_row::ResultRow;
use crate::session::{Column, FromRow, Rows};

/// What [`execute`](crate::sea_query::EngineConnection::execute) returns: rows that are fetched one by one, in
/// portions or all at once.
///
/// It owns its rows, so any number of results may be open side by side, and all of them stay readable while the
/// connection goes on, and after it is closed. As a [`Stream`] it gives the rows that are left; so does `for`.
///
/// It closes itself, which frees its rows: at once if the statement returns no rows by its nature, else when the rows
/// have come to their end, after [`fetch_all`](Self::fetch_all), [`first`](Self::first) and
/// [`scalar`](Self::scalar). [`keys`](Self::keys), [`rowcount`](Self::rowcount) and
/// [`returns_rows`](Self::returns_rows) stay.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
/// let mut cities = connection.execute("select id, name from city", ()).await?;
/// assert_eq!(cities.keys(), ["id", "name"]);
/// while let Some(city) = cities.fetch_one()? {
///     println!("{}: {}", city.get::<i32>("id"), city.get::<&str>("name"));
/// }
/// assert!(cities.is_closed());
/// # Ok(()) }
/// ```
pub struct ResultSet {
    rows: Rows,
    /// The number of the next row.
    next: usize,
    returns_rows: bool,
    closed: bool,
    /// The stream has nothing more to tell.
    told: bool,
}

impl ResultSet {
    /// Stands before the first of these rows.
    pub fn new(rows: Rows) -> Self {
        // Rows without columns exist: `select`.
        let returns_rows = !rows.columns().is_empty() || !rows.is_empty();
        Self { rows, next: 0, returns_rows, closed: !returns_rows, told: false }
    }

    /// Returns the names of the columns; none if the statement returns no rows by its nature.
    pub fn keys(&self) -> Vec<&str> {
        self.columns().iter().map(Column::name).collect()
    }

    /// Returns the columns; none if the statement returns no rows by its nature.
    pub fn columns(&self) -> &[Column] {
        self.rows.columns()
    }

    /// Returns how many rows the statement returned or touched; `None` for one that counts none, such as CREATE TABLE.
    pub fn rowcount(&self) -> Option<u64> {
        let tag = self.status_message();
        tag.as_str().ends_with(|last: char| last.is_ascii_digit()).then(|| tag.rows())
    }

    /// Returns what the server said when the statement was complete, such as `SELECT 3`.
    pub fn status_message(&self) -> CommandTag {
        self.rows.command_tag()
    }

    /// Tells whether the statement returns rows by its nature, be it none this time. Rows without columns, as of
    /// `select from t`, are known only where there are any.
    pub fn returns_rows(&self) -> bool {
        self.returns_rows
    }

    /// Tells whether the result is closed, by itself or by [`close`](Self::close).
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closes the result and frees its rows. It may be called again.
    pub fn close(&mut self) {
        self.closed = true;
        self.rows.forget();
    }

    /// Returns the next row; at the end `None`, and the result is closed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the result is closed, or returns no rows.
    pub fn fetch_one(&mut self) -> Result<Option<ResultRow>, Error> {
        self.check_open()?;
        let row = self.take();
        if row.is_none() {
            self.close();
        }
        Ok(row)
    }

    /// Returns the next rows: so many, or one if it is not told, or as many as there are left. If there is none left,
    /// the result is closed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let mut cities = connection.execute("select id, name from city", ()).await?;
    /// loop {
    ///     let portion = cities.fetch_many(100)?;
    ///     if portion.is_empty() {
    ///         break;
    ///     }
    ///     println!("{} cities", portion.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_many(&mut self, count: impl Into<Option<usize>>) -> Result<Vec<ResultRow>, Error> {
        self.check_open()?;
        let left = self.rows.len().saturating_sub(self.next);
        let count = count.into().unwrap_or(1).min(left);
        if left == 0 {
            self.close();
        }
        Ok((0..count).filter_map(|_| self.take()).collect())
    }

    /// Returns the rows that are left, and closes the result.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_all(&mut self) -> Result<Vec<ResultRow>, Error> {
        let rows = self.fetch_many(usize::MAX)?;
        self.close();
        Ok(rows)
    }

    /// Returns the rows that are left as values of the type `T`, and closes the result. The columns are checked once.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let mut cities = connection.execute("select id, name from city", ()).await?;
    /// let cities: Vec<(i32, String)> = cities.fetch_all_as()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one), and [`Kind::Conversion`](crate::Kind::Conversion) if a column or a value does
    /// not fit.
    pub fn fetch_all_as<T: for<'r> FromRow<'r>>(&mut self) -> Result<Vec<T>, Error> {
        self.check_open()?;
        let rows = self.rows.part(self.next, usize::MAX).decode();
        self.close();
        rows
    }

    /// Returns the next row, if there is one, and closes the result.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn first(&mut self) -> Result<Option<ResultRow>, Error> {
        let row = self.fetch_one()?;
        self.close();
        Ok(row)
    }

    /// Returns the value in the first column of the next row, and closes the result. It is `None` if there is no row,
    /// and, unless `T` is an `Option` itself, if the value is NULL.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let mut highest = connection.execute("select max(id) from city", ()).await?;
    /// match highest.scalar::<i32>()? {
    ///     Some(id) => println!("the last is {id}"),
    ///     None => println!("there are no cities"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one), and [`Kind::Conversion`](crate::Kind::Conversion) if the value does not fit.
    pub fn scalar<T: for<'r> FromSql<'r>>(&mut self) -> Result<Option<T>, Error> {
        let Some(row) = self.first()? else { return Ok(None) };
        let null = row.raw(0)?.is_none();
        match row.try_get(0) {
            Ok(value) => Ok(Some(value)),
            Err(_) if null && row.try_get::<Option<T>>(0).is_ok() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self) -> Option<ResultRow> {
        let row = self.rows.owned_row(self.next)?;
        self.next += 1;
        Some(row.into())
    }

    fn check_open(&self) -> Result<(), Error> {
        if !self.closed {
            return Ok(());
        }
        Err(Error::usage(if self.returns_rows {
            "this result object is closed"
        } else {
            "this result object does not return rows; it has been closed automatically"
        }))
    }
}

impl fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultSet")
            .field("keys", &self.keys())
            .field("rowcount", &self.rowcount())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Stream for ResultSet {
    type Item = Result<ResultRow, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.told {
            return Poll::Ready(None);
        }
        let row = this.fetch_one().transpose();
        this.told = !matches!(row, Some(Ok(_)));
        Poll::Ready(row)
    }
}

impl IntoIterator for ResultSet {
    type Item = Result<ResultRow, Error>;
    type IntoIter = ResultRows;

    fn into_iter(self) -> ResultRows {
        ResultRows { result: self }
    }
}

/// The rows of a [`ResultSet`], one after the other; one error if it is closed.
#[derive(Debug)]
pub struct ResultRows {
    result: ResultSet,
}

impl Iterator for ResultRows {
    type Item = Result<ResultRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.result.told {
            return None;
        }
        let row = self.result.fetch_one().transpose();
        self.result.told = !matches!(row, Some(Ok(_)));
        row
    }
}
