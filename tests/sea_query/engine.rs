//! Engines: what they say of themselves, what they lend, and how they end.

use std::time::Duration;

use aiopg::sea_query::{Engine, create_engine};
use aiopg::{Error, Event, Kind, Pool, PoolOptions, Runtime, TransactionStatus, named};
use aiopg_tests::cancel::at_every_poll_of_one;
use aiopg_tests::counting::Counting;
use aiopg_tests::relay::Plan;
use aiopg_tests::{Server, on_every_runtime, session};
use sea_query::Query;

use crate::engines::{Told, engine, engine_on, table};

async fn an_engine_says_what_it_is<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().password("very-secret");
    let engine = Engine::create_on(rt, config.clone(), PoolOptions::default()).await?;
    assert_eq!((engine.name(), engine.driver()), ("postgresql", "aiopg"));
    assert_eq!((engine.minsize(), engine.maxsize()), (1, 10));
    assert_eq!((engine.size(), engine.freesize()), (1, 1));
    assert_eq!(engine.dsn(), config.to_string());
    assert!(engine.dsn().contains("password='***'"), "{}", engine.dsn());
    assert!(!format!("{engine:?}").contains("very-secret"));
    assert_eq!(engine.timeout(), None);
    engine.pool().resize(2, 0)?;
    assert_eq!((engine.minsize(), engine.maxsize()), (2, 0));
    let clone = engine.clone();
    engine.close();
    assert!(clone.is_closed());
    clone.wait_closed().await;
    assert_eq!(engine.size(), 0);
    Ok(())
}

async fn an_engine_is_made_by_a_function_or_of_a_pool<R: Runtime>(rt: R) -> Result<(), Error> {
    let url = Server::shared().superuser_url();
    let made = create_engine(rt.clone(), url.as_str(), PoolOptions::new().min_size(0)).await?;
    let mut connection = made.acquire().await?;
    assert_eq!(connection.scalar::<i32>("select 42", ()).await?, Some(42));
    connection.close().await;
    made.close();
    made.wait_closed().await;
    let pool = Pool::on(rt, session::config())?;
    let engine = Engine::from(pool.clone());
    let mut connection = engine.acquire().await?;
    assert_eq!(connection.scalar::<i32>("select 43", ()).await?, Some(43));
    drop(connection);
    pool.close();
    assert!(engine.is_closed());
    Ok(())
}

async fn a_session_goes_back_when_it_is_closed_or_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let engine = engine(rt, 1).await;
    let mut connection = engine.acquire().await?;
    assert_eq!((engine.size(), engine.freesize()), (1, 0));
    let process_id = connection.connection().process_id();
    connection.close().await;
    assert_eq!((engine.size(), engine.freesize()), (1, 1));
    let mut connection = engine.acquire().await?;
    assert_eq!(connection.connection().process_id(), process_id);
    drop(connection);
    assert_eq!((engine.size(), engine.freesize()), (1, 1));
    Ok(())
}

async fn a_transaction_that_comes_back_is_rolled_back_with_a_warning<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let told = Told::default();
    let engine = engine_on(rt, 1, told.config()).await;
    let mut connection = engine.acquire().await?;
    connection.execute("create temp table t (id int)", ()).await?;
    connection.execute("begin", ()).await?;
    connection.execute("insert into t values (1)", ()).await?;
    connection.close().await;
    assert_eq!(told.count(|event| matches!(event, Event::ReturnedInTransaction { .. })), 1);
    let mut connection = engine.acquire().await?;
    assert_eq!(connection.connection().transaction_status(), TransactionStatus::Idle);
    assert_eq!(connection.scalar::<i64>("select count(*) from t", ()).await?, Some(0));
    Ok(())
}

async fn a_statement_takes_no_longer_than_it_may<R: Runtime>(rt: R) -> Result<(), Error> {
    let limit = Duration::from_millis(100);
    let engine = engine_on(rt, 1, session::config().timeout(limit)).await;
    assert_eq!(engine.timeout(), Some(limit));
    let mut connection = engine.acquire().await?;
    let error = connection.execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    engine.terminate();
    engine.wait_closed().await;
    drop(connection);
    Ok(())
}

