//! The `Runtime` trait and the timer it hands out.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::any::AnyRuntime;
use crate::options::TcpOptions;
use crate::stream::ByteStream;
use crate::timeout::Timeout;

/// What a driver needs of an async runtime.
///
/// An implementation is a cheap handle: cloning it must not start anything, and it must *hold* whatever it
/// needs (a handle to an executor, a spawner) instead of looking it up on the current thread.
///
/// # Contract
///
/// The conformance suite (feature `conformance`) checks every line of it.
///
/// 1. Every method may be called from any thread, and the futures it returns may be polled by any executor.
/// 2. [`spawn`](Self::spawn) detaches the task, never panics and never runs it inline.
/// 3. Dropping the future of a connect closes its socket.
/// 4. `poll_close` of a stream flushes and half-closes: the peer reads what was written, then end of file.
/// 5. A read that is dropped while it waits has consumed nothing.
/// 6. [`now`](Self::now) is the clock of [`sleep_until`](Self::sleep_until); a deadline in the past is ready
///    at the first poll; [`Sleep::reset`] works before, during and after a wait.
/// 7. [`unblock`](Self::unblock) passes a panic of its closure on to whoever awaits it.
/// 8. Streams and timers need not be `Sync`.
/// 9. No method blocks the thread.
///
/// The driver in turn never blocks on a future, never reads a clock and never draws a number but through
/// this trait.
///
/// New methods are only ever added with a default body.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A connected TCP socket.
    type TcpStream: ByteStream;
    /// A connected Unix-domain socket; [`NoStream`](crate::NoStream) where there are none.
    type UnixStream: ByteStream;
    /// A timer that can be set again.
    type Sleep: Sleep;

    /// Connects to `address` and applies `options` to the socket.
    ///
    /// # Errors
    ///
    /// Whatever the operating system reports; also if an option that was asked for cannot be set.
    fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send;

    /// Connects to the Unix-domain socket at `path`.
    ///
    /// # Errors
    ///
    /// Whatever the operating system reports; [`io::ErrorKind::Unsupported`] where there are no such sockets.
    fn connect_unix(
        &self,
        path: &Path,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send;

    /// Looks up every address of `host`, in the order in which they should be tried.
    ///
    /// The default asks the system's resolver through [`unblock`](Self::unblock).
    ///
    /// # Errors
    ///
    /// The resolver's own error; [`io::ErrorKind::NotFound`] if it answers with no address at all.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        let host = host.to_owned();
        async move {
            let addresses =
                self.unblock(move || (host, port).to_socket_addrs().map(Vec::from_iter)).await??;
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
            }
            Ok(addresses)
        }
    }

    /// Runs `task` in the background and detaches it. Returns `false`, and drops the task, when the executor
    /// is gone. For housekeeping only: a driver must be correct when nothing that it spawns ever runs.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool;

    /// Runs `work` where blocking is allowed, usually on a thread of a pool.
    ///
    /// # Errors
    ///
    /// When the executor is gone and `work` was not run.
    ///
    /// # Panics
    ///
    /// When `work` does: the panic is passed on.
    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send;

    /// A timer that is ready at `deadline`, or at once if that has passed.
    fn sleep_until(&self, deadline: Instant) -> Self::Sleep;

    /// The time by this runtime's clock.
    fn now(&self) -> Instant;

    /// A number for jitter and shuffling. Never for secrets: it may be predictable, and in simulation it is.
    fn random(&self) -> u64;

    /// Bounds `future` by `limit`; see [`Timeout`].
    fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F, Self> {
        Timeout::new(self.clone(), self.now().checked_add(limit), future)
    }

    /// Bounds `future` by `deadline`, or not at all if that is `None`; see [`Timeout`].
    fn timeout_at<F: Future>(&self, deadline: Option<Instant>, future: F) -> Timeout<F, Self> {
        Timeout::new(self.clone(), deadline, future)
    }

    /// Hides the type of the runtime, at the cost of one virtual call per system call.
    fn erase(self) -> AnyRuntime {
        AnyRuntime::new(self)
    }
}

/// A timer that can be set again without allocating.
pub trait Sleep: Future<Output = ()> + Send + 'static {
    /// Sets the timer to `deadline`, also after it has completed.
    fn reset(self: Pin<&mut Self>, deadline: Instant);
}
