//! Transactions that end behind the backs of their handles, and handles that come to stand for another session.

use std::mem;

use aiopg::sea_query::Engine;
use aiopg::{
    Client, Error, Kind, LargeObjectMode, PoolOptions, Runtime, SqlState, Transaction,
    TransactionOptions, TransactionStatus,
};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::{on_every_runtime, session, warnings};
use futures::AsyncWriteExt;

use crate::transactions::{DELETE, INSERT, SLEEP, count, pair};

/// What is buffered for a large object goes out with the next request: it does not end the transaction.
async fn none_begins_in_one_where_a_write_waits<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut outer = connection.begin().await?;
    let oid = outer.large_objects().create().await?;
    let mut objects = outer.large_objects();
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(b"waits").await.unwrap();
    drop(object);
    let begun = Transaction::begin_on(&mut outer, &TransactionOptions::new()).await;
    assert_eq!(begun.map(drop).unwrap_err().kind(), Kind::Usage);
    let written: Vec<u8> = outer.query_scalar("select lo_get($1)", (oid,)).await?;
    assert_eq!(written, b"waits");
    outer.rollback().await?;
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

/// What undoes a savepoint does not end what it stands in.
async fn none_begins_in_one_whose_savepoint_is_to_be_undone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    outer.execute(INSERT, ("second",)).await?;
    let mut savepoint = outer.begin_nested().await?;
    savepoint.execute(DELETE, ()).await?;
    assert!(PollLimit::new(savepoint.execute(SLEEP, ()), 1).await.is_none());
    drop(savepoint);
    warnings::take();
    let begun = outer.connection().begin().await;
    assert_eq!(begun.map(drop).unwrap_err().kind(), Kind::Usage);
    assert_eq!(count(&mut other).await?, Some(1));
    assert_eq!(count(&mut outer).await?, Some(2));
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

/// What would be a part of a transaction that is gone would take effect statement by statement.
async fn nothing_begins_in_one_that_a_statement_has_ended<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for ends in ["rollback", "commit", "reset"] {
        let mut outer = connection.begin().await?;
        outer.execute("select 1", ()).await?;
        assert!(outer.is_active() && outer.in_transaction());
        if ends == "reset" {
            outer.connection().reset().await?;
        } else {
            outer.execute(ends, ()).await?;
        }
        assert!(!outer.is_active() && !outer.in_transaction());
        let begun = outer.begin().await.map(drop);
        let nested = outer.begin_nested().await.map(drop);
        for refused in [begun, nested] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.is_unsent());
        }
        assert_eq!(outer.commit().await.unwrap_err().kind(), Kind::Usage);
        // The next one is a transaction again.
        let mut next = connection.begin().await?;
        next.execute(DELETE, ()).await?;
        assert_eq!(count(&mut other).await?, Some(1));
        next.rollback().await?;
    }
    Ok(())
}

async fn a_part_of_one_that_a_statement_has_ended_is_not_committed<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute(DELETE, ()).await?;
    inner.execute("rollback", ()).await?;
    assert!(!inner.is_active());
    assert_eq!(inner.commit().await.unwrap_err().kind(), Kind::Usage);
    outer.rollback().await?;
    assert!(warnings::take().is_empty());
    assert_eq!(count(&mut connection).await?, Some(1));
    Ok(())
}

async fn a_savepoint_of_one_that_a_statement_has_ended_leaves_the_session_alone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    for keeps in [None, Some(true), Some(false)] {
        let mut outer = connection.begin().await?;
        let mut nested = outer.begin_nested().await?;
        nested.execute(DELETE, ()).await?;
        nested.execute("rollback", ()).await?;
        match keeps {
            None => drop(nested),
            Some(true) => assert!(nested.commit().await.is_err()),
            Some(false) => drop(nested.rollback().await),
        }
        drop(outer);
        assert!(warnings::take().is_empty());
        assert_eq!(count(&mut connection).await?, Some(1));
    }
    Ok(())
}

/// A transaction that is prepared is not of its session any more, whoever keeps its handle.
#[expect(clippy::mem_forget, reason = "a leak is what this is about")]
async fn a_prepared_one_that_is_leaked_leaves_the_session_free<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin_twophase(None).await?;
    transaction.execute(INSERT, ("second",)).await?;
    let xid = transaction.xid().to_owned();
    mem::forget(transaction.prepare().await?);
    assert!(!connection.in_transaction());
    connection.rollback_prepared(&xid).await?;
    let mut next = connection.begin().await?;
    next.execute(DELETE, ()).await?;
    assert_eq!(count(&mut other).await?, Some(1));
    next.rollback().await?;
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

async fn none_that_is_prepared_is_ended_where_a_statement_has_begun_one<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    connection.execute("begin", ()).await?;
    for refused in
        [connection.commit_prepared("none").await, connection.rollback_prepared("none").await]
    {
        assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
    }
    let status = connection.connection().transaction_status();
    assert_eq!(status, TransactionStatus::InTransaction, "it has not failed");
    connection.execute("rollback", ()).await?;
    let error = connection.commit_prepared("none").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT));
    Ok(())
}

