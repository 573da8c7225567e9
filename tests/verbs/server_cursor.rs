//! Cursors of the server: DECLARE, FETCH in every direction, MOVE, and how they are closed.

use std::num::NonZeroU32;
use std::time::Duration;

use aiopg::{
    Client, Connection, Direction, Error, Kind, Rows, Runtime, ServerCursor, SqlState,
    StatementMode, named,
};
use aiopg_tests::cancel::{PollLimit, yield_now};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};
use futures::TryStreamExt;

const TEN: &str = "select n from generate_series(1, 10) n";

fn rows(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

fn numbers(rows: &Rows) -> Vec<i32> {
    rows.column(0).unwrap()
}

/// The names of the cursors that are open, asked in a way that opens none.
async fn open_cursors<C: Client>(client: &mut C) -> String {
    let sql =
        "select coalesce(string_agg(name, ',' order by name), '') from pg_cursors where name <> ''";
    ask(client.connection(), sql).await
}

async fn every_direction_is_fetched_and_moved<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut cursor = transaction.declare("c").scroll().open(TEN, ()).await?;
    for (direction, fetched) in [
        (Direction::Next, vec![1]),
        (Direction::Forward(3), vec![2, 3, 4]),
        (Direction::Prior, vec![3]),
        (Direction::Last, vec![10]),
        (Direction::First, vec![1]),
        (Direction::Absolute(5), vec![5]),
        (Direction::Absolute(-2), vec![9]),
        (Direction::Relative(-3), vec![6]),
        (Direction::Relative(0), vec![6]),
        (Direction::Backward(2), vec![5, 4]),
        (Direction::Forward(-1), vec![3]),
        (Direction::ForwardAll, vec![4, 5, 6, 7, 8, 9, 10]),
        (Direction::Next, vec![]),
        (Direction::BackwardAll, vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (Direction::Absolute(0), vec![]),
    ] {
        assert_eq!(numbers(&cursor.fetch(direction).await?), fetched, "{direction}");
    }
    assert_eq!(cursor.move_to(Direction::Forward(7)).await?, 7);
    assert_eq!(cursor.move_to(Direction::ForwardAll).await?, 3);
    assert_eq!(cursor.move_to(Direction::Absolute(4)).await?, 1);
    assert_eq!(cursor.fetch_one().await?.unwrap().get::<i32>("n"), 5);
    assert_eq!(numbers(&cursor.fetch_many(rows(2)).await?), [6, 7]);
    assert_eq!(numbers(&cursor.fetch_all().await?), [8, 9, 10]);
    assert!(cursor.fetch_one().await?.is_none());
    drop(cursor);
    transaction.commit().await
}

async fn parameters_are_bound_by_number_and_by_name<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let sql = "select $2 || n::text from generate_series(1, $1) n";
    let mut cursor = transaction.declare("It's \"c\"").open(sql, (3, "it's ")).await?;
    assert_eq!(cursor.name(), "It's \"c\"");
    let texts: Vec<String> = cursor.fetch_all().await?.column(0)?;
    assert_eq!(texts, ["it's 1", "it's 2", "it's 3"]);
    drop(cursor);
    let sql = "select :name || n::text from generate_series(1, :most) n";
    let params = named! { name: "x", most: 2_i32 };
    let mut cursor = transaction.declare("c").open(sql, params).await?;
    let texts: Vec<String> = cursor.fetch_all().await?.column(0)?;
    assert_eq!(texts, ["x1", "x2"]);
    drop(cursor);
    transaction.commit().await
}

async fn only_what_was_declared_goes_backward<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut cursor = transaction.declare("c").no_scroll().open(TEN, ()).await?;
    cursor.fetch(Direction::Next).await?;
    let error = cursor.fetch(Direction::Prior).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE));
    drop(cursor);
    transaction.rollback().await
}

