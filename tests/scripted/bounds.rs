//! What piles up while nobody looks is bounded: cancel requests, names to be closed, parameters.

use std::sync::atomic::{AtomicUsize, Ordering};

use aiopg::{Connection, Kind, Runtime};
use aiopg_sim::{Faults, Sim};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::counting::Counting;
use aiopg_tests::duplex::Duplex;
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, command_complete, parameter_status, ready_for_query,
};
use aiopg_tests::script::{Event, FakeServer, Peer};

use crate::converse::{config, converse, serve_in, served, sim_config};
use crate::streams::Gate;

/// Futures that are dropped, one after the other.
const DROPS: usize = 10_000;

/// Names that may be kept for Close, far above what is in use and far below what was dropped.
const MOST_NAMES: usize = 2_000;

/// Values of 1 MiB that may arrive before the session ends.
const MOST_VALUES: usize = 32;

#[test]
fn cancel_requests_that_are_dropped_do_not_add_up() {
    for seed in 0..20 {
        let faults = if seed % 2 == 0 { Faults::none() } else { Faults::default() };
        let sim = Sim::new(seed).with_faults(faults);
        let (server, runtime) = (FakeServer::new(), Counting::new(sim.runtime()));
        serve_in(&sim, &server);
        let read = || server.count(|event| matches!(event, Event::CancelRead(_)));
        sim.block_on(async {
            for number in 1..=2_usize {
                let connecting = Connection::connect_on(runtime.clone(), sim_config());
                let mut connection = connecting.await.unwrap();
                let before = runtime.counts().connects;
                for _ in 0..300 {
                    let token = connection.cancel_token().unwrap();
                    assert!(PollLimit::new(token.cancel(), 1).await.is_none());
                }
                assert!(runtime.counts().connects - before <= 1, "one is under way at a time");
                assert_eq!(connection.query_scalar::<i64>("answer 5", ()).await.unwrap(), 5);
                assert_eq!(runtime.counts().connects - before, 1);
                assert_eq!(read(), 2 * number - 1);
                // That one is done: the next is a request of its own.
                connection.cancel_token().unwrap().cancel().await.unwrap();
                assert_eq!(runtime.counts().connects - before, 2);
                assert_eq!(read(), 2 * number);
                connection.close().await.unwrap();
            }
        });
    }
}

/// How many Close messages there are among these.
fn closes(mut sent: &[u8]) -> usize {
    let mut count = 0;
    while let [tag, a, b, c, d, ..] = *sent {
        let length = usize::try_from(i32::from_be_bytes([a, b, c, d])).unwrap();
        count += usize::from(tag == b'C');
        sent = &sent[1 + length..];
    }
    count
}

/// The server reads nothing at first, or only a part of a request.
async fn names_of_dropped_statements_do_not_add_up<R: Runtime>(runtime: R) {
    for bytes in [0, 7] {
        let server = FakeServer::new();
        served(&server, async |dialer| {
            let stream = dialer.dial();
            let tap = stream.tap();
            let (gate, keeper) = Gate::new(stream);
            let mut connection =
                Connection::connect_stream(runtime.clone(), gate, config()).await.unwrap();
            let before = tap.sent().len();
            keeper.allow(bytes);
            for number in 0..DROPS {
                let sql = format!("answer {number}");
                assert!(PollLimit::new(connection.query(sql, ()), 1).await.is_none());
                let sql = format!("touch {number}");
                assert!(PollLimit::new(connection.prepare(&sql), 1).await.is_none());
            }
            keeper.open();
            // Enough requests to close whatever was kept.
            for _ in 0..=2 * DROPS / 64 {
                assert_eq!(connection.query_scalar::<i64>("answer 5", ()).await.unwrap(), 5);
            }
            let closed = closes(&tap.sent()[before..]);
            assert!(closed <= MOST_NAMES, "{closed} names were kept, {bytes} bytes were sent");
        })
        .await;
    }
}

/// Sends parameters of 1 MiB each until the client hangs up, and counts them.
async fn send_long_parameters(peer: &mut Peer<Duplex>, sent: &AtomicUsize) -> std::io::Result<()> {
    let value = "x".repeat(1 << 20);
    for number in 0..3 * MOST_VALUES {
        peer.send(&[parameter_status(&number.to_string(), &value)]).await?;
        sent.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn long_parameters_end_the_session<R: Runtime>(runtime: R) {
    let sent = AtomicUsize::new(0);
    let (result, _) = converse(
        async |mut peer| {
            peer.read_first().await?;
            let key = backend_key_data(7, b"abcd");
            peer.send(&[authentication_ok(), key, ready_for_query(b'I')]).await?;
            peer.skip_request().await?;
            send_long_parameters(&mut peer, &sent).await?;
            peer.send(&[command_complete("DONE"), ready_for_query(b'I')]).await?;
            peer.drain().await
        },
        async |stream| {
            let mut connection =
                Connection::connect_stream(runtime, stream, config()).await.unwrap();
            let result = connection.batch_execute("a").await;
            (result, connection.is_closed())
        },
    )
    .await;
    let (result, closed) = result;
    assert_eq!(result.unwrap_err().kind(), Kind::Protocol);
    assert!(closed);
    assert!(sent.into_inner() <= MOST_VALUES);
}

async fn long_parameters_open_no_session<R: Runtime>(runtime: R) {
    let sent = AtomicUsize::new(0);
    let (connected, _) = converse(
        async |mut peer| {
            peer.read_first().await?;
            peer.send(&[authentication_ok()]).await?;
            send_long_parameters(&mut peer, &sent).await?;
            peer.send(&[backend_key_data(7, b"abcd"), ready_for_query(b'I')]).await?;
            peer.drain().await
        },
        async |stream| Connection::connect_stream(runtime, stream, config()).await.map(drop),
    )
    .await;
    assert_eq!(connected.unwrap_err().kind(), Kind::Protocol);
    assert!(sent.into_inner() <= MOST_VALUES);
}

on_every_runtime!(
    names_of_dropped_statements_do_not_add_up,
    long_parameters_end_the_session,
    long_parameters_open_no_session,
);
