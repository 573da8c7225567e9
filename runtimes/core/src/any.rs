//! `AnyRuntime`: a runtime whose type is hidden.

use std::any::{Any, type_name};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use crate::options::TcpOptions;
use crate::runtime::{Runtime, Sleep};
use crate::stream::BoxStream;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A runtime whose type is hidden.
///
/// It makes plain type names possible: code that holds an `AnyRuntime` names no runtime and takes no type
/// parameter. The price is one virtual call per system call, and an allocation per connect, look-up, spawned
/// task, [`unblock`](Runtime::unblock) and timer; setting a timer again allocates nothing.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
///
/// use aiopg_runtime::{AnyRuntime, Runtime};
///
/// /// Not generic, and yet it runs on every runtime.
/// fn started(runtime: &AnyRuntime) -> Instant {
///     runtime.now()
/// }
///
/// fn start(runtime: impl Runtime) -> Instant {
///     started(&AnyRuntime::new(runtime))
/// }
/// ```
#[derive(Clone)]
pub struct AnyRuntime(Arc<dyn Erased>);

impl AnyRuntime {
    /// Hides the type of `runtime`. An `AnyRuntime` comes back as it is, not wrapped a second time.
    pub fn new(runtime: impl Runtime) -> Self {
        match (&runtime as &dyn Any).downcast_ref::<Self>() {
            Some(erased) => erased.clone(),
            None => Self(Arc::new(runtime)),
        }
    }
}

impl fmt::Debug for AnyRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyRuntime").field(&format_args!("{}", self.0.type_name())).finish()
    }
}

impl Runtime for AnyRuntime {
    type TcpStream = BoxStream;
    type UnixStream = BoxStream;
    type Sleep = BoxSleep;

    async fn connect_tcp(
        &self,
        address: SocketAddr,
        options: &TcpOptions,
    ) -> io::Result<BoxStream> {
        self.0.connect_tcp(address, options).await
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<BoxStream> {
        self.0.connect_unix(path).await
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.resolve(host, port).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.0.spawn(Box::pin(task))
    }

    async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let slot = Arc::new(Mutex::new(None));
        let result = Arc::clone(&slot);
        self.0
            .unblock(Box::new(move || {
                // The work runs before the lock is taken, so that its panic poisons nothing.
                let value = work();
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            }))
            .await?;
        let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| io::Error::other("the runtime dropped the work"))
    }

    fn sleep_until(&self, deadline: Instant) -> BoxSleep {
        self.0.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

/// A timer whose type is hidden. It is allocated once; [`reset`](Sleep::reset) sets it in place.
pub struct BoxSleep(Pin<Box<dyn Sleep>>);

impl fmt::Debug for BoxSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxSleep").finish_non_exhaustive()
    }
}

impl Future for BoxSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for BoxSleep {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.as_mut().reset(deadline);
    }
}

/// The mirror of [`Runtime`] that can stand behind a pointer.
trait Erased: Send + Sync {
    fn connect_tcp<'a>(
        &'a self,
        address: SocketAddr,
        options: &'a TcpOptions,
    ) -> BoxFuture<'a, io::Result<BoxStream>>;
    fn connect_unix<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<BoxStream>>;
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
    fn spawn(&self, task: BoxFuture<'static, ()>) -> bool;
    fn unblock(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, io::Result<()>>;
    fn sleep_until(&self, deadline: Instant) -> BoxSleep;
    fn now(&self) -> Instant;
    fn random(&self) -> u64;
    fn type_name(&self) -> &'static str;
}

impl<R: Runtime> Erased for R {
    fn connect_tcp<'a>(
        &'a self,
        address: SocketAddr,
        options: &'a TcpOptions,
    ) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = Runtime::connect_tcp(self, address, options).await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }

    fn connect_unix<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = Runtime::connect_unix(self, path).await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(Runtime::resolve(self, host, port))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> bool {
        Runtime::spawn(self, task)
    }

    fn unblock(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(Runtime::unblock(self, work))
    }

    fn sleep_until(&self, deadline: Instant) -> BoxSleep {
        BoxSleep(Box::pin(Runtime::sleep_until(self, deadline)))
    }

    fn now(&self) -> Instant {
        Runtime::now(self)
    }

    fn random(&self) -> u64 {
        Runtime::random(self)
    }

    fn type_name(&self) -> &'static str {
        type_name::<R>()
    }
}