async fn a_cursor_needs_a_transaction_or_hold<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let error = connection.declare("c").open(TEN, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::NO_ACTIVE_SQL_TRANSACTION));
    let mut held = connection.declare("held").hold().scroll().open(TEN, ()).await?;
    assert_eq!(numbers(&held.fetch(Direction::Absolute(7)).await?), [7]);
    held.client().batch_execute("begin; select 1; commit").await?;
    assert_eq!(numbers(&held.fetch_all().await?), [8, 9, 10]);
    held.close().await?;
    assert_eq!(open_cursors(&mut connection).await, "");
    let mut transaction = connection.begin().await?;
    transaction.declare("held").hold().open(TEN, ()).await?.leave();
    transaction.declare("not").open(TEN, ()).await?.leave();
    transaction.commit().await?;
    assert_eq!(open_cursors(&mut connection).await, "held");
    let mut held = ServerCursor::attach(&mut connection, "held")?;
    assert_eq!(held.fetch_all().await?.len(), 10);
    drop(held);
    assert_eq!(open_cursors(&mut connection).await, "held", "it was only attached");
    ServerCursor::attach(&mut connection, "held")?.close().await?;
    assert_eq!(open_cursors(&mut connection).await, "");
    Ok(())
}

async fn a_dropped_cursor_is_closed_with_the_next_request<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open(counting.clone()).await;
    for hold in [false, true] {
        let mut transaction = connection.begin().await?;
        let declare = transaction.declare("c");
        let declare = if hold { declare.hold() } else { declare };
        let cursor = declare.open(TEN, ()).await?;
        let before = counting.counts();
        drop(cursor);
        assert_eq!((counting.counts() - before).writes, 0);
        assert_eq!(open_cursors(&mut transaction).await, "");
        assert_eq!((counting.counts() - before).writes, 1);
        transaction.commit().await?;
        assert_eq!(open_cursors(&mut connection).await, "");
    }
    let mut held = connection.declare("held").hold().open(TEN, ()).await?;
    held.fetch_one().await?;
    drop(held);
    let before = counting.counts();
    assert_eq!(open_cursors(&mut connection).await, "");
    assert_eq!((counting.counts() - before).writes, 1);
    Ok(())
}

async fn closing_what_is_gone_does_no_harm<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let mut cursor = transaction.declare("a").open(TEN, ()).await?;
    cursor.client().batch_execute("commit; begin; declare b cursor for select 1").await?;
    let error = cursor.fetch_one().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_CURSOR_NAME));
    cursor.close().await?;
    transaction.rollback().await?;
    let mut transaction = connection.begin().await?;
    let mut cursor = transaction.declare("a").open(TEN, ()).await?;
    cursor.client().batch_execute("close all").await?;
    drop(cursor);
    transaction.commit().await?;
    let mut transaction = connection.begin().await?;
    let mut savepoint = transaction.begin().await?;
    let cursor = savepoint.declare("a").open(TEN, ()).await?;
    drop(cursor);
    savepoint.rollback().await?;
    assert_eq!(open_cursors(&mut transaction).await, "");
    transaction.commit().await?;
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

async fn a_cursor_dropped_in_a_failed_transaction_does_no_harm<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let sql = "select 10 / (3 - n) from generate_series(1, 5) n";
    let mut cursor = transaction.declare("c").open(sql, ()).await?;
    assert_eq!(numbers(&cursor.fetch_many(rows(2)).await?), [5, 10]);
    let error = cursor.fetch_one().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    let error = cursor.fetch_one().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::IN_FAILED_SQL_TRANSACTION));
    drop(cursor);
    transaction.execute("select 1", ()).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RolledBack);
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Error>());
    assert_eq!(cause.and_then(Error::sqlstate), Some(SqlState::DIVISION_BY_ZERO));
    let mut transaction = connection.begin().await?;
    let cursor = transaction.declare("c").open(TEN, ()).await?;
    cursor.close().await?;
    transaction.commit().await
}

async fn a_new_cursor_of_the_same_name_is_not_closed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    drop(transaction.declare("c").open(TEN, ()).await?);
    let mut cursor = transaction.declare("c").open("select 'two' as word, 2", ()).await?;
    let row = cursor.fetch_one().await?.unwrap();
    assert_eq!((row.get::<&str>("word"), row.get::<i32>(1)), ("two", 2), "other columns");
    drop(cursor);
    transaction.batch_execute("declare c cursor for select 3").await?;
    let mut cursor = ServerCursor::attach(&mut transaction, "c")?;
    assert_eq!(cursor.fetch_one().await?.unwrap().get::<i32>(0), 3);
    drop(cursor);
    assert_eq!(open_cursors(&mut transaction).await, "c");
    let error = transaction.declare("c").open(TEN, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DUPLICATE_CURSOR));
    transaction.rollback().await?;
    connection.declare("held").hold().open(TEN, ()).await?.leave();
    let error = connection.declare("held").hold().open(TEN, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DUPLICATE_CURSOR));
    assert_eq!(open_cursors(&mut connection).await, "held", "it is somebody else's");
    Ok(())
}

