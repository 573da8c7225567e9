//! Runs aiopg on smol, or on any executor at all.
//!
//! Sockets and timers belong to smol's reactor, which has a thread of its own and wakes tasks of every
//! executor. So a connection works under any `block_on`; what differs is only where background tasks run,
//! and [`Smol`] is made with the answer to that.

mod timer;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Instant;

use aiopg_runtime::{Runtime, Spawner, TcpOptions, socket};
use smol::Executor;
use smol::net::TcpStream;

pub use crate::timer::Timer;

/// Smol's reactor, and a place where background tasks run.
///
/// # Examples
///
/// ```
/// use aiopg_runtime::Runtime;
/// use aiopg_smol::Smol;
///
/// # fn main() -> std::io::Result<()> {
/// let runtime = Smol::global();
/// let answer = smol::block_on(runtime.unblock(|| 6 * 7))?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Smol {
    tasks: Tasks,
}

/// Where background tasks run.
#[derive(Clone, Debug)]
enum Tasks {
    Global,
    /// Weak, so that a task that holds its runtime does not keep the executor alive that holds the task.
    Executor(Weak<Executor<'static>>),
    Queue(Spawner),
}

impl Smol {
    /// Runs background tasks on smol's global executor, which starts its threads with the first of them.
    pub fn global() -> Self {
        Self { tasks: Tasks::Global }
    }

    /// Runs background tasks on `executor`, which the caller keeps and drives.
    ///
    /// Only a weak reference is held: once the last `Arc` is dropped, [`spawn`](Runtime::spawn) says `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use aiopg_runtime::Runtime;
    /// use aiopg_smol::Smol;
    ///
    /// let executor = Arc::new(smol::Executor::new());
    /// let runtime = Smol::on(&executor);
    /// assert!(runtime.spawn(async {}));
    /// smol::block_on(executor.run(async { /* connections go here */ }));
    ///
    /// drop(executor);
    /// assert!(!runtime.spawn(async {}));
    /// ```
    pub fn on(executor: &Arc<Executor<'static>>) -> Self {
        Self { tasks: Tasks::Executor(Arc::downgrade(executor)) }
    }

    /// Runs background tasks in the [`SpawnQueue`](aiopg_runtime::SpawnQueue) of `spawner`, for hosts that
    /// have no executor: the host polls the queue next to its own work.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiopg_runtime::{Runtime, SpawnQueue};
    /// use aiopg_smol::Smol;
    ///
    /// let (spawner, queue) = SpawnQueue::new();
    /// let runtime = Smol::queue(spawner);
    /// let work = std::pin::pin!(async move { runtime.spawn(async {}) });
    /// futures::executor::block_on(futures::future::select(work, queue));
    /// ```
    pub fn queue(spawner: Spawner) -> Self {
        Self { tasks: Tasks::Queue(spawner) }
    }
}

impl Runtime for Smol {
    type TcpStream = TcpStream;
    #[cfg(unix)]
    type UnixStream = smol::net::unix::UnixStream;
    #[cfg(not(unix))]
    type UnixStream = aiopg_runtime::NoStream;
    type Sleep = Timer;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        socket::apply(options, &stream)?;
        Ok(stream)
    }

    #[cfg(unix)]
    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        smol::net::unix::UnixStream::connect(path).await
    }

    #[cfg(not(unix))]
    async fn connect_unix(&self, _: &Path) -> io::Result<Self::UnixStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match &self.tasks {
            Tasks::Global => smol::spawn(task).detach(),
            Tasks::Executor(executor) => match executor.upgrade() {
                Some(executor) => executor.spawn(task).detach(),
                None => return false,
            },
            Tasks::Queue(spawner) => return spawner.spawn(task),
        }
        true
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        Ok(smol::unblock(work).await)
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
