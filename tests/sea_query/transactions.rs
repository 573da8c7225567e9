//! Transactions of an engine's session: what others see of them, how they end, and what remains when they do not.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use aiopg::sea_query::{Engine, EngineConnection, SeaQuery};
use aiopg::{
    Call, Client, Error, IsolationLevel, Kind, PoolOptions, Runtime, SqlState, TransactionOptions,
    TransactionStatus,
};
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session, warnings};
use sea_query::{InsertStatement, Query};

/// Two sessions of an engine in a schema of their own, where the table `sa_tbl` has one row.
pub(crate) async fn pair<R: Runtime>(
    rt: R,
) -> Result<(EngineConnection<R>, EngineConnection<R>), Error> {
    let (mut setup, config) = session::open_in_schema(rt.clone()).await;
    let table = "create table sa_tbl (id serial primary key, name text); \
                 insert into sa_tbl (name) values ('first')";
    setup.batch_execute(table).await?;
    setup.close().await?;
    let engine = Engine::create_on(rt, config, PoolOptions::default().max_size(2)).await?;
    Ok((engine.acquire().await?, engine.acquire().await?))
}

pub(crate) const DELETE: &str = "delete from sa_tbl";
pub(crate) const INSERT: &str = "insert into sa_tbl (name) values ($1)";
pub(crate) const SLEEP: &str = "select pg_sleep(600)";
const SHORT: Duration = Duration::from_millis(20);

pub(crate) async fn count<R: Runtime>(
    connection: &mut EngineConnection<R>,
) -> Result<Option<i64>, Error> {
    connection.scalar("select count(*) from sa_tbl", ()).await
}

fn second() -> InsertStatement {
    Query::insert().into_table("sa_tbl").columns(["name"]).values_panic(["second".into()]).take()
}

async fn without_a_transaction_others_see_each_statement_at_once<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    assert_eq!(count(&mut other).await?, Some(1));
    assert!(!connection.in_transaction());
    connection.execute(DELETE, ()).await?;
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

async fn counted(client: &mut impl Client) -> Result<i64, Error> {
    client.query_scalar("select count(*) from sa_tbl", ()).await
}

async fn a_transaction_stands_for_its_connection<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let process_id = connection.connection().process_id();
    let mut transaction = connection.begin().await?;
    assert!(transaction.in_transaction() && transaction.is_active());
    // Its verbs are those of the connection, and those of every session.
    transaction.execute(&second(), ()).await?;
    transaction.execute_built(&second()).await?;
    assert_eq!(counted(&mut *transaction).await?, 3);
    assert_eq!(transaction.connection().process_id(), process_id);
    let status = transaction.connection().transaction_status();
    assert_eq!(status, TransactionStatus::InTransaction);
    transaction.commit().await?;
    assert!(!connection.in_transaction());
    Ok(())
}

async fn others_see_what_is_committed_from_then_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(DELETE, ()).await?;
    assert_eq!(count(&mut other).await?, Some(1));
    transaction.commit().await?;
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut other).await?, Some(0));
    Ok(())
}

async fn others_never_see_what_is_rolled_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for close in [false, true] {
        let mut transaction = connection.begin().await?;
        transaction.execute(DELETE, ()).await?;
        assert_eq!(count(&mut other).await?, Some(1));
        if close {
            transaction.close().await?;
        } else {
            transaction.rollback().await?;
        }
        assert!(!connection.in_transaction());
        assert_eq!(count(&mut other).await?, Some(1));
        assert_eq!(count(&mut connection).await?, Some(1));
    }
    Ok(())
}

async fn what_is_dropped_is_rolled_back_and_told<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(DELETE, ()).await?;
    drop(transaction);
    assert_eq!(warnings::take().len(), 1);
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut connection).await?, Some(1));
    connection.execute(DELETE, ()).await?;
    assert_eq!(count(&mut other).await?, Some(0), "nothing is open any more");
    Ok(())
}

async fn closing_the_connection_rolls_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    connection.execute("begin", ()).await?;
    connection.execute(DELETE, ()).await?;
    connection.close().await;
    assert_eq!(warnings::take().len(), 1, "it was given back within a transaction");
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

#[expect(clippy::mem_forget, reason = "a leak is what this is about")]
async fn a_leaked_transaction_ends_with_its_connection<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut setup, config) = session::open_in_schema(rt.clone()).await;
    setup.batch_execute("create table sa_tbl (id serial primary key, name text)").await?;
    let engine = Engine::create_on(rt, config, PoolOptions::default().max_size(1)).await?;
    for inner_is_rolled_back in [false, true] {
        let mut connection = engine.acquire().await?;
        let mut transaction = connection.begin().await?;
        transaction.execute(INSERT, ("leaked",)).await?;
        if inner_is_rolled_back {
            transaction.begin().await?.rollback().await?;
        }
        std::mem::forget(transaction);
        assert_eq!(connection.in_transaction(), !inner_is_rolled_back);
        drop(connection);
        warnings::take();
        // The same session, for whoever comes next.
        let mut next = engine.acquire().await?;
        assert_eq!(count(&mut next).await?, Some(0));
        next.begin().await?.commit().await?;
        next.close().await;
    }
    assert_eq!(engine.size(), 1);
    Ok(())
}