async fn a_stream_fetches_portions<R: Runtime>(rt: R) -> Result<(), Error> {
    let counting = Counting::new(rt);
    let mut connection = session::open(counting.clone()).await;
    let mut transaction = connection.begin().await?;
    let declare = transaction.declare("c").scroll().itersize(rows(4));
    let mut cursor = declare.open(TEN, ()).await?;
    assert_eq!(cursor.itersize(), rows(4));
    let before = counting.counts();
    let mut stream = cursor.stream();
    let mut seen = Vec::new();
    while let Some(row) = stream.next().await? {
        seen.push(row.get::<i32>(0));
    }
    assert!(stream.next().await?.is_none());
    drop(stream);
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    assert_eq!((counting.counts() - before).writes, 3);
    cursor.move_to(Direction::Absolute(0)).await?;
    cursor.set_itersize(rows(5));
    let before = counting.counts();
    let all: Vec<_> = cursor.stream().try_collect().await?;
    assert_eq!((all.len(), (counting.counts() - before).writes), (10, 3));
    cursor.move_to(Direction::Absolute(0)).await?;
    let mut stream = cursor.stream();
    stream.next().await?;
    drop(stream);
    assert_eq!(numbers(&cursor.fetch(Direction::Relative(0)).await?), [5], "a portion was fetched");
    drop(cursor);
    transaction.commit().await
}

async fn an_error_ends_a_stream<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let sql = "select 10 / (5 - n) from generate_series(1, 9) n";
    let mut cursor = transaction.declare("c").itersize(rows(2)).open(sql, ()).await?;
    let mut stream = cursor.stream();
    for expected in [2, 3, 5, 10] {
        assert_eq!(stream.next().await?.unwrap().get::<i32>(0), expected);
    }
    let error = stream.next().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    assert!(stream.next().await?.is_none());
    drop(stream);
    drop(cursor);
    transaction.rollback().await
}

async fn no_row_is_lost_when_next_is_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    // Every portion takes its time, so that it is never there at the first poll.
    let slow = "select n, pg_sleep(0.01) from generate_series(1, 10) n";
    let mut cursor = transaction.declare("c").itersize(rows(3)).open(slow, ()).await?;
    let mut stream = cursor.stream();
    let (mut seen, mut dropped) = (Vec::new(), 0);
    loop {
        match PollLimit::new(stream.next(), 1).await {
            None => {
                dropped += 1;
                yield_now().await;
            }
            Some(row) => match row? {
                Some(row) => seen.push(row.get::<i32>(0)),
                None => break,
            },
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    assert!(dropped > 0);
    drop(stream);
    drop(cursor);
    transaction.commit().await
}

async fn other_statements_run_in_between<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temporary table t as select generate_series(1, 5) n").await?;
    let mut transaction = connection.begin().await?;
    let mut cursor = transaction.declare("c").open("select n from t for update", ()).await?;
    let update = format!("update t set n = n * 10 where current of {}", cursor.quoted_name());
    while let Some(row) = cursor.fetch_one().await? {
        if row.get::<i32>(0) % 2 == 0 {
            assert_eq!(cursor.client().execute(&update, ()).await?, 1);
        }
    }
    drop(cursor);
    transaction.commit().await?;
    let changed = connection.query("select n from t order by n", ()).await?;
    assert_eq!(numbers(&changed), [1, 3, 5, 20, 40]);
    Ok(())
}

async fn cursors_are_read_in_turn_and_those_of_functions_too<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "create function pg_temp.refs() returns setof refcursor language plpgsql as $$
               declare a refcursor := 'A'; b refcursor := 'B';
               begin
                 open a for select generate_series(1, 3); return next a;
                 open b for select generate_series(11, 13); return next b;
               end $$";
    connection.batch_execute(sql).await?;
    let mut transaction = connection.begin().await?;
    let names: Vec<String> = transaction.query("select pg_temp.refs()", ()).await?.column(0)?;
    assert_eq!(names, ["A", "B"]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        for name in &names {
            let row = ServerCursor::attach(&mut transaction, name)?.fetch_one().await?;
            seen.push(row.unwrap().get::<i32>(0));
        }
    }
    assert_eq!(seen, [1, 11, 2, 12, 3, 13]);
    transaction.commit().await
}

