//! How statements reach the server: prepared and kept, described, or sent anew each time.

use aiopg::{Call, Connection, Error, Runtime, StatementMode};
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

on_every_runtime!(
    only_the_cached_mode_leaves_statements_on_the_server,
    each_mode_costs_the_round_trips_that_it_promises,
    a_described_statement_follows_the_table,
    modes_do_not_get_into_one_anothers_way,
);
