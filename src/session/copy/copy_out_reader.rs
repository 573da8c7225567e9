//! `CopyOutReader`: a copy out of a table, as bytes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_io::{AsyncBufRead, AsyncRead};

use crate::error::Error;
use crate::flow::Message;
use crate::message::{CommandTag, CopyLayout, Format};
use crate::session::copy::copying::Copying;
use crate::session::copy::progress::Meter;

/// What the stream gathers into one piece, in bytes, as far as it has arrived.
const PIECE_BYTES: usize = 64 << 10;

/// A copy out of a table, or out of a query, whose data is read as bytes.
///
/// The bytes are lent by [`chunk`](Self::chunk) as they arrive, owned as a [`Stream`] of [`Bytes`], or read as from a
/// file by [`AsyncRead`] and [`AsyncBufRead`]. Whoever stops asking stops the server.
///
/// # Cancel safety
///
/// Whatever reads may be dropped and called again: no byte is lost. Dropping the reader gives up the rest, as
/// [`OnDrop`](crate::OnDrop) says; the connection can be used again at once.
#[derive(Debug)]
pub struct CopyOutReader<'c, R: Runtime = AnyRuntime> {
    copying: Copying<'c, R>,
    meter: Meter<'c>,
    format: Format,
    /// The piece that is being read, and how far.
    current: Option<(Message, usize)>,
    /// What the stream gathers.
    gathered: BytesMut,
    /// The stream has told the error.
    failed: bool,
}

impl<'c, R: Runtime> CopyOutReader<'c, R> {
    pub(crate) fn new(copying: Copying<'c, R>, meter: Meter<'c>, layout: &CopyLayout) -> Self {
        let (current, gathered, failed) = (None, BytesMut::new(), false);
        Self { copying, meter, format: layout.format, current, gathered, failed }
    }

    /// Returns the next piece of the data, or `None` at the end. PostgreSQL sends a row in each; the protocol does
    /// not promise that.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let mut copy = connection.copy_out("city", &["id", "name"]).csv().start().await?;
    /// while let Some(line) = copy.chunk().await? {
    ///     print!("{}", String::from_utf8_lossy(line));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// A CopyData is awaited, or at the end CopyDone, CommandComplete and ReadyForQuery; nothing more is sent. What
    /// has arrived together takes no further system call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing: the next call returns the piece.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the copy fails, which may happen after some data;
    /// [`Kind::Io`](crate::Kind::Io) if the connection is lost. The copy is at its end then.
    ///
    /// # Source
    ///
    /// [COPY operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY)
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        if !poll_fn(|cx| self.poll_current(cx)).await? {
            return Ok(None);
        }
        let (message, at) = self.current.take().ok_or_else(|| self.copying.ended())?;
        Ok(self.copying.data(message).get(at..))
    }

    /// Returns what the server said when the copy was complete, with the number of rows; empty before that.
    pub fn command_tag(&self) -> CommandTag {
        self.copying.command_tag()
    }

    /// Returns the format of the data: CSV is text to the server.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Sees to it that there is a piece to read, and tells whether there is one: there is none at the end.
    fn poll_current(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        while self.rest().is_empty() {
            self.current = None;
            let Some(message) = ready!(self.copying.poll_data(cx))? else {
                self.meter.tell();
                return Poll::Ready(Ok(false));
            };
            self.meter.add_bytes(self.copying.data(message).len());
            self.meter.step();
            self.current = Some((message, 0));
        }
        Poll::Ready(Ok(true))
    }

    /// What is left of the piece that is being read.
    fn rest(&self) -> &[u8] {
        let rest = self.current.and_then(|(message, at)| self.copying.data(message).get(at..));
        rest.unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        if let Some((_, at)) = &mut self.current {
            *at = at.saturating_add(count);
        }
    }
}

impl<R: Runtime> Stream for CopyOutReader<'_, R> {
    type Item = Result<Bytes, Error>;

    /// Pieces that have arrived together come as one.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while this.gathered.len() < PIECE_BYTES {
            match this.poll_current(cx) {
                Poll::Ready(Ok(true)) => {}
                // What came before the end, before an error and before a pause is returned first.
                Poll::Ready(Ok(false) | Err(_)) | Poll::Pending if !this.gathered.is_empty() => {
                    break;
                }
                Poll::Ready(Ok(false)) => return Poll::Ready(None),
                Poll::Ready(Err(error)) => {
                    // Once is enough: a stream that repeated it would never end.
                    let error = (!std::mem::replace(&mut this.failed, true)).then_some(Err(error));
                    return Poll::Ready(error);
                }
                Poll::Pending => return Poll::Pending,
            }
            let Self { gathered, copying, current, .. } = this;
            if let Some((message, at)) = current.take() {
                if gathered.capacity() == 0 {
                    gathered.reserve(PIECE_BYTES);
                }
                gathered.extend_from_slice(copying.data(message).get(at..).unwrap_or_default());
            }
        }
        Poll::Ready(Some(Ok(this.gathered.split().freeze())))
    }
}

impl<R: Runtime> AsyncBufRead for CopyOutReader<'_, R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_current(cx)).map_err(io::Error::other)?;
        Poll::Ready(Ok(this.rest()))
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        CopyOutReader::consume(self.get_mut(), count);
    }
}

impl<R: Runtime> AsyncRead for CopyOutReader<'_, R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_current(cx)).map_err(io::Error::other)?;
        let rest = this.rest();
        let count = rest.len().min(space.len());
        if let (Some(space), Some(bytes)) = (space.get_mut(..count), rest.get(..count)) {
            space.copy_from_slice(bytes);
        }
        this.consume(count);
        Poll::Ready(Ok(count))
    }
}
