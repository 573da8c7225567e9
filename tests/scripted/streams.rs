//! Streams with a will of their own: a gate that takes so many bytes, and a fountain that never dries up.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aiopg_tests::duplex::Duplex;
use futures::io::{AsyncRead, AsyncWrite};

/// A stream that is writable only as far as its [`GateKeeper`] says.
pub(crate) struct Gate {
    stream: Duplex,
    state: Arc<Mutex<GateState>>,
}

#[derive(Default)]
struct GateState {
    /// Bytes that may still pass; all of them where there is no limit.
    limit: Option<usize>,
    waker: Option<Waker>,
}

/// Opens and shuts a [`Gate`].
pub(crate) struct GateKeeper(Arc<Mutex<GateState>>);

impl Gate {
    /// An open gate.
    pub(crate) fn new(stream: Duplex) -> (Self, GateKeeper) {
        let state = Arc::<Mutex<GateState>>::default();
        (Self { stream, state: Arc::clone(&state) }, GateKeeper(state))
    }
}

impl GateKeeper {
    /// Lets `limit` more bytes pass.
    pub(crate) fn allow(&self, limit: usize) {
        self.set(Some(limit));
    }

    /// Lets everything pass.
    pub(crate) fn open(&self) {
        self.set(None);
    }

    fn set(&self, limit: Option<usize>) {
        let mut state = self.0.lock().unwrap();
        state.limit = limit;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let state = Arc::clone(&self.state);
        let mut state = state.lock().unwrap();
        let count = state.limit.unwrap_or(bytes.len()).min(bytes.len());
        if count == 0 && !bytes.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, &bytes[..count]);
        if let (Poll::Ready(Ok(written)), Some(limit)) = (&polled, &mut state.limit) {
            *limit -= written;
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// A server that answers the first write with `head`, and the next with `first` and then `flood` without end:
/// reading never waits.
pub(crate) struct Fountain {
    head: Vec<u8>,
    first: Vec<u8>,
    flood: Vec<u8>,
    writes: u32,
    position: usize,
}

impl Fountain {
    pub(crate) fn new(head: Vec<u8>, first: Vec<u8>, flood: Vec<u8>) -> Self {
        Self { head, first, flood, writes: 0, position: 0 }
    }

    /// Answers the first write without end already.
    pub(crate) fn at_once(mut self) -> Self {
        self.first = std::mem::take(&mut self.head);
        self.writes = 1;
        self
    }

    fn next_byte(&self) -> Option<u8> {
        let (head, first) = (self.head.len(), self.head.len() + self.first.len());
        match self.position {
            position if position < head => self.head.get(position).filter(|_| self.writes > 0),
            _ if self.writes < 2 => None,
            position if position < first => self.first.get(position - head),
            position => self.flood.get((position - first) % self.flood.len()),
        }
        .copied()
    }
}

impl AsyncRead for Fountain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let length = buffer.len().min(MOST_AT_ONCE);
        for (count, slot) in buffer[..length].iter_mut().enumerate() {
            let Some(byte) = self.next_byte() else {
                // Whoever waits here writes next, or waits forever.
                return if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) };
            };
            *slot = byte;
            self.position += 1;
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Fountain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a fountain gives in one read: little, so that a turn is over soon.
const MOST_AT_ONCE: usize = 2 << 10;
