//! The ends of transactions: errors, limits of time, dropped statements, a second `begin`, two phases.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aiopg::{Call, Client, Connection, Error, Event, Kind, Runtime, SqlState, TransactionStatus};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime, warnings};

const INSERT: &str = "insert into t values ($1)";
const SLEEP: &str = "select pg_sleep(600)";
const SHORT: Duration = Duration::from_millis(20);

async fn with_table<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (n int primary key)").await?;
    Ok(connection)
}

async fn numbers(client: &mut impl Client) -> Result<Vec<i32>, Error> {
    let rows = client.query_as::<(i32,)>("select n from t order by n", ()).await?;
    Ok(rows.into_iter().map(|(n,)| n).collect())
}

async fn an_error_undoes_the_block_and_the_session_goes_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let failed: Result<(), Error> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, (1,)).await?;
            transaction.execute("select 1 / 0", ()).await.map(drop)
        })
        .await;
    assert_eq!(failed.unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    connection.transaction(async |transaction| transaction.execute(INSERT, (22,)).await).await?;
    assert_eq!(numbers(&mut connection).await?, [22]);
    Ok(())
}

/// An error of the program's own.
#[derive(Debug, PartialEq)]
enum Failure {
    Boom,
    Database,
}

impl From<Error> for Failure {
    fn from(_: Error) -> Self {
        Self::Database
    }
}

async fn an_error_of_the_program_comes_out_as_it_is<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let failed: Result<(), Failure> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, (1,)).await?;
            Err(Failure::Boom)
        })
        .await;
    assert_eq!(failed, Err(Failure::Boom));
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn a_part_that_failed_is_undone_and_the_rest_remains<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    for n in [1, 2] {
        transaction.execute(INSERT, (n,)).await?;
    }
    let mut failing = transaction.begin().await?;
    let error = failing.execute("insert into t values (1 / 0)", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    failing.rollback().await?;
    let mut second = transaction.begin().await?;
    second.execute(INSERT, (22,)).await?;
    second.commit().await?;
    transaction.execute(INSERT, (3,)).await?;
    assert_eq!(numbers(&mut transaction).await?, [1, 2, 3, 22]);
    transaction.commit().await?;
    assert_eq!(numbers(&mut connection).await?, [1, 2, 3, 22]);
    Ok(())
}

async fn transactions_follow_one_another<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for (n, commit, left) in [(1, true, vec![1]), (2, false, vec![1]), (3, true, vec![1, 3])] {
        let mut transaction = connection.begin().await?;
        transaction.execute(INSERT, (n,)).await?;
        let status = transaction.connection().transaction_status();
        assert_eq!(status, TransactionStatus::InTransaction);
        let ended = if commit { transaction.commit().await } else { transaction.rollback().await };
        ended?;
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        let mut next = connection.begin().await?;
        assert_eq!(numbers(&mut next).await?, left, "the next one sees what was committed");
        next.commit().await?;
    }
    Ok(())
}

/// The borrow of the first keeps a second from being written; a statement may have opened one, though.
async fn a_second_begin_is_refused_unsent<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    connection.batch_execute("begin; insert into t values (1)").await?;
    let error = connection.begin().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(error.is_unsent());
    assert_eq!(connection.transaction_status(), TransactionStatus::InTransaction);
    connection.batch_execute("commit").await?;
    assert_eq!(numbers(&mut connection).await?, [1]);
    Ok(())
}

/// There is nothing left to be undone, and the server would refuse to.
async fn what_a_statement_has_ended_is_dropped_without_a_word<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for (n, end) in [(1, "drop"), (2, "commit"), (3, "rollback")] {
        let mut transaction = connection.begin().await?;
        let mut savepoint = transaction.begin().await?;
        savepoint.execute(INSERT, (n,)).await?;
        savepoint.batch_execute("commit").await?;
        let refused = match end {
            "commit" => savepoint.commit().await.is_err(),
            "rollback" => savepoint.rollback().await.is_err(),
            _ => {
                drop(savepoint);
                false
            }
        };
        assert_eq!(refused, end != "drop");
        drop(transaction);
        assert!(warnings::take().is_empty());
    }
    assert_eq!(numbers(&mut connection).await?, [1, 2, 3]);
    Ok(())
}

/// The transaction has failed by that, and whoever holds it can still end it.
async fn a_savepoint_that_a_statement_has_undone_costs_its_transaction_alone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    for commits in [false, true] {
        let mut transaction = connection.begin().await?;
        transaction.batch_execute("savepoint s").await?;
        let mut savepoint = transaction.begin().await?;
        savepoint.execute(INSERT, (1,)).await?;
        savepoint.batch_execute("rollback to savepoint s").await?;
        if commits {
            savepoint.commit().await.unwrap_err();
        } else {
            drop(savepoint);
        }
        assert_eq!(warnings::take().len(), 1);
        transaction.rollback().await?;
    }
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn what_a_dropped_statement_has_ended_leaves_nothing_to_be_undone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    let mut savepoint = transaction.begin().await?;
    savepoint.execute(INSERT, (1,)).await?;
    drop(PollLimit::new(savepoint.batch_execute("commit"), 1).await);
    drop(savepoint);
    drop(transaction);
    warnings::take();
    assert_eq!(numbers(&mut connection).await?, [1]);
    Ok(())
}