async fn a_transaction_costs_the_round_trips_of_its_statements_and_one<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let engine = Engine::create_on(counting.clone(), session::config(), PoolOptions::default());
    let mut connection = engine.await?.acquire().await?;
    connection.execute("select 1", ()).await?;
    let before = counting.counts();
    let mut transaction = connection.begin().await?;
    let mut inner = transaction.begin().await?;
    inner.execute("select 1", ()).await?;
    inner.commit().await?;
    let mut savepoint = transaction.begin_nested().await?;
    savepoint.execute("select 1", ()).await?;
    savepoint.commit().await?;
    transaction.commit().await?;
    assert_eq!((counting.counts() - before).writes, 4);
    let before = counting.counts();
    let mut transaction = connection.begin().await?;
    transaction.begin().await?.commit().await?;
    transaction.begin_nested().await?.commit().await?;
    transaction.begin_nested().await?.rollback().await?;
    transaction.commit().await?;
    assert_eq!((counting.counts() - before).writes, 0, "nothing was run in it");
    Ok(())
}

async fn transactions_follow_one_another<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    for (commit, left) in [(true, 2), (false, 2), (true, 3)] {
        let mut transaction = connection.begin().await?;
        assert!(transaction.is_active());
        transaction.execute(INSERT, ("next",)).await?;
        if commit {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        assert!(!connection.in_transaction());
        assert_eq!(count(&mut connection).await?, Some(left));
        assert_eq!(count(&mut other).await?, Some(left));
    }
    Ok(())
}

/// A task can be spawned with each of them.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

async fn what_is_done_in_transactions_can_be_spawned<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let nested = async {
        let mut transaction = connection.begin().await?;
        let mut inner = transaction.begin().await?;
        inner.execute(INSERT, ("second",)).await?;
        inner.commit().await?;
        let mut savepoint = transaction.begin_nested().await?;
        savepoint.execute(DELETE, ()).await?;
        savepoint.rollback().await?;
        transaction.commit().await
    };
    sendable(nested).await?;
    let two_phase = async {
        let mut transaction = connection.begin_twophase(None).await?;
        transaction.execute(INSERT, ("third",)).await?;
        transaction.prepare().await?.commit().await
    };
    sendable(two_phase).await?;
    let closure = connection.transaction(async |transaction| {
        transaction.execute(INSERT, ("fourth",)).await?;
        let inner = transaction
            .transaction(async |inner| inner.execute(INSERT, ("fifth",)).await.map(drop));
        sendable(inner).await
    });
    sendable(closure).await?;
    assert_eq!(count(&mut other).await?, Some(5));
    Ok(())
}

async fn every_mode_is_the_servers<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _other) = pair(rt).await?;
    let options = TransactionOptions::new;
    let modes = [
        (options().isolation_level(IsolationLevel::Serializable), "serializable/off/off"),
        (options().isolation_level(IsolationLevel::RepeatableRead), "repeatable read/off/off"),
        (options().isolation_level(IsolationLevel::ReadUncommitted), "read uncommitted/off/off"),
        (options().read_only(), "read committed/on/off"),
        (
            options().isolation_level(IsolationLevel::ReadUncommitted).read_only(),
            "read uncommitted/on/off",
        ),
        (options().deferrable(), "read committed/off/on"),
        (
            options().isolation_level(IsolationLevel::RepeatableRead).deferrable(),
            "repeatable read/off/on",
        ),
        (
            options().isolation_level(IsolationLevel::Serializable).read_only().deferrable(),
            "serializable/on/on",
        ),
    ];
    let shown = "select concat_ws('/', current_setting('transaction_isolation'), \
                 current_setting('transaction_read_only'), current_setting('transaction_deferrable'))";
    for (options, expected) in modes {
        let mut transaction = connection.begin_with(&options).await?;
        let found: Option<String> = transaction.scalar(shown, ()).await?;
        assert_eq!(found.as_deref(), Some(expected));
        transaction.commit().await?;
    }
    Ok(())
}

async fn a_closure_commits_or_rolls_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let inserted = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, ("kept",)).await.map(|result| result.rowcount())
        })
        .await?;
    assert_eq!((inserted, count(&mut other).await?), (Some(1), Some(2)));
    let failed: Result<(), Error> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, ("undone",)).await?;
            // One within it is a part of it.
            transaction
                .transaction(async |inner| inner.execute("select 1 / 0", ()).await.map(drop))
                .await
        })
        .await;
    assert_eq!(failed.unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut connection).await?, Some(2));
    Ok(())
}

