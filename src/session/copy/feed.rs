//! `Feed`: what a copy in is fed with, in chunks, while the server's answer is looked out for.

use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;
use bytes::BytesMut;

use crate::error::Error;
use crate::session::copy::copying::Copying;
use crate::session::copy::progress::Meter;
use crate::session::copy::reply::Event;

/// What is gathered before it is sent, in bytes: the server reads in smaller pieces, and larger ones gain nothing.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Chunks that are taken at once before the executor gets its turn.
const CHUNKS_PER_TURN: u32 = 16;

/// The data of a copy in.
#[derive(Debug)]
pub(crate) struct Feed<'c, R: Runtime> {
    pub(crate) copying: Copying<'c, R>,
    pub(crate) meter: Meter<'c>,
    /// Chunks that were sent since the executor had its turn.
    chunks: u32,
    /// CopyDone or CopyFail was written.
    ended: bool,
}

impl<'c, R: Runtime> Feed<'c, R> {
    pub(crate) fn new(copying: Copying<'c, R>, meter: Meter<'c>) -> Self {
        Self { copying, meter, chunks: 0, ended: false }
    }

    /// Adds what `write` writes. Nothing is sent before somebody polls.
    pub(crate) fn add(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let meter = &mut self.meter;
        self.copying.add(|out| {
            let before = out.len();
            write(out)?;
            meter.add_bytes(out.len().saturating_sub(before));
            Ok(())
        })
    }

    /// How many bytes may be added before they are to be sent.
    pub(crate) fn room_bytes(&self) -> usize {
        CHUNK_BYTES.saturating_sub(self.copying.unsent_bytes())
    }

    /// Ready when there is room: once a chunk is full, all of it is sent first.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.room_bytes() > 0 && self.copying.is_open() {
            Poll::Ready(Ok(()))
        } else {
            self.poll_sent(cx)
        }
    }

    /// Ready when everything is sent. An error if the server has reported one, or the copy is over.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.copying.outcome().is_none() {
            let message = if self.copying.has_failed() {
                Some(ready!(self.copying.poll_message(cx))?)
            } else {
                let written = self.copying.poll_written(cx);
                if written.is_pending() {
                    self.chunks = 0;
                }
                ready!(written)?
            };
            if let Some(message) = message {
                self.copying.handle(message)?;
                continue;
            }
            self.meter.step();
            self.chunks += 1;
            if self.chunks >= CHUNKS_PER_TURN {
                // A server that is faster than its client must not keep the executor's thread.
                self.chunks = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(self.copying.ended()))
    }

    /// Says that the data is complete, and waits for the outcome: how many rows the server has copied.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        if !self.ended {
            self.ended = true;
            self.copying.end_data()?;
        }
        let outcome = ready!(self.poll_outcome(cx));
        if outcome.is_ok() {
            self.meter.tell();
        }
        Poll::Ready(outcome)
    }

    /// Says that the data is not to count, and waits until the server has said so, too.
    pub(crate) fn poll_fail(&mut self, cx: &mut Context<'_>, reason: &str) -> Poll<Error> {
        if !self.ended {
            self.ended = true;
            self.copying.fail(reason);
        }
        match ready!(self.poll_outcome(cx)) {
            Ok(_) => Poll::Ready(self.copying.ended()),
            Err(error) => Poll::Ready(error),
        }
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, Error>> {
        loop {
            if let Some(outcome) = self.copying.outcome() {
                return Poll::Ready(outcome.map(|tag| tag.rows()));
            }
            let message = ready!(self.copying.poll_message(cx))?;
            let _: Event = self.copying.handle(message)?;
        }
    }
}
