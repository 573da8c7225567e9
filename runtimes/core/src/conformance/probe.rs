//! Looking at futures, conditions and streams from outside.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};

use crate::conformance::failure::{Failure, Outcome};
use crate::conformance::peers::Peers;
use crate::options::TcpOptions;
use crate::runtime::Runtime;
use crate::stream::BoxStream;

/// Polls once, for a task that nobody can wake.
pub(super) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until `condition` holds. It gives up after some seconds of the runtime's clock.
pub(super) async fn eventually<R: Runtime>(
    runtime: &R,
    what: &str,
    condition: impl Fn() -> bool + Send,
) -> Outcome {
    for _ in 0..10_000 {
        if condition() {
            return Ok(());
        }
        runtime.sleep_until(runtime.now() + Duration::from_millis(1)).await;
    }
    Err(Failure::new(format!("this never came true: {what}")))
}

/// A connection to every kind of echo there is, with its name.
pub(super) async fn dial<R: Runtime>(
    runtime: &R,
    peers: &Peers,
) -> Outcome<Vec<(&'static str, BoxStream)>> {
    let tcp = runtime.connect_tcp(peers.echo, &TcpOptions::default()).await?;
    let mut streams = vec![("tcp", Box::new(tcp) as BoxStream)];
    if let Some(path) = &peers.unix_echo {
        let unix = runtime.connect_unix(path).await?;
        streams.push(("unix", Box::new(unix)));
    }
    Ok(streams)
}

/// Writes all of `bytes`, then closes, and reads to end of file at the same time, as a driver does it that
/// must not wait for a peer which waits for it.
pub(super) async fn converse(stream: &mut BoxStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut unsent = bytes;
    let mut closed = false;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    poll_fn(|cx| {
        while !closed {
            if unsent.is_empty() {
                let Poll::Ready(result) = Pin::new(&mut *stream).poll_close(cx) else { break };
                result?;
                closed = true;
            } else {
                let Poll::Ready(result) = Pin::new(&mut *stream).poll_write(cx, unsent) else {
                    break;
                };
                unsent = match result? {
                    0 => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero))),
                    written => unsent.get(written..).unwrap_or_default(),
                };
            }
        }
        loop {
            let Poll::Ready(result) = Pin::new(&mut *stream).poll_read(cx, &mut buffer) else {
                return Poll::Pending;
            };
            match result? {
                0 => return Poll::Ready(Ok(())),
                read => answer.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            }
        }
    })
    .await?;
    Ok(answer)
}