async fn each_of_a_transaction_and_its_savepoints_is_told_when_dropped<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&events);
    let config = session::config().on_event(move |event| hook.lock().unwrap().push(event.clone()));
    let mut connection = session::open_with(rt, &config).await;
    let mut transaction = connection.begin().await?;
    let mut outer = transaction.begin().await?;
    let mut inner = outer.begin().await?;
    inner.execute("select 1", ()).await?;
    drop(inner);
    drop(outer);
    drop(transaction);
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    let depths: Vec<_> = std::mem::take(&mut *events.lock().unwrap())
        .into_iter()
        .map(|event| match event {
            Event::TransactionDropped { depth, .. } => Some(depth),
            _ => None,
        })
        .collect();
    assert_eq!(depths, [Some(2), Some(1), Some(0)]);
    Ok(())
}

async fn a_statement_past_its_time_undoes_the_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let failed: Result<(), Error> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, (1,)).await?;
            transaction.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await.map(drop)
        })
        .await;
    assert_eq!(failed.unwrap_err().kind(), Kind::Timeout);
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    assert!(numbers(&mut connection).await?.is_empty());
    Ok(())
}

async fn a_statement_past_its_time_undoes_its_savepoint_alone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = with_table(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    let mut savepoint = transaction.begin().await?;
    savepoint.execute(INSERT, (2,)).await?;
    let slow = savepoint.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await;
    assert_eq!(slow.unwrap_err().kind(), Kind::Timeout);
    savepoint.rollback().await?;
    transaction.execute(INSERT, (3,)).await?;
    transaction.commit().await?;
    assert_eq!(numbers(&mut connection).await?, [1, 3]);
    Ok(())
}

/// What a task that is aborted leaves behind: a statement and its transaction, dropped one after the other.
async fn a_dropped_statement_undoes_its_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = with_table(rt).await?;
    let process_id = connection.process_id().unwrap();
    {
        let work = pin!(connection.transaction(async |transaction| {
            transaction.execute(INSERT, (1,)).await?;
            transaction.execute(SLEEP, ()).await
        }));
        session::drop_while_held_up(work, &mut observer, process_id, SLEEP).await;
    }
    assert_eq!(warnings::take().len(), 1, "the transaction was neither committed nor rolled back");
    assert!(numbers(&mut connection).await?.is_empty());
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    Ok(())
}

async fn a_dropped_statement_undoes_its_savepoint_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let mut connection = with_table(rt).await?;
    let process_id = connection.process_id().unwrap();
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (1,)).await?;
    let mut savepoint = transaction.begin().await?;
    savepoint.execute(INSERT, (2,)).await?;
    let sleep = savepoint.execute(SLEEP, ());
    session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
    savepoint.rollback().await?;
    transaction.execute(INSERT, (3,)).await?;
    transaction.commit().await?;
    assert_eq!(numbers(&mut connection).await?, [1, 3]);
    Ok(())
}

async fn what_is_prepared_is_ended_by_another_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, config) = session::open_in_schema(rt.clone()).await;
    connection.batch_execute("create table t (n int)").await?;
    let mut other = session::open_with(rt, &config).await;
    for (n, keep, left) in [(1, true, vec![1]), (2, false, vec![1])] {
        let xid = format!("it's {}", Server::shared().fresh_schema());
        let mut transaction = connection.begin().await?;
        transaction.execute(INSERT, (n,)).await?;
        transaction.prepare_transaction(&xid).await?;
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        assert!(!numbers(&mut connection).await?.contains(&n), "not yet");
        assert!(other.recover_prepared().await?.contains(&xid));
        if keep {
            other.commit_prepared(&xid).await?;
        } else {
            other.rollback_prepared(&xid).await?;
        }
        assert!(!connection.recover_prepared().await?.contains(&xid));
        assert_eq!(numbers(&mut connection).await?, left);
        let error = connection.commit_prepared(&xid).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT), "{error}");
    }
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, (3,)).await?;
    let error = transaction.prepare_transaction("").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert_eq!(warnings::take().len(), 1);
    assert_eq!(numbers(&mut connection).await?, [1]);
    Ok(())
}

on_every_runtime!(
    an_error_undoes_the_block_and_the_session_goes_on,
    an_error_of_the_program_comes_out_as_it_is,
    a_part_that_failed_is_undone_and_the_rest_remains,
    transactions_follow_one_another,
    a_second_begin_is_refused_unsent,
    what_a_statement_has_ended_is_dropped_without_a_word,
    a_savepoint_that_a_statement_has_undone_costs_its_transaction_alone,
    what_a_dropped_statement_has_ended_leaves_nothing_to_be_undone,
    each_of_a_transaction_and_its_savepoints_is_told_when_dropped,
    a_statement_past_its_time_undoes_the_transaction,
    a_statement_past_its_time_undoes_its_savepoint_alone,
    a_dropped_statement_undoes_its_transaction,
    a_dropped_statement_undoes_its_savepoint_alone,
    what_is_prepared_is_ended_by_another_session,
);
