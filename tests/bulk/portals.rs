//! Streams whose rows are fetched in portions.

use std::num::NonZeroU32;

use aiopg::{Call, Error, Fetch, Runtime, SqlState};
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session};

fn by(rows: u32) -> Fetch {
    Fetch::rows(NonZeroU32::new(rows).unwrap())
}

const SERIES: &str = "select generate_series(1, $1)";

async fn every_row_comes_once_whatever_the_portion<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for total in [0, 1, 9, 10, 11, 1000] {
        for fetch in [by(1), by(10), by(10).prefetch(), by(5000), Fetch::bytes(300).prefetch()] {
            let mut rows = connection.stream(Call::new(SERIES).fetch(fetch), (total,)).await?;
            let mut expected = 0;
            while let Some(row) = rows.next().await? {
                expected += 1;
                assert_eq!(row.get::<i32>(0), expected);
            }
            assert_eq!(expected, total);
            assert_eq!(rows.command_tag().rows(), u64::try_from(total).unwrap());
            drop(rows);
            assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
        }
    }
    Ok(())
}

async fn a_portion_is_asked_for_only_when_it_is_needed<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open(counting.clone()).await;
    connection.prepare(SERIES).await?;
    for (fetch, portions) in [(by(10), 4), (by(100), 1)] {
        let before = counting.counts();
        let mut rows = connection.stream(Call::new(SERIES).fetch(fetch), (35,)).await?;
        while rows.next().await?.is_some() {}
        // One write for each portion, and one that ends the request.
        assert_eq!((counting.counts() - before).writes, portions + 1);
    }
    Ok(())
}

async fn statements_without_rows_can_be_streamed_in_portions<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t (n int)").await?;
    for (sql, rows) in [
        ("insert into t select generate_series(1, 50)", 50),
        ("insert into t select generate_series(1, 50) returning n", 50),
        ("", 0),
    ] {
        let mut stream = connection.stream(Call::new(sql).fetch(by(7).prefetch()), ()).await?;
        while stream.next().await?.is_some() {}
        assert_eq!(stream.command_tag().rows(), rows, "{sql}");
    }
    assert_eq!(connection.query_scalar::<i64>("select count(*) from t", ()).await?, 100);
    Ok(())
}

async fn an_error_between_portions_ends_the_stream_alone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 10 / (25 - n) from generate_series(1, 100) n";
    for fetch in [by(10), by(10).prefetch()] {
        let mut rows = connection.stream(Call::new(sql).fetch(fetch), ()).await?;
        let mut seen = 0;
        let error = loop {
            match rows.next().await {
                Ok(row) => assert!(row.is_some()),
                Err(error) => break error,
            }
            seen += 1;
        };
        assert_eq!((seen, error.sqlstate()), (24, Some(SqlState::DIVISION_BY_ZERO)));
        drop(rows);
        assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    }
    Ok(())
}

async fn a_stream_that_is_dropped_between_portions_leaves_nothing<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for taken in [0, 1, 10, 11, 20] {
        for fetch in [by(10), by(10).prefetch()] {
            let mut rows = connection.stream(Call::new(SERIES).fetch(fetch), (1_000_000,)).await?;
            for _ in 0..taken {
                assert!(rows.next().await?.is_some());
            }
            drop(rows);
            assert_eq!(connection.query_scalar::<i32>("select $1::int4", (taken,)).await?, taken);
        }
    }
    Ok(())
}

on_every_runtime!(
    every_row_comes_once_whatever_the_portion,
    a_portion_is_asked_for_only_when_it_is_needed,
    statements_without_rows_can_be_streamed_in_portions,
    an_error_between_portions_ends_the_stream_alone,
    a_stream_that_is_dropped_between_portions_leaves_nothing,
);
