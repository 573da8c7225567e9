//! A pair of connected byte streams in memory: no socket, no runtime, no thread.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};

/// One end of a connected pair. What is written to one end is read from the other.
///
/// Closing or dropping an end lets the other read what is left, and then end of file; writing to an end whose
/// peer was dropped fails with [`io::ErrorKind::BrokenPipe`].
#[derive(Debug)]
pub struct Duplex {
    outgoing: Arc<Pipe>,
    incoming: Arc<Pipe>,
}

impl Duplex {
    /// Two connected ends that move any number of bytes at a time and hold at most 64 KiB each way.
    pub fn pair() -> (Self, Self) {
        Self::pair_with(Direction::default(), Direction::default())
    }

    /// Two connected ends; `there` rules the bytes from the first to the second, `back` the others.
    pub fn pair_with(there: Direction, back: Direction) -> (Self, Self) {
        let there = Arc::new(Pipe::new(there));
        let back = Arc::new(Pipe::new(back));
        (
            Self { outgoing: Arc::clone(&there), incoming: Arc::clone(&back) },
            Self { outgoing: back, incoming: there },
        )
    }

    /// A handle that goes on watching this end after it was given away.
    pub fn tap(&self) -> Tap {
        Tap { outgoing: Arc::clone(&self.outgoing), incoming: Arc::clone(&self.incoming) }
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.incoming.lock().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.lock().poll_write(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.outgoing.lock().poll_write(cx, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.lock().close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        self.outgoing.lock().close();
        self.incoming.lock().abandon();
    }
}

/// How bytes travel in one direction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Direction {
    capacity: usize,
    chunk: usize,
    cut: Option<(usize, Cut)>,
}

impl Direction {
    /// Holds at most `bytes` that were written and not yet read; a writer waits for room. Default: 64 KiB.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Moves at most `bytes` per read and per write. Default: any number.
    pub fn chunk(mut self, bytes: usize) -> Self {
        self.chunk = bytes.max(1);
        self
    }

    /// Ends after `bytes`: the reader finds end of file, the writer [`io::ErrorKind::BrokenPipe`].
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some((bytes, Cut::EndOfFile));
        self
    }

    /// Ends after `bytes` with [`io::ErrorKind::ConnectionReset`] on both sides.
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.cut = Some((bytes, Cut::Reset));
        self
    }
}

impl Default for Direction {
    fn default() -> Self {
        Self { capacity: 64 * 1024, chunk: usize::MAX, cut: None }
    }
}

/// Watches one end of a pair, from outside the stream.
#[derive(Clone, Debug)]
pub struct Tap {
    outgoing: Arc<Pipe>,
    incoming: Arc<Pipe>,
}

impl Tap {
    /// Every byte that this end has written.
    pub fn sent(&self) -> Vec<u8> {
        self.outgoing.lock().record.clone()
    }

    /// Every byte that this end has read.
    pub fn received(&self) -> Vec<u8> {
        let pipe = self.incoming.lock();
        let read = pipe.record.len() - pipe.held.len();
        pipe.record[..read].to_vec()
    }

    /// Ends both directions now, as if the peer had closed; what is held can still be read.
    pub fn cut(&self) {
        for pipe in [&self.outgoing, &self.incoming] {
            let mut pipe = pipe.lock();
            let passed = pipe.record.len();
            pipe.rules.cut = Some((passed, Cut::EndOfFile));
            pipe.wake_all();
        }
    }
}

/// What either side meets at a cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    EndOfFile,
    Reset,
}

/// One direction.
#[derive(Debug)]
struct Pipe(Mutex<Flow>);

