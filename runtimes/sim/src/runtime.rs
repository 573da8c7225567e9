//! The simulation as a `Runtime`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aiopg_runtime::{Runtime, TcpOptions};

use crate::blocking::unblock;
use crate::clock::instant;
use crate::network::{Address, Name};
use crate::sleep::SimSleep;
use crate::stream::{SimListener, SimStream, connect};
use crate::trace::Kind;
use crate::world::Shared;

/// The handle that the code under test takes as its runtime.
///
/// It is made by [`Sim::runtime`](crate::Sim::runtime), and outlives the simulation: then
/// [`spawn`](Runtime::spawn) answers `false`, [`unblock`](Runtime::unblock) fails, and whatever waits for
/// time or the network waits forever.
#[derive(Clone, Debug)]
pub struct SimRuntime {
    shared: Arc<Shared>,
}

impl SimRuntime {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Listens on a TCP address, as [`Sim::listen_tcp`](crate::Sim::listen_tcp) does: for a server that
    /// comes and goes.
    ///
    /// # Panics
    ///
    /// If somebody listens there already.
    pub fn listen_tcp(&self, address: SocketAddr) -> SimListener {
        SimListener::new(Arc::clone(&self.shared), address.into())
    }

    /// Listens on a Unix-domain socket, as [`Sim::listen_unix`](crate::Sim::listen_unix) does.
    ///
    /// # Panics
    ///
    /// If somebody listens there already.
    pub fn listen_unix(&self, path: impl AsRef<Path>) -> SimListener {
        SimListener::new(Arc::clone(&self.shared), path.as_ref().into())
    }
}

impl Runtime for SimRuntime {
    type TcpStream = SimStream;
    type UnixStream = SimStream;
    type Sleep = SimSleep;

    async fn connect_tcp(&self, address: SocketAddr, _: &TcpOptions) -> io::Result<SimStream> {
        connect(Arc::clone(&self.shared), address.into()).await
    }

    fn connect_unix(&self, path: &Path) -> impl Future<Output = io::Result<SimStream>> + Send {
        connect(Arc::clone(&self.shared), Address::from(path))
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        SimSleep::latency(Arc::clone(&self.shared)).await;
        let name = self.shared.with(|world| {
            world.record(Kind::Resolve, 0, 0);
            world.network.names.get(host).cloned()
        });
        match name {
            Some(Name::Known(addresses)) if !addresses.is_empty() => {
                Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
            }
            Some(Name::Silent) => std::future::pending().await,
            Some(Name::Known(_)) | None => {
                Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.shared.add_task(Some(Box::pin(task))).is_ok()
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send {
        unblock(&self.shared, work)
    }

    fn sleep_until(&self, deadline: Instant) -> SimSleep {
        SimSleep::until(Arc::clone(&self.shared), deadline)
    }

    fn now(&self) -> Instant {
        instant(self.shared.with(|world| world.now))
    }

    fn random(&self) -> u64 {
        self.shared.with(|world| world.draws.next())
    }
}
