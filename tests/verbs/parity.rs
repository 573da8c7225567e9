//! What aiopg's connection knows and does, here: its end is noticed, it is reset, it warns.

use std::error::Error as StdError;
use std::time::Duration;

use aiopg::{
    Client, Connection, Error, Kind, ProtocolVersion, Runtime, SqlState, TransactionStatus,
};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::counting::Counting;
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Options, Server, on_every_runtime, warnings};

use crate::notifications::channel;

async fn a_terminated_backend_is_noticed_without_a_query<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    assert!(!connection.check_closed());
    let process_id = connection.process_id().unwrap();
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    session::wait_until_gone(&mut observer, process_id).await;
    assert!(!connection.is_closed(), "nobody has looked yet");
    assert!(connection.check_closed());
    assert!(connection.is_closed());
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(error.source().unwrap().to_string().contains("57P01"), "{error:?}");
    Ok(())
}

/// What lies before the server's last words does not hide them, and is not lost.
async fn the_end_is_noticed_behind_notifications_and_dropped_replies<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    let name = channel();
    connection.listen(&name).await?;
    observer.notify(&name, "first").await?;
    // The server sends it before it answers.
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    drop(PollLimit::new(connection.execute("select 1", ()), 1).await);
    assert!(!connection.check_closed());
    observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
    session::wait_until_gone(&mut observer, process_id).await;
    assert!(connection.check_closed());
    assert!(!connection.is_busy());
    assert_eq!(connection.notifications().recv().await?.payload(), "first");
    Ok(())
}

async fn looking_disturbs_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for number in 0..20 {
        assert!(!connection.check_closed());
        assert_eq!(connection.query_scalar::<i32>("select $1::int4", (number,)).await?, number);
        drop(PollLimit::new(connection.query("select 1", ()), 1).await);
        assert!(!connection.check_closed());
    }
    assert_eq!(ask(&mut connection, "select 2").await, "2");
    Ok(())
}

/// The session's own settings, and what it sees of itself.
async fn assert_fresh<R: Runtime>(connection: &mut Connection<R>) {
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    assert_eq!(connection.parameter("TimeZone"), Some("Asia/Tokyo"));
    assert_eq!(ask(connection, "show work_mem").await, "5MB", "it was set when it was opened");
    assert_eq!(ask(connection, "select count(*) from pg_prepared_statements").await, "0");
    assert_eq!(ask(connection, "select count(*) from pg_listening_channels()").await, "0");
    assert_eq!(ask(connection, "select to_regclass('scratch') is null").await, "t");
    let locks =
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
    assert_eq!(ask(connection, locks).await, "0");
    assert!(connection.notifications().try_recv().unwrap().is_none());
}

async fn reset_brings_a_session_back_to_where_it_began<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().options("-c work_mem=5MB -c timezone=Asia/Tokyo");
    let mut connection = session::open_with(rt, &config).await;
    let (process_id, name) = (connection.process_id(), channel());
    for state in ["commit", "select 1", "select 1 / 0"] {
        connection
            .batch_execute(
                "set timezone = 'Europe/Berlin'; set work_mem = '9MB'; \
                 create temp table scratch (); select pg_advisory_lock(7)",
            )
            .await?;
        connection.listen(&name).await?;
        connection.notify(&name, "forgotten").await?;
        let statement = connection.prepare("select $1::int4").await?;
        assert_eq!(connection.query_scalar::<i32>(&statement, (1,)).await?, 1);
        connection.batch_execute("begin").await?;
        drop(connection.batch_execute(state).await);
        connection.reset().await?;
        assert_fresh(&mut connection).await;
        let error = connection.query(&statement, (1,)).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME), "{error}");
        assert_eq!(connection.query_scalar::<i32>("select $1::int4", (2,)).await?, 2);
        assert_eq!(connection.process_id(), process_id, "it is the same session");
    }
    Ok(())
}

async fn reset_costs_one_write<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open_with(counting.clone(), &session::config()).await;
    for open in [false, true] {
        if open {
            connection.batch_execute("begin").await?;
        }
        let before = counting.counts();
        connection.reset().await?;
        let after = counting.counts();
        assert_eq!(after.writes - before.writes, 1, "in a transaction: {open}");
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    }
    Ok(())
}

async fn reset_clears_up_after_a_statement_and_a_transaction_that_were_dropped<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let config = session::config().options("-c work_mem=5MB -c timezone=Asia/Tokyo");
    let mut connection = session::open_with(rt, &config).await;
    let mut transaction = connection.begin().await?;
    transaction.execute("select set_config('work_mem', '9MB', false)", ()).await?;
    drop(PollLimit::new(transaction.execute("select pg_sleep(600)", ()), 1).await);
    drop(transaction);
    assert_eq!(warnings::take().len(), 1);
    connection.reset().await?;
    assert_fresh(&mut connection).await;
    Ok(())
}

