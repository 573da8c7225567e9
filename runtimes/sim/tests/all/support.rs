//! What several tests share: an address, an echo server, a way to see a panic.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use aiopg_runtime::{Runtime, TcpOptions};
use aiopg_sim::{Sim, SimListener, SimRuntime, SimStream};
use futures_util::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5432))
}

pub(crate) async fn connect(runtime: &SimRuntime) -> io::Result<SimStream> {
    runtime.connect_tcp(address(), &TcpOptions::default()).await
}

/// Sends back what each client sends, until its end of file.
pub(crate) async fn echo(runtime: SimRuntime, listener: SimListener) {
    loop {
        let mut stream = listener.accept().await;
        runtime.spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            // A client that resets or goes away ends its own echo, nothing else.
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            let _ = stream.close().await;
        });
    }
}

/// A world with an echo server.
pub(crate) fn echo_world(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    sim.spawn(echo(sim.runtime(), sim.listen_tcp(address())));
    sim
}

pub(crate) async fn sleep(runtime: &SimRuntime, duration: Duration) {
    runtime.sleep_until(runtime.now() + duration).await;
}

/// The message with which `work` panics.
pub(crate) fn panic_of<T>(work: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => message(payload.as_ref()),
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default()
}
