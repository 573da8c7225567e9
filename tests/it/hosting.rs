//! Executors: who polls a connection does not matter, nor where it is dropped.

use std::pin::pin;
use std::thread;
use std::time::Duration;

use aiopg::rt::{AnyRuntime, SpawnQueue};
use aiopg::{Client, Connection, Error, Runtime};
use aiopg_smol::Smol;
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::matrix::Watchdog;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};
use aiopg_tokio::Tokio;
use futures::executor::block_on;
use futures::future::{Either, select};

const SLEEP: &str = "select pg_sleep(600)";

/// For the tests that choose their executor themselves.
const LIMIT: Duration = Duration::from_secs(60);

/// Not generic: the type of the runtime is hidden.
async fn rename(connection: &mut Connection, name: &str) -> Result<String, Error> {
    connection.execute("select set_config('application_name', $1, false)", (name,)).await?;
    connection.query_scalar("select current_setting('application_name')", ()).await
}

async fn a_connection_has_a_plain_type_and_a_generic_one<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut plain: Connection = Connection::connect(rt.clone(), session::config()).await?;
    assert_eq!(rename(&mut plain, "plain").await?, "plain");
    let runtime: &AnyRuntime = plain.runtime();
    let mut again: Connection = Connection::connect_on(runtime.clone(), session::config()).await?;
    assert_eq!(rename(&mut again, "again").await?, "again");
    let mut generic: Connection<R> = Connection::connect_on(rt, session::config()).await?;
    assert_eq!(count(&mut generic).await?, 3);
    assert_eq!(count(&mut plain).await?, 3);
    assert_eq!(count(&mut &mut plain).await?, 3);
    Ok(())
}

async fn count(client: &mut impl Client) -> Result<i64, Error> {
    let rows = client.query("select generate_series(1, 3)", ()).await?;
    let typed = client.query_typed("select 1", &[]).await?;
    assert_eq!(typed.len(), 1);
    Ok(i64::try_from(rows.len()).unwrap_or_default())
}

/// Sockets and timers belong to tokio, the polls come from elsewhere.
#[test]
fn a_connection_of_tokio_is_polled_by_another_executor() {
    let _watchdog = Watchdog::watch("a_connection_of_tokio_is_polled_by_another_executor", LIMIT);
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runtime = Tokio::from_handle(tokio.handle().clone());
    let mut connection = block_on(session::open(runtime.clone()));
    let process_id = connection.process_id().unwrap();
    assert_eq!(block_on(ask(&mut connection, "select 'futures'")), "futures");
    assert_eq!(smol::block_on(ask(&mut connection, "select 'smol'")), "smol");
    let moved = thread::spawn(move || {
        assert_eq!(block_on(ask(&mut connection, "select 'a thread'")), "a thread");
        drop(connection);
    });
    moved.join().unwrap();
    let mut observer = block_on(session::open(runtime));
    block_on(session::wait_until_gone(&mut observer, process_id));
}

/// The task of the cancel request has nowhere to run any more; the connection just goes.
#[test]
fn a_connection_may_outlive_its_runtime() {
    let _watchdog = Watchdog::watch("a_connection_may_outlive_its_runtime", LIMIT);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut connection = tokio.block_on(session::open(Tokio::from_handle(tokio.handle().clone())));
    tokio.block_on(async {
        let sleep = connection.execute(SLEEP, ());
        assert!(PollLimit::new(sleep, 1).await.is_none());
    });
    let process_id = connection.process_id().unwrap();
    drop(tokio);
    drop(connection);
    // Nothing was left that could send the cancel request, so the test does it itself.
    block_on(async {
        let mut observer = session::open(Smol::global()).await;
        let stop = "select pg_terminate_backend($1)";
        observer.execute(stop, (process_id,)).await.unwrap();
        session::wait_until_gone(&mut observer, process_id).await;
    });
}

/// A host without an executor polls the queue next to its own work: cancel requests go out by it.
#[test]
fn a_host_that_polls_a_spawn_queue_sends_cancel_requests_in_the_background() {
    let _watchdog = Watchdog::watch(
        "a_host_that_polls_a_spawn_queue_sends_cancel_requests_in_the_background",
        LIMIT,
    );
    let (spawner, queue) = SpawnQueue::new();
    let work = async {
        let runtime = Smol::queue(spawner);
        let mut observer = session::open(runtime.clone()).await;
        let mut connection = session::open(runtime).await;
        let process_id = connection.process_id().unwrap();
        let sleep = connection.execute(SLEEP, ());
        session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
        // Nobody touches the connection, and still its statement ends.
        session::wait_until_idle(&mut observer, process_id).await;
        assert_eq!(ask(&mut connection, "select 'answered'").await, "answered");
    };
    match block_on(select(queue, pin!(work))) {
        Either::Right(((), _)) => {}
        Either::Left((never, _)) => match never {},
    }
}

/// An executor that holds many connections, each in a task of its own.
async fn many_connections_work_side_by_side<R: Runtime>(rt: R) {
    let sessions = (0..20_i32).map(|number| {
        let rt = rt.clone();
        async move {
            let mut connection = session::open(rt).await;
            for round in 0..20_i32 {
                let sum: i32 =
                    connection.query_scalar("select $1::int4 + $2", (number, round)).await.unwrap();
                assert_eq!(sum, number + round);
            }
        }
    });
    futures::future::join_all(sessions).await;
}

on_every_runtime!(
    a_connection_has_a_plain_type_and_a_generic_one,
    many_connections_work_side_by_side,
);
