//! Client and server side by side in one task: in memory, and in the simulation.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use aiopg::{Config, Error, Kind};
use aiopg_sim::{Sim, SimListener};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::script::{FakeServer, Peer};
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::{Either, join, select};

/// Who connects, with the password that the server knows.
pub(crate) fn config() -> Config {
    // Transactions are dropped here on purpose.
    Config::new().user("ada").password("secret").on_event(|_| {})
}

/// Runs both until the client is done.
pub(crate) async fn beside<T>(
    server: impl Future<Output = ()>,
    client: impl Future<Output = T>,
) -> T {
    match select(pin!(client), pin!(server)).await {
        Either::Left((output, _)) => output,
        Either::Right(((), client)) => client.await,
    }
}

/// Runs both to their ends. The client must drop its connection, or the server waits for more.
pub(crate) async fn converse<T>(
    server: impl AsyncFnOnce(Peer<Duplex>) -> io::Result<()>,
    client: impl AsyncFnOnce(Duplex) -> T,
) -> (T, io::Result<()>) {
    let (near, far) = Duplex::pair();
    join(client(near), server(Peer::new(far))).await
}

/// Makes connections to a tiny server.
pub(crate) struct Dialer {
    streams: UnboundedSender<Duplex>,
}

impl Dialer {
    pub(crate) fn dial(&self) -> Duplex {
        self.dial_with(Direction::default(), Direction::default())
    }

    pub(crate) fn dial_with(&self, there: Direction, back: Direction) -> Duplex {
        let (near, far) = Duplex::pair_with(there, back);
        self.streams.unbounded_send(far).unwrap();
        near
    }
}

/// Runs `client` beside a tiny server that takes any number of connections.
pub(crate) async fn served<T>(server: &FakeServer, client: impl AsyncFnOnce(&Dialer) -> T) -> T {
    let (streams, accepted) = unbounded();
    let serving = accepted.for_each_concurrent(None, async |stream| {
        // How a connection ends stands in the diary.
        drop(server.serve(stream).await);
    });
    let dialer = Dialer { streams };
    beside(serving, client(&dialer)).await
}

/// Where the tiny server listens in the simulation.
pub(crate) fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5432))
}

/// Connects to the tiny server in the simulation.
pub(crate) fn sim_config() -> Config {
    config().host("10.0.0.1")
}

/// Serves every connection, each in a task of its own.
pub(crate) fn serve_in(sim: &Sim, server: &FakeServer) {
    let (runtime, server, listener) = (sim.runtime(), server.clone(), sim.listen_tcp(address()));
    sim.spawn(accept(runtime, server, listener));
}

async fn accept(runtime: aiopg_sim::SimRuntime, server: FakeServer, listener: SimListener) {
    use aiopg::Runtime;

    loop {
        let (stream, server) = (listener.accept().await, server.clone());
        runtime.spawn(async move { drop(server.serve(stream).await) });
    }
}

/// Checks that this is what callers get of a session that has ended: a cause, and nothing was sent.
pub(crate) fn assert_closed(error: &Error) {
    assert_eq!(error.kind(), Kind::Closed, "{error:?}");
    assert!(std::error::Error::source(error).is_some(), "{error:?} has no cause");
    assert!(error.is_retryable(), "nothing of the request was sent");
}
