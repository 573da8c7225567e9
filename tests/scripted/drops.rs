//! Dropped futures on a stream that takes so many bytes: what was not sent never runs, what was begun is completed.

use std::error::Error as _;

use aiopg::{Config, Connection, Error, Kind, OnDrop, Runtime};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, fatal_response, ready_for_query,
};
use aiopg_tests::script::{Event, FakeServer};
use futures::channel::oneshot;

use crate::converse::{Dialer, assert_closed, config, converse, served};
use crate::streams::{Gate, GateKeeper};

/// A session behind a gate.
async fn gated<R: Runtime>(
    runtime: &R,
    dialer: &Dialer,
    config: Config,
) -> (Connection<R>, GateKeeper) {
    let (gate, keeper) = Gate::new(dialer.dial());
    (Connection::connect_stream(runtime.clone(), gate, config).await.unwrap(), keeper)
}

/// Polls `operation` until it can get no further, and drops it.
async fn begin<T>(operation: impl Future<Output = T>) {
    let unfinished = PollLimit::new(
        async {
            let mut operation = std::pin::pin!(operation);
            futures::future::poll_fn(|cx| {
                // Woken all the time, so that the server gets its turns, too.
                cx.waker().wake_by_ref();
                operation.as_mut().poll(cx)
            })
            .await
        },
        30,
    );
    assert!(unfinished.await.is_none(), "it was not to finish");
}

async fn a_request_of_which_nothing_was_sent_never_runs<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        for on_drop in [OnDrop::Cancel, OnDrop::Wait, OnDrop::Close] {
            let (mut connection, keeper) = gated(&runtime, dialer, config().on_drop(on_drop)).await;
            keeper.allow(0);
            begin(connection.query("answer 1 _never", ())).await;
            begin(connection.execute("touch 1 _never", ())).await;
            begin(connection.batch_execute("touch 2 _never")).await;
            begin(connection.query_scalar::<i64>("select $1::int8", (1_i64,))).await;
            begin(connection.prepare("answer 2 _never")).await;
            begin(async { connection.stream("rows 9 from 0 _never", ()).await.map(drop) }).await;
            keeper.open();
            let answer: i64 = connection.query_scalar("answer 5", ()).await.unwrap();
            assert_eq!(answer, 5, "{on_drop:?}");
            assert_eq!(connection.execute("touch 3", ()).await.unwrap(), 3);
        }
    })
    .await;
    assert_eq!(server.executed(), ["answer 5", "touch 3"].repeat(3));
}

/// Whether the text of an abandoned request may be in doubt: it ran, but only if a byte of it was sent.
async fn a_request_that_was_begun_is_completed_by_the_next<R: Runtime>(runtime: R) {
    let length = {
        let server = FakeServer::new();
        served(&server, async |dialer| {
            let stream = dialer.dial();
            let tap = stream.tap();
            let mut connection =
                Connection::connect_stream(runtime.clone(), stream, config()).await.unwrap();
            let before = tap.sent().len();
            connection.execute("touch 1 _begun", ()).await.unwrap();
            tap.sent().len() - before
        })
        .await
    };
    for bytes in 0..length {
        let server = FakeServer::new();
        served(&server, async |dialer| {
            let (mut connection, keeper) = gated(&runtime, dialer, config()).await;
            keeper.allow(bytes);
            begin(connection.execute("touch 1 _begun", ())).await;
            keeper.open();
            let answer: i64 = connection.query_scalar("select $1::int8", (7_i64,)).await.unwrap();
            assert_eq!(answer, 7);
            assert_eq!(connection.execute("touch 1 _begun", ()).await.unwrap(), 1);
        })
        .await;
        let begun = server.executed().iter().filter(|sql| sql.contains("_begun")).count();
        assert_eq!(begun, if bytes == 0 { 1 } else { 2 }, "{bytes} bytes were sent");
    }
}

