//! Runs aiopg on async-std.
//!
//! **Deprecated upstream:** async-std is discontinued (RUSTSEC-2025-0052), and its authors point to smol. This
//! adapter serves programs that still run on it; new ones take the smol adapter, which shares its reactor.

mod closing;
mod timer;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use aiopg_runtime::{Runtime, TcpOptions, socket};
use async_std::net::TcpStream;
use async_std::task;

pub use crate::closing::Closing;
pub use crate::timer::Timer;

/// async-std's global runtime. It needs no handle: it is there for the whole life of the process.
///
/// # Examples
///
/// ```
/// use aiopg_async_std::AsyncStd;
/// use aiopg_runtime::Runtime;
///
/// # fn main() -> std::io::Result<()> {
/// let answer = async_std::task::block_on(AsyncStd::new().unblock(|| 6 * 7))?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AsyncStd;

impl AsyncStd {
    /// Names the global runtime; starts nothing.
    pub fn new() -> Self {
        Self
    }
}

impl Runtime for AsyncStd {
    type TcpStream = Closing<TcpStream>;
    #[cfg(unix)]
    type UnixStream = Closing<async_std::os::unix::net::UnixStream>;
    #[cfg(not(unix))]
    type UnixStream = aiopg_runtime::NoStream;
    type Sleep = Timer;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<Self::TcpStream> {
        let stream = TcpStream::connect(address).await?;
        socket::apply(options, &stream)?;
        Ok(Closing::new(stream))
    }

    #[cfg(unix)]
    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        Ok(Closing::new(async_std::os::unix::net::UnixStream::connect(path).await?))
    }

    #[cfg(not(unix))]
    async fn connect_unix(&self, _: &Path) -> io::Result<Self::UnixStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        drop(task::spawn(task));
        true
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Ok(task::spawn_blocking(work).await)
    }

    fn sleep_until(&self, deadline: Instant) -> Timer {
        Timer::at(deadline)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> u64 {
        aiopg_runtime::random()
    }
}
