//! Checks of what a dropped future leaves behind: nothing.

use std::pin::pin;
use std::time::Duration;

use futures_util::{AsyncReadExt, AsyncWriteExt};

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::conformance::probe::{dial, eventually, poll_once};
use crate::options::TcpOptions;
use crate::runtime::Runtime;

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

pub(super) async fn a_dropped_read_consumes_nothing<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        for round in 0..3 {
            let mut buffer = [0; 8];
            // Nothing was asked, so nothing can come; and whoever polled cannot be woken.
            let first = poll_once(pin!(stream.read(&mut buffer)));
            ensure!(first.is_pending(), "{kind}: a read of nothing gave {first:?}");
            stream.write_all(b"whole").await?;
            stream.flush().await?;
            // Dropped while its bytes are on the way.
            let limit = Duration::from_micros(50 * round);
            let mut known = match runtime.timeout(limit, stream.read(&mut buffer)).await {
                Ok(read) => buffer.get(..read?).unwrap_or_default().to_vec(),
                Err(_) => Vec::new(),
            };
            let mut rest = vec![0; 5_usize.saturating_sub(known.len())];
            stream.read_exact(&mut rest).await?;
            known.append(&mut rest);
            ensure!(known == b"whole", "{kind}: read {:?}", known.escape_ascii().to_string());
        }
    }
    Ok(())
}

pub(super) async fn a_silent_peer_can_be_given_up<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    let mut stream = runtime.connect_tcp(peers.silent, &TcpOptions::default()).await?;
    stream.write_all(b"hello?").await?;
    let outcome = runtime.timeout(SHORT, stream.read(&mut [0; 8])).await;
    ensure!(outcome.is_err(), "a silent peer gave {outcome:?}");
    Ok(())
}

/// Waits until the silent peer has seen everything close that was opened before.
async fn all_closed<R: Runtime>(runtime: &R, open: &(dyn Fn() -> usize + Send + Sync)) -> Outcome {
    eventually(runtime, "the peer saw every connection close", || open() == 0).await
}

pub(super) async fn a_dropped_stream_closes_its_socket<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    let Some(open) = &peers.open_connections else { return Ok(()) };
    all_closed(&runtime, open.as_ref()).await?;
    let stream = runtime.connect_tcp(peers.silent, &TcpOptions::default()).await?;
    eventually(&runtime, "the peer saw a connection open", || open() == 1).await?;
    drop(stream);
    all_closed(&runtime, open.as_ref()).await
}

pub(super) async fn a_dropped_connect_closes_its_socket<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    let Some(open) = &peers.open_connections else { return Ok(()) };
    all_closed(&runtime, open.as_ref()).await?;
    let options = TcpOptions::default();
    for polls in [0, 1, 1, 2, 2, 3] {
        let mut connect = pin!(runtime.connect_tcp(peers.silent, &options));
        for _ in 0..polls {
            if poll_once(connect.as_mut()).is_ready() {
                break;
            }
        }
    }
    // Connections are accepted in order: once the peer has seen this one, it has seen one that was left
    // behind as well, and would go on seeing it.
    let last = runtime.connect_tcp(peers.silent, &options).await?;
    eventually(&runtime, "the peer saw a connection open", || open() > 0).await?;
    drop(last);
    all_closed(&runtime, open.as_ref()).await
}

pub(super) async fn a_dropped_timer_is_harmless<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    for wait in [Duration::ZERO, SHORT, LONG] {
        let unpolled = runtime.sleep_until(runtime.now() + wait);
        drop(unpolled);
        let mut polled = Box::pin(runtime.sleep_until(runtime.now() + wait));
        let _ = poll_once(polled.as_mut());
    }
    let deadline = runtime.now() + 2 * SHORT;
    runtime.sleep_until(deadline).await;
    ensure!(runtime.now() >= deadline, "a timer after the dropped ones was early");
    Ok(())
}

pub(super) async fn a_dropped_unblock_is_harmless<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    for polls in 0..3 {
        let mut work = pin!(runtime.unblock(|| vec![0; 64]));
        for _ in 0..polls {
            if poll_once(work.as_mut()).is_ready() {
                break;
            }
        }
    }
    ensure!(runtime.unblock(|| 1).await? == 1, "work after the dropped one failed");
    Ok(())
}

pub(super) async fn a_dropped_look_up_is_harmless<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    for polls in 0..3 {
        let mut look_up = pin!(runtime.resolve(&peers.known_host, 1));
        for _ in 0..polls {
            if poll_once(look_up.as_mut()).is_ready() {
                break;
            }
        }
    }
    ensure!(
        !runtime.resolve(&peers.known_host, 1).await?.is_empty(),
        "it succeeded with no address"
    );
    Ok(())
}