/// Two operations in a row are dropped before the rest of the first is sent; the third gets its own answer.
async fn a_request_is_not_made_before_the_last_one_is_sent<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, keeper) = gated(&runtime, dialer, config()).await;
        keeper.allow(7);
        begin(connection.query("answer 1", ())).await;
        begin(connection.query("answer 2 _never", ())).await;
        begin(connection.batch_execute("touch 3 _never")).await;
        keeper.open();
        assert_eq!(connection.query_scalar::<i64>("answer 4", ()).await.unwrap(), 4);
    })
    .await;
    assert_eq!(server.executed(), ["answer 1", "answer 4"]);
}

async fn with_on_drop_close_a_session_ends_once_something_was_sent<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        for bytes in [1, 20, 10_000] {
            let (mut connection, keeper) =
                gated(&runtime, dialer, config().on_drop(OnDrop::Close)).await;
            keeper.allow(bytes);
            begin(connection.execute("touch 1 _slow", ())).await;
            assert!(connection.is_closed());
            keeper.open();
            assert_closed(&connection.query("answer 1", ()).await.unwrap_err());
            connection.close().await.unwrap();
        }
    })
    .await;
    assert_eq!(server.executed().len(), 1, "{:?}", server.executed());
}

async fn with_on_drop_wait_the_next_waits_for_the_end<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, _keeper) =
            gated(&runtime, dialer, config().on_drop(OnDrop::Wait)).await;
        for number in 0..5_i64 {
            begin(connection.execute("touch 1 _tardy", ())).await;
            let answer: i64 = connection.query_scalar("select $1::int8", (number,)).await.unwrap();
            assert_eq!(answer, number);
        }
    })
    .await;
    let tardy =
        server.count(|event| matches!(event, Event::Executed(sql, _) if sql.contains("_tardy")));
    assert_eq!(tardy, 5);
}

async fn a_stream_is_dropped_after_each_row<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, _keeper) = gated(&runtime, dialer, config()).await;
        for taken in 0..40_i64 {
            let mut rows = connection.stream("rows 30 from 100", ()).await.unwrap();
            for number in 0..taken {
                let row = rows.next().await.unwrap();
                assert_eq!(row.map(|row| row.get::<i64>(0)), (number < 30).then_some(100 + number));
            }
            drop(rows);
            let answer: i64 = connection.query_scalar("select $1::int8", (taken,)).await.unwrap();
            assert_eq!(answer, taken);
        }
    })
    .await;
}

/// Nothing of the second request is sent: what ended the session was said to the first.
async fn a_session_that_ends_before_its_turn_is_closed_to_the_next<R: Runtime>(runtime: R) {
    let endings = [vec![fatal_response("57P01", "terminating connection")], vec![]];
    for on_drop in [OnDrop::Cancel, OnDrop::Wait] {
        for ending in &endings {
            let (dropped, told) = oneshot::channel();
            let ((), _) = converse(
                async |mut peer| {
                    peer.read_first().await?;
                    let key = backend_key_data(7, b"abcd");
                    peer.send(&[authentication_ok(), key, ready_for_query(b'I')]).await?;
                    peer.skip_request().await?;
                    told.await.unwrap();
                    // The next one waits by now.
                    yield_now().await;
                    peer.send(ending).await
                },
                async |stream| {
                    let config = config().on_drop(on_drop);
                    let connecting = Connection::connect_stream(runtime.clone(), stream, config);
                    let mut connection = connecting.await.unwrap();
                    begin(connection.query("first", ())).await;
                    dropped.send(()).unwrap();
                    for sql in ["second", "third"] {
                        let error = connection.query(sql, ()).await.unwrap_err();
                        assert_closed(&error);
                        let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>());
                        let state = cause.unwrap().sqlstate();
                        let shut_down = state.is_some_and(|state| state.code() == "57P01");
                        assert_eq!(shut_down, !ending.is_empty(), "{error:?}");
                    }
                    assert!(connection.is_closed());
                },
            )
            .await;
        }
    }
}

