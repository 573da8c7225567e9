//! How statements reach the server: prepared and kept, described, or sent anew each time.

use aiopg::{Call, Connection, Error, Kind, Runtime, SqlState, StatementMode, named};
use aiopg_tests::counting::Counting;
use aiopg_tests::{on_every_runtime, session};

const ADD: &str = "select $1::int4 + $2::int4, 'text'";

async fn names<R: Runtime>(connection: &mut Connection<R>) -> Result<i64, Error> {
    let sql = Call::new("select count(*) from pg_prepared_statements")
        .statement_mode(StatementMode::Unnamed);
    connection.query_scalar(sql, ()).await
}

async fn only_the_cached_mode_leaves_statements_on_the_server<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    for (mode, kept) in
        [(StatementMode::Cached, 2), (StatementMode::Described, 0), (StatementMode::Unnamed, 0)]
    {
        let config = session::config().statement_mode(mode);
        let mut connection = session::open_with(rt.clone(), &config).await;
        for _ in 0..3 {
            let row = connection.query_one(ADD, (40, 2)).await?;
            assert_eq!((row.get::<i32>(0), row.get::<&str>(1)), (42, "text"));
            assert_eq!(connection.execute("select generate_series(1, 5)", ()).await?, 5);
        }
        assert_eq!(names(&mut connection).await?, kept, "{mode:?}");
    }
    Ok(())
}

async fn each_mode_costs_the_round_trips_that_it_promises<R: Runtime>(rt: R) -> Result<(), Error> {
    for (mode, first, later) in [
        (StatementMode::Cached, 2, 1),
        (StatementMode::Described, 2, 1),
        (StatementMode::Unnamed, 2, 2),
    ] {
        let counting = Counting::new(rt.clone());
        let mut connection = session::open(counting.clone()).await;
        for trips in [first, later, later] {
            let before = counting.counts();
            let call = Call::new(ADD).statement_mode(mode);
            assert_eq!(connection.query_one(call, (1, 2)).await?.get::<i32>(0), 3);
            assert_eq!((counting.counts() - before).writes, trips, "{mode:?}");
        }
        let before = counting.counts();
        connection.query_one(Call::new("select 1").statement_mode(mode), ()).await?;
        assert_eq!((counting.counts() - before).writes, 1, "{mode:?}");
    }
    Ok(())
}

/// What a description says of the result is asked for each time, so it is never out of date.
async fn a_described_statement_follows_the_table<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_mode(StatementMode::Described);
    let mut connection = session::open_with(rt, &config).await;
    connection.batch_execute("create temporary table t (n int4); insert into t values (1)").await?;
    let all = "select * from t where n >= $1";
    assert_eq!(connection.query_one(all, (1,)).await?.len(), 1);
    connection.batch_execute("begin; alter table t add s text default 'new'").await?;
    let row = connection.query_one(all, (1,)).await?;
    assert_eq!((row.get::<i32>(0), row.get::<&str>("s")), (1, "new"));
    connection.batch_execute("commit; alter table t alter n type int8").await?;
    let row = connection.query_one(all, (1,)).await?;
    assert_eq!(row.get::<i64>(0), 1);
    Ok(())
}

async fn modes_do_not_get_into_one_anothers_way<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for mode in [
        StatementMode::Described,
        StatementMode::Cached,
        StatementMode::Unnamed,
        StatementMode::Described,
        StatementMode::Cached,
    ] {
        let call = Call::new(ADD).statement_mode(mode);
        assert_eq!(connection.query_one(call, (1, 2)).await?.get::<i32>(0), 3, "{mode:?}");
    }
    assert_eq!(names(&mut connection).await?, 1);
    Ok(())
}

async fn the_simple_mode_reads_and_writes_builtin_types<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_mode(StatementMode::Simple);
    let mut connection = session::open_with(rt, &config).await;
    let row = connection
        .query_one(
            "select $1::int4 + 1, $2::text, $3::bytea, :missing::text is null",
            (41, "it's", &b"\0\xff"[..]),
        )
        .await;
    assert_eq!(row.unwrap_err().kind(), Kind::Server, "a colon is no parameter here");
    let sql = "select $1::int4 + 1 as n, $2::text, $3::bytea, $4::int8[], null::text";
    let values = (41, "it's; \\", &b"\0\xff"[..], vec![Some(1_i64), None]);
    let row = connection.query_one(sql, values).await?;
    assert_eq!((row.get::<i32>("n"), row.get::<&str>(1)), (42, "it's; \\"));
    assert_eq!(row.get::<&[u8]>(2), b"\0\xff");
    assert_eq!(row.get::<Vec<Option<i64>>>(3), [Some(1), None]);
    assert_eq!(row.get::<Option<&str>>(4), None);
    assert_eq!(connection.query_scalar::<i64>("select :a + :a", named! { a: 21_i64 }).await?, 42);
    assert_eq!(connection.execute("create temporary table t (n int4)", ()).await?, 0);
    assert_eq!(connection.execute("insert into t values ($1), ($2)", (1, 2)).await?, 2);
    let mut rows = connection.stream("select n from t order by n", ()).await?;
    assert_eq!(rows.next().await?.unwrap().get::<i32>(0), 1);
    assert_eq!(rows.next().await?.unwrap().get::<i32>(0), 2);
    assert!(rows.next().await?.is_none());
    assert_eq!(rows.command_tag().rows(), 2);
    drop(rows);
    assert_eq!(connection.query("", ()).await?.len(), 0);
    Ok(())
}

async fn the_simple_mode_refuses_what_it_cannot_say<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config().statement_mode(StatementMode::Simple);
    let mut connection = session::open_with(rt, &config).await;
    let error = connection.execute("select 1; select 2", ()).await.unwrap_err();
    assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
    let error = connection.execute("select $1::int4, $2", (1,)).await.unwrap_err();
    assert!(error.is_unsent() && error.kind() == Kind::Usage, "{error}");
    let error = connection.query("select 1 / $1::int4", (0,)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    let error = connection.query("copy pg_class to stdout", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    // What comes in a form that is not known here is an error, and the rows behind it are read off.
    connection.execute("set datestyle = german", ()).await?;
    let sql = "select case when n = 2 then date '2020-02-29' end from generate_series(1, 9) n";
    let error = connection.query(sql, ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion, "{error}");
    assert_eq!(connection.query_scalar::<i32>("select 7", ()).await?, 7);
    Ok(())
}

on_every_runtime!(
    the_simple_mode_reads_and_writes_builtin_types,
    the_simple_mode_refuses_what_it_cannot_say,
    only_the_cached_mode_leaves_statements_on_the_server,
    each_mode_costs_the_round_trips_that_it_promises,
    a_described_statement_follows_the_table,
    modes_do_not_get_into_one_anothers_way,
);
