//! `CopyInWriter`: a copy into a table, fed with bytes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use bytes::{Buf, Bytes};
use futures_io::AsyncWrite;
use futures_sink::Sink;

use crate::error::{Error, Kind};
use crate::message::{CopyLayout, Format};
use crate::session::copy::feed::{CHUNK_BYTES, Feed};

/// A copy into a table that is fed with bytes: text, CSV or PostgreSQL's binary format.
///
/// Bytes go in by [`send`](Self::send), as a [`Sink`] of [`Bytes`], or as an [`AsyncWrite`]. The pieces need not end
/// where rows end. They are gathered into chunks of 64 KiB; while a chunk is sent, the server is listened to, so
/// that an error ends the copy at once.
///
/// Nothing counts before [`finish`](Self::finish): a writer that is dropped gives the copy up, and none of its rows
/// is in the table.
///
/// # Cancel safety
///
/// A writer can be dropped at any time, and the connection used again. See [`send`](Self::send) for a future that
/// is dropped.
#[derive(Debug)]
#[must_use = "without `finish` nothing is copied"]
pub struct CopyInWriter<'c, R: Runtime = AnyRuntime> {
    feed: Feed<'c, R>,
    format: Format,
    /// What the sink was given and is not yet added.
    pending: Bytes,
    /// A call of `send` was dropped before all of its data was taken.
    torn: bool,
}

impl<'c, R: Runtime> CopyInWriter<'c, R> {
    pub(crate) fn new(feed: Feed<'c, R>, layout: &CopyLayout) -> Self {
        Self { feed, format: layout.format, pending: Bytes::new(), torn: false }
    }

    /// Sends a piece of the data, which need not end where a row ends.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_in("city", &["id", "name"]).csv().start().await?;
    /// copy.send("1,Wien\n2,").await?;
    /// copy.send("Graz\n").await?;
    /// assert_eq!(copy.finish().await?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// CopyData once 64 KiB have come together; no answer is awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, a part of the data may have been taken. The copy cannot be finished then, since what it
    /// would load is unknown.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`] if the server has rejected the data or ended the copy: the copy is over then, and nothing of
    /// it counts. [`Kind::Io`] if the connection is lost.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn send(&mut self, data: impl AsRef<[u8]> + Send) -> Result<(), Error> {
        self.check_whole()?;
        let mut rest = data.as_ref();
        poll_fn(|cx| self.poll_pending(cx)).await?;
        poll_fn(|cx| {
            self.torn = true;
            let sent = ready!(self.poll_add_all(cx, &mut rest));
            self.torn = false;
            Poll::Ready(sent)
        })
        .await
    }

    /// Sends what has been gathered so far, without waiting for a full chunk.
    ///
    /// # Messages
    ///
    /// CopyData, if anything is left; no answer is awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is lost.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_flush_all(cx)).await
    }

    /// Says that the data is complete, and returns how many rows the server has copied.
    ///
    /// # Examples
    ///
    /// See [`send`](Self::send).
    ///
    /// # Messages
    ///
    /// CopyDone; CommandComplete and ReadyForQuery are awaited: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the rows may or may not have been copied, as with any statement.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send): a violated constraint may be told only here. [`Kind::Usage`] if a call of `send` was
    /// dropped half-way, or if the text of [`copy_in_raw`](crate::Connection::copy_in_raw) was not one COPY.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn finish(mut self) -> Result<u64, Error> {
        if self.torn {
            let torn = torn();
            poll_fn(|cx| self.feed.poll_fail(cx, "a piece of the data was cut short")).await;
            return Err(torn.with_statement(self.feed.copying.sql()));
        }
        poll_fn(|cx| self.poll_complete(cx)).await
    }

    /// Gives the copy up for this reason, which the server logs, and waits until the session is free again.
    ///
    /// In a transaction, the transaction has failed then. Dropping the writer does the same; the reply is read off by
    /// the next operation.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_in("city", &["id", "name"]).csv().start().await?;
    /// copy.send("1,Wien\n").await?;
    /// copy.abort("the file is damaged").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// CopyFail; ErrorResponse and ReadyForQuery are awaited: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the copy is given up all the same.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the connection is lost. That the server reports the copy as failed is no error here.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn abort(mut self, reason: &str) -> Result<(), Error> {
        let error = poll_fn(|cx| self.feed.poll_fail(cx, reason)).await;
        if error.kind() == Kind::Server { Ok(()) } else { Err(error) }
    }

    /// Returns the format that the server expects: CSV is text to it.
    pub fn format(&self) -> Format {
        self.format
    }

    fn check_whole(&self) -> Result<(), Error> {
        if self.torn { Err(torn().with_statement(self.feed.copying.sql())) } else { Ok(()) }
    }

    /// Takes as much of `data`, which is not empty, as there is room for.
    fn poll_add(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Error>> {
        ready!(self.feed.poll_room(cx))?;
        let taken = data.len().min(self.feed.room_bytes());
        let piece = data.get(..taken).unwrap_or_default();
        self.feed.add(|out| {
            out.extend_from_slice(piece);
            Ok(())
        })?;
        Poll::Ready(Ok(taken))
    }

    fn poll_add_all(&mut self, cx: &mut Context<'_>, rest: &mut &[u8]) -> Poll<Result<(), Error>> {
        while !rest.is_empty() {
            let taken = ready!(self.poll_add(cx, rest))?;
            rest.advance(taken);
        }
        Poll::Ready(Ok(()))
    }

    /// Adds what the sink was given.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.pending.has_remaining() {
            let piece = self.pending.slice(..self.pending.len().min(CHUNK_BYTES));
            let taken = ready!(self.poll_add(cx, &piece))?;
            self.pending.advance(taken);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_pending(cx))?;
        self.feed.poll_sent(cx)
    }

    fn poll_complete(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        self.check_whole()?;
        if self.feed.copying.outcome().is_none() {
            ready!(self.poll_pending(cx))?;
        }
        self.feed.poll_finish(cx)
    }
}

fn torn() -> Error {
    Error::usage("the copy cannot be finished: a call of \"send\" was dropped half-way")
}

impl<R: Runtime> Sink<Bytes> for CopyInWriter<'_, R> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        this.check_whole()?;
        ready!(this.poll_pending(cx))?;
        this.feed.poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: Bytes) -> Result<(), Error> {
        let this = self.get_mut();
        if this.pending.has_remaining() {
            return Err(Error::usage("the copy has no room: \"poll_ready\" was not waited for"));
        }
        this.pending = item;
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_flush_all(cx)
    }

    /// Completes the copy, as [`finish`](CopyInWriter::finish), which then tells the number of rows.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_complete(cx).map_ok(drop)
    }
}

impl<R: Runtime> AsyncWrite for CopyInWriter<'_, R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_whole().map_err(io::Error::other)?;
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(this.poll_pending(cx)).map_err(io::Error::other)?;
        this.poll_add(cx, data).map_err(io::Error::other)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx).map_err(io::Error::other)
    }

    /// Completes the copy, as [`finish`](CopyInWriter::finish), which then tells the number of rows.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_complete(cx).map_ok(drop).map_err(io::Error::other)
    }
}
