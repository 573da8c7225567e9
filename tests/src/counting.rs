//! A runtime that counts what a driver asks of it: connects, reads, writes, bytes, tasks.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::Sub;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use aiopg_runtime::{ByteStream, Runtime, TcpOptions};
use futures_io::{AsyncRead, AsyncWrite};

/// Wraps a runtime and counts everything that passes through it. Clones share their counts.
#[derive(Clone, Debug)]
pub struct Counting<R> {
    inner: R,
    counters: Arc<Counters>,
}

impl<R> Counting<R> {
    /// Starts counting what is asked of `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, counters: Arc::default() }
    }

    /// The counts up to now. Subtract an earlier reading to learn what one call cost.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Wraps a stream of the caller's own, for `connect_stream`; it counts as no connect.
    pub fn stream<S>(&self, inner: S) -> CountingStream<S> {
        CountingStream { inner, counters: Arc::clone(&self.counters) }
    }
}

impl<R: Runtime> Runtime for Counting<R> {
    type TcpStream = CountingStream<R::TcpStream>;
    type UnixStream = CountingStream<R::UnixStream>;
    type Sleep = R::Sleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<Self::TcpStream> {
        add(&self.counters.connects, 1);
        Ok(self.stream(self.inner.connect_tcp(address, options).await?))
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        add(&self.counters.connects, 1);
        Ok(self.stream(self.inner.connect_unix(path).await?))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.inner.resolve(host, port).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        add(&self.counters.spawns, 1);
        self.inner.spawn(task)
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        add(&self.counters.unblocks, 1);
        self.inner.unblock(work).await
    }

    fn sleep_until(&self, deadline: Instant) -> Self::Sleep {
        add(&self.counters.sleeps, 1);
        self.inner.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        add(&self.counters.clock_readings, 1);
        self.inner.now()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}

/// A reading of the counters; the difference of two is what happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connects that were begun.
    pub connects: u64,
    /// Reads that gave bytes, end of file or an error; those that had to wait are not counted.
    pub reads: u64,
    /// Reads that found nothing and had to wait.
    pub waits: u64,
    /// Writes that took bytes or failed, plain and vectored.
    pub writes: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Tasks that were spawned.
    pub spawns: u64,
    /// Closures that were sent off to a thread.
    pub unblocks: u64,
    /// Timers that were made.
    pub sleeps: u64,
    /// Looks at the clock.
    pub clock_readings: u64,
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            connects: self.connects - before.connects,
            reads: self.reads - before.reads,
            waits: self.waits - before.waits,
            writes: self.writes - before.writes,
            bytes_read: self.bytes_read - before.bytes_read,
            bytes_written: self.bytes_written - before.bytes_written,
            spawns: self.spawns - before.spawns,
            unblocks: self.unblocks - before.unblocks,
            sleeps: self.sleeps - before.sleeps,
            clock_readings: self.clock_readings - before.clock_readings,
        }
    }
}

/// A stream whose reads and writes are counted.
#[derive(Debug)]
pub struct CountingStream<S> {
    inner: S,
    counters: Arc<Counters>,
}

impl<S: ByteStream> AsyncRead for CountingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.counters.note_read(result)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [io::IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_read_vectored(cx, buffers);
        self.counters.note_read(result)
    }
}

impl<S: ByteStream> AsyncWrite for CountingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.counters.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.counters.note_write(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[derive(Debug, Default)]
struct Counters {
    connects: AtomicU64,
    reads: AtomicU64,
    waits: AtomicU64,
    writes: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    spawns: AtomicU64,
    unblocks: AtomicU64,
    sleeps: AtomicU64,
    clock_readings: AtomicU64,
}

impl Counters {
    fn note_read(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_pending() {
            add(&self.waits, 1);
        }
        let result = ready!(result);
        add(&self.reads, 1);
        add(&self.bytes_read, *result.as_ref().unwrap_or(&0) as u64);
        Poll::Ready(result)
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let result = ready!(result);
        add(&self.writes, 1);
        add(&self.bytes_written, *result.as_ref().unwrap_or(&0) as u64);
        Poll::Ready(result)
    }

    fn read(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        Counts {
            connects: load(&self.connects),
            reads: load(&self.reads),
            waits: load(&self.waits),
            writes: load(&self.writes),
            bytes_read: load(&self.bytes_read),
            bytes_written: load(&self.bytes_written),
            spawns: load(&self.spawns),
            unblocks: load(&self.unblocks),
            sleeps: load(&self.sleeps),
            clock_readings: load(&self.clock_readings),
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::AcqRel);
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};

    use super::*;
    use crate::duplex::Duplex;

    #[test]
    fn reads_writes_and_waits_are_counted() {
        let runtime = Counting::new(());
        let (near, mut far) = Duplex::pair();
        let mut near = runtime.stream(near);
        block_on(async {
            near.write_all(b"abc").await.unwrap();
            let parts = [io::IoSlice::new(b"d"), io::IoSlice::new(b"e")];
            assert_eq!(near.write_vectored(&parts).await.unwrap(), 2);
            let before = runtime.counts();
            assert!(near.read(&mut [0; 8]).now_or_never().is_none());
            far.write_all(b"xy").await.unwrap();
            near.read_exact(&mut [0; 2]).await.unwrap();
            let counts = runtime.counts();
            assert_eq!((counts.writes, counts.bytes_written), (2, 5));
            let cost = counts - before;
            assert_eq!((cost.waits, cost.reads, cost.bytes_read, cost.writes), (1, 1, 2, 0));
        });
    }
}
