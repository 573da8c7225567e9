//! Says good-bye and closes a transport, without waiting for ever.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aiopg_runtime::Runtime;
use bytes::BytesMut;

use crate::connection::transport::Transport;

/// How long a good-bye may take. It is a courtesy: the end of the stream tells the server the same.
const LIMIT: Duration = Duration::from_secs(5);

/// Reads that succeed at once before the executor gets its turn.
const READS_PER_TURN: u32 = 16;

/// Writes `good_bye`, closes the stream, and reads what the server still has to say: a server that waits to be
/// read would not read either.
pub(crate) async fn close<R: Runtime>(
    runtime: &R,
    mut transport: Transport<R>,
    mut good_bye: BytesMut,
) -> io::Result<()> {
    let closing = poll_fn(|cx| {
        for _ in 0..READS_PER_TURN {
            if let Poll::Ready(closed) = poll_write_and_close(&mut transport, &mut good_bye, cx) {
                return Poll::Ready(closed);
            }
            match transport.poll_read(cx, &mut [0; 1024]) {
                // It has gone by itself.
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    runtime.timeout(LIMIT, closing).await.unwrap_or(Ok(()))
}

fn poll_write_and_close<R: Runtime>(
    transport: &mut Transport<R>,
    good_bye: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    ready!(transport.poll_write_all(cx, good_bye))?;
    transport.poll_close(cx)
}
