//! `ServerRows`: the rows of a cursor of the server, fetched in portions.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use sync_wrapper::SyncWrapper;

use crate::error::Error;
use crate::session::client::Client;
use crate::session::cursor::server_cursor::{ServerCursor, forward};
use crate::session::owned_row::OwnedRow;
use crate::session::rows::Rows;

/// The rows that are left of a [`ServerCursor`], fetched in portions of its iteration size: a [`Stream`].
///
/// # Cancel safety
///
/// [`next`](Self::next) may be dropped and called again: no row is lost. When the stream itself is dropped, the cursor
/// stands behind the last portion that was fetched, whether or not all of its rows were taken.
pub struct ServerRows<'c, C: Client> {
    state: State<'c, C>,
    portion: Option<Rows>,
    /// The number of the next row in the portion.
    next: usize,
}

enum State<'c, C: Client> {
    /// There may be another portion.
    Open(&'c mut ServerCursor<C>),
    /// A portion is under way. It stays so when whoever waits for it stops waiting.
    Fetching(SyncWrapper<Fetching<'c, C>>),
    Over,
}

type Fetching<'c, C> =
    Pin<Box<dyn Future<Output = (&'c mut ServerCursor<C>, Result<Rows, Error>)> + Send + 'c>>;

impl<C: Client> ServerCursor<C> {
    /// Returns the rows that are left, fetched in portions of [`itersize`](Self::itersize) rows.
    ///
    /// # Examples
    ///
    /// See [`Connection::declare`](crate::Connection::declare).
    pub fn stream(&mut self) -> ServerRows<'_, C> {
        ServerRows { state: State::Open(self), portion: None, next: 0 }
    }
}

impl<'c, C: Client> ServerRows<'c, C> {
    /// Returns the next row, or `None` at the end.
    ///
    /// # Examples
    ///
    /// See [`Connection::declare`](crate::Connection::declare).
    ///
    /// # Messages
    ///
    /// FETCH if the portion is used up: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing: the next call returns the row.
    ///
    /// # Errors
    ///
    /// As [`ServerCursor::fetch`]. The stream is at its end then.
    ///
    /// # Source
    ///
    /// [FETCH](https://www.postgresql.org/docs/18/sql-fetch.html)
    pub async fn next(&mut self) -> Result<Option<OwnedRow>, Error> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<OwnedRow>, Error>> {
        loop {
            if let Some(row) = self.portion.as_ref().and_then(|rows| rows.owned_row(self.next)) {
                self.next += 1;
                return Poll::Ready(Ok(Some(row)));
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Poll::Ready(Ok(None)),
                State::Open(cursor) => self.state = fetching(cursor),
                State::Fetching(mut fetching) => {
                    let Poll::Ready((cursor, fetched)) = fetching.get_mut().as_mut().poll(cx)
                    else {
                        self.state = State::Fetching(fetching);
                        return Poll::Pending;
                    };
                    self.take(cursor, fetched?);
                }
            }
        }
    }

    /// Takes a portion. One that is not full is the last.
    fn take(&mut self, cursor: &'c mut ServerCursor<C>, portion: Rows) {
        let full = usize::try_from(cursor.itersize.get()).unwrap_or(usize::MAX);
        if portion.len() >= full {
            self.state = State::Open(cursor);
        }
        (self.portion, self.next) = (Some(portion), 0);
    }
}

fn fetching<C: Client>(cursor: &mut ServerCursor<C>) -> State<'_, C> {
    State::Fetching(SyncWrapper::new(Box::pin(async move {
        let fetched = cursor.fetch(forward(cursor.itersize)).await;
        (cursor, fetched)
    })))
}

impl<C: Client> Stream for ServerRows<'_, C> {
    type Item = Result<OwnedRow, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let row = ready!(self.get_mut().poll_row(cx));
        Poll::Ready(row.transpose())
    }
}

impl<C: Client> fmt::Debug for ServerRows<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerRows").field("next", &self.next).finish_non_exhaustive()
    }
}
