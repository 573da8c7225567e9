//! `Distant`: a simulated runtime for which one address is far away.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use aiopg::Runtime;
use aiopg::rt::TcpOptions;
use aiopg_sim::{SimRuntime, SimSleep, SimStream};
use futures::channel::oneshot;

/// Answers of one address take their time. As in an operating system, a connect goes on while nobody polls it.
#[derive(Clone, Debug)]
pub(crate) struct Distant {
    inner: SimRuntime,
    address: SocketAddr,
    delay: Duration,
}

impl Distant {
    pub(crate) fn new(inner: SimRuntime, address: SocketAddr, delay: Duration) -> Self {
        Self { inner, address, delay }
    }
}

impl Runtime for Distant {
    type TcpStream = SimStream;
    type UnixStream = SimStream;
    type Sleep = SimSleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<SimStream> {
        if address != self.address {
            return self.inner.connect_tcp(address, options).await;
        }
        let (answer, answered) = oneshot::channel();
        let (inner, options, due) = (self.inner.clone(), options.clone(), self.now() + self.delay);
        self.inner.spawn(async move {
            inner.sleep_until(due).await;
            drop(answer.send(inner.connect_tcp(address, &options).await));
        });
        answered.await.map_err(io::Error::other)?
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<SimStream> {
        self.inner.connect_unix(path).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.inner.resolve(host, port).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.inner.spawn(task)
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        self.inner.unblock(work).await
    }

    fn sleep_until(&self, deadline: Instant) -> SimSleep {
        self.inner.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}
