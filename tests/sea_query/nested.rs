//! Transactions within transactions: parts that cannot be undone alone, and savepoints, which can.

use aiopg::sea_query::{EngineConnection, EngineTransaction};
use aiopg::{
    Error, IsolationLevel, Kind, Runtime, SqlState, TransactionOptions, TransactionStatus,
};
use aiopg_tests::{on_every_runtime, warnings};

use crate::transactions::{DELETE, INSERT, count, pair};

async fn an_inner_commit_leaves_the_commit_to_the_outermost<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute(DELETE, ()).await?;
    inner.commit().await?;
    assert!(outer.is_active() && outer.in_transaction());
    assert_eq!(count(&mut other).await?, Some(1));
    outer.commit().await?;
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

/// A transaction that was rolled back from within takes nothing but its end, however it is reached.
async fn assert_inactive<R: Runtime>(transaction: &mut EngineTransaction<'_, R>) {
    assert!(!transaction.is_active() && !transaction.in_transaction());
    let begun = transaction.begin().await.map(drop);
    let nested = transaction.begin_nested().await.map(drop);
    let two_phase = transaction.begin_twophase(None).await.map(drop);
    assert_eq!(two_phase.unwrap_err().kind(), Kind::Usage);
    let executed = transaction.execute(INSERT, ("lost",)).await.map(drop);
    let scalar = transaction.scalar::<i32>("select 1", ()).await.map(drop);
    let streamed = transaction.stream("select 1", ()).await.map(drop);
    // The session itself, in every way that it sends anything.
    let session = transaction.connection();
    let begun_on_session = session.begin().await.map(drop);
    let batch = session.batch_execute("insert into sa_tbl (name) values ('lost')").await;
    let many = session.execute_many(INSERT, [("lost",), ("lost",)]).await.map(drop);
    let prepared = session.prepare("select 2").await.map(drop);
    let piped = session.pipeline((aiopg::Item::execute(INSERT, ("lost",)),)).await.0.map(drop);
    let copied = session.copy_out("sa_tbl", &[]).start().await.map(drop);
    let reset = session.reset().await;
    let refused = [
        begun,
        nested,
        executed,
        scalar,
        streamed,
        begun_on_session,
        batch,
        many,
        prepared,
        piped,
        copied,
        reset,
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), Kind::RolledBack, "{number}: {error}");
        assert!(error.is_unsent() && !error.is_retryable(), "{number}: {error}");
    }
}

async fn an_inner_rollback_undoes_the_whole<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for drops in [false, true] {
        let mut outer = connection.begin().await?;
        outer.execute(INSERT, ("lost",)).await?;
        let mut inner = outer.begin().await?;
        inner.execute(DELETE, ()).await?;
        if drops {
            drop(inner);
            assert_eq!(warnings::take().len(), 1);
        } else {
            inner.rollback().await?;
            let status = outer.connection().transaction_status();
            assert_eq!(status, TransactionStatus::Idle, "at once");
        }
        assert_inactive(&mut outer).await;
        let error = outer.commit().await.unwrap_err();
        assert_eq!(error.kind(), Kind::RolledBack, "{error}");
        assert!(!connection.in_transaction());
        assert_eq!(count(&mut connection).await?, Some(1));
        assert_eq!(count(&mut other).await?, Some(1));
    }
    Ok(())
}

/// However often it is rolled back or closed: nothing is sent, and nothing is wrong.
async fn what_is_inactive_ends_without_a_word<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for end in 0..3 {
        let mut outer = connection.begin().await?;
        outer.execute(DELETE, ()).await?;
        let mut middle = outer.begin().await?;
        middle.begin().await?.rollback().await?;
        assert!(!middle.is_active());
        match end {
            0 => middle.rollback().await?,
            1 => middle.close().await?,
            _ => drop(middle),
        }
        assert!(!outer.is_active());
        match end {
            0 => outer.rollback().await?,
            1 => outer.close().await?,
            _ => drop(outer),
        }
        assert_eq!(count(&mut other).await?, Some(1));
        connection.execute(INSERT, ("next",)).await?;
        connection.execute("delete from sa_tbl where name = 'next'", ()).await?;
    }
    Ok(())
}

async fn closing_an_inner_one_leaves_the_outer_active<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute(INSERT, ("second",)).await?;
    inner.close().await?;
    assert!(outer.is_active());
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

async fn what_a_savepoint_keeps_is_committed_with_the_whole<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut savepoint = outer.begin_nested().await?;
    savepoint.execute(DELETE, ()).await?;
    savepoint.commit().await?;
    assert!(outer.is_active());
    assert_eq!(count(&mut outer).await?, Some(0));
    assert_eq!(count(&mut other).await?, Some(1));
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

async fn a_savepoint_is_undone_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    outer.execute(INSERT, ("kept",)).await?;
    for end in 0..3 {
        let mut savepoint = outer.begin_nested().await?;
        savepoint.execute(DELETE, ()).await?;
        assert_eq!(count(&mut savepoint).await?, Some(0));
        match end {
            0 => savepoint.rollback().await?,
            1 => savepoint.close().await?,
            _ => drop(savepoint),
        }
        assert_eq!(warnings::take().len(), usize::from(end == 2));
        assert!(outer.is_active());
        assert_eq!(count(&mut outer).await?, Some(2));
    }
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

