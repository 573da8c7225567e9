//! How a cursor's result is read: that is done by its `ResultSet`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::client::Client;
use crate::session::column::Column;
use crate::session::cursor::client_cursor::Cursor;
use crate::session::cursor::result_set::{ResultSet, nothing_to_fetch};
use crate::session::cursor::scroll::Scroll;
use crate::session::owned_row::OwnedRow;
use crate::session::row::Row;
use crate::session::rows::Iter;

/// Reading, which takes no waiting.
impl<C: Client> Cursor<C> {
    /// Returns the next row, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if there is nothing to fetch: no statement was run, or the last one failed
    /// or returns no rows by its nature. The same if the cursor is closed.
    pub fn fetch_one(&mut self) -> Result<Option<Row<'_>>, Error> {
        self.fetched()?.fetch_one()
    }

    /// Returns the next rows: so many, or [`arraysize`](Self::arraysize), or as many as there are left. They count as
    /// fetched, taken or not.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cursor = connection.cursor();
    /// cursor.execute("select name from city", ()).await?;
    /// let first_ten: Vec<(&str,)> = cursor.fetch_many(10)?.decode()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_many(&mut self, count: impl Into<Option<usize>>) -> Result<Iter<'_>, Error> {
        self.fetched()?.fetch_many(count)
    }

    /// Returns the rows that are left.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one).
    pub fn fetch_all(&mut self) -> Result<Iter<'_>, Error> {
        self.fetched()?.fetch_all()
    }

    /// Goes elsewhere: the row there is the next one.
    ///
    /// # Errors
    ///
    /// As [`fetch_one`](Self::fetch_one), and [`Kind::Usage`](crate::Kind::Usage) if there is no such row; the position
    /// is as before.
    pub fn scroll(&mut self, scroll: Scroll) -> Result<(), Error> {
        self.fetched()?.scroll(scroll)
    }

    /// Returns the number of the next row, counted from 0.
    pub fn rownumber(&self) -> usize {
        self.result.as_ref().map_or(0, ResultSet::rownumber)
    }

    /// Returns how many rows the last statement returned or touched; `None` if there was none, if it failed, or if it
    /// counts none, such as CREATE TABLE.
    pub fn rowcount(&self) -> Option<u64> {
        self.result.as_ref()?.rowcount()
    }

    /// Returns the columns: name, type, size, precision, scale, table. `None` if there is nothing to fetch.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut cursor = connection.cursor();
    /// cursor.execute("select * from city", ()).await?;
    /// for column in cursor.description().unwrap_or_default() {
    ///     println!("{} {} {:?}", column.name(), column.r#type(), column.precision());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn description(&self) -> Option<&[Column]> {
        self.result.as_ref()?.description()
    }

    /// Returns what the server said when the last statement was complete, such as `SELECT 3`; `None` if there was none,
    /// if it failed, or if there were many.
    pub fn status_message(&self) -> Option<CommandTag> {
        let tag = self.result.as_ref()?.status_message();
        (!tag.as_str().is_empty()).then_some(tag)
    }

    /// Returns how many rows [`fetch_many`](Self::fetch_many) returns if it is not told. Default: 1.
    pub fn arraysize(&self) -> usize {
        self.arraysize
    }

    /// Sets how many rows [`fetch_many`](Self::fetch_many) returns if it is not told, from this result on.
    pub fn set_arraysize(&mut self, rows: usize) {
        self.arraysize = rows;
        if let Some(result) = &mut self.result {
            result.set_arraysize(rows);
        }
    }

    fn fetched(&mut self) -> Result<&mut ResultSet, Error> {
        self.check_open()?;
        self.result.as_mut().ok_or_else(nothing_to_fetch)
    }
}

impl<C: Client + Unpin> Stream for Cursor<C> {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.fetched() {
            Ok(result) => Pin::new(result).poll_next(cx),
            Err(error) => {
                let told = std::mem::replace(&mut this.told, true);
                Poll::Ready((!told).then_some(Err(error)))
            }
        }
    }
}
