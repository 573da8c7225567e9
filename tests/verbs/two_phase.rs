//! Two-phase commit, and transactions whose end goes wrong.

use std::error::Error as StdError;

use aiopg::{
    Client, Connection, Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions,
};
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::{Server, on_every_runtime, session};

/// An identifier that no other test has, with everything in it that must be quoted.
fn xid<R: Runtime>(connection: &Connection<R>, name: &str) -> String {
    let process_id = connection.process_id().unwrap();
    format!("{name} 'of\\' \"{process_id}\"; --")
}

const INSERT: &str = "insert into t values ($1)";

async fn numbers<R: Runtime>(connection: &mut Connection<R>) -> Result<Vec<i32>, Error> {
    let rows = connection.query_as::<(i32,)>("select n from t order by n", ()).await?;
    Ok(rows.into_iter().map(|(n,)| n).collect())
}

fn cause(error: &Error) -> Option<SqlState> {
    error.source().and_then(|cause| cause.downcast_ref::<Error>()).and_then(Error::sqlstate)
}

async fn a_prepared_transaction_is_ended_by_any_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, config) = session::open_in_schema(rt.clone()).await;
    let mut other = session::open_with(rt, &config).await;
    connection.batch_execute("create table t (n int primary key)").await?;
    let (kept, undone) = (xid(&connection, "kept"), xid(&connection, "undone"));
    for (n, xid) in [(1, &kept), (2, &undone)] {
        let mut transaction = connection.begin().await?;
        transaction.execute(INSERT, (n,)).await?;
        transaction.prepare_transaction(xid).await?;
    }
    assert!(numbers(&mut connection).await?.is_empty(), "they have left the session");
    let prepared = other.recover_prepared().await?;
    assert!(prepared.contains(&kept) && prepared.contains(&undone), "{prepared:?}");
    other.commit_prepared(&kept).await?;
    other.rollback_prepared(&undone).await?;
    assert_eq!(numbers(&mut connection).await?, [1]);
    let error = other.commit_prepared(&kept).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT));
    Ok(())
}

async fn a_transaction_without_a_statement_can_be_prepared<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let xid = xid(&connection, "empty");
    connection.begin().await?.prepare_transaction(&xid).await?;
    assert!(connection.recover_prepared().await?.contains(&xid));
    connection.rollback_prepared(&xid).await
}

async fn a_failed_transaction_is_not_prepared_silently<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let xid = xid(&connection, "failed");
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1 / 0", ()).await.unwrap_err();
    let error = transaction.prepare_transaction(&xid).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    assert_eq!(cause(&error), Some(SqlState::DIVISION_BY_ZERO));
    assert!(!connection.recover_prepared().await?.contains(&xid));
    Ok(())
}

async fn an_identifier_that_the_server_would_refuse_is_refused_unsent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let config = session::config().on_event(|_| {});
    let mut connection = session::open_with(rt, &config).await;
    for xid in ["", &"x".repeat(200), "nul\0"] {
        let mut transaction = connection.begin().await?;
        transaction.execute("select 1", ()).await?;
        let error = transaction.prepare_transaction(xid).await.unwrap_err();
        assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
        let error = connection.commit_prepared(xid).await.unwrap_err();
        assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
    }
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

async fn a_deferred_constraint_fails_at_the_commit<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let table = "create temporary table t (n int primary key deferrable initially deferred)";
    connection.batch_execute(table).await?;
    let mut transaction = connection.begin().await?;
    assert_eq!(transaction.execute("insert into t values ($1), ($1)", (1,)).await?, 2);
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

/// The answer to COMMIT never comes: nobody may say that it failed, nor that it may be repeated.
async fn a_commit_whose_answer_is_lost_may_have_taken_effect<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let stalled = Plan::default().from_server(Leg::default());
    let (relay, config) = session::relayed(Server::shared(), stalled);
    let mut connection = session::open_with(rt, &config).await;
    let mut transaction = connection.begin().await?;
    transaction.execute("create temporary table t (n int)", ()).await?;
    relay.reset_all();
    let error = transaction.commit().await.unwrap_err();
    assert!(matches!(error.kind(), Kind::OutcomeUnknown), "{error:?}");
    assert!(!error.is_retryable() && error.source().is_some());
    assert!(connection.is_closed());
    Ok(())
}

async fn a_connection_that_is_lost_keeps_its_first_error<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = session::open(rt).await;
    let process_id = connection.process_id().unwrap();
    let error = connection
        .transaction(async |transaction| {
            transaction.execute("select 1", ()).await?;
            observer.execute("select pg_terminate_backend($1)", (process_id,)).await?;
            session::wait_until_gone(&mut observer, process_id).await;
            transaction.execute("select 2", ()).await
        })
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::ADMIN_SHUTDOWN));
    Ok(())
}

