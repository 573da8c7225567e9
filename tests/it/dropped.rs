//! Every operation, dropped after every poll: the session answers the next question as if nothing had been.

use std::sync::atomic::{AtomicI64, Ordering};

use aiopg::postgres_types::Type;
use aiopg::{Connection, Error, Runtime, TransactionStatus};
use aiopg_tests::cancel::{Outcome, at_every_poll, at_every_poll_of_one};
use aiopg_tests::relay::{Leg, Plan, Relay};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime};

/// A session whose bytes trickle, so that an operation takes many polls. The relay has to be kept.
async fn trickling<R: Runtime>(rt: R) -> (Connection<R>, Relay) {
    let plan =
        Plan::default().from_client(Leg::default().chunk(64)).from_server(Leg::default().chunk(24));
    let (relay, config) = session::relayed(Server::shared(), plan);
    (session::open_with(rt, &config).await, relay)
}

/// Asks what nobody else has asked, and gets the answer to that.
async fn answers_its_own_question<R: Runtime>(connection: &mut Connection<R>) {
    static NEXT: AtomicI64 = AtomicI64::new(0);

    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let answer: i64 = connection.query_scalar("select $1::int8", (number,)).await.unwrap();
    assert_eq!(answer, number);
    assert_eq!(ask(connection, &format!("select {number}")).await, number.to_string());
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
}

/// Drops `operation` after every poll, on one session and on a fresh one each time.
async fn survives<R: Runtime, T>(
    rt: R,
    mut operation: impl AsyncFnMut(&mut Connection<R>) -> Result<T, Error>,
    mut check: impl FnMut(T),
) {
    let mut check = |outcome| {
        if let Outcome::Completed(result) = outcome {
            check(Result::unwrap(result));
        }
    };
    let (mut connection, _relay) = trickling(rt.clone()).await;
    at_every_poll_of_one(&mut connection, &mut operation, async |connection, outcome| {
        check(outcome);
        answers_its_own_question(connection).await;
    })
    .await;
    at_every_poll(
        async || session::open(rt.clone()).await,
        &mut operation,
        async |mut connection, outcome| {
            check(outcome);
            answers_its_own_question(&mut connection).await;
        },
    )
    .await;
}

async fn query_may_be_dropped<R: Runtime>(rt: R) {
    let sql = "select n, 'row ' || n from generate_series(1, $1) n";
    survives(
        rt,
        async |connection| connection.query(sql, (20,)).await,
        |rows| {
            assert_eq!(rows.len(), 20);
        },
    )
    .await;
}

async fn query_without_parameters_may_be_dropped<R: Runtime>(rt: R) {
    survives(
        rt,
        async |connection| connection.query_one("select 'one'", ()).await,
        |row| {
            assert_eq!(row.get::<&str>(0), "one");
        },
    )
    .await;
}

async fn execute_may_be_dropped<R: Runtime>(rt: R) {
    let sql = "select set_config('application_name', $1, false)";
    survives(
        rt,
        async |connection| connection.execute(sql, ("x",)).await,
        |count| {
            assert_eq!(count, 1);
        },
    )
    .await;
}

async fn prepare_may_be_dropped<R: Runtime>(rt: R) {
    let sql = "select $1::int4 as number, $2::text as name";
    survives(
        rt,
        async |connection| connection.prepare(sql).await,
        |statement| {
            assert_eq!((statement.params().len(), statement.columns().len()), (2, 2));
        },
    )
    .await;
}

async fn stream_may_be_dropped<R: Runtime>(rt: R) {
    let read = async |connection: &mut Connection<R>| {
        let mut rows = connection.stream("select generate_series(1, $1)", (30,)).await?;
        let mut sum = 0;
        while let Some(row) = rows.next().await? {
            sum += row.get::<i32>(0);
        }
        Ok(sum)
    };
    survives(rt, read, |sum| assert_eq!(sum, 465)).await;
}

async fn batch_execute_may_be_dropped<R: Runtime>(rt: R) {
    let sql = "begin; create temp table if not exists t (id int); insert into t values (1); commit";
    survives(rt, async |connection| connection.batch_execute(sql).await, |()| {}).await;
}

async fn simple_query_may_be_dropped<R: Runtime>(rt: R) {
    let sql = "select 'first'; select 'second'";
    survives(
        rt,
        async |connection| connection.simple_query(sql).await,
        |results| {
            assert_eq!(results.len(), 2);
            assert_eq!(results[1].row(0).unwrap().get::<&str>(0), "second");
        },
    )
    .await;
}

async fn an_error_may_be_dropped<R: Runtime>(rt: R) {
    let fail = async |connection: &mut Connection<R>| {
        Ok(connection.query("select 10 / (5 - n) from generate_series(1, $1) n", (10,)).await)
    };
    survives(rt, fail, |failed| assert!(failed.is_err())).await;
}

async fn typed_query_may_be_dropped<R: Runtime>(rt: R) {
    let typed = async |connection: &mut Connection<R>| {
        connection.query_typed("select $1 + 1", &[(&1_i64, Type::INT8)]).await
    };
    survives(rt, typed, |rows| assert_eq!(rows.decode::<(i64,)>().unwrap(), [(2,)])).await;
}

/// Larger than what sockets hold, so that it is dropped when half of it is sent.
async fn a_request_that_is_half_sent_may_be_dropped<R: Runtime>(rt: R) {
    let bytes = vec![7_u8; 6 << 20];
    let mut connection = session::open(rt).await;
    connection.prepare("select length($1::bytea)").await.unwrap();
    at_every_poll_of_one(
        &mut connection,
        async |connection| {
            connection.query_scalar::<i32>("select length($1::bytea)", (&bytes,)).await
        },
        async |connection, outcome| {
            if let Outcome::Completed(length) = outcome {
                assert_eq!(usize::try_from(length.unwrap()).unwrap(), bytes.len());
            }
            answers_its_own_question(connection).await;
        },
    )
    .await;
}

async fn close_may_be_dropped<R: Runtime>(rt: R) {
    let mut observer = session::open(rt.clone()).await;
    at_every_poll(
        async || session::open(rt.clone()).await,
        async |connection| connection.close().await,
        async |connection, outcome| {
            let closed = !matches!(outcome, Outcome::DroppedAfter(0));
            assert_eq!(connection.is_closed(), closed);
            let process_id = connection.process_id().unwrap();
            drop(connection);
            session::wait_until_gone(&mut observer, process_id).await;
        },
    )
    .await;
}

/// Statements whose Parse was dropped are closed by and by: nothing piles up on the server.
async fn dropped_statements_do_not_pile_up<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection =
        session::open_with(rt, &session::config().statement_cache_capacity(4)).await;
    for number in 0..20 {
        let sql = format!("select {number}, $1::text");
        at_every_poll_of_one(
            &mut connection,
            async |connection| connection.query(&sql, ("x",)).await,
            async |_, _| {},
        )
        .await;
    }
    connection.query_typed("select 'closes what was dropped'", &[]).await?;
    let count = ask(&mut connection, "select count(*) from pg_prepared_statements").await;
    assert!(count.parse::<u32>().unwrap() <= 4, "{count}");
    Ok(())
}

on_every_runtime!(
    query_may_be_dropped,
    query_without_parameters_may_be_dropped,
    execute_may_be_dropped,
    prepare_may_be_dropped,
    stream_may_be_dropped,
    batch_execute_may_be_dropped,
    simple_query_may_be_dropped,
    an_error_may_be_dropped,
    typed_query_may_be_dropped,
    a_request_that_is_half_sent_may_be_dropped,
    close_may_be_dropped,
    dropped_statements_do_not_pile_up,
);
