//! A runtime whose background runs, refuses, or forgets what it is given.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aiopg::Runtime;
use aiopg_runtime::TcpOptions;

/// What becomes of a task that is spawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Runs,
    /// `spawn` says `false`.
    Refused,
    /// `spawn` says `true`, and that is all.
    Forgotten,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wraps a runtime, and decides what becomes of its tasks.
#[derive(Clone)]
pub(crate) struct Background<R> {
    inner: R,
    fate: Fate,
    forgotten: Arc<Mutex<Vec<Task>>>,
}

impl<R> Background<R> {
    pub(crate) fn new(inner: R, fate: Fate) -> Self {
        Self { inner, fate, forgotten: Arc::default() }
    }

    /// Drops what was forgotten, as an executor does at its end.
    pub(crate) fn end(&self) {
        let forgotten = std::mem::take(&mut *self.forgotten.lock().unwrap());
        drop(forgotten);
    }
}

impl<R: Runtime> Runtime for Background<R> {
    type TcpStream = R::TcpStream;
    type UnixStream = R::UnixStream;
    type Sleep = R::Sleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<Self::TcpStream> {
        self.inner.connect_tcp(address, options).await
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        self.inner.connect_unix(path).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.inner.resolve(host, port).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match self.fate {
            Fate::Runs => self.inner.spawn(task),
            Fate::Refused => false,
            Fate::Forgotten => {
                self.forgotten.lock().unwrap().push(Box::pin(task));
                true
            }
        }
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        self.inner.unblock(work).await
    }

    fn sleep_until(&self, deadline: Instant) -> Self::Sleep {
        self.inner.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}
