//! A server that never stops sending: memory stays bounded, and the executor gets its turn.

use std::pin::pin;
use std::task::{Context, Poll};

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, bind_complete, command_complete, copy_data,
    copy_in_response, copy_out_response, int8_row, no_data, notice_response, notification_response,
    parameter_description, parameter_status, parse_complete, ready_for_query, row_description,
};
use futures::future::join;
use futures::task::noop_waker;

use crate::converse::config;
use crate::streams::Fountain;

/// Enough turns to read a megabyte of flood.
const TURNS: usize = 10;

fn welcome() -> Vec<u8> {
    [authentication_ok(), backend_key_data(7, b"abcd"), ready_for_query(b'I')].concat()
}

/// What comes first, and then without end.
async fn flooded<R: Runtime>(runtime: &R, first: &[Vec<u8>], flood: Vec<u8>) -> Connection<R> {
    let fountain = Fountain::new(welcome(), first.concat(), flood);
    Connection::connect_stream(runtime.clone(), fountain, config()).await.unwrap()
}

/// Polls some turns: that it comes back each time is what is tested.
fn turns<T>(future: impl Future<Output = T>) -> Option<T> {
    let waker = noop_waker();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    for _ in 0..TURNS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
    }
    None
}

fn described() -> Vec<Vec<u8>> {
    vec![parse_complete(), parameter_description(&[]), row_description(&["n"], 0), bind_complete()]
}

async fn what_comes_unasked_without_end_is_bounded_and_lets_others_run<R: Runtime>(runtime: R) {
    let long = "x".repeat(10_000);
    let floods = [
        notice_response("short"),
        notice_response(&long),
        parameter_status("TimeZone", "UTC"),
        parameter_status("TimeZone", &long),
        notification_response(1, "channel", &long),
        [notice_response("a"), parameter_status("b", "c"), notification_response(1, "d", "e")]
            .concat(),
    ];
    for flood in floods {
        let mut connection = flooded(&runtime, &[], flood.clone()).await;
        assert!(turns(connection.query("a", ())).is_none());
        assert!(connection.notices().len() <= 50);
        let kept: usize = connection.notices().map(|notice| notice.message().len()).sum();
        assert!(kept <= 256 << 10, "{kept} bytes of notices");
        assert!(turns(connection.batch_execute("b")).is_none(), "nor does the next get an answer");
        assert!(connection.notices().len() <= 50);

        let fountain = Fountain::new(authentication_ok(), Vec::new(), flood).at_once();
        let connecting = Connection::connect_stream(runtime.clone(), fountain, config());
        assert!(turns(connecting).is_none());
    }
}

async fn parameters_without_end_end_the_session<R: Runtime>(runtime: R) {
    let flood = (0..2_000).flat_map(|number| parameter_status(&number.to_string(), "x")).collect();
    let mut connection = flooded(&runtime, &[], flood).await;
    let error = turns(connection.batch_execute("a")).unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
}

async fn rows_without_end_let_others_run<R: Runtime>(runtime: R) {
    let flood = int8_row(1);
    let connection = async || flooded(&runtime, &described(), flood.clone()).await;
    assert!(turns(connection().await.execute("a", ())).is_none());
    assert!(turns(connection().await.query_one("a", ())).is_none());
    let reading = |mut connection: Connection<R>| async move {
        let mut rows = connection.stream("a", ()).await?;
        while rows.next().await?.is_some() {}
        Ok::<_, Error>(())
    };
    assert!(turns(reading(connection().await)).is_none());
    let simple = [row_description(&["n"], 0)];
    let mut connection = flooded(&runtime, &simple, flood.clone()).await;
    assert!(turns(connection.batch_execute("a")).is_none());
}

/// The rest of a reply that nobody wants is read off in turns, too.
async fn an_abandoned_reply_without_end_lets_others_run<R: Runtime>(runtime: R) {
    let mut connection = flooded(&runtime, &[described().concat()], int8_row(1)).await;
    assert!(turns(connection.query("a", ())).is_none());
    assert!(turns(connection.execute("b", ())).is_none());
    assert!(!connection.is_closed());
    drop(connection);
}

async fn copies_without_end_let_others_run_or_end_the_session<R: Runtime>(runtime: R) {
    let none = [parse_complete(), parameter_description(&[]), no_data(), bind_complete()];
    let copy = [&none[..], &[copy_out_response()]].concat();
    let mut connection = flooded(&runtime, &copy, copy_data(&[b'x'; 1000])).await;
    assert!(turns(connection.execute("a", ())).is_none());

    // Each would make the client answer, and a server that never reads would make it keep the answers.
    let mut connection = flooded(&runtime, &none, copy_in_response()).await;
    let error = turns(connection.execute("a", ())).unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
}

async fn messages_of_start_up_without_end_let_others_run<R: Runtime>(runtime: R) {
    let fountain = Fountain::new(authentication_ok(), Vec::new(), backend_key_data(7, b"abcd"));
    let connecting = Connection::connect_stream(runtime, fountain.at_once(), config());
    assert!(turns(connecting).is_none_or(|connected| connected.is_err()));
}

/// Results without end of one text.
async fn outcomes_without_end_let_others_run<R: Runtime>(runtime: R) {
    let mut connection = flooded(&runtime, &[], command_complete("UPDATE 1")).await;
    assert!(turns(connection.batch_execute("a")).is_none());
}

/// On an executor that polls both, the other one finishes beside a flood.
async fn a_flood_does_not_keep_others_from_their_end<R: Runtime>(runtime: R) {
    let mut connection = flooded(&runtime, &[], notice_response("x")).await;
    let others = async {
        for _ in 0..TURNS {
            aiopg_tests::cancel::yield_now().await;
        }
    };
    let flood = aiopg_tests::cancel::PollLimit::new(connection.query("a", ()), TURNS);
    assert!(join(flood, others).await.0.is_none());
}

on_every_runtime!(
    what_comes_unasked_without_end_is_bounded_and_lets_others_run,
    parameters_without_end_end_the_session,
    rows_without_end_let_others_run,
    an_abandoned_reply_without_end_lets_others_run,
    copies_without_end_let_others_run_or_end_the_session,
    messages_of_start_up_without_end_let_others_run,
    outcomes_without_end_let_others_run,
    a_flood_does_not_keep_others_from_their_end,
);
