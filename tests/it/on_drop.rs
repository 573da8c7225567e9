//! What becomes of a statement whose future is dropped: cancelled, waited for, or the end of the session.

use std::error::Error as StdError;
use std::pin::pin;

use aiopg::{Connection, Error, Kind, OnDrop, Runtime, TransactionStatus};
use aiopg_runtime::TcpOptions;
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::counting::Counting;
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::session::{self, ask, wait_until_idle};
use aiopg_tests::{Server, on_every_runtime, warnings};
use futures::future::{Either, select};

const SLEEP: &str = "select pg_sleep(600)";

/// A lock that nobody else takes: what waits for it runs until the observer lets go.
async fn hold_lock<R: Runtime>(observer: &mut Connection<R>) -> i32 {
    let key = observer.process_id().unwrap();
    observer.execute("select pg_advisory_lock($1)", (i64::from(key),)).await.unwrap();
    key
}

async fn release_lock<R: Runtime>(observer: &mut Connection<R>) {
    observer.batch_execute("select pg_advisory_unlock_all()").await.unwrap();
}

async fn a_dropped_statement_is_cancelled_on_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt.clone()).await;
    let process_id = connection.process_id().unwrap();
    for _ in 0..5 {
        let sleep = connection.execute(SLEEP, ());
        session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
        // Where something runs in the background, nobody need touch the connection.
        if rt.spawn(async {}) {
            wait_until_idle(&mut observer, process_id).await;
        }
        assert_eq!(ask(&mut connection, "select 'answered'").await, "answered");
        assert_eq!(connection.query_scalar::<i32>("select $1 + 1", (1,)).await?, 2);
    }
    Ok(())
}

/// The server forgets a cancel request that comes before the statement. Here a relay holds the statement back.
async fn a_cancel_request_that_came_too_early_is_made_again<R: Runtime>(rt: R) {
    let server = Server::shared();
    let runtime = Counting::new(rt.clone());
    let mut connection = session::open(runtime.clone()).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    let sent = usize::try_from(runtime.counts().bytes_written).unwrap();

    let plan = Plan::default().from_client(Leg::default().stall_after(sent));
    let (relay, config) = session::relayed(server, plan);
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert!(PollLimit::new(connection.execute(SLEEP, ()), 1).await.is_none());
    let resumed = async {
        while relay.traffic().connections < 2 || relay.traffic().open > 1 {
            yield_now().await;
        }
        loop {
            relay.resume();
            yield_now().await;
        }
    };
    let answered = ask(&mut connection, "select 'answered'");
    match select(pin!(answered), pin!(resumed)).await {
        Either::Left((answer, _)) => assert_eq!(answer, "answered"),
        Either::Right((never, _)) => never,
    }
}

async fn every_kind_of_statement_is_cancelled<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    let number = "select $1::int4, pg_sleep(600)";
    let statement = connection.prepare(number).await?;

    let query = connection.query(number, (1,));
    session::drop_while_held_up(query, &mut observer, process_id, number).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    let scalar = connection.query_opt(&statement, (1,));
    session::drop_while_held_up(scalar, &mut observer, process_id, number).await;
    assert_eq!(ask(&mut connection, "select 2").await, "2");
    let batch = connection.batch_execute(SLEEP);
    session::drop_while_held_up(batch, &mut observer, process_id, SLEEP).await;
    assert_eq!(ask(&mut connection, "select 3").await, "3");
    let simple = connection.simple_query(SLEEP);
    session::drop_while_held_up(simple, &mut observer, process_id, SLEEP).await;
    assert_eq!(ask(&mut connection, "select 4").await, "4");
    let typed = connection.query_typed(SLEEP, &[]);
    session::drop_while_held_up(typed, &mut observer, process_id, SLEEP).await;
    assert_eq!(ask(&mut connection, "select 5").await, "5");
    let stream = async { connection.stream(SLEEP, ()).await?.next().await.map(drop) };
    session::drop_while_held_up(stream, &mut observer, process_id, SLEEP).await;
    assert_eq!(ask(&mut connection, "select 6").await, "6");
    Ok(())
}

/// Nobody could read as much as this off, so it must have been cancelled.
async fn an_endless_result_is_cancelled<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let endless = "select generate_series(1, $1)";
    let mut rows = connection.stream(endless, (i32::MAX,)).await?;
    for _ in 0..10 {
        assert!(rows.next().await?.is_some());
    }
    drop(rows);
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

async fn a_cancelled_statement_leaves_its_transaction_failed<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    connection.batch_execute("begin").await?;
    let sleep = connection.execute(SLEEP, ());
    session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
    assert!(connection.execute("select 1", ()).await.is_err());
    assert_eq!(connection.transaction_status(), TransactionStatus::InError);
    connection.batch_execute("rollback").await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

