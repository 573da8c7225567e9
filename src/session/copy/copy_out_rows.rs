//! `CopyOutRows`: a copy out of a table, as rows.

use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;

use crate::error::Error;
use crate::message::CommandTag;
use crate::session::column::Column;
use crate::session::copy::copying::Copying;
use crate::session::copy::progress::Meter;
use crate::session::copy::tuples::{Found, Tuples};
use crate::session::owned_row::OwnedRow;
use crate::session::row::Row;
use crate::session::statement::Statement;

/// The rows of a copy as they arrive, each lent until the next is asked for.
///
/// # Cancel safety
///
/// [`next`](Self::next) may be dropped and called again: no row is lost. Dropping the rows gives up the rest, as
/// [`OnDrop`](crate::OnDrop) says; the connection can be used again at once.
#[derive(Debug)]
pub struct CopyOutRows<'c, R: Runtime = AnyRuntime> {
    copying: Copying<'c, R>,
    meter: Meter<'c>,
    description: Statement,
    tuples: Tuples,
}

impl<'c, R: Runtime> CopyOutRows<'c, R> {
    pub(crate) fn new(copying: Copying<'c, R>, meter: Meter<'c>, description: Statement) -> Self {
        let limit_bytes = copying.message_limit_bytes();
        let tuples = Tuples::new(description.columns().len(), limit_bytes);
        let mut this = Self { copying, meter, description, tuples };
        this.meter.progress.rows = Some(0);
        this
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut rows = connection.copy_out("city", &["id", "name"]).rows().await?;
    /// while let Some(row) = rows.next().await? {
    ///     println!("{}: {}", row.get::<i32>("id"), row.get::<&str>("name"));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// CopyData is awaited, or at the end CopyDone, CommandComplete and ReadyForQuery; nothing more is sent. Rows
    /// that have arrived together take no further system call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing: the next call returns the row.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the copy fails, which may happen after some rows;
    /// [`Kind::Io`](crate::Kind::Io) if the connection is lost. The copy is at its end then.
    ///
    /// # Source
    ///
    /// [COPY, binary format](https://www.postgresql.org/docs/18/sql-copy.html#id-1.9.3.55.9.4)
    pub async fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        let found = poll_fn(|cx| self.poll_row(cx)).await?;
        Ok(found.map(|range| self.lend(range)))
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        self.description.columns()
    }

    /// Returns what the server said when the copy was complete, with the number of rows; empty before that.
    pub fn command_tag(&self) -> CommandTag {
        self.copying.command_tag()
    }

    /// Makes a [`Stream`] of rows that own their values.
    pub fn owned(self) -> CopyOutRowStream<'c, R> {
        CopyOutRowStream { rows: self, failed: false }
    }

    fn lend(&self, range: Range<usize>) -> Row<'_> {
        let (columns, offsets) = (self.description.columns(), self.tuples.offsets());
        Row::new(columns, self.tuples.bytes(range), offsets).numbered(self.meter.progress.rows)
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Range<usize>>, Error>> {
        loop {
            // Of a copy that has failed no row is lent any more.
            let found =
                if self.copying.is_open() { self.tuples.next() } else { Ok(Found::Nothing) };
            match found {
                Ok(Found::Tuple(range)) => {
                    self.meter.add_row();
                    self.meter.step();
                    return Poll::Ready(Ok(Some(range)));
                }
                Ok(Found::Nothing) => {}
                Err(error) => return Poll::Ready(Err(self.copying.violated(error))),
            }
            let Some(message) = ready!(self.copying.poll_data(cx))? else {
                if !self.tuples.is_at_end() {
                    let error = Error::protocol("binary copy", "it ends without its trailer");
                    return Poll::Ready(Err(self.copying.violated(error)));
                }
                self.meter.tell();
                return Poll::Ready(Ok(None));
            };
            self.meter.add_bytes(self.copying.data(message).len());
            let taken =
                if self.tuples.is_holding() { None } else { self.copying.take_data(message) };
            if let Some((bytes, start)) = taken {
                self.tuples.adopt(bytes, start);
            } else if let Err(error) = self.tuples.add(self.copying.data(message)) {
                return Poll::Ready(Err(self.copying.violated(error)));
            }
        }
    }
}

/// A [`Stream`] of the rows of a copy, which own their values.
#[derive(Debug)]
pub struct CopyOutRowStream<'c, R: Runtime = AnyRuntime> {
    rows: CopyOutRows<'c, R>,
    /// The error was told: a stream that repeated it would never end.
    failed: bool,
}

impl<R: Runtime> CopyOutRowStream<'_, R> {
    /// Returns the columns.
    pub fn columns(&self) -> &[Column] {
        self.rows.columns()
    }

    /// Returns what the server said when the copy was complete, with the number of rows; empty before that.
    pub fn command_tag(&self) -> CommandTag {
        self.rows.command_tag()
    }
}

impl<R: Runtime> Stream for CopyOutRowStream<'_, R> {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let row = match ready!(this.rows.poll_row(cx)) {
            Ok(None) => None,
            Ok(Some(range)) => {
                let columns = this.rows.description.shared_columns();
                Some(Ok(OwnedRow::copy(this.rows.lend(range), columns)))
            }
            Err(error) => (!std::mem::replace(&mut this.failed, true)).then_some(Err(error)),
        };
        Poll::Ready(row)
    }
}