impl Pipe {
    fn new(rules: Direction) -> Self {
        Self(Mutex::new(Flow {
            rules,
            held: VecDeque::new(),
            record: Vec::new(),
            closed: false,
            abandoned: false,
            reader: None,
            writer: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Flow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Flow {
    rules: Direction,
    held: VecDeque<u8>,
    /// Everything ever written; its tail is what is still held.
    record: Vec<u8>,
    closed: bool,
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Flow {
    fn poll_read(&mut self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = buffer.len().min(self.rules.chunk).min(self.held.len());
        if count == 0 && !buffer.is_empty() {
            return match self.cut_reached() {
                Some(Cut::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Some(Cut::EndOfFile) => Poll::Ready(Ok(0)),
                None if self.closed => Poll::Ready(Ok(0)),
                None => {
                    self.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        for (slot, byte) in buffer.iter_mut().zip(self.held.drain(..count)) {
            *slot = byte;
        }
        wake(&mut self.writer);
        Poll::Ready(Ok(count))
    }

    fn poll_write(
        &mut self,
        cx: &Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(Cut::Reset) = self.cut_reached() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.closed || self.abandoned || self.cut_reached().is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        let before_cut = self.rules.cut.map_or(usize::MAX, |(at, _)| at - self.record.len());
        let room = self.rules.capacity.saturating_sub(self.held.len());
        let count = wanted.min(self.rules.chunk).min(before_cut).min(room);
        if count == 0 && wanted > 0 {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for byte in parts.iter().flat_map(|part| part.iter()).take(count) {
            self.held.push_back(*byte);
            self.record.push(*byte);
        }
        wake(&mut self.reader);
        Poll::Ready(Ok(count))
    }

    fn cut_reached(&self) -> Option<Cut> {
        self.rules.cut.filter(|(at, _)| self.record.len() >= *at).map(|(_, cut)| cut)
    }

    fn close(&mut self) {
        self.closed = true;
        self.wake_all();
    }

    fn abandon(&mut self) {
        self.abandoned = true;
        self.wake_all();
    }

    fn wake_all(&mut self) {
        wake(&mut self.reader);
        wake(&mut self.writer);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, join};

    use super::*;

    #[test]
    fn bytes_arrive_in_order_both_ways() {
        let (mut near, mut far) = Duplex::pair();
        block_on(async {
            near.write_all(b"ping").await.unwrap();
            far.write_all(b"pong").await.unwrap();
            let mut buffer = [0; 4];
            far.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"ping");
            near.read_exact(&mut buffer).await.unwrap();
            assert_eq!(&buffer, b"pong");
        });
    }

    #[test]
    fn writer_waits_for_room_and_is_woken() {
        let (mut near, mut far) =
            Duplex::pair_with(Direction::default().capacity(3), Direction::default());
        block_on(async {
            assert_eq!(near.write(b"abcdef").await.unwrap(), 3);
            assert!(near.write(b"def").now_or_never().is_none(), "a full pipe takes no byte");
            let mut text = String::new();
            let write = async {
                near.write_all(b"def").await.unwrap();
                near.close().await.unwrap();
            };
            join!(write, async { far.read_to_string(&mut text).await.unwrap() });
            assert_eq!(text, "abcdef");
        });
    }

    #[test]
    fn chunk_bounds_each_read_and_write() {
        let (mut near, mut far) =
            Duplex::pair_with(Direction::default().chunk(1), Direction::default());
        block_on(async {
            assert_eq!(near.write(b"ab").await.unwrap(), 1);
            near.write_all(b"bc").await.unwrap();
            let mut buffer = [0; 8];
            assert_eq!(far.read(&mut buffer).await.unwrap(), 1);
        });
    }

    #[test]
    fn vectored_write_is_one_write() {
        let (mut near, far) = Duplex::pair();
        let parts = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"cd")];
        assert_eq!(block_on(near.write_vectored(&parts)).unwrap(), 4);
        assert_eq!(near.tap().sent(), b"abcd");
        assert_eq!(far.tap().received(), b"", "nothing was read yet");
    }

    #[test]
    fn cut_ends_the_stream_at_its_byte() {
        let (mut near, mut far) =
            Duplex::pair_with(Direction::default().cut_after(2), Direction::default());
        block_on(async {
            let error = near.write_all(b"abc").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "ab");
        });
    }

    #[test]
    fn reset_fails_both_sides() {
        let (mut near, mut far) =
            Duplex::pair_with(Direction::default().reset_after(1), Direction::default());
        block_on(async {
            let error = near.write_all(b"ab").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            let error = far.read_to_end(&mut Vec::new()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        });
    }

    #[test]
    fn cut_wakes_a_waiting_reader() {
        let (near, mut far) = Duplex::pair();
        let tap = near.tap();
        block_on(async {
            let mut rest = Vec::new();
            let (read, ()) = join!(far.read_to_end(&mut rest), async { tap.cut() });
            assert_eq!(read.unwrap(), 0);
        });
    }

    #[test]
    fn dropped_peer_is_end_of_file_and_broken_pipe() {
        let (near, mut far) = Duplex::pair();
        drop(near);
        block_on(async {
            assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
            let error = far.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    }
}