/// A COMMIT that is dropped goes on, whatever `on_drop` says: cancelled, nobody would know what it did.
async fn a_dropped_commit_is_not_cancelled<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let process_id = connection.process_id().unwrap();
    let key = hold_lock(&mut observer).await;
    let made = format!(
        "create temp table t (id int);
         create function pg_temp.wait() returns trigger language plpgsql as
         'begin perform pg_advisory_lock({key}); return null; end';
         create constraint trigger late after insert on t deferrable initially deferred
         for each row execute function pg_temp.wait();"
    );
    connection.batch_execute(&made).await?;
    for commit in ["commit", "end", "/* at last */ commit"] {
        connection.batch_execute("begin; insert into t values (1)").await?;
        let connects = runtime.counts().connects;
        session::drop_while_held_up(
            connection.execute(commit, ()),
            &mut observer,
            process_id,
            commit,
        )
        .await;
        let released = async {
            session::wait_until_held_up(&mut observer, process_id, commit).await;
            release_lock(&mut observer).await;
        };
        let (answer, ()) = futures::join!(ask(&mut connection, "select 'done'"), released);
        assert_eq!(answer, "done");
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        assert_eq!(runtime.counts().connects, connects, "no cancel request was made");
        connection.batch_execute("select pg_advisory_unlock_all()").await?;
        hold_lock(&mut observer).await;
    }
    assert_eq!(ask(&mut connection, "select count(*) from t").await, "3");
    Ok(())
}

async fn a_statement_that_is_waited_for_runs_to_its_end<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let runtime = Counting::new(rt);
    let config = session::config().on_drop(OnDrop::Wait);
    let mut connection = session::open_with(runtime.clone(), &config).await;
    runs_to_its_end(&mut connection, &mut observer).await?;
    assert_eq!(runtime.counts().connects, 1, "no cancel request was made");
    Ok(())
}

/// Nobody knows where a stream of the caller's own leads, so there is no way to cancel.
async fn a_statement_on_a_stream_of_ones_own_runs_to_its_end<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let address = session::address_of(Server::shared());
    let stream = rt.connect_tcp(address, &TcpOptions::default()).await.unwrap();
    let runtime = Counting::new(rt);
    let mut connection =
        Connection::connect_stream(runtime.clone(), stream, session::config()).await?;
    runs_to_its_end(&mut connection, &mut observer).await?;
    assert_eq!(runtime.counts().connects, 0);
    Ok(())
}

/// Drops an insert that waits for a lock, and sees its effect after the lock was released.
async fn runs_to_its_end<R: Runtime, S: Runtime>(
    connection: &mut Connection<R>,
    observer: &mut Connection<S>,
) -> Result<(), Error> {
    let process_id = connection.process_id().unwrap();
    connection.batch_execute("create temp table t (id int)").await?;
    let key = i64::from(hold_lock(observer).await);
    let insert = "insert into t select 1 from pg_advisory_lock($1)";
    session::drop_while_held_up(connection.execute(insert, (key,)), observer, process_id, insert)
        .await;
    let released = async {
        session::wait_until_held_up(observer, process_id, insert).await;
        release_lock(observer).await;
    };
    let (count, ()) = futures::join!(ask(connection, "select count(*) from t"), released);
    assert_eq!(count, "1");
    assert_eq!(connection.query_scalar::<i32>("select $1 + 1", (1,)).await?, 2);
    Ok(())
}

async fn a_dropped_statement_may_end_the_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let config = session::config().on_drop(OnDrop::Close);
    let mut connection = session::open_with(rt, &config).await;
    let process_id = connection.process_id().unwrap();
    // A future that was never polled has sent nothing: there is nothing to close for.
    drop(connection.execute(SLEEP, ()));
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    let key = i64::from(hold_lock(&mut observer).await);
    let wait = "select pg_advisory_lock($1)";
    let waiting = connection.execute(wait, (key,));
    session::drop_while_held_up(waiting, &mut observer, process_id, wait).await;
    assert!(connection.is_closed());
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("dropped"), "{cause}");
    drop(connection);
    release_lock(&mut observer).await;
    session::wait_until_gone(&mut observer, process_id).await;
    Ok(())
}

/// Connections that go while a statement runs: the server is asked to stop it.
async fn a_connection_dropped_with_its_statement_leaves_nothing_running<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt.clone()).await;
    let process_id = connection.process_id().unwrap();
    let sleep = connection.execute(SLEEP, ());
    session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
    drop(connection);
    let text = format!("the session of process {process_id} was dropped and not closed");
    assert_eq!(warnings::take(), [format!("{text}, while a statement was running")]);
    if !rt.spawn(async {}) {
        // With nothing to run the cancel request, the backend goes on until the test ends it.
        observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    }
    session::wait_until_gone(&mut observer, process_id).await;
    Ok(())
}

on_every_runtime!(
    a_dropped_statement_is_cancelled_on_the_server,
    a_cancel_request_that_came_too_early_is_made_again,
    every_kind_of_statement_is_cancelled,
    an_endless_result_is_cancelled,
    a_cancelled_statement_leaves_its_transaction_failed,
    a_dropped_commit_is_not_cancelled,
    a_statement_that_is_waited_for_runs_to_its_end,
    a_statement_on_a_stream_of_ones_own_runs_to_its_end,
    a_dropped_statement_may_end_the_session,
    a_connection_dropped_with_its_statement_leaves_nothing_running,
);