async fn a_name_that_the_server_would_cut_off_is_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for name in ["", "a\0b", &"x".repeat(64), &"é".repeat(32)] {
        let error = connection.declare(name).hold().open(TEN, ()).await.unwrap_err();
        assert!(error.kind() == Kind::Usage && error.is_unsent(), "{error}");
    }
    let longest = "x".repeat(63);
    drop(connection.declare(&longest).hold().open(TEN, ()).await?);
    assert_eq!(open_cursors(&mut connection).await, "");
    Ok(())
}

async fn a_time_limit_holds_for_each_fetch<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let mut transaction = connection.begin().await?;
    let limited = transaction.declare("c").query_timeout(Duration::from_millis(50));
    let mut cursor = limited.open("select 1 union all select 2 from pg_sleep(3600)", ()).await?;
    assert_eq!(cursor.fetch_one().await?.unwrap().get::<i32>(0), 1);
    assert_eq!(cursor.fetch_one().await.unwrap_err().kind(), Kind::Timeout);
    drop(cursor);
    transaction.rollback().await?;
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

async fn every_statement_mode_has_cursors<R: Runtime>(rt: R) -> Result<(), Error> {
    use StatementMode::{Cached, Described, Simple, Unnamed};

    for mode in [Cached, Described, Unnamed, Simple] {
        let config = session::config().statement_mode(mode);
        let mut connection = session::open_with(rt.clone(), &config).await;
        let mut transaction = connection.begin().await?;
        for most in [2, 3] {
            let sql = "select n, 'x' as word from generate_series(1, $1::int) n";
            let mut cursor = transaction.declare("c").scroll().open(sql, (most,)).await?;
            assert_eq!(
                cursor.fetch(Direction::Last).await?.decode::<(i32, &str)>()?,
                [(most, "x")]
            );
            assert_eq!(cursor.move_to(Direction::First).await?, 1);
            assert_eq!(cursor.fetch_one().await?.unwrap().get::<i32>("n"), 2);
        }
        transaction.commit().await?;
        assert_eq!(open_cursors(&mut connection).await, "");
    }
    Ok(())
}

async fn many_dropped_cursors_are_closed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let declare = |n| format!("declare c{n} cursor with hold for select {n}");
    let all: Vec<_> = (0..200).map(declare).collect();
    connection.batch_execute(&all.join("; ")).await?;
    for n in 0..200 {
        let cursor = ServerCursor::attach(&mut connection, format!("c{n}"))?;
        // Its Close is noted, and not waited for.
        let _: Option<_> = PollLimit::new(cursor.close(), 1).await;
    }
    session::wait_until(
        &mut connection,
        "select count(*) = 0 from pg_cursors where name like 'c%'",
        (),
    )
    .await;
    Ok(())
}

/// A pool's guard, an owned connection, a borrowed one: whatever lends a session.
async fn an_owned_connection_can_be_declared_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let connection: Connection<R> = session::open(rt).await;
    let declare = aiopg::Declare::new(connection, "c").hold();
    let mut cursor = declare.open(TEN, ()).await?;
    assert_eq!(cursor.fetch_all().await?.len(), 10);
    assert_eq!(cursor.client().query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

on_every_runtime!(
    every_direction_is_fetched_and_moved,
    parameters_are_bound_by_number_and_by_name,
    only_what_was_declared_goes_backward,
    a_cursor_needs_a_transaction_or_hold,
    a_dropped_cursor_is_closed_with_the_next_request,
    closing_what_is_gone_does_no_harm,
    a_cursor_dropped_in_a_failed_transaction_does_no_harm,
    a_new_cursor_of_the_same_name_is_not_closed,
    a_stream_fetches_portions,
    an_error_ends_a_stream,
    no_row_is_lost_when_next_is_dropped,
    other_statements_run_in_between,
    cursors_are_read_in_turn_and_those_of_functions_too,
    a_name_that_the_server_would_cut_off_is_refused,
    a_time_limit_holds_for_each_fetch,
    every_statement_mode_has_cursors,
    many_dropped_cursors_are_closed,
    an_owned_connection_can_be_declared_on,
);
