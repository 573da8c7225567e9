//! What cursors do, dropped after every poll: the session answers the next question, and no cursor is left.

use aiopg::{Call, Client, Connection, Cursor, Error, Fetch, Runtime, TransactionStatus};
use aiopg_tests::cancel::{Outcome, at_every_poll, at_every_poll_of_one};
use aiopg_tests::relay::{Leg, Plan, Relay};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime};

/// A session whose bytes trickle, so that an operation takes many polls. The relay has to be kept. Warnings of
/// transactions that were dropped are meant.
async fn trickling<R: Runtime>(rt: R) -> (Connection<R>, Relay) {
    let plan =
        Plan::default().from_client(Leg::default().chunk(64)).from_server(Leg::default().chunk(24));
    let (relay, config) = session::relayed(Server::shared(), plan);
    (session::open_with(rt, &config.on_event(|_| {})).await, relay)
}

async fn answers_and_has_no_cursors<R: Runtime>(connection: &mut Connection<R>) {
    assert_eq!(connection.query_scalar::<i32>("select $1::int4", (7,)).await.unwrap(), 7);
    let sql = "select count(*) from pg_cursors where name <> ''";
    assert_eq!(ask(connection, sql).await, "0");
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
}

/// Drops `operation` after every poll, on one session and on a fresh one each time.
async fn survives<R: Runtime, T>(
    rt: R,
    mut operation: impl AsyncFnMut(&mut Connection<R>) -> Result<T, Error>,
    check: impl Fn(T),
) {
    let check = |outcome| {
        if let Outcome::Completed(result) = outcome {
            check(Result::unwrap(result));
        }
    };
    let (mut connection, _relay) = trickling(rt.clone()).await;
    at_every_poll_of_one(&mut connection, &mut operation, async |connection, outcome| {
        check(outcome);
        answers_and_has_no_cursors(connection).await;
    })
    .await;
    let quiet = session::config().on_event(|_| {});
    at_every_poll(
        async || session::open_with(rt.clone(), &quiet).await,
        &mut operation,
        async |mut connection, outcome| {
            check(outcome);
            answers_and_has_no_cursors(&mut connection).await;
        },
    )
    .await;
}

const TEN: &str = "select n, 'row ' || n from generate_series(1, $1) n";

async fn execute_may_be_dropped<R: Runtime>(rt: R) {
    let execute = async |connection: &mut Connection<R>| {
        let mut cursor = connection.cursor();
        cursor.execute(TEN, (10,)).await?;
        Ok(cursor.fetch_all()?.len())
    };
    survives(rt, execute, |rows| assert_eq!(rows, 10)).await;
}

async fn several_statements_may_be_dropped<R: Runtime>(rt: R) {
    let execute = async |connection: &mut Connection<R>| {
        let mut cursor = connection.cursor();
        cursor.execute("select 1; select generate_series(1, $1)", (10,)).await?;
        Ok(cursor.fetch_all()?.len())
    };
    survives(rt, execute, |rows| assert_eq!(rows, 10)).await;
}

async fn a_dropped_execute_leaves_no_result<R: Runtime>(rt: R) {
    let (connection, _relay) = trickling(rt).await;
    let mut cursor = Cursor::new(connection);
    at_every_poll_of_one(
        &mut cursor,
        async |cursor| cursor.execute("select $1::int + 1", (1,)).await.map(drop),
        async |cursor, outcome| {
            let left = cursor.fetch_all().map(|rows| rows.len());
            match outcome {
                // What was there before it was dropped is that of the run before: nothing, or given away.
                Outcome::DroppedAfter(0) => assert!(left.is_err()),
                Outcome::DroppedAfter(_) => assert!(left.is_err() && cursor.rowcount().is_none()),
                Outcome::Completed(done) => {
                    done.unwrap();
                    assert_eq!(left.unwrap(), 1);
                }
            }
        },
    )
    .await;
}

async fn declare_may_be_dropped<R: Runtime>(rt: R) {
    let declare = async |connection: &mut Connection<R>| {
        connection.declare("c").hold().open(TEN, (10,)).await.map(drop)
    };
    survives(rt, declare, |()| {}).await;
}

async fn declare_in_a_transaction_may_be_dropped<R: Runtime>(rt: R) {
    let declare = async |connection: &mut Connection<R>| {
        let mut transaction = connection.begin().await?;
        let cursor = transaction.declare("c").open(TEN, (10,)).await?;
        drop(cursor);
        transaction.commit().await
    };
    survives(rt, declare, |()| {}).await;
}

async fn fetch_may_be_dropped<R: Runtime>(rt: R) {
    let fetch = async |connection: &mut Connection<R>| {
        let mut transaction = connection.begin().await?;
        let mut cursor = transaction.declare("c").open(TEN, (10,)).await?;
        let rows = cursor.fetch_all().await?.len();
        drop(cursor);
        transaction.rollback().await?;
        Ok(rows)
    };
    survives(rt, fetch, |rows| assert_eq!(rows, 10)).await;
}

async fn close_may_be_dropped<R: Runtime>(rt: R) {
    let close = async |connection: &mut Connection<R>| {
        let mut cursor = connection.declare("c").hold().open(TEN, (3,)).await?;
        cursor.fetch_one().await?;
        cursor.close().await
    };
    survives(rt, close, |()| {}).await;
}

async fn a_stream_of_a_cursor_may_be_dropped<R: Runtime>(rt: R) {
    let read = async |connection: &mut Connection<R>| {
        let declare =
            connection.declare("c").hold().itersize(std::num::NonZeroU32::new(3).unwrap());
        let mut cursor = declare.open(TEN, (10,)).await?;
        let mut rows = cursor.stream();
        let mut sum = 0;
        while let Some(row) = rows.next().await? {
            sum += row.get::<i32>(0);
        }
        Ok(sum)
    };
    survives(rt, read, |sum| assert_eq!(sum, 55)).await;
}

async fn a_portal_in_a_transaction_may_be_dropped<R: Runtime>(rt: R) {
    let read = async |connection: &mut Connection<R>| {
        let mut transaction = connection.begin().await?;
        let call = Call::new(TEN).fetch(Fetch::rows(std::num::NonZeroU32::new(3).unwrap()));
        let mut rows = transaction.stream(call, (10,)).await?;
        let mut sum = 0;
        while let Some(row) = rows.next().await? {
            sum += row.get::<i32>(0);
        }
        drop(rows);
        transaction.commit().await?;
        Ok(sum)
    };
    survives(rt, read, |sum| assert_eq!(sum, 55)).await;
}

on_every_runtime!(
    execute_may_be_dropped,
    several_statements_may_be_dropped,
    a_dropped_execute_leaves_no_result,
    declare_may_be_dropped,
    declare_in_a_transaction_may_be_dropped,
    fetch_may_be_dropped,
    close_may_be_dropped,
    a_stream_of_a_cursor_may_be_dropped,
    a_portal_in_a_transaction_may_be_dropped,
);