async fn a_closure_is_repeated_as_often_as_its_options_allow<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let options = TransactionOptions::new().retries(3);
    let raise = "do $$ begin raise sqlstate '40001'; end $$";
    let mut attempts = 0;
    connection
        .transaction_with(&options, async |transaction| {
            attempts += 1;
            transaction.execute(INSERT, ("once",)).await?;
            // That of one within it counts as well.
            transaction
                .transaction_with(&TransactionOptions::new(), async |inner| {
                    if attempts < 3 { inner.execute(raise, ()).await.map(drop) } else { Ok(()) }
                })
                .await
        })
        .await?;
    assert_eq!((attempts, count(&mut other).await?), (3, Some(2)));
    let mut attempts = 0;
    let failed: Result<(), Error> = connection
        .transaction_with(&options, async |transaction| {
            attempts += 1;
            transaction.execute("select 1 / 0", ()).await.map(drop)
        })
        .await;
    assert_eq!(failed.unwrap_err().sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(attempts, 1, "that reason does not pass");
    // Only the outermost can be repeated.
    let mut outer = connection.begin().await?;
    let refused: Result<(), Error> = outer.transaction_with(&options, async |_| Ok(())).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Usage);
    outer.commit().await
}

async fn a_statement_past_its_time_undoes_its_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let failed: Result<(), Error> = connection
        .transaction(async |transaction| {
            transaction.execute(DELETE, ()).await?;
            transaction.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await.map(drop)
        })
        .await;
    assert_eq!(failed.unwrap_err().kind(), Kind::Timeout);
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut connection).await?, Some(1));
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

async fn a_statement_past_its_time_undoes_its_savepoint_alone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let (mut connection, mut other) = pair(rt).await?;
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, ("kept",)).await?;
    let mut savepoint = transaction.begin_nested().await?;
    savepoint.execute(DELETE, ()).await?;
    let slow = savepoint.execute(Call::new(SLEEP).query_timeout(SHORT), ()).await;
    assert_eq!(slow.unwrap_err().kind(), Kind::Timeout);
    savepoint.rollback().await?;
    assert!(transaction.is_active());
    transaction.commit().await?;
    assert_eq!(count(&mut other).await?, Some(2));
    Ok(())
}

/// What a task that is aborted leaves behind: a statement and its transaction, dropped one after the other.
async fn a_dropped_statement_undoes_its_transaction<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let (mut connection, mut other) = pair(rt).await?;
    let process_id = connection.connection().process_id().unwrap();
    {
        let work = pin!(connection.transaction(async |transaction| {
            transaction.execute(DELETE, ()).await?;
            transaction.execute(SLEEP, ()).await
        }));
        session::drop_while_held_up(work, &mut observer, process_id, SLEEP).await;
    }
    assert_eq!(warnings::take().len(), 1, "the transaction was neither committed nor rolled back");
    assert!(!connection.in_transaction());
    assert_eq!(count(&mut connection).await?, Some(1));
    assert_eq!(count(&mut other).await?, Some(1));
    Ok(())
}

async fn a_dropped_statement_undoes_its_savepoint_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut observer = session::open(rt.clone()).await;
    let (mut connection, mut other) = pair(rt).await?;
    let process_id = connection.connection().process_id().unwrap();
    let mut transaction = connection.begin().await?;
    transaction.execute(INSERT, ("kept",)).await?;
    let mut savepoint = transaction.begin_nested().await?;
    savepoint.execute(DELETE, ()).await?;
    let sleep = savepoint.execute(SLEEP, ());
    session::drop_while_held_up(sleep, &mut observer, process_id, SLEEP).await;
    savepoint.rollback().await?;
    transaction.execute(INSERT, ("kept as well",)).await?;
    transaction.commit().await?;
    assert_eq!(count(&mut other).await?, Some(3));
    Ok(())
}

on_every_runtime!(
    without_a_transaction_others_see_each_statement_at_once,
    a_transaction_stands_for_its_connection,
    others_see_what_is_committed_from_then_on,
    others_never_see_what_is_rolled_back,
    what_is_dropped_is_rolled_back_and_told,
    closing_the_connection_rolls_back,
    a_leaked_transaction_ends_with_its_connection,
    a_transaction_costs_the_round_trips_of_its_statements_and_one,
    transactions_follow_one_another,
    what_is_done_in_transactions_can_be_spawned,
    every_mode_is_the_servers,
    a_closure_commits_or_rolls_back,
    a_closure_is_repeated_as_often_as_its_options_allow,
    a_statement_past_its_time_undoes_its_transaction,
    a_statement_past_its_time_undoes_its_savepoint_alone,
    a_dropped_statement_undoes_its_transaction,
    a_dropped_statement_undoes_its_savepoint_alone,
);
