//! What goes wrong in aiopg's `sa` layer, and must not here.

use aiopg::sea_query::Engine;
use aiopg::{Client, Error, Kind, PoolOptions, Runtime, SqlState, TransactionOptions};
use aiopg_tests::{on_every_runtime, session, warnings};

use crate::transactions::{DELETE, INSERT, count, pair};

/// There, what follows a beginning that failed takes effect statement by statement, without a word. Here it is BEGIN
/// that succeeds, and a parameter that is refused; a server that refuses BEGIN is scripted.
async fn after_a_beginning_that_failed_nothing_is_committed_silently<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let options = TransactionOptions::new().set_local("lock_timeout", "never");
    let mut transaction = connection.begin_with(&options).await?;
    for _ in 0..2 {
        transaction.execute(DELETE, ()).await.unwrap_err();
        assert_eq!(count(&mut other).await?, Some(1));
    }
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    assert!(!connection.in_transaction());
    // The next one is a transaction again.
    let mut transaction = connection.begin().await?;
    transaction.execute(DELETE, ()).await?;
    assert_eq!(count(&mut other).await?, Some(1));
    transaction.rollback().await?;
    assert_eq!(count(&mut connection).await?, Some(1));
    Ok(())
}

/// There, one within the transaction whose beginning failed is emulated, and its statements take effect at once.
async fn nothing_within_a_transaction_that_failed_to_begin_takes_effect<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let options = TransactionOptions::new().set_local("lock_timeout", "never");
    let mut outer = connection.begin_with(&options).await?;
    let mut inner = outer.begin().await?;
    inner.execute(DELETE, ()).await.unwrap_err();
    let error = inner.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    let error = outer.begin_nested().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    outer.begin().await?.rollback().await?;
    let error = outer.execute(DELETE, ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    outer.rollback().await?;
    assert_eq!(count(&mut connection).await?, Some(1));
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

async fn a_commit_that_failed_leaves_nothing_active<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let table = "create table part (of int references sa_tbl deferrable initially deferred)";
    connection.execute(table, ()).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute("insert into part values (99)", ()).await?;
    transaction.execute(DELETE, ()).await?;
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::FOREIGN_KEY_VIOLATION));
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut other).await?, Some(1));
    connection.execute(INSERT, ("next",)).await?;
    assert_eq!(count(&mut other).await?, Some(2), "nothing is open any more");
    Ok(())
}

async fn a_transaction_that_failed_is_not_committed_silently<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(DELETE, ()).await?;
    transaction.execute("select 1 / 0", ()).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    assert_eq!(count(&mut connection).await?, Some(1));
    assert_eq!(count(&mut other).await?, Some(1));
    // Nor a savepoint in it.
    let mut transaction = connection.begin().await?;
    let mut savepoint = transaction.begin_nested().await?;
    savepoint.execute(DELETE, ()).await?;
    savepoint.execute("select 1 / 0", ()).await.unwrap_err();
    let error = savepoint.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    assert_eq!(warnings::take().len(), 1, "it was not committed");
    assert_eq!(count(&mut transaction).await?, Some(1));
    transaction.commit().await
}

async fn a_percent_sign_is_no_placeholder<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let text: Option<String> = connection.scalar("select 'a%b %s %(name)s'", ()).await?;
    assert_eq!(text.as_deref(), Some("a%b %s %(name)s"));
    let rest: Option<i32> = connection.scalar("select 7 % 4", ()).await?;
    assert_eq!(rest, Some(3));
    Ok(())
}

/// There, whoever gave a connection back still has a handle to it. Here giving it back takes the handle, and what is
/// lent next is in no transaction, and refuses nothing.
async fn what_was_given_back_belongs_to_the_next<R: Runtime>(rt: R) -> Result<(), Error> {
    let options = PoolOptions::default().max_size(1);
    let engine = Engine::create_on(rt, session::config(), options).await?;
    let mut first = engine.acquire().await?;
    let process_id = first.connection().process_id();
    let mut transaction = first.begin().await?;
    transaction.execute("create temporary table t (n int)", ()).await?;
    transaction.begin().await?.rollback().await?;
    transaction.execute("select 1", ()).await.unwrap_err();
    drop(transaction);
    first.close().await;
    let mut second = engine.acquire().await?;
    assert_eq!(second.connection().process_id(), process_id);
    assert!(!second.in_transaction());
    let left: Option<bool> = second.scalar("select to_regclass('pg_temp.t') is null", ()).await?;
    assert_eq!(left, Some(true));
    assert_eq!(Client::query_scalar::<i32>(&mut second, "select 7", ()).await?, 7);
    Ok(())
}

on_every_runtime!(
    after_a_beginning_that_failed_nothing_is_committed_silently,
    nothing_within_a_transaction_that_failed_to_begin_takes_effect,
    a_commit_that_failed_leaves_nothing_active,
    a_transaction_that_failed_is_not_committed_silently,
    a_percent_sign_is_no_placeholder,
    what_was_given_back_belongs_to_the_next,
);