async fn a_part_in_which_a_statement_has_failed_is_not_committed<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute(DELETE, ()).await?;
    // What a savepoint undoes has not failed.
    let mut savepoint = inner.begin_nested().await?;
    savepoint.execute("select 1 / 0", ()).await.unwrap_err();
    drop(savepoint);
    assert_eq!(warnings::take().len(), 1);
    inner.commit().await?;
    let mut inner = outer.begin().await?;
    inner.execute("select 1 / 0", ()).await.unwrap_err();
    let error = inner.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("division by zero"), "{cause}");
    let error = outer.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack, "{error}");
    assert!(warnings::take().is_empty());
    assert_eq!(count(&mut connection).await?, Some(1));
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

/// A handle that stands for another connection runs nothing there: it would take effect at once.
async fn a_handle_does_nothing_in_another_connection<R: Runtime>(rt: R) -> Result<(), Error> {
    for rolls_back in [false, true] {
        let (mut connection, mut other) = pair(rt.clone()).await?;
        let mut transaction = connection.begin().await?;
        transaction.execute(INSERT, ("lost",)).await?;
        mem::swap(&mut *transaction, &mut other);
        assert!(!transaction.is_active() && other.in_transaction());
        let executed = transaction.execute(DELETE, ()).await.map(drop);
        let scalar = transaction.scalar::<i32>("select 1", ()).await.map(drop);
        let streamed = transaction.stream(DELETE, ()).await.map(drop);
        let begun = transaction.begin().await.map(drop);
        let nested = transaction.begin_nested().await.map(drop);
        let on_session = transaction.connection().batch_execute(DELETE).await;
        let ended =
            if rolls_back { transaction.rollback().await } else { transaction.commit().await };
        for refused in [executed, scalar, streamed, begun, nested, on_session, ended] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.is_unsent());
        }
        // That connection is its own again, and the transaction is where it was.
        assert_eq!(count(&mut connection).await?, Some(1));
        assert_eq!(count(&mut other).await?, Some(2));
        // Nobody can end it any more but by a statement; then the connection takes no other.
        other.execute("rollback", ()).await?;
        assert_eq!(other.begin().await.map(drop).unwrap_err().kind(), Kind::Usage);
    }
    Ok(())
}

/// As before, with the sessions alone.
async fn a_handle_does_nothing_in_another_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let options = PoolOptions::default().max_size(2);
    let engine = Engine::create_on(rt, session::config(), options).await?;
    let (mut connection, mut other) = (engine.acquire().await?, engine.acquire().await?);
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1", ()).await?;
    {
        // Even where the handle is not asked again.
        let within = &mut *transaction;
        mem::swap(within.connection(), other.connection());
        let executed = within.execute("select 1", ()).await.map(drop);
        let streamed = within.stream("select 1", ()).await.map(drop);
        let begun = within.begin().await.map(drop);
        let nested = within.begin_nested().await.map(drop);
        for refused in [executed, streamed, begun, nested] {
            assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
        }
    }
    let session = transaction.connection();
    assert_eq!(session.batch_execute("select 1").await.unwrap_err().kind(), Kind::Usage);
    assert_eq!(transaction.rollback().await.unwrap_err().kind(), Kind::Usage);
    assert!(!connection.in_transaction());
    assert_eq!(connection.scalar::<i32>("select 7", ()).await?, Some(7));
    let status = other.connection().transaction_status();
    assert_eq!(status, TransactionStatus::InTransaction);
    other.close().await;
    assert_eq!(warnings::take().len(), 1, "it was returned in a transaction");
    Ok(())
}

/// One that was undone from within, in a session that was swapped: given back, it refuses nothing any more.
async fn what_was_swapped_is_free_when_it_is_given_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let options = PoolOptions::default().max_size(2);
    let engine = Engine::create_on(rt, session::config(), options).await?;
    let (mut connection, mut other) = (engine.acquire().await?, engine.acquire().await?);
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1", ()).await?;
    transaction.begin().await?.rollback().await?;
    mem::swap(transaction.connection(), other.connection());
    drop(transaction);
    assert_eq!(connection.scalar::<i32>("select 7", ()).await?, Some(7));
    let error = other.execute("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    other.close().await;
    let mut other = engine.acquire().await?;
    assert_eq!(other.scalar::<i32>("select 7", ()).await?, Some(7));
    Ok(())
}

on_every_runtime!(
    none_begins_in_one_where_a_write_waits,
    none_begins_in_one_whose_savepoint_is_to_be_undone,
    nothing_begins_in_one_that_a_statement_has_ended,
    a_part_of_one_that_a_statement_has_ended_is_not_committed,
    a_savepoint_of_one_that_a_statement_has_ended_leaves_the_session_alone,
    a_prepared_one_that_is_leaked_leaves_the_session_free,
    none_that_is_prepared_is_ended_where_a_statement_has_begun_one,
    a_part_in_which_a_statement_has_failed_is_not_committed,
    a_handle_does_nothing_in_another_connection,
    a_handle_does_nothing_in_another_session,
    what_was_swapped_is_free_when_it_is_given_back,
);