async fn a_panic_rolls_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open_with(rt, &session::config().on_event(|_| {})).await;
    connection.batch_execute("create temporary table t (n int)").await?;
    let panics = connection.transaction(async |transaction| {
        transaction.execute(INSERT, (1,)).await?;
        let inserted: Option<i32> = transaction.query_scalar("select null::int4", ()).await?;
        inserted.unwrap();
        Ok::<_, Error>(())
    });
    let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panics)).await;
    assert!(caught.is_err());
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

/// Two that read what the other writes: the server lets one of them pass, and the other is repeated.
async fn transactions_that_meet_are_repeated_until_they_pass<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut first, config) = session::open_in_schema(rt.clone()).await;
    let mut second = session::open_with(rt, &config).await;
    first.batch_execute("create table t (n int); insert into t values (0)").await?;
    let options =
        TransactionOptions::new().isolation_level(IsolationLevel::Serializable).retries(50);
    let add = async |connection: &mut Connection<R>| {
        for _ in 0..10 {
            let added = connection.transaction_with(&options, async |transaction| {
                let n: i32 = transaction.query_scalar("select n from t", ()).await?;
                transaction.execute("update t set n = $1", (n + 1,)).await
            });
            added.await?;
        }
        Ok::<_, Error>(())
    };
    let (one, other) = futures::join!(add(&mut first), add(&mut second));
    one?;
    other?;
    assert_eq!(numbers(&mut first).await?, [20]);
    Ok(())
}

async fn a_transaction_within_a_transaction_is_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().on_event(|_| {});
    let mut connection = session::open_with(rt, &config).await;
    connection.batch_execute("begin").await?;
    let error = connection.begin().await.unwrap_err();
    assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
    connection.batch_execute("rollback").await?;
    let transaction = connection.begin().await?;
    transaction.commit().await?;
    Ok(())
}

async fn an_owned_transaction_can_be_moved<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut observer, config) = session::open_in_schema(rt.clone()).await;
    observer.batch_execute("create table t (n int)").await?;
    let connection = session::open_with(rt, &config).await;
    let mut transaction = connection.begin_owned(&TransactionOptions::new()).await?;
    let insert = async move {
        transaction.execute(INSERT, (1,)).await?;
        transaction.commit().await
    };
    insert.await?;
    assert_eq!(numbers(&mut observer).await?, [1]);
    Ok(())
}

/// The first statement was refused together with BEGIN, and its error passed over: there is nothing to commit.
async fn a_transaction_that_never_began_is_not_committed_silently<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (n int)").await?;
    let options = TransactionOptions::new().set_local("lock_timeout", "never");
    let mut transaction = connection.begin_with(&options).await?;
    transaction.execute(INSERT, (1,)).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error:?}");
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn a_transaction_that_a_statement_has_ended_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for (ends, is_error) in [("commit", true), ("rollback", true)] {
        let mut transaction = connection.begin().await?;
        transaction.execute("select 1", ()).await?;
        transaction.batch_execute(ends).await?;
        assert_eq!(transaction.commit().await.is_err(), is_error);
        let mut transaction = connection.begin().await?;
        transaction.execute("select 1", ()).await?;
        transaction.batch_execute(ends).await?;
        transaction.rollback().await?;
    }
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

/// A limit is that of its own operation: it does not reach the next.
async fn the_end_of_a_transaction_is_not_hurried_by_an_earlier_limit<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut observer = session::open(connection.runtime().clone()).await;
    let mut transaction = connection.begin().await?;
    let limit = std::time::Duration::from_millis(100);
    let quick = aiopg::Call::new("select 1").query_timeout(limit);
    transaction.execute(quick, ()).await?;
    // Longer than the limit.
    observer.execute("select pg_sleep(0.3)", ()).await?;
    transaction.commit().await
}

on_every_runtime!(
    a_transaction_that_never_began_is_not_committed_silently,
    a_transaction_that_a_statement_has_ended_says_so,
    the_end_of_a_transaction_is_not_hurried_by_an_earlier_limit,
    a_prepared_transaction_is_ended_by_any_session,
    a_transaction_without_a_statement_can_be_prepared,
    a_failed_transaction_is_not_prepared_silently,
    an_identifier_that_the_server_would_refuse_is_refused_unsent,
    a_deferred_constraint_fails_at_the_commit,
    a_commit_whose_answer_is_lost_may_have_taken_effect,
    a_connection_that_is_lost_keeps_its_first_error,
    a_panic_rolls_back,
    transactions_that_meet_are_repeated_until_they_pass,
    a_transaction_within_a_transaction_is_refused,
    an_owned_transaction_can_be_moved,
);
