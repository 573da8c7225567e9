//! Sessions that end without being asked: terminated, crashed, cut, reset.

use std::error::Error as StdError;

use aiopg::{Connection, Error, Kind, Runtime, SqlState};
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Options, Server, on_every_runtime};

const SLEEP: &str = "select pg_sleep(600)";

/// Everything that is asked of a session that has ended says so, and why.
async fn stays_closed<R: Runtime>(connection: &mut Connection<R>, cause: &str) {
    assert!(connection.is_closed());
    for error in [
        connection.query("select 1", ()).await.err(),
        connection.execute("select $1::int4", (1,)).await.err(),
        connection.prepare("select 2").await.err(),
        connection.stream("select 3", ()).await.err(),
        connection.batch_execute("select 4").await.err(),
        connection.simple_query("select 5").await.err(),
        connection.query_typed("select 6", &[]).await.err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), Kind::Closed, "{error}");
        assert!(error.is_retryable(), "nothing was sent");
        let source = error.source().unwrap().to_string();
        assert!(source.contains(cause), "{source}");
    }
    connection.close().await.unwrap();
}

async fn an_idle_session_that_was_terminated_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    session::wait_until_gone(&mut observer, process_id).await;
    assert!(!connection.is_closed(), "nobody has looked yet");
    let error = connection.query("select 1", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::ADMIN_SHUTDOWN), "{error}");
    assert_eq!(error.server().unwrap().severity(), "FATAL");
    stays_closed(&mut connection, "57P01").await;
    Ok(())
}

async fn a_statement_whose_session_is_terminated_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    let terminated = async {
        session::wait_until_held_up(&mut observer, process_id, SLEEP).await;
        observer.execute("select pg_terminate_backend($1)", (process_id,)).await
    };
    let (slept, done) = futures::join!(connection.execute(SLEEP, ()), terminated);
    done?;
    let error = slept.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::ADMIN_SHUTDOWN), "{error}");
    assert!(!error.is_retryable(), "nobody knows how far it came");
    stays_closed(&mut connection, "57P01").await;
    Ok(())
}

/// A way to end a server, and the words of which one tells about it.
type Ending = (fn(&Server), &'static [&'static str]);

async fn a_server_that_stops_or_crashes_ends_its_sessions<R: Runtime>(rt: R) {
    let server = Server::start(&Options::default()).unwrap();
    let config = session::config_of(&server);
    let endings: [Ending; 2] = [
        (Server::stop, &["57P01"]),
        // After a crash the sessions may or may not find words.
        (Server::kill, &["57P02", "57P01", "08006", "closed the connection", "could not"]),
    ];
    for (end, words) in endings {
        let mut observer = session::open_with(rt.clone(), &config).await;
        let mut connection = session::open_with(rt.clone(), &config).await;
        let process_id = connection.process_id().unwrap();
        let ended = async {
            session::wait_until_held_up(&mut observer, process_id, SLEEP).await;
            end(&server);
        };
        let (slept, ()) = futures::join!(connection.execute(SLEEP, ()), ended);
        let error = slept.unwrap_err();
        assert!(matches!(error.kind(), Kind::Server | Kind::Io), "{error}");
        let text = error.to_string();
        assert!(words.iter().any(|word| text.contains(word)), "{text}");
        assert!(connection.is_closed());
        assert_eq!(connection.execute("select 1", ()).await.unwrap_err().kind(), Kind::Closed);
        server.restart();
    }
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
}

async fn a_result_that_is_cut_or_reset_is_an_error<R: Runtime>(rt: R) {
    type End = fn(usize) -> Leg;
    let ends: [End; 2] =
        [|bytes| Leg::default().cut_after(bytes), |bytes| Leg::default().reset_after(bytes)];
    let server = Server::shared();
    for end in ends {
        for bytes in [1_000, 10_000, 100_000] {
            let (_relay, config) =
                session::relayed(server, Plan::default().from_server(end(bytes)));
            let mut connection = session::open_with(rt.clone(), &config).await;
            let sql = "select n, repeat('x', 100) from generate_series(1, $1) n";
            let error = connection.query(sql, (10_000,)).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "{error}");
            assert!(!error.is_retryable(), "it was sent");
            assert_eq!(error.statement(), Some(sql));
            stays_closed(&mut connection, &error.to_string()).await;
        }
    }
}

async fn a_stream_that_is_cut_ends_in_an_error_and_not_early<R: Runtime>(rt: R) {
    let plan = Plan::default().from_server(Leg::default().cut_after(50_000));
    let (_relay, config) = session::relayed(Server::shared(), plan);
    let mut connection = session::open_with(rt, &config).await;
    let mut rows = connection.stream("select generate_series(1, 10000)", ()).await.unwrap();
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Ok(Some(row)) => {
                seen += 1;
                assert_eq!(row.get::<i32>(0), seen);
            }
            Ok(None) => panic!("the end came after {seen} rows"),
            Err(error) => break error,
        }
    };
    assert!(seen > 0);
    assert_eq!(error.kind(), Kind::Io, "{error}");
    drop(rows);
    stays_closed(&mut connection, "closed the connection").await;
}

async fn a_session_reset_while_it_was_idle_is_noticed_by_the_next_statement<R: Runtime>(rt: R) {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    relay.reset_all();
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io, "{error}");
    stays_closed(&mut connection, "could not").await;
}

/// A limit of the server's own: its FATAL waits unread until the next statement.
async fn a_session_that_idled_for_too_long_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let config = session::config().options("-c idle_in_transaction_session_timeout=1");
    let mut connection = session::open_with(rt, &config).await;
    let process_id = connection.process_id().unwrap();
    connection.batch_execute("begin").await?;
    session::wait_until_gone(&mut observer, process_id).await;
    let error = connection.batch_execute("commit").await.unwrap_err();
    // It may have come together with the reply to `begin`: then the session is known to be closed.
    let known = error.source().map(ToString::to_string).unwrap_or_default();
    assert!(format!("{error} {known}").contains("25P03"), "{error}: {known}");
    stays_closed(&mut connection, "25P03").await;
    Ok(())
}

on_every_runtime!(
    an_idle_session_that_was_terminated_says_so,
    a_statement_whose_session_is_terminated_says_so,
    a_server_that_stops_or_crashes_ends_its_sessions,
    a_result_that_is_cut_or_reset_is_an_error,
    a_stream_that_is_cut_ends_in_an_error_and_not_early,
    a_session_reset_while_it_was_idle_is_noticed_by_the_next_statement,
    a_session_that_idled_for_too_long_says_so,
);
