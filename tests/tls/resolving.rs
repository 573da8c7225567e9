//! A runtime that knows the addresses of every name.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use aiopg::Runtime;
use aiopg_runtime::TcpOptions;

/// Does as `inner` does, but whatever the name is, these are its addresses.
#[derive(Clone, Debug)]
pub(crate) struct Resolving<R> {
    pub(crate) inner: R,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl<R: Runtime> Runtime for Resolving<R> {
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

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.addresses.clone())
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
