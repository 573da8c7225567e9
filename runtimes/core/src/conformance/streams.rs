//! Checks of connecting, and of what a stream does.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{AsyncReadExt, AsyncWriteExt};

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::conformance::probe::{converse, dial, eventually};
use crate::options::{Keepalive, TcpOptions};
use crate::runtime::Runtime;
use crate::stream::BoxStream;

/// More than any buffer on the way is likely to hold, so that both sides feel back-pressure.
const MUCH: usize = 4 * 1024 * 1024;

pub(super) async fn bytes_go_both_ways<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        for message in [&b"first"[..], b"second", b"x"] {
            stream.write_all(message).await?;
            stream.flush().await?;
            let mut answer = vec![0; message.len()];
            stream.read_exact(&mut answer).await?;
            ensure!(answer == message, "{kind}: wrote {message:?}, read {answer:?}");
        }
    }
    Ok(())
}

pub(super) async fn much_data_goes_both_ways_at_once<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    // A period that no power of two divides, so that a lost or doubled block shows.
    let sent: Vec<u8> = (0_u8..251).cycle().take(MUCH).collect();
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        let received = converse(&mut stream, &sent).await?;
        ensure!(received.len() == MUCH, "{kind}: {} bytes of {MUCH} came back", received.len());
        ensure!(received == sent, "{kind}: the bytes came back changed");
    }
    Ok(())
}

pub(super) async fn vectored_writes_keep_their_order<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        let parts: [&[u8]; 5] = [b"one ", b"", b"two ", b"three", b""];
        let mut slices = parts.map(IoSlice::new);
        let mut unsent = &mut slices[..];
        IoSlice::advance_slices(&mut unsent, 0);
        while !unsent.is_empty() {
            let written = stream.write_vectored(unsent).await?;
            ensure!(written > 0, "{kind}: a write of something wrote nothing");
            IoSlice::advance_slices(&mut unsent, written);
        }
        stream.flush().await?;
        let mut answer = [0; 13];
        stream.read_exact(&mut answer).await?;
        ensure!(
            &answer == b"one two three",
            "{kind}: read {:?}",
            answer.escape_ascii().to_string()
        );
    }
    Ok(())
}

pub(super) async fn closing_is_seen_by_the_peer_after_the_data<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        stream.write_all(b"last words").await?;
        stream.close().await?;
        // The peer closes only once it has read end of file: without a half-close this hangs.
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        ensure!(answer == b"last words", "{kind}: read {:?}", answer.escape_ascii().to_string());
    }
    Ok(())
}

pub(super) async fn a_stream_can_move_to_another_task<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    async fn echoes(mut stream: BoxStream) -> io::Result<bool> {
        stream.write_all(b"elsewhere").await?;
        stream.flush().await?;
        let mut answer = [0; 9];
        stream.read_exact(&mut answer).await?;
        Ok(&answer == b"elsewhere")
    }
    for (kind, mut stream) in dial(&runtime, &peers).await? {
        stream.write_all(b"here").await?;
        stream.flush().await?;
        stream.read_exact(&mut [0; 4]).await?;
        let worked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&worked);
        let taken = runtime.spawn(async move {
            flag.store(matches!(echoes(stream).await, Ok(true)), Ordering::SeqCst);
        });
        ensure!(taken, "`spawn` said that the executor is gone");
        let what = format!("the {kind} stream worked in a task");
        eventually(&runtime, &what, || worked.load(Ordering::SeqCst)).await?;
    }
    Ok(())
}

pub(super) async fn every_tcp_option_is_accepted<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    let full = Keepalive {
        idle: Some(Duration::from_millis(30_500)),
        interval: Some(Duration::from_secs(10)),
        count: Some(3),
    };
    for keepalive in [None, Some(Keepalive::default()), Some(full)] {
        for nodelay in [true, false] {
            let user_timeout = keepalive.is_some().then_some(Duration::from_secs(20));
            let options = TcpOptions { nodelay, keepalive: keepalive.clone(), user_timeout };
            let mut stream = runtime.connect_tcp(peers.echo, &options).await?;
            stream.write_all(b"!").await?;
            stream.flush().await?;
            stream.read_exact(&mut [0]).await?;
        }
    }
    Ok(())
}

pub(super) async fn a_refused_connection_says_so<R: Runtime>(runtime: R, peers: Peers) -> Outcome {
    match runtime.connect_tcp(peers.refused, &TcpOptions::default()).await {
        Ok(_) => ensure!(false, "it was accepted"),
        Err(error) => ensure!(
            error.kind() == io::ErrorKind::ConnectionRefused,
            "the error was {error} ({:?})",
            error.kind()
        ),
    }
    Ok(())
}

pub(super) async fn a_missing_unix_socket_is_an_error<R: Runtime>(
    runtime: R,
    peers: Peers,
) -> Outcome {
    let path = peers.unix_echo.unwrap_or_else(|| PathBuf::from("aiopg")).with_extension("missing");
    ensure!(runtime.connect_unix(&path).await.is_err(), "it was accepted");
    Ok(())
}
