//! What a connection knows of its session: identity, parameters, transaction, notices, its end.

use std::sync::{Arc, Mutex};
use std::thread;

use aiopg::{Connection, Error, Kind, Runtime, ServerError, SqlState, TransactionStatus};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime, warnings};

async fn process_and_version_are_the_servers<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    assert_eq!(connection.query_scalar::<i32>("select pg_backend_pid()", ()).await?, process_id);
    let version = ask(&mut connection, "select current_setting('server_version_num')").await;
    assert_eq!(connection.server_version(), Some(version.parse().unwrap()));
    assert_eq!(connection.server_version().unwrap() / 10_000, Server::shared().version());
    Ok(())
}

async fn parameters_change_when_the_server_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().application_name("first");
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(connection.parameter("client_encoding"), Some("UTF8"));
    assert_eq!(connection.parameter("application_name"), Some("first"));
    assert_eq!(connection.parameter("no_such_parameter"), None);
    connection.batch_execute("set timezone = 'Europe/Berlin'").await?;
    assert_eq!(connection.parameter("TimeZone"), Some("Europe/Berlin"));
    connection.execute("set application_name = 'second'", ()).await?;
    assert_eq!(connection.parameter("application_name"), Some("second"));
    connection.batch_execute("begin; set local timezone = 'Asia/Tokyo'").await?;
    assert_eq!(connection.parameter("TimeZone"), Some("Asia/Tokyo"));
    connection.batch_execute("rollback").await?;
    assert_eq!(connection.parameter("TimeZone"), Some("Europe/Berlin"));
    Ok(())
}

async fn the_transaction_status_is_what_the_last_reply_said<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    connection.batch_execute("begin").await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::InTransaction);
    connection.query("select 1", ()).await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::InTransaction);
    assert!(connection.execute("select 1 / 0", ()).await.is_err());
    assert_eq!(connection.transaction_status(), TransactionStatus::InError);
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::IN_FAILED_SQL_TRANSACTION));
    connection.execute("rollback", ()).await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    connection.execute("begin", ()).await?;
    connection.execute("commit", ()).await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

async fn notices_are_kept_and_told_to_the_hook<R: Runtime>(rt: R) -> Result<(), Error> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let config = session::config()
        .on_notice(move |notice| hook.lock().unwrap().push(notice.message().to_owned()));
    let mut connection = session::open_with(rt, &config).await;
    assert_eq!(connection.notices().len(), 0);
    let raise = "do $$ begin raise warning 'careful' using hint = 'look', detail = 'there'; end $$";
    connection.batch_execute(raise).await?;
    let notice = connection.notices().next().unwrap();
    assert_eq!((notice.severity(), notice.sqlstate()), ("WARNING", SqlState::WARNING));
    assert_eq!((notice.hint(), notice.detail()), (Some("look"), Some("there")));

    let sixty = "do $$ begin for n in 1..60 loop raise notice 'number %', n; end loop; end $$";
    connection.execute(sixty, ()).await?;
    let kept: Vec<_> = connection.notices().map(ServerError::message).collect();
    assert_eq!((kept.len(), kept[0], kept[49]), (50, "number 11", "number 60"));
    let told = told.lock().unwrap();
    assert_eq!((told.len(), &*told[0], &*told[60]), (61, "careful", "number 60"));
    Ok(())
}

async fn close_ends_the_backend<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    connection.close().await?;
    assert!(connection.is_closed());
    session::wait_until_gone(&mut observer, process_id).await;
    connection.close().await?;
    let error = connection.query("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert_eq!(error.to_string(), "the session is closed");
    Ok(())
}

async fn dropping_ends_the_backend<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let connection = session::open(rt.clone()).await;
    let process_id = connection.process_id().unwrap();
    drop(connection);
    session::wait_until_gone(&mut observer, process_id).await;

    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    connection.batch_execute("begin; create temp table t ()").await?;
    // There is no runtime on this thread.
    thread::spawn(move || drop(connection)).join().unwrap();
    assert!(warnings::take()[0].ends_with("dropped and not closed, in a transaction"));
    session::wait_until_gone(&mut observer, process_id).await;
    Ok(())
}

async fn dropping_says_good_bye_so_that_the_server_does_not_complain<R: Runtime>(rt: R) {
    let server = Server::start(&aiopg_tests::Options::default()).unwrap();
    let config = session::config_of(&server);
    let mut observer = session::open_with(rt.clone(), &config).await;
    for close in [true, false] {
        let mut connection: Connection<R> = session::open_with(rt.clone(), &config).await;
        connection.batch_execute("begin").await.unwrap();
        let process_id = connection.process_id().unwrap();
        if close {
            connection.close().await.unwrap();
        }
        drop(connection);
        session::wait_until_gone(&mut observer, process_id).await;
        assert_eq!(warnings::take().len(), usize::from(!close));
    }
    let log = server.log();
    assert!(!log.contains("unexpected EOF") && !log.contains("reset by peer"), "{log}");
}

async fn debug_shows_the_session_and_no_secret<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().password("hunter2");
    let mut connection = session::open_with(rt, &config).await;
    connection.execute("select $1", ("hunter2",)).await?;
    let text = format!("{connection:?} {config:?}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains(&connection.process_id().unwrap().to_string()), "{text}");
    Ok(())
}

on_every_runtime!(
    process_and_version_are_the_servers,
    parameters_change_when_the_server_says_so,
    the_transaction_status_is_what_the_last_reply_said,
    notices_are_kept_and_told_to_the_hook,
    close_ends_the_backend,
    dropping_ends_the_backend,
    dropping_says_good_bye_so_that_the_server_does_not_complain,
    debug_shows_the_session_and_no_secret,
);
