//! `LargeObject`: reads, writes and seeks in a large object that is open.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};

use crate::connection::Withdrawn;
use crate::error::Error;
use crate::message::TransactionStatus;
use crate::session::connection::Connection;
use crate::session::large_object_call::{Call, Calling, position, write_later};

/// The most that is read or written by one call: enough that round trips do not count, little enough to keep.
const LONGEST_CHUNK: usize = 256 << 10;

/// What is read at first, as nobody knows yet whether more is wanted.
const SHORTEST_CHUNK: usize = 8 << 10;

/// A large object that is open for reading, writing, or both, within a transaction.
///
/// It implements [`AsyncRead`], [`AsyncWrite`] and [`AsyncSeek`] of `futures`. Both directions have a buffer of up to
/// 256 KiB: small reads and writes cost no round trip each. Their errors are [`io::Error`]s with an [`Error`] in them.
/// [`LargeObjects`](crate::LargeObjects) opens it.
///
/// # Cancel safety
///
/// A read, write or seek may be dropped and made again: no byte is lost or written twice. What was written and not
/// flushed when the object is dropped goes out with the transaction's next statement or its end.
pub struct LargeObject<'t, R: Runtime = AnyRuntime> {
    pub(crate) connection: &'t mut Connection<R>,
    pub(crate) descriptor: i32,
    /// Where the next byte is read or written, as the caller sees it.
    position: u64,
    /// Bytes that were read ahead, from `taken` on.
    input: Vec<u8>,
    taken: usize,
    chunk: usize,
    /// Bytes that are not yet written, or not yet known to be.
    output: Vec<u8>,
    /// What the server is doing.
    calling: Option<Calling>,
    closed: bool,
}

impl<'t, R: Runtime> LargeObject<'t, R> {
    pub(crate) fn new(connection: &'t mut Connection<R>, descriptor: i32) -> Self {
        Self {
            connection,
            descriptor,
            position: 0,
            input: Vec::new(),
            taken: 0,
            chunk: SHORTEST_CHUNK,
            output: Vec::new(),
            calling: None,
            closed: false,
        }
    }

    /// Returns the position: where the next byte is read or written.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Cuts the object off at `length`, or fills it up with zeros. The position stays.
    ///
    /// # Examples
    ///
    /// See [`LargeObjects`](crate::LargeObjects).
    ///
    /// # Messages
    ///
    /// One round trip, after those that write what is buffered.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may have been done or not.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`], such as for an object that was opened for reading.
    ///
    /// # Source
    ///
    /// [Truncating](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-TRUNCATE)
    pub async fn truncate(&mut self, length: u64) -> Result<(), Error> {
        let length = i64::try_from(length)
            .map_err(|_| Error::usage("the length is beyond 64 bits with a sign").unsent())?;
        poll_fn(|cx| self.poll_settled(cx)).await?;
        self.go_back()?;
        poll_fn(|cx| self.poll_settled(cx)).await?;
        self.start(Call::Truncate(length))?;
        poll_fn(|cx| self.poll_settled(cx)).await
    }

