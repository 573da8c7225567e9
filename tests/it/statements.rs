//! Prepared statements: made once, shared, bounded in number, and closed on the server when nobody holds them.

use aiopg::{Connection, Error, Kind, Runtime, SqlState};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

/// What the server has prepared, as seen by a way that prepares nothing. Statements that were dropped are
/// closed with the next request of the extended protocol, so one is made.
async fn prepared<R: Runtime>(connection: &mut Connection<R>) -> Vec<String> {
    connection.query_typed("select 'closes what was dropped'", &[]).await.unwrap();
    let sql = "select statement from pg_prepared_statements where name <> '' order by name";
    let results = connection.simple_query(sql).await.unwrap();
    results[0].iter().map(|row| row.get::<&str>(0).to_owned()).collect()
}

async fn a_statement_lives_as_long_as_its_last_clone<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_cache_capacity(0);
    let mut connection = session::open_with(rt, &config).await;
    let statement = connection.prepare("select $1::int4 + 1").await?;
    assert_eq!(statement.sql(), "select $1::int4 + 1");
    assert_eq!((statement.params().len(), statement.columns().len()), (1, 1));
    let clone = statement.clone();
    assert_eq!(connection.query_scalar::<i32>(&statement, (1,)).await?, 2);
    drop(statement);
    assert_eq!(prepared(&mut connection).await, ["select $1::int4 + 1"]);
    assert_eq!(connection.query_scalar::<i32>(&clone, (2,)).await?, 3);
    assert_eq!(connection.query_scalar::<i32>(clone, (3,)).await?, 4);
    assert_eq!(prepared(&mut connection).await, [""; 0]);
    Ok(())
}

/// However short the way is that it goes.
async fn a_known_statement_takes_along_what_closes_another<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_cache_capacity(0);
    let mut connection = session::open_with(rt, &config).await;
    let count = connection.prepare("select count(*) from pg_prepared_statements where $1").await?;
    let other = connection.prepare("select 'another'").await?;
    let third = connection.prepare("select 'a third'").await?;
    for (dropped, left) in [(Some(other), 2), (None, 2), (Some(third), 1)] {
        connection.execute(&count, (true,)).await?;
        drop(dropped);
        assert_eq!(connection.query_scalar::<i64>(&count, (true,)).await?, left);
    }
    Ok(())
}

async fn a_statement_of_another_connection_is_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut one = session::open(runtime.clone()).await;
    let mut other = session::open(runtime.clone()).await;
    let foreign = one.prepare("select 'mine'").await?;
    other.prepare("select 'yours'").await?;
    let before = runtime.counts();
    for error in [
        other.query(&foreign, ()).await.err(),
        other.execute(&foreign, ()).await.err(),
        other.stream(&foreign, ()).await.err(),
    ] {
        let error = error.unwrap();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.to_string(), "the statement belongs to another connection");
    }
    assert_eq!(runtime.counts(), before);
    drop(one);
    assert_eq!(other.query_scalar::<String>("select 'yours'", ()).await?, "yours");
    Ok(())
}

async fn a_statement_that_cannot_be_prepared_leaves_nothing<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let error = connection.prepare("select from nowhere").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    assert_eq!(error.statement(), Some("select from nowhere"));
    assert!(connection.query("select from nowhere where $1", (true,)).await.is_err());
    assert_eq!(prepared(&mut connection).await, [""; 0]);
    // Once the table is there, the same text works.
    connection.execute("create temp table nowhere (id int)", ()).await?;
    connection.prepare("select from nowhere").await?;
    Ok(())
}

async fn a_text_is_prepared_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    for round in 0..10_i32 {
        let before = runtime.counts();
        let answer: i32 = connection.query_scalar("select $1::int4 + 1", (round,)).await?;
        assert_eq!(answer, round + 1);
        assert_eq!((runtime.counts() - before).writes, if round == 0 { 2 } else { 1 });
        connection.query("select 'no parameters'", ()).await?;
    }
    let before = runtime.counts();
    connection.prepare("select $1::int4 + 1").await?;
    assert_eq!(runtime.counts(), before, "the connection has it already");
    let texts = prepared(&mut connection).await;
    assert_eq!(texts, ["select $1::int4 + 1", "select 'no parameters'"]);
    Ok(())
}

async fn the_least_recently_used_statement_is_closed<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_cache_capacity(3);
    let mut connection = session::open_with(rt, &config).await;
    for sql in ["select 1", "select 2", "select 3"] {
        connection.execute(sql, ()).await?;
    }
    connection.execute("select 1", ()).await?;
    connection.execute("select 4", ()).await?;
    assert_eq!(prepared(&mut connection).await, ["select 1", "select 3", "select 4"]);
    for number in 0..200_i32 {
        let sql = format!("select {number}, $1::text");
        connection.execute(&sql, ("x",)).await?;
        if number % 20 == 0 {
            assert!(prepared(&mut connection).await.len() <= 3);
        }
    }
    assert_eq!(prepared(&mut connection).await.len(), 3);
    Ok(())
}

async fn a_statement_in_use_outlives_its_place_in_the_cache<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let config = session::config().statement_cache_capacity(1);
    let mut connection = session::open_with(rt, &config).await;
    let held = connection.prepare("select 'held'").await?;
    connection.execute("select 2", ()).await?;
    connection.execute("select 3", ()).await?;
    assert_eq!(connection.query_scalar::<String>(&held, ()).await?, "held");
    assert_eq!(prepared(&mut connection).await, ["select 'held'", "select 3"]);
    // The same text is another statement by now.
    assert_eq!(connection.query_scalar::<String>("select 'held'", ()).await?, "held");
    drop(held);
    assert_eq!(prepared(&mut connection).await, ["select 'held'"]);
    Ok(())
}

async fn a_capacity_of_zero_keeps_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_cache_capacity(0);
    let mut connection = session::open_with(rt, &config).await;
    for round in 0..100_i32 {
        assert_eq!(connection.query_scalar::<i32>("select $1 + 1", (round,)).await?, round + 1);
        assert_eq!(connection.query("select 1", ()).await?.len(), 1);
    }
    assert_eq!(prepared(&mut connection).await, [""; 0]);
    Ok(())
}

async fn many_dropped_statements_are_closed_little_by_little<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut held = Vec::new();
    for number in 0..300 {
        held.push(connection.prepare(&format!("select {number}")).await?);
    }
    drop(held);
    // 300 were prepared and 256 are kept; a request closes at most 64.
    assert_eq!(prepared(&mut connection).await.len(), 256);
    Ok(())
}

on_every_runtime!(
    a_statement_lives_as_long_as_its_last_clone,
    a_known_statement_takes_along_what_closes_another,
    a_statement_of_another_connection_is_refused,
    a_statement_that_cannot_be_prepared_leaves_nothing,
    a_text_is_prepared_once,
    the_least_recently_used_statement_is_closed,
    a_statement_in_use_outlives_its_place_in_the_cache,
    a_capacity_of_zero_keeps_nothing,
    many_dropped_statements_are_closed_little_by_little,
);
