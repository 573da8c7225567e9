//! "Canceling Requests in Progress": a cancel request on a connection of its own.
//!
//! # Source
//!
//! [Canceling requests in progress](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS)

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::ready;
use std::time::Duration;

use aiopg_runtime::Runtime;
use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::connection::target::Target;
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};
use crate::message::CancelRequest;

/// How long a cancel request may take. It is a courtesy: whoever waits for it waits for this long at most.
const LIMIT: Duration = Duration::from_secs(10);

/// A cancel request that several may wait for: whoever polls it carries it on.
pub(crate) type Cancelling = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Asks the server at `target` to cancel what the session with this key is doing, and waits until the server
/// has closed the connection: then the signal has been sent, and will not hit a later statement.
pub(crate) fn cancelling<R: Runtime>(
    runtime: R,
    target: Target,
    process_id: i32,
    secret_key: &[u8],
) -> Cancelling {
    let mut request = BytesMut::new();
    let written = CancelRequest { process_id, secret_key }.encode(&mut request);
    let cancelling = async move {
        let sent = async {
            written?;
            send(&runtime, &target, request).await
        };
        // A failure is no worse than a server that ignores the request: the reply is then waited for.
        drop(runtime.timeout(LIMIT, sent).await);
    };
    cancelling.boxed().shared()
}

async fn send<R: Runtime>(runtime: &R, target: &Target, request: BytesMut) -> Result<(), Error> {
    let mut transport = target.dial(runtime).await?;
    write(&mut transport, request).await?;
    let mut space = [0; 64];
    let read = poll_fn(|cx| {
        while ready!(transport.poll_read(cx, &mut space))? > 0 {}
        std::task::Poll::Ready(Ok(()))
    });
    read.await.map_err(failed)
}

async fn write<R: Runtime>(
    transport: &mut Transport<R>,
    mut request: BytesMut,
) -> Result<(), Error> {
    let write = poll_fn(|cx| {
        while request.has_remaining() {
            match ready!(transport.poll_write(cx, &request))? {
                0 => return std::task::Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                count => request.advance(count),
            }
        }
        transport.poll_flush(cx)
    });
    write.await.map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    Error::new(Kind::Io, "could not send a cancel request").with_source(error)
}
