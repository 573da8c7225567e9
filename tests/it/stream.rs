//! Streams: rows that are lent as they arrive, or owned.

use aiopg::{Error, Kind, OwnedRow, Runtime, SqlState};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::on_every_runtime;
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::{Server, session};
use futures::{StreamExt, TryStreamExt};

async fn rows_are_lent_one_after_the_other<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select n, 'row ' || n as name from generate_series(1, $1) n";
    let mut rows = connection.stream(sql, (10_000,)).await?;
    assert_eq!(rows.columns()[1].name(), "name");
    assert_eq!(rows.command_tag().as_str(), "");
    let mut expected = 0;
    while let Some(row) = rows.next().await? {
        expected += 1;
        assert_eq!(row.get::<i32>(0), expected);
        assert_eq!(row.get::<&str>("name"), format!("row {expected}"));
    }
    assert_eq!(expected, 10_000);
    assert_eq!(rows.command_tag().rows(), 10_000);
    assert!(rows.next().await?.is_none(), "the end stays the end");
    drop(rows);
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn owned_rows_are_a_stream<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.stream("select generate_series(1, $1)", (1000,)).await?;
    let odd: Vec<OwnedRow> = rows
        .owned()
        .try_filter(|row| std::future::ready(row.get::<i32>(0) % 2 == 1))
        .try_collect()
        .await?;
    assert_eq!(odd.len(), 500);
    assert_eq!(odd[499].get::<i32>(0), 999);
    // They outlive the connection's next statement.
    let mut stream = connection.stream("select $1 || 'b'", ("a",)).await?.owned();
    let row = stream.next().await.unwrap()?;
    assert!(stream.next().await.is_none());
    assert_eq!(stream.command_tag().rows(), 1);
    drop(stream);
    connection.execute("select 1", ()).await?;
    assert_eq!((row.get::<&str>(0), odd[0].get::<i32>(0)), ("ab", 1));
    Ok(())
}

async fn several_results_stay_open_side_by_side<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut results = Vec::new();
    for number in 0..20_i32 {
        results.push(connection.query("select $1::int4, generate_series(1, 50)", (number,)).await?);
    }
    let one = connection.query_one("select 'one'", ()).await?;
    connection.close().await?;
    for (number, rows) in (0..).zip(&results) {
        assert_eq!(rows.len(), 50);
        assert!(rows.iter().all(|row| row.get::<i32>(0) == number));
    }
    assert_eq!(one.get::<&str>(0), "one");
    Ok(())
}

async fn a_stream_reports_an_error_after_the_rows_before_it<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 10 / (5 - n) from generate_series(1, $1) n";
    let mut rows = connection.stream(sql, (10,)).await?;
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Ok(Some(_)) => seen += 1,
            Ok(None) => panic!("the error is missing"),
            Err(error) => break error,
        }
    };
    assert_eq!((seen, error.sqlstate()), (4, Some(SqlState::DIVISION_BY_ZERO)));
    assert_eq!(error.statement(), Some(sql));
    assert!(rows.next().await?.is_none());
    drop(rows);
    let collected: Result<Vec<_>, _> =
        connection.stream(sql, (10,)).await?.owned().try_collect().await;
    assert_eq!(collected.unwrap_err().kind(), Kind::Server);
    assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn a_dropped_stream_leaves_nothing_to_the_next_statement<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for taken in [0, 1, 2, 500] {
        let mut rows = connection.stream("select generate_series(1, $1)", (1_000_000,)).await?;
        for _ in 0..taken {
            assert!(rows.next().await?.is_some());
        }
        drop(rows);
        let answer: i32 = connection.query_scalar("select $1 + 1", (taken,)).await?;
        assert_eq!(answer, taken + 1);
    }
    Ok(())
}

/// `next` may be dropped at any point and asked again: each row comes once.
async fn no_row_is_lost_when_next_is_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    // In the midst of the rows nothing comes for a while: there at least one `next` has to wait.
    let pieces = Plan::default().from_server(Leg::default().chunk(997).stall_after(20_000));
    let (relay, config) = session::relayed(Server::shared(), pieces);
    let mut connection = session::open_with(rt, &config).await;
    let mut rows = connection.stream("select generate_series(1, $1)", (5_000,)).await?;
    let (mut expected, mut dropped) = (1, 0);
    loop {
        match PollLimit::new(rows.next(), 1).await {
            None => {
                dropped += 1;
                relay.resume();
                // Somebody else may make the bytes arrive.
                yield_now().await;
            }
            Some(row) => {
                let Some(row) = row? else { break };
                assert_eq!(row.get::<i32>(0), expected);
                expected += 1;
            }
        }
    }
    assert_eq!(expected, 5_001);
    assert!(dropped > 0, "every row was there at once");
    Ok(())
}

on_every_runtime!(
    rows_are_lent_one_after_the_other,
    owned_rows_are_a_stream,
    several_results_stay_open_side_by_side,
    a_stream_reports_an_error_after_the_rows_before_it,
    a_dropped_stream_leaves_nothing_to_the_next_statement,
    no_row_is_lost_when_next_is_dropped,
);