/// More rows than the pipe and the buffers hold.
async fn the_rest_of_a_long_stream_is_read_off<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, _keeper) = gated(&runtime, dialer, config()).await;
        let mut rows = connection.stream("rows 30000 from 0", ()).await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        drop(rows);
        assert_eq!(connection.query_scalar::<i64>("answer 5", ()).await.unwrap(), 5);
    })
    .await;
}

/// The statement of a dropped prepare may be there or not: it is closed, and prepared under another name.
async fn a_dropped_prepare_leaves_no_statement_behind<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, _keeper) = gated(&runtime, dialer, config()).await;
        for polls in 0..4 {
            drop(PollLimit::new(connection.prepare("select $1::int8"), polls).await);
        }
        yield_now().await;
        assert_eq!(connection.query_scalar::<i64>("select $1::int8", (6_i64,)).await.unwrap(), 6);
    })
    .await;
}

/// A session that is dropped in the middle of a reply says good-bye only where that is no part of a message.
async fn a_dropped_session_says_good_bye_between_messages_only<R: Runtime>(runtime: R) {
    for bytes in [0, 3, 1000] {
        let server = FakeServer::new();
        let sent = served(&server, async |dialer| {
            let stream = dialer.dial();
            let tap = stream.tap();
            let (gate, keeper) = Gate::new(stream);
            let mut connection =
                Connection::connect_stream(runtime.clone(), gate, config()).await.unwrap();
            keeper.allow(bytes);
            begin(connection.execute("touch 1 _tardy", ())).await;
            keeper.open();
            drop(connection);
            tap.sent()
        });
        assert_eq!(sent.await.ends_with(b"X\0\0\0\x04"), bytes != 3, "{bytes} bytes were sent");
    }
}

/// There is no session to end, and the middle of authentication is no place for a good-bye.
async fn a_dropped_connect_says_no_good_bye<R: Runtime>(runtime: R) {
    for bytes in [0, 3, 1000] {
        let (near, silent) = Duplex::pair();
        let tap = near.tap();
        let (gate, keeper) = Gate::new(near);
        keeper.allow(bytes);
        begin(Connection::connect_stream(runtime.clone(), gate, config())).await;
        let sent = tap.sent();
        assert!(sent.len() <= bytes && !sent.ends_with(b"X\0\0\0\x04"), "{sent:?}");
        drop(silent);
    }
}

async fn a_session_that_was_closed_takes_no_more<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let (mut connection, _keeper) = gated(&runtime, dialer, config()).await;
        connection.close().await.unwrap();
        connection.close().await.unwrap();
        let error = connection.query("answer 1", ()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Closed);
        assert_closed(&error);
        while server.count(|event| matches!(event, Event::Terminated(_))) == 0 {
            yield_now().await;
        }
    })
    .await;
    assert!(server.executed().is_empty());
}

/// The server is blocked: nobody reads its rows. So it does not read the good-bye either.
async fn a_close_does_not_wait_for_a_server_that_waits_to_be_read<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        // As a socket whose buffers are full in both directions.
        let direction = Direction::default().capacity(4);
        let stream = dialer.dial_with(direction.clone(), direction);
        let mut connection = Connection::connect_stream(runtime, stream, config()).await.unwrap();
        let mut rows = connection.stream("rows 1000 from 0", ()).await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        drop(rows);
        connection.close().await.unwrap();
    })
    .await;
}

on_every_runtime!(
    a_close_does_not_wait_for_a_server_that_waits_to_be_read,
    a_request_of_which_nothing_was_sent_never_runs,
    a_request_that_was_begun_is_completed_by_the_next,
    a_request_is_not_made_before_the_last_one_is_sent,
    with_on_drop_close_a_session_ends_once_something_was_sent,
    with_on_drop_wait_the_next_waits_for_the_end,
    a_session_that_ends_before_its_turn_is_closed_to_the_next,
    a_stream_is_dropped_after_each_row,
    the_rest_of_a_long_stream_is_read_off,
    a_dropped_prepare_leaves_no_statement_behind,
    a_dropped_session_says_good_bye_between_messages_only,
    a_dropped_connect_says_no_good_bye,
    a_session_that_was_closed_takes_no_more,
);