/// A transaction hears nothing: one that was dropped is rolled back although nothing else is asked.
async fn a_dropped_transaction_does_not_keep_notifications_away<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut notifying = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let name = channel();
    connection.listen(&name).await?;
    for sql in ["select 1", "select pg_sleep(600)"] {
        let mut transaction = connection.begin().await?;
        transaction.execute("select 2", ()).await?;
        drop(PollLimit::new(transaction.execute(sql, ()), 1).await);
        drop(transaction);
        assert_eq!(warnings::take().len(), 1);
        notifying.notify(&name, sql).await?;
        assert_eq!(connection.notifications().recv().await?.payload(), sql);
        assert_eq!(ask(&mut connection, "select 3").await, "3");
    }
    Ok(())
}

/// The 57014 of the server is an error like any other, not a cancellation.
async fn a_statement_that_the_server_cancelled_leaves_the_session_usable<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("set statement_timeout = 50").await?;
    let error = connection.execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::QUERY_CANCELED), "{error}");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

async fn new_sessions_work_after_a_restart_of_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::start(&Options::default()).unwrap();
    let config = session::config_of(&server);
    let mut connection = session::open_with(rt.clone(), &config).await;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    server.stop();
    server.restart();
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Server | Kind::Io), "{error}");
    assert!(connection.check_closed());
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(ask(&mut connection, "select 2").await, "2");
    Ok(())
}

async fn the_state_of_a_session_is_known_without_asking<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    assert_eq!(connection.encoding(), Some("UTF8"));
    assert_eq!(connection.parameter("integer_datetimes"), Some("on"));
    assert!(!connection.is_busy() && !connection.is_closed());
    drop(PollLimit::new(connection.execute("select pg_sleep(600)", ()), 1).await);
    assert!(connection.is_busy(), "its reply is still to come");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert!(!connection.is_busy());
    Ok(())
}

/// The sum of what aiopg calls `timeout`: one setter for connecting and for every statement.
async fn one_setter_limits_connecting_and_statements<R: Runtime>(rt: R) -> Result<(), Error> {
    let limit = Duration::from_secs(30);
    let config = session::config().password("secret").timeout(limit);
    let mut connection = session::open_with(rt.clone(), &config).await;
    assert_eq!(connection.query_timeout(), Some(limit));
    let dsn = connection.config().to_string();
    assert!(dsn.contains("dbname") && dsn.contains("host") && !dsn.contains("secret"), "{dsn}");
    assert_eq!(ask(&mut connection, "select 1").await, "1");

    let error = Connection::connect_on(rt.clone(), config.timeout(Duration::ZERO)).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Timeout);
    let config = session::config().timeout(limit).query_timeout(Duration::from_millis(50));
    let mut connection = session::open_with(rt, &config).await;
    let error = connection.execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    assert_eq!(ask(&mut connection, "select 2").await, "2");
    Ok(())
}

/// Not every server speaks the newest: what both sides speak is what counts.
async fn the_version_of_the_protocol_is_the_one_that_was_agreed_on<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let newest = session::config().max_protocol_version(ProtocolVersion::V3_2);
    let connection = session::open_with(rt.clone(), &newest).await;
    let spoken = if connection.server_version() >= Some(180_000) {
        ProtocolVersion::V3_2
    } else {
        ProtocolVersion::V3_0
    };
    assert_eq!(connection.protocol_version(), spoken);
    let oldest = session::config().max_protocol_version(ProtocolVersion::V3_0);
    let connection = session::open_with(rt, &oldest).await;
    assert_eq!(connection.protocol_version(), ProtocolVersion::V3_0);
    Ok(())
}

on_every_runtime!(
    the_version_of_the_protocol_is_the_one_that_was_agreed_on,
    one_setter_limits_connecting_and_statements,
    a_terminated_backend_is_noticed_without_a_query,
    the_end_is_noticed_behind_notifications_and_dropped_replies,
    looking_disturbs_nothing,
    reset_brings_a_session_back_to_where_it_began,
    reset_costs_one_write,
    reset_clears_up_after_a_statement_and_a_transaction_that_were_dropped,
    a_dropped_transaction_does_not_keep_notifications_away,
    a_statement_that_the_server_cancelled_leaves_the_session_usable,
    new_sessions_work_after_a_restart_of_the_server,
    the_state_of_a_session_is_known_without_asking,
);
