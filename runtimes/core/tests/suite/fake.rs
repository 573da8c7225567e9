//! A runtime whose clock stands still, and whose timers never fire by themselves.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aiopg_runtime::{NoStream, Runtime, Sleep, TcpOptions};

#[expect(clippy::disallowed_methods, reason = "a test has to start somewhere")]
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    elapsed: Arc<AtomicU64>,
    pub(crate) sleeps: Arc<AtomicUsize>,
    pub(crate) resets: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn advance(&self, seconds: u64) {
        self.elapsed.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn timers_made(&self) -> usize {
        self.sleeps.load(Ordering::Relaxed)
    }
}

impl Runtime for Fake {
    type TcpStream = NoStream;
    type UnixStream = NoStream;
    type Sleep = NeverFires;

    async fn connect_tcp(&self, _: SocketAddr, _: &TcpOptions) -> io::Result<NoStream> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    async fn connect_unix(&self, _: &Path) -> io::Result<NoStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            "here" => Ok(vec![SocketAddr::from(([127, 0, 0, 9], port))]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) -> bool {
        false
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Ok(work())
    }

    fn sleep_until(&self, _: Instant) -> NeverFires {
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        NeverFires { resets: Arc::clone(&self.resets) }
    }

    fn now(&self) -> Instant {
        *EPOCH + Duration::from_secs(self.elapsed.load(Ordering::Relaxed))
    }

    fn random(&self) -> u64 {
        4
    }
}

#[derive(Debug)]
pub(crate) struct NeverFires {
    resets: Arc<AtomicUsize>,
}

impl Future for NeverFires {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        std::pin::pin!(pending()).poll(cx)
    }
}

impl Sleep for NeverFires {
    fn reset(self: Pin<&mut Self>, _: Instant) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls once, for a task that nobody can wake.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
