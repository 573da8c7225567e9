//! Results: fetched in every way, closed by themselves, and open side by side.

use aiopg::sea_query::{EngineConnection, ResultSet};
use aiopg::{Error, Kind, Runtime};
use aiopg_tests::on_every_runtime;
use futures::{StreamExt, TryStreamExt};

use crate::engines::{engine, table};

/// A result with the rows (1, 'first') and (2, 'second').
async fn two_rows<R: Runtime>(connection: &mut EngineConnection<R>) -> Result<ResultSet, Error> {
    connection.execute("insert into sa_tbl (name) values ($1)", ("second",)).await?;
    connection.execute("select * from sa_tbl order by id", ()).await
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(fetched: Result<T, Error>, text: &str) {
    let error = fetched.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, text));
}

async fn fetch_all_takes_what_is_left_and_closes<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = two_rows(&mut connection).await?;
    assert!(result.fetch_one()?.unwrap() == (1, "first"));
    assert!(!result.is_closed());
    assert!(result.fetch_all()? == [(2, "second")]);
    assert!(result.is_closed() && result.returns_rows());
    assert_eq!((result.rowcount(), result.keys()), (Some(2), vec!["id", "name"]));
    let mut result = connection.execute("select * from sa_tbl order by id", ()).await?;
    assert!(result.fetch_all()? == [(1, "first"), (2, "second")]);
    let mut result = connection.execute("select * from sa_tbl order by id", ()).await?;
    let rows: Vec<(i32, String)> = result.fetch_all_as()?;
    assert_eq!(rows, [(1, "first".to_owned()), (2, "second".to_owned())]);
    assert!(result.is_closed());
    Ok(())
}

async fn fetch_one_closes_after_the_last_row<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = two_rows(&mut connection).await?;
    for expected in [(1, "first"), (2, "second")] {
        assert!(result.fetch_one()?.unwrap() == expected);
        assert!(!result.is_closed());
    }
    assert!(result.fetch_one()?.is_none());
    assert!(result.is_closed());
    assert_refused(result.fetch_one(), "this result object is closed");
    Ok(())
}

async fn fetch_many_stays_open_until_there_is_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = two_rows(&mut connection).await?;
    assert!(result.fetch_many(None)? == [(1, "first")]);
    assert!(!result.is_closed());
    assert!(result.fetch_many(100)? == [(2, "second")]);
    assert!(!result.is_closed());
    assert!(result.fetch_many(None)?.is_empty());
    assert!(result.is_closed());
    let mut result = connection.execute("select * from sa_tbl order by id", ()).await?;
    assert!(result.fetch_many(0)?.is_empty() && !result.is_closed());
    assert!(result.fetch_many(100)? == [(1, "first"), (2, "second")]);
    assert!(!result.is_closed());
    assert!(result.fetch_many(100)?.is_empty() && result.is_closed());
    Ok(())
}

async fn first_and_scalar_close<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = two_rows(&mut connection).await?;
    assert!(result.first()?.unwrap() == (1, "first"));
    assert!(result.is_closed());
    let mut result = connection.execute("select * from sa_tbl where false", ()).await?;
    assert!(result.first()?.is_none());
    assert!(result.is_closed());
    let mut result = connection.execute("select 42", ()).await?;
    assert_eq!(result.scalar::<i32>()?, Some(42));
    assert!(result.is_closed());
    Ok(())
}

async fn a_closed_result_refuses_everything<R: Runtime>(rt: R) -> Result<(), Error> {
    const TEXT: &str = "this result object is closed";
    let mut connection = table(rt).await?;
    let mut result = two_rows(&mut connection).await?;
    result.close();
    result.close();
    assert!(result.is_closed() && result.returns_rows());
    assert_eq!((result.rowcount(), result.keys()), (Some(2), vec!["id", "name"]));
    assert_refused(result.fetch_one(), TEXT);
    assert_refused(result.fetch_many(None), TEXT);
    assert_refused(result.fetch_many(5), TEXT);
    assert_refused(result.fetch_all(), TEXT);
    assert_refused(result.fetch_all_as::<(i32, String)>(), TEXT);
    assert_refused(result.first(), TEXT);
    assert_refused(result.scalar::<i32>(), TEXT);
    assert_refused(result.next().await.unwrap(), TEXT);
    assert!(result.next().await.is_none());
    Ok(())
}

async fn a_result_without_rows_refuses_everything<R: Runtime>(rt: R) -> Result<(), Error> {
    const TEXT: &str = "this result object does not return rows; it has been closed automatically";
    let mut connection = table(rt).await?;
    let mut result = connection.execute("delete from sa_tbl", ()).await?;
    assert!(result.is_closed() && !result.returns_rows());
    assert_refused(result.fetch_one(), TEXT);
    assert_refused(result.fetch_many(None), TEXT);
    assert_refused(result.fetch_all(), TEXT);
    assert_refused(result.first(), TEXT);
    assert_refused(result.scalar::<i32>(), TEXT);
    let mut rows = result.into_iter();
    assert_refused(rows.next().unwrap(), TEXT);
    assert!(rows.next().is_none());
    Ok(())
}

async fn a_result_is_iterated<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let mut result = connection.execute("select generate_series(1, 5)", ()).await?;
    let mut expected = 1..;
    while let Some(row) = result.try_next().await? {
        assert!(row == (expected.next().unwrap(),));
    }
    assert_eq!(expected.next(), Some(6));
    assert!(result.is_closed());
    assert!(result.next().await.is_none());
    let mut rows = 0;
    for row in connection.execute("select generate_series(1, 5)", ()).await? {
        rows += 1;
        assert!(row? == (rows,));
    }
    assert_eq!(rows, 5);
    Ok(())
}

async fn results_that_nobody_reads_are_in_nobodys_way<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut unread = Vec::new();
    for n in 0..10 {
        let sql = "insert into sa_tbl (name) values ($1) returning id, name";
        unread.push(connection.execute(sql, (format!("number {n}"),)).await?);
        unread.push(connection.execute("select * from sa_tbl", ()).await?);
    }
    assert_eq!(connection.scalar::<i64>("select count(*) from sa_tbl", ()).await?, Some(11));
    assert!(unread[0].fetch_all()? == [(2, "number 0")]);
    Ok(())
}

async fn results_are_open_side_by_side_and_outlive_their_session<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let engine = engine(rt, 1).await;
    let mut connection = engine.acquire().await?;
    let mut first = connection.execute("select generate_series(1, 3)", ()).await?;
    assert!(first.fetch_one()?.unwrap() == (1,));
    let mut second = connection.execute("select generate_series(11, 12)", ()).await?;
    assert!(second.fetch_one()?.unwrap() == (11,));
    connection.execute("create temp table t ()", ()).await?;
    assert!(first.fetch_one()?.unwrap() == (2,));
    assert!(!first.is_closed() && !second.is_closed());
    connection.close().await;
    let mut other = engine.acquire().await?;
    assert_eq!(other.scalar::<i32>("select 42", ()).await?, Some(42));
    assert!(first.fetch_all()? == [(3,)]);
    assert!(second.fetch_all()? == [(12,)]);
    Ok(())
}

on_every_runtime!(
    fetch_all_takes_what_is_left_and_closes,
    fetch_one_closes_after_the_last_row,
    fetch_many_stays_open_until_there_is_nothing,
    first_and_scalar_close,
    a_closed_result_refuses_everything,
    a_result_without_rows_refuses_everything,
    a_result_is_iterated,
    results_that_nobody_reads_are_in_nobodys_way,
    results_are_open_side_by_side_and_outlive_their_session,
);
