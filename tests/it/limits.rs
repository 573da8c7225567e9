//! `query_timeout`: a statement that takes too long is cancelled, and its session goes on.

use std::time::Duration;

use aiopg::{Call, Connection, Error, Kind, OnDrop, Runtime, SqlState};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::{on_every_runtime, session};

const SHORT: Duration = Duration::from_millis(20);
const SLEEP: &str = "select pg_sleep(3600)";

async fn assert_timed_out<R: Runtime>(connection: &mut Connection<R>, error: &Error) {
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    assert!(error.to_string().contains("\"query_timeout\" of 20ms"), "{error}");
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    assert_eq!(source.and_then(Error::sqlstate), Some(SqlState::QUERY_CANCELED));
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await.unwrap(), 7);
}

async fn every_verb_keeps_to_the_limit_of_its_session<R: Runtime>(rt: R) -> Result<(), Error> {
    // A limit that only what sleeps can exceed would make the test slow: each call that must pass has its own.
    let config = session::config().query_timeout(SHORT).on_drop(OnDrop::Wait);
    let mut connection = session::open_with(rt, &config).await;
    let error = connection.execute(SLEEP, ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let error = connection.batch_execute(SLEEP).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let error = connection.query("select pg_sleep($1)", (3600.0,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    let patient = Call::new("select pg_sleep(0.1)").query_timeout(None);
    assert_eq!(connection.execute(patient, ()).await?, 1);
    Ok(())
}

async fn a_call_has_a_limit_of_its_own<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let call = Call::new(SLEEP).query_timeout(SHORT);
    let error = connection.execute(call, ()).await.unwrap_err();
    assert_timed_out(&mut connection, &error).await;
    let error = connection.query(&call, ()).await.unwrap_err();
    assert_timed_out(&mut connection, &error).await;
    let error = connection.query_scalar::<i32>(&call, ()).await.unwrap_err();
    assert_timed_out(&mut connection, &error).await;
    let mut rows = connection.stream(&call, ()).await?;
    let error = rows.next().await.unwrap_err();
    drop(rows);
    assert_timed_out(&mut connection, &error).await;
    Ok(())
}

async fn a_limit_of_nothing_is_over_at_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let call = Call::new(SLEEP).query_timeout(Duration::ZERO);
    let error = connection.execute(call, ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

/// Its predecessor was dropped, is not cancelled, and holds the session.
async fn who_waits_for_a_dropped_statement_waits_no_longer_than_its_limit<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let config = session::config().on_drop(OnDrop::Wait);
    let mut connection = session::open_with(rt, &config).await;
    let process_id = connection.process_id().unwrap();
    drop(PollLimit::new(connection.execute(SLEEP, ()), 1).await);
    let call = Call::new("select 1").query_timeout(SHORT);
    for error in [
        connection.execute(call, ()).await.unwrap_err(),
        connection.query(call, ()).await.map(drop).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.is_unsent()), (Kind::Timeout, true), "{error}");
    }
    observer.execute("select pg_cancel_backend($1)", (process_id,)).await?;
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

async fn the_cancel_of_somebody_else_is_an_error_of_the_server<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "do $$ begin raise sqlstate '57014'; end $$";
    let call = Call::new(sql).query_timeout(Duration::from_secs(3600));
    let error = connection.execute(call, ()).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::Server, Some(SqlState::QUERY_CANCELED)));
    Ok(())
}

async fn the_rows_before_the_limit_was_reached_are_not_lost<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql =
        "select n, pg_sleep(case when n = 3 then 3600 else 0 end) from generate_series(1, 3) n";
    let mut rows = connection.stream(Call::new(sql).query_timeout(SHORT), ()).await?;
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Ok(row) => seen = row.unwrap().get::<i32>(0),
            Err(error) => break error,
        }
    };
    drop(rows);
    assert_eq!(seen, 2);
    assert_timed_out(&mut connection, &error).await;
    Ok(())
}

on_every_runtime!(
    every_verb_keeps_to_the_limit_of_its_session,
    a_call_has_a_limit_of_its_own,
    a_limit_of_nothing_is_over_at_once,
    who_waits_for_a_dropped_statement_waits_no_longer_than_its_limit,
    the_cancel_of_somebody_else_is_an_error_of_the_server,
    the_rows_before_the_limit_was_reached_are_not_lost,
);