async fn savepoints_nest_to_any_depth<R: Runtime>(rt: R) -> Result<(), Error> {
    /// Inserts one row at each depth, which is kept, and one beside it, which is undone.
    async fn descend<R: Runtime>(
        connection: &mut EngineConnection<R>,
        left: u32,
    ) -> Result<(), Error> {
        let mut savepoint = connection.begin_nested().await?;
        savepoint.execute(INSERT, (left.to_string(),)).await?;
        if left > 0 {
            Box::pin(descend(&mut savepoint, left - 1)).await?;
        }
        savepoint.commit().await?;
        let mut undone = connection.begin_nested().await?;
        undone.execute(INSERT, ("undone",)).await?;
        undone.rollback().await
    }
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    descend(&mut transaction, 20).await?;
    transaction.commit().await?;
    assert_eq!(count(&mut other).await?, Some(22));
    Ok(())
}

async fn without_a_transaction_a_nested_one_is_the_outermost<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outermost = connection.begin_nested().await?;
    outermost.execute(DELETE, ()).await?;
    assert!(outermost.in_transaction());
    assert_eq!(count(&mut other).await?, Some(1));
    outermost.commit().await?;
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

/// Within a savepoint an inner one is a part of that, and undoes no more.
async fn an_inner_rollback_undoes_the_savepoint_that_it_stands_in<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    outer.execute(INSERT, ("kept",)).await?;
    for drops in [false, true] {
        let mut savepoint = outer.begin_nested().await?;
        savepoint.execute(INSERT, ("lost",)).await?;
        let mut inner = savepoint.begin().await?;
        inner.execute(INSERT, ("lost",)).await?;
        let innermost = inner.begin().await?;
        if drops {
            drop(innermost);
            assert_eq!(warnings::take().len(), 1);
        } else {
            innermost.rollback().await?;
        }
        assert!(!inner.is_active());
        inner.commit().await.unwrap_err();
        assert_inactive(&mut savepoint).await;
        let error = savepoint.commit().await.unwrap_err();
        assert_eq!(error.kind(), Kind::RolledBack);
        assert!(outer.is_active());
        assert_eq!(count(&mut outer).await?, Some(2));
    }
    let mut next = outer.begin_nested().await?;
    next.execute(INSERT, ("kept as well",)).await?;
    next.commit().await?;
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(3));
    Ok(())
}

/// A savepoint in an inner one belongs to the whole: both ways of nesting can be mixed.
async fn a_savepoint_within_an_inner_one_is_undone_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute(INSERT, ("kept",)).await?;
    let mut savepoint = inner.begin_nested().await?;
    let error = savepoint.execute("select 1 / 0", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    savepoint.rollback().await?;
    assert!(inner.is_active());
    inner.commit().await?;
    outer.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

async fn an_inner_transaction_takes_no_options<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let options = TransactionOptions::new().isolation_level(IsolationLevel::Serializable);
    let error = outer.begin_with(&options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(error.is_unsent());
    outer.begin_with(&TransactionOptions::new()).await?.commit().await?;
    assert!(outer.is_active());
    outer.commit().await
}

/// Handles that were leaked end with those around them.
#[expect(clippy::mem_forget, reason = "a leak is what this is about")]
async fn what_is_leaked_ends_with_what_it_stands_in<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut outer = connection.begin().await?;
    let mut savepoint = outer.begin_nested().await?;
    savepoint.execute(INSERT, ("kept",)).await?;
    std::mem::forget(savepoint.begin_nested().await?);
    savepoint.execute(INSERT, ("kept as well",)).await?;
    std::mem::forget(savepoint.begin().await?);
    savepoint.commit().await?;
    let mut savepoint = outer.begin_nested().await?;
    savepoint.execute(INSERT, ("lost",)).await?;
    // One that was undone from within, and that nobody ends.
    savepoint.begin().await?.rollback().await?;
    std::mem::forget(savepoint);
    assert!(outer.is_active());
    outer.execute(INSERT, ("kept, too",)).await?;
    outer.commit().await?;
    assert_eq!(count(&mut connection).await?, Some(4));
    assert_eq!(count(&mut other).await?, Some(4));
    Ok(())
}

/// A handle can be made to stand for another connection: then it ends nothing there.
async fn what_was_swapped_ends_nothing_that_is_not_its_own<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(DELETE, ()).await?;
    std::mem::swap(&mut *transaction, &mut other);
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(other.in_transaction() && !connection.in_transaction());
    assert_eq!(count(&mut connection).await?, Some(1));
    other.close().await;
    warnings::take();
    assert_eq!(count(&mut connection).await?, Some(1));
    Ok(())
}

on_every_runtime!(
    an_inner_commit_leaves_the_commit_to_the_outermost,
    an_inner_rollback_undoes_the_whole,
    what_is_inactive_ends_without_a_word,
    closing_an_inner_one_leaves_the_outer_active,
    what_a_savepoint_keeps_is_committed_with_the_whole,
    a_savepoint_is_undone_alone,
    savepoints_nest_to_any_depth,
    without_a_transaction_a_nested_one_is_the_outermost,
    an_inner_rollback_undoes_the_savepoint_that_it_stands_in,
    a_savepoint_within_an_inner_one_is_undone_alone,
    an_inner_transaction_takes_no_options,
    what_is_leaked_ends_with_what_it_stands_in,
    what_was_swapped_ends_nothing_that_is_not_its_own,
);