async fn a_closed_engine_lends_nothing<R: Runtime>(rt: R) {
    let engine = engine(rt, 2).await;
    engine.close();
    assert!(engine.is_closed());
    assert_eq!(engine.acquire().await.unwrap_err().kind(), Kind::PoolClosed);
    engine.wait_closed().await;
}

async fn an_engine_is_closed_when_all_sessions_are_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let engine = engine(rt, 2).await;
    let (first, second) = (engine.acquire().await?, engine.acquire().await?);
    engine.close();
    let mut waiting = std::pin::pin!(engine.wait_closed());
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    first.close().await;
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    engine.release(second).await;
    waiting.await;
    assert_eq!((engine.size(), engine.freesize()), (0, 0));
    Ok(())
}

async fn terminate_ends_sessions_that_are_lent<R: Runtime>(rt: R) -> Result<(), Error> {
    let engine = engine(rt, 1).await;
    let mut connection = engine.acquire().await?;
    let mut result = connection.execute("select 1", ()).await?;
    engine.terminate();
    engine.wait_closed().await;
    let error = connection.execute("select 2", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(connection.is_closed());
    // What was fetched is the program's own.
    assert_eq!(result.scalar::<i32>()?, Some(1));
    Ok(())
}

async fn a_connection_that_is_lost_leaves_no_place_behind<R: Runtime>(rt: R) -> Result<(), Error> {
    let told = Told::default();
    let (relay, _) = session::relayed(Server::shared(), Plan::default());
    let config = session::through(&relay, told.config());
    let engine = engine_on(rt, 1, config).await;

    // In the midst of a transaction.
    let mut connection = engine.acquire().await?;
    let mut transaction = connection.begin().await?;
    transaction.execute("select 1", ()).await?;
    relay.reset_all();
    let error = transaction.execute("select 1", ()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Io | Kind::Closed), "{error}");
    drop(transaction);
    connection.close().await;
    assert_eq!(engine.size(), 0);

    // Before one is begun: nothing in it is run.
    let mut connection = engine.acquire().await?;
    connection.execute("select 1", ()).await?;
    relay.reset_all();
    let begun = async {
        let mut transaction = connection.begin().await?;
        transaction.execute("select 1", ()).await
    };
    let error = begun.await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Io | Kind::Closed), "{error}");
    connection.close().await;
    assert_eq!(engine.size(), 0);

    // Its place is free.
    let mut connection = engine.acquire().await?;
    assert_eq!(connection.scalar::<i32>("select 42", ()).await?, Some(42));
    Ok(())
}

async fn an_execution_costs_one_round_trip_and_lending_none<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let engine = engine(counting.clone(), 1).await;
    let insert = Query::insert().into_table("t").columns(["n"]).returning_col("n").take();
    let mut connection = engine.acquire().await?;
    connection.execute("create temp table t (n int)", ()).await?;
    connection.execute(&insert, (1,)).await?;
    connection.close().await;
    for n in 2..5 {
        let before = counting.counts();
        let mut connection = engine.acquire().await?;
        assert_eq!(connection.scalar::<i32>(&insert, (n,)).await?, Some(n));
        connection.close().await;
        // The text is the same, whatever its values, so that its statement is kept.
        assert_eq!((counting.counts() - before).writes, 1);
    }
    Ok(())
}

async fn an_execution_can_be_dropped_at_every_poll<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    at_every_poll_of_one(
        &mut connection,
        async |connection| {
            let sql = "insert into sa_tbl (name) values (:name) returning name";
            connection.scalar::<String>(sql, named! { name: "dropped" }).await.unwrap()
        },
        async |connection, _| {
            let answer = connection.scalar::<i32>("select $1::int", (42,)).await;
            assert_eq!(answer.unwrap(), Some(42));
        },
    )
    .await;
    Ok(())
}

on_every_runtime!(
    an_execution_costs_one_round_trip_and_lending_none,
    an_execution_can_be_dropped_at_every_poll,
    an_engine_says_what_it_is,
    an_engine_is_made_by_a_function_or_of_a_pool,
    a_session_goes_back_when_it_is_closed_or_dropped,
    a_transaction_that_comes_back_is_rolled_back_with_a_warning,
    a_statement_takes_no_longer_than_it_may,
    a_closed_engine_lends_nothing,
    an_engine_is_closed_when_all_sessions_are_back,
    terminate_ends_sessions_that_are_lent,
    a_connection_that_is_lost_leaves_no_place_behind,
);
