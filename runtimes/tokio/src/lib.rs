//! Runs aiopg on tokio.
//!
//! [`Tokio`] holds a [`Handle`] of the runtime. It never looks a runtime up on the current thread after that,
//! so a connection may be polled by another executor and dropped on a thread that has none.
//!
//! Both of tokio's drivers are needed: build the runtime with `enable_all`, or with `enable_io` and
//! `enable_time`. Without them tokio panics when the first socket or timer is made.

mod clock;
mod entered;
mod sleep;
mod stream;
#[cfg(unix)]
mod unix;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use aiopg_runtime::{Runtime, TcpOptions, socket};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, unconstrained};

use crate::entered::Entered;
pub use crate::sleep::Sleep;
pub use crate::stream::Io;
#[cfg(unix)]
pub use crate::unix::UnixStream;

/// The tokio runtime, as aiopg sees it: a [`Handle`] and nothing else.
///
/// # Panics
///
/// Tokio's own rules apply to what is made through it: connecting panics if the runtime's I/O driver is not
/// enabled, a timer if its time driver is not. A timer also panics if it is polled, before its deadline and by
/// another executor, after the runtime was shut down. Everything else reports a shut down runtime as an error.
///
/// # Examples
///
/// ```
/// use aiopg_runtime::Runtime;
/// use aiopg_tokio::Tokio;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> std::io::Result<()> {
///     let runtime = Tokio::current();
///     let answer = runtime.unblock(|| 6 * 7).await?;
///     assert_eq!(answer, 42);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Tokio {
    handle: Handle,
}

impl Tokio {
    /// Captures the runtime that the calling code runs on.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. Use [`try_current`](Self::try_current) to ask, and
    /// [`from_handle`](Self::from_handle) to name a runtime from outside.
    #[track_caller]
    #[expect(clippy::panic, reason = "documented; `try_current` is the form that does not panic")]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(current) => current,
            None => panic!(
                "`Tokio::current()` was called outside a tokio runtime; \
                 call it inside one, or use `Tokio::from_handle`"
            ),
        }
    }

    /// Captures the runtime that the calling code runs on; `None` outside a tokio runtime.
    pub fn try_current() -> Option<Self> {
        Handle::try_current().ok().map(Self::from_handle)
    }

    /// Uses the runtime that `handle` belongs to, from wherever this is called.
    pub fn from_handle(handle: Handle) -> Self {
        Self { handle }
    }
}

impl Runtime for Tokio {
    type TcpStream = Io<TcpStream>;
    #[cfg(unix)]
    type UnixStream = UnixStream;
    #[cfg(not(unix))]
    type UnixStream = aiopg_runtime::NoStream;
    type Sleep = Sleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<Self::TcpStream> {
        let stream = Entered::new(&self.handle, TcpStream::connect(address)).await?;
        socket::apply(options, &stream)?;
        Ok(Io::new(stream))
    }

    #[cfg(unix)]
    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        UnixStream::connect(&self.handle, path).await
    }

    #[cfg(not(unix))]
    async fn connect_unix(&self, _: &Path) -> io::Result<Self::UnixStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        accepted(self.handle.spawn(task))
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        match self.handle.spawn_blocking(work).await {
            Ok(value) => Ok(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => Err(io::Error::other(cancelled)),
            },
        }
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(&self.handle, deadline)
    }

    fn now(&self) -> Instant {
        clock::now(&self.handle)
    }

    fn random(&self) -> u64 {
        aiopg_runtime::random()
    }
}

/// Whether a runtime took a task. One that was shut down drops it within `spawn` and marks it as cancelled;
/// nobody else can cancel it, since nobody else holds the handle.
fn accepted(task: JoinHandle<()>) -> bool {
    if !task.is_finished() {
        return true;
    }
    // Unconstrained, because a caller that has used up its budget would read `Pending` here.
    let outcome = pin!(unconstrained(task)).poll(&mut Context::from_waker(Waker::noop()));
    !matches!(outcome, Poll::Ready(Err(error)) if error.is_cancelled())
}
