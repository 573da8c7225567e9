//! Transactions and savepoints: what they send, what remains of them, and what is said when they fail.

use aiopg::{
    Client, Connection, Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions,
    TransactionStatus,
};
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session};

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open_with(rt, &session::config().on_event(|_| {})).await;
    connection.batch_execute("create temporary table t (n int primary key)").await?;
    Ok(connection)
}

async fn numbers<R: Runtime>(connection: &mut Connection<R>) -> Result<Vec<i32>, Error> {
    let rows = connection.query_as::<(i32,)>("select n from t order by n", ()).await?;
    Ok(rows.into_iter().map(|(n,)| n).collect())
}

const INSERT: &str = "insert into t values ($1)";

async fn what_is_committed_remains_and_what_is_rolled_back_does_not<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    assert_eq!(transaction.connection().transaction_status(), TransactionStatus::InTransaction);
    transaction.commit().await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (2,)).await?;
    transaction.rollback().await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (3,)).await?;
    drop(transaction);
    assert_eq!(numbers(&mut connection).await?, [1]);
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

async fn begin_rides_with_the_first_statement<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open(counting.clone()).await;
    connection.execute("select $1::int4", (1,)).await?;
    let before = counting.counts();
    let mut transaction = connection.begin().await?;
    transaction.execute("select $1::int4", (1,)).await?;
    transaction.commit().await?;
    assert_eq!((counting.counts() - before).writes, 2);
    let before = counting.counts();
    connection.begin().await?.commit().await?;
    connection.begin().await?.rollback().await?;
    drop(connection.begin().await?);
    assert_eq!((counting.counts() - before).writes, 0, "nothing was run in it");
    Ok(())
}

async fn savepoints_nest_and_are_undone_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    let mut outer = transaction.begin().await?;
    outer.execute(INSERT, (2,)).await?;
    let mut inner = outer.begin().await?;
    let error = inner.execute(INSERT, (1,)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    let error = inner.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    let mut inner = outer.begin().await?;
    inner.execute(INSERT, (3,)).await?;
    inner.rollback().await?;
    let mut inner = outer.begin().await?;
    inner.execute(INSERT, (4,)).await?;
    inner.commit().await?;
    outer.commit().await?;
    let mut dropped = transaction.begin().await?;
    dropped.execute(INSERT, (5,)).await?;
    drop(dropped);
    transaction.commit().await?;
    assert_eq!(numbers(&mut connection).await?, [1, 2, 4]);
    Ok(())
}

async fn a_failed_transaction_cannot_be_committed_silently<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    transaction.execute("select 1 / 0", ()).await.unwrap_err();
    transaction.execute("select 1", ()).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    let source =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
    assert_eq!(source.and_then(Error::sqlstate), Some(SqlState::DIVISION_BY_ZERO));
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn modes_and_parameters_hold_for_the_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let options = TransactionOptions::new()
        .isolation_level(IsolationLevel::Serializable)
        .read_only()
        .set_local("lock_timeout", "1234ms");
    let mut transaction = connection.begin_with(&options).await?;
    let shown = |name: &'static str| format!("select current_setting('{name}')");
    let level: String = transaction.query_scalar(&shown("transaction_isolation"), ()).await?;
    assert_eq!(level, "serializable");
    let read_only: String = transaction.query_scalar(&shown("transaction_read_only"), ()).await?;
    assert_eq!(read_only, "on");
    let timeout: String = transaction.query_scalar(&shown("lock_timeout"), ()).await?;
    assert_eq!(timeout, "1234ms");
    transaction.commit().await?;
    let timeout: String = connection.query_scalar(&shown("lock_timeout"), ()).await?;
    assert_eq!(timeout, "0");
    let options = TransactionOptions::new().set_local("no_such_parameter", "x");
    let mut transaction = connection.begin_with(&options).await?;
    assert!(transaction.execute(INSERT, (9,)).await.is_err());
    assert!(transaction.execute(INSERT, (9,)).await.is_err());
    transaction.rollback().await?;
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn a_closure_commits_rolls_back_and_repeats<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let inserted =
        connection.transaction(async |transaction| transaction.execute(INSERT, (1,)).await).await?;
    assert_eq!(inserted, 1);
    let failed: Result<(), Error> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, (2,)).await?;
            transaction.execute(INSERT, (1,)).await.map(drop)
        })
        .await;
    assert_eq!(failed.unwrap_err().sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    let mut attempts = 0;
    let options = TransactionOptions::new().retries(3);
    connection
        .transaction_with(&options, async |transaction| {
            attempts += 1;
            transaction.execute(INSERT, (3,)).await?;
            if attempts < 3 {
                let raise = "do $$ begin raise sqlstate '40001'; end $$";
                transaction.execute(raise, ()).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    assert_eq!(attempts, 3);
    assert_eq!(numbers(&mut connection).await?, [1, 3]);
    Ok(())
}

on_every_runtime!(
    what_is_committed_remains_and_what_is_rolled_back_does_not,
    begin_rides_with_the_first_statement,
    savepoints_nest_and_are_undone_alone,
    a_failed_transaction_cannot_be_committed_silently,
    modes_and_parameters_hold_for_the_transaction,
    a_closure_commits_rolls_back_and_repeats,
);
