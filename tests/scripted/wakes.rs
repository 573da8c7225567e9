//! A reply that has arrived is read to its end without a further event: whoever yields sees to its own wake-up.
//!
//! Nothing else lives in these simulations, so a wake-up that gets lost is a simulation that stalls.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aiopg::rt::TcpOptions;
use aiopg::{Connection, OnDrop, Runtime};
use aiopg_sim::{Faults, Sim, SimRuntime};
use aiopg_tests::script::FakeServer;

use crate::converse::{address, config, serve_in, sim_config};

/// A reply above what is read of an abandoned one in one go, and one of more than 16 large reads.
const ROWS: [i64; 2] = [8_000, 120_000];

/// A world in which the whole of a reply is under way at once.
fn in_world(body: impl AsyncFnOnce(SimRuntime)) {
    let sim = Sim::new(1).with_faults(Faults::none().window(8 << 20));
    serve_in(&sim, &FakeServer::new());
    sim.block_on(body(sim.runtime()));
}

/// Long enough for everything to arrive.
async fn let_it_arrive(runtime: &SimRuntime) {
    runtime.sleep_until(runtime.now() + Duration::from_secs(1)).await;
}

async fn assert_answers(connection: &mut Connection<SimRuntime>) {
    let answer = connection.query_scalar::<i64>("select $1::int8", (5_i64,)).await;
    assert_eq!(answer.unwrap(), 5);
}

/// Abandons a reply that is there in full, and asks something else.
async fn abandon(runtime: &SimRuntime, mut connection: Connection<SimRuntime>, rows: i64) {
    let stream = connection.stream(format!("rows {rows} from 0"), ()).await.unwrap();
    let_it_arrive(runtime).await;
    drop(stream);
    assert_answers(&mut connection).await;
}

#[test]
fn a_long_reply_that_was_abandoned_is_read_off_without_an_event() {
    for rows in ROWS {
        for on_drop in [OnDrop::Wait, OnDrop::Cancel] {
            in_world(async |runtime| {
                let config = sim_config().on_drop(on_drop);
                let connecting = Connection::connect_on(runtime.clone(), config);
                abandon(&runtime, connecting.await.unwrap(), rows).await;
            });
        }
    }
}

/// There a statement cannot be cancelled, so that every reply is read to its end.
#[test]
fn a_long_reply_on_a_stream_of_the_callers_own_is_read_off_without_an_event() {
    for rows in ROWS {
        for on_drop in [OnDrop::Wait, OnDrop::Cancel] {
            in_world(async |runtime| {
                let options = TcpOptions::default();
                let stream = runtime.connect_tcp(address(), &options).await.unwrap();
                let config = config().on_drop(on_drop);
                let connecting = Connection::connect_stream(runtime.clone(), stream, config);
                abandon(&runtime, connecting.await.unwrap(), rows).await;
            });
        }
    }
}

#[test]
fn a_long_result_that_is_there_is_streamed_without_an_event() {
    in_world(async |runtime| {
        let connecting = Connection::connect_on(runtime.clone(), sim_config());
        let mut connection = connecting.await.unwrap();
        let mut rows = connection.stream(format!("rows {} from 0", ROWS[1]), ()).await.unwrap();
        let_it_arrive(&runtime).await;
        let mut count = 0;
        while rows.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, ROWS[1]);
        drop(rows);
        assert_answers(&mut connection).await;
    });
}

#[test]
fn a_long_result_that_is_there_is_passed_over_without_an_event() {
    in_world(async |runtime| {
        let connecting = Connection::connect_on(runtime.clone(), sim_config());
        let mut connection = connecting.await.unwrap();
        {
            let mut operation = pin!(connection.execute(format!("rows {} from 0", ROWS[1]), ()));
            // The request goes out; then nobody looks while the reply comes in.
            poll_fn(|_| {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(operation.as_mut().poll(&mut cx).is_pending());
                Poll::Ready(())
            })
            .await;
            let_it_arrive(&runtime).await;
            assert_eq!(i64::try_from(operation.await.unwrap()), Ok(ROWS[1]));
        }
        assert_answers(&mut connection).await;
    });
}