    /// Writes what is buffered and closes the object. The end of the transaction does that, too.
    ///
    /// # Examples
    ///
    /// See [`LargeObjects`](crate::LargeObjects).
    ///
    /// # Messages
    ///
    /// One round trip, after those that write what is buffered.
    ///
    /// # Cancel safety
    ///
    /// As if the object had been dropped.
    ///
    /// # Errors
    ///
    /// As [`Connection::query`]: those of writing.
    ///
    /// # Source
    ///
    /// [Closing](https://www.postgresql.org/docs/18/lo-interfaces.html#LO-CLOSE)
    pub async fn close(mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    fn start(&mut self, call: Call) -> Result<(), Error> {
        if self.closed {
            return Err(Error::usage("the large object is closed").unsent());
        }
        let (connection, descriptor) = (&mut *self.connection, self.descriptor);
        self.calling = Some(Calling::start(call, connection, descriptor, &self.output)?);
        Ok(())
    }

    /// Waits for what the server is doing, and takes its answer in.
    fn poll_call(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(calling) = &mut self.calling else {
            // Of a call that failed in between, the rest may be owed; and no cancel request must hit the next.
            if !self.connection.channel.is_settled() {
                ready!(self.connection.channel.poll_settled(cx))?;
                self.connection.take_note();
            }
            return Poll::Ready(Ok(()));
        };
        let done = ready!(calling.poll_value(self.connection, cx));
        let call = calling.call;
        self.calling = None;
        if call == Call::Write {
            // If it failed, so has the transaction.
            self.output.clear();
        }
        let value = done?;
        match call {
            Call::Read(length) => {
                if usize::try_from(length).is_ok_and(|length| value.len() > length) {
                    let error =
                        Error::protocol("DataRow", "it holds more bytes than were asked for");
                    return Poll::Ready(Err(self.connection.channel.end(error)));
                }
                (self.input, self.taken) = (value, 0);
                self.chunk = self.chunk.saturating_mul(2).min(LONGEST_CHUNK);
            }
            Call::Seek(_) => self.position = position(&value)?,
            Call::Close => self.closed = true,
            Call::Write | Call::Truncate(_) => {}
        }
        Poll::Ready(Ok(()))
    }

    /// What the server is doing.
    fn call(&self) -> Option<Call> {
        self.calling.as_ref().map(|calling| calling.call)
    }

    /// Ready when nothing is under way and nothing waits to be written.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.poll_call(cx))?;
            if self.output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.start(Call::Write)?;
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.closed {
            ready!(self.poll_settled(cx))?;
            if !self.closed {
                self.start(Call::Close)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Has the server return to the caller's position, if more was read than was taken.
    fn go_back(&mut self) -> Result<(), Error> {
        if self.ahead().is_empty() {
            return Ok(());
        }
        self.forget_ahead();
        self.start(Call::Seek(SeekFrom::Start(self.position)))
    }

    /// What was read and not yet taken.
    fn ahead(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    fn forget_ahead(&mut self) {
        (self.input, self.taken, self.chunk) = (Vec::new(), 0, SHORTEST_CHUNK);
    }

    /// Moves on by `count` bytes.
    fn advance(&mut self, count: usize) {
        self.position = self.position.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<(), Error>> {
        while self.ahead().is_empty() {
            let reading = matches!(self.call(), Some(Call::Read(_)));
            ready!(self.poll_settled(cx))?;
            if reading {
                // With nothing it is the end.
                return Poll::Ready(Ok(()));
            }
            if self.ahead().is_empty() {
                let chunk = self.chunk.max(wanted.min(LONGEST_CHUNK));
                self.start(Call::Read(i32::try_from(chunk).unwrap_or(i32::MAX)))?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when there is space for bytes to be written.
    fn poll_space(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.poll_call(cx))?;
            if self.output.len() >= LONGEST_CHUNK {
                self.start(Call::Write)?;
                continue;
            }
            if self.closed {
                return Poll::Ready(Err(Error::usage("the large object is closed").unsent()));
            }
            self.go_back()?;
            if self.calling.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_sought(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<Result<u64, Error>> {
        let to = match to {
            SeekFrom::Current(0) => {
                ready!(self.poll_settled(cx))?;
                return Poll::Ready(Ok(self.position));
            }
            SeekFrom::Current(_) if matches!(self.call(), Some(Call::Seek(SeekFrom::Start(_)))) => {
                // It is under way already.
                ready!(self.poll_call(cx))?;
                return Poll::Ready(Ok(self.position));
            }
            SeekFrom::Current(offset) => {
                let to = self.position.checked_add_signed(offset);
                let before = || Error::usage("that is before the start of the object").unsent();
                SeekFrom::Start(to.ok_or_else(before)?)
            }
            SeekFrom::Start(_) | SeekFrom::End(_) => to,
        };
        let mut asked = self.call() == Some(Call::Seek(to));
        loop {
            ready!(self.poll_settled(cx))?;
            if asked {
                return Poll::Ready(Ok(self.position));
            }
            self.forget_ahead();
            self.start(Call::Seek(to))?;
            asked = true;
        }
    }
}

impl<R: Runtime> AsyncRead for LargeObject<'_, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_fill(cx, buffer.len())).map_err(io::Error::other)?;
        let count = buffer.len().min(self.ahead().len());
        for (to, from) in buffer.iter_mut().zip(self.ahead()) {
            *to = *from;
        }
        self.taken += count;
        self.advance(count);
        Poll::Ready(Ok(count))
    }
}

impl<R: Runtime> AsyncWrite for LargeObject<'_, R> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_space(cx)).map_err(io::Error::other)?;
        let space = LONGEST_CHUNK.saturating_sub(self.output.len());
        let taken = bytes.get(..space).unwrap_or(bytes);
        self.output.extend_from_slice(taken);
        self.advance(taken.len());
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_settled(cx).map_err(io::Error::other)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_closed(cx).map_err(io::Error::other)
    }
}

impl<R: Runtime> AsyncSeek for LargeObject<'_, R> {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        self.poll_sought(cx, to).map_err(io::Error::other)
    }
}

impl<R: Runtime> Drop for LargeObject<'_, R> {
    /// What is buffered is not lost: it goes out with the next request.
    fn drop(&mut self) {
        let sent = self.calling.take().is_some_and(|calling| {
            self.connection.channel.abandon() == Withdrawn::No && calling.call == Call::Write
        });
        let open = self.connection.transaction_status() == TransactionStatus::InTransaction;
        if !sent && open && !self.closed && !self.output.is_empty() {
            write_later(self.connection, self.descriptor, &self.output);
        }
    }
}

impl<R: Runtime> fmt::Debug for LargeObject<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeObject")
            .field("position", &self.position)
            .field("call", &self.call())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
