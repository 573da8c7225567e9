//! Cached statements that the server has forgotten, or whose result has changed: prepared anew without a word
//! where that is safe, and an error where it is not.

use std::error::Error as Fault;

use aiopg::postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use aiopg::{
    AllResults, Call, Connection, Error, Item, Kind, Runtime, SqlState, StatementMode,
    TransactionStatus,
};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;
use bytes::BytesMut;

const ALL: &str = "select * from t order by 1";
const SOME: &str = "select * from t where id >= $1";

/// A session in whose cache are statements that the table has outgrown.
async fn outgrown<R: Runtime>(rt: R) -> Connection<R> {
    let mut connection = session::open(rt).await;
    let made = "create temp table t (id int); insert into t values (1), (2)";
    connection.batch_execute(made).await.unwrap();
    assert_eq!(connection.query(ALL, ()).await.unwrap().columns().len(), 1);
    assert_eq!(connection.query(SOME, (2,)).await.unwrap().columns().len(), 1);
    outgrow(&mut connection, "name").await;
    connection
}

async fn outgrow<R: Runtime>(connection: &mut Connection<R>, column: &str) {
    let more = format!("alter table t add {column} text default 'new'");
    connection.batch_execute(&more).await.unwrap();
}

async fn every_verb_recovers_from_a_changed_result<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = outgrown(rt).await;
    let rows = connection.query(ALL, ()).await?;
    assert_eq!(rows.decode::<(i32, &str)>()?, [(1, "new"), (2, "new")]);
    assert_eq!(connection.execute(SOME, (2,)).await?, 1);
    let row = connection.query_one(SOME, (2,)).await?;
    assert_eq!(row.get::<&str>("name"), "new");

    outgrow(&mut connection, "a").await;
    assert_eq!(connection.query_one(SOME, (2,)).await?.len(), 3);
    outgrow(&mut connection, "b").await;
    assert_eq!(connection.query_opt(SOME, (2,)).await?.unwrap().len(), 4);
    outgrow(&mut connection, "c").await;
    let rows: Vec<(i32, String, String, String, String)> = connection.query_as(SOME, (2,)).await?;
    assert_eq!(rows.len(), 1);

    let scalar = "select t from t limit $1";
    connection.batch_execute("alter table t alter id type int8").await?;
    assert_eq!(connection.query(ALL, ()).await?.row(0).unwrap().get::<i64>(0), 1);
    assert_eq!(connection.query(scalar, (1_i64,)).await?.len(), 1);
    Ok(())
}

async fn query_scalar_recovers_from_a_changed_type<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let made = "create temp table t (id int); insert into t values (1)";
    connection.batch_execute(made).await?;
    let sql = "select id from t where $1";
    assert_eq!(connection.query_scalar::<i32>(sql, (true,)).await?, 1);
    connection.batch_execute("alter table t alter id type text").await?;
    assert_eq!(connection.query_scalar::<String>(sql, (true,)).await?, "1");
    Ok(())
}

/// The error of a stream comes when its caller has it in hands already; the next one works.
async fn a_stream_reports_a_changed_result_once<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = outgrown(rt).await;
    let mut rows = connection.stream(SOME, (1,)).await?;
    let error = rows.next().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::FEATURE_NOT_SUPPORTED), "{error}");
    drop(rows);
    let mut rows = connection.stream(SOME, (1,)).await?;
    assert_eq!(rows.next().await?.unwrap().len(), 2);
    Ok(())
}

/// A parameter that does not fit the type that the statement was described with is refused unsent. If the table was
/// made anew since, the next use finds the new type.
async fn what_does_not_fit_any_more_has_the_statement_described_anew<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for mode in [StatementMode::Cached, StatementMode::Described] {
        let sql = &*format!("insert into t (id) values ($1) -- {mode:?}");
        connection.batch_execute("create temp table t (id int)").await?;
        assert_eq!(connection.execute(Call::new(sql).statement_mode(mode), (1,)).await?, 1);
        let mut types = ["int8", "text", "int8", "text"].into_iter().zip(1_i64..);
        let mut alter = async |connection: &mut Connection<R>| {
            let (name, value) = types.next().unwrap();
            let alter = format!("alter table t alter id type {name} using id::{name}");
            connection.batch_execute(&alter).await.unwrap();
            (value, value.to_string())
        };
        let refused = |error: Error| assert!(error.is_unsent(), "{error}");

        let (number, _) = alter(&mut connection).await;
        refused(
            connection.execute(Call::new(sql).statement_mode(mode), (number,)).await.unwrap_err(),
        );
        assert_eq!(connection.execute(Call::new(sql).statement_mode(mode), (number,)).await?, 1);

        let (_, text) = alter(&mut connection).await;
        let item = || [Item::execute(Call::new(sql).statement_mode(mode), (&text,))];
        refused(connection.pipeline(item()).await.all().unwrap_err());
        assert_eq!(connection.pipeline(item()).await.all()?, [1]);

        if mode == StatementMode::Cached {
            let (number, _) = alter(&mut connection).await;
            let sets = || [(number,), (number,)];
            refused(connection.execute_many(sql, sets()).await.unwrap_err());
            assert_eq!(connection.execute_many(sql, sets()).await?, 2);

            let (_, text) = alter(&mut connection).await;
            refused(connection.query(sql, (&text,)).await.unwrap_err());
            assert_eq!(connection.query(sql, (&text,)).await?.len(), 0);
        }
        connection.batch_execute("drop table t").await?;
    }
    Ok(())
}

/// A number that is written in whatever type it is for, if it fits.
#[derive(Debug)]
struct Number(i64);

impl ToSql for Number {
    fn to_sql(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Fault + Sync + Send>> {
        match *r#type {
            Type::INT4 => i32::try_from(self.0)?.to_sql(r#type, out),
            _ => self.0.to_sql(r#type, out),
        }
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(*r#type, Type::INT4 | Type::INT8)
    }

    to_sql_checked!();
}

/// Also where it shows only when much of the request has been sent.
async fn a_later_set_that_does_not_fit_has_the_statement_described_anew<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (id int)").await?;
    let sql = "insert into t (id) values ($1)";
    assert_eq!(connection.execute(sql, (Number(1),)).await?, 1);
    connection.batch_execute("alter table t alter id type int8").await?;
    let sets = || (1..=10_000).chain([1 << 40]).map(|number| (Number(number),));
    let error = connection.execute_many(sql, sets()).await.unwrap_err();
    assert_eq!((error.kind(), error.item()), (Kind::Conversion, Some(10_000)), "{error}");
    assert_eq!(connection.execute_many(sql, sets()).await?, 10_001);
    let error = connection.execute_many(sql, [("no number",)]).await.unwrap_err();
    assert_eq!((error.item(), error.statement()), (Some(0), Some(sql)));
    assert_eq!(connection.query_scalar::<i64>("select count(*) from t", ()).await?, 10_002);
    Ok(())
}

async fn every_verb_recovers_from_deallocate_all<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select $1::int4 + 1";
    for _ in 0..2 {
        for text in ["deallocate all", "discard all"] {
            assert_eq!(connection.query(sql, (1,)).await?.len(), 1);
            connection.batch_execute(text).await?;
            assert_eq!(connection.query(sql, (1,)).await?.len(), 1);
            connection.batch_execute(text).await?;
            assert_eq!(connection.execute(sql, (1,)).await?, 1);
            connection.batch_execute(text).await?;
            assert_eq!(connection.query_one(sql, (1,)).await?.get::<i32>(0), 2);
            connection.batch_execute(text).await?;
            assert_eq!(connection.query_scalar::<i32>(sql, (1,)).await?, 2);
        }
    }
    Ok(())
}

async fn inside_a_transaction_the_error_is_reported<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = outgrown(rt).await;
    connection.batch_execute("begin").await?;
    let error = connection.query(ALL, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::FEATURE_NOT_SUPPORTED), "{error}");
    assert_eq!(connection.transaction_status(), TransactionStatus::InError);
    connection.batch_execute("rollback").await?;
    assert_eq!(connection.query(ALL, ()).await?.columns().len(), 2);

    // Said by a function, it is not noticed.
    let unnoticed = "do $$ begin execute 'deallocate all'; end $$; begin";
    connection.batch_execute(unnoticed).await?;
    let error = connection.execute(SOME, (1,)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME), "{error}");
    connection.batch_execute("rollback").await?;
    assert_eq!(connection.execute(SOME, (1,)).await?, 2);
    Ok(())
}

/// Whoever tells the server to forget all statements, by whatever verb, has them prepared anew.
async fn statements_that_were_deallocated_are_prepared_anew<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for forget in ["deallocate all", "discard all"] {
        assert_eq!(connection.query_scalar::<i32>("select $1::int4", (1,)).await?, 1);
        connection.execute(forget, ()).await?;
        connection.batch_execute("begin").await?;
        assert_eq!(connection.query_scalar::<i32>("select $1::int4", (2,)).await?, 2);
        connection.batch_execute("commit; deallocate all").await?;
    }
    Ok(())
}

/// A statement that the caller prepared is the caller's: it is not made anew behind his back.
async fn a_prepared_statement_reports_that_it_is_gone<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let statement = connection.prepare("select 1").await?;
    connection.batch_execute("deallocate all").await?;
    let error = connection.query(&statement, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME));
    let error = connection.execute(&statement, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_SQL_STATEMENT_NAME));
    let again = connection.prepare("select 1").await?;
    assert_eq!(connection.query_scalar::<i32>(&again, ()).await?, 1);
    Ok(())
}

/// 0A000 that a statement raises while it runs is its own: it is not run twice.
async fn a_statement_that_failed_half_way_is_not_run_again<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp sequence runs").await?;
    let raise = "create function pg_temp.raise() returns int language plpgsql as $$ begin \
                 perform nextval('runs'); raise feature_not_supported; end $$";
    connection.batch_execute(raise).await?;
    let sql = "select pg_temp.raise()";
    for _ in 0..3 {
        let error = connection.query(sql, ()).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::FEATURE_NOT_SUPPORTED));
    }
    let runs = "select last_value from runs";
    assert_eq!(connection.query_scalar::<i64>(runs, ()).await?, 3);
    Ok(())
}

on_every_runtime!(
    every_verb_recovers_from_a_changed_result,
    query_scalar_recovers_from_a_changed_type,
    a_stream_reports_a_changed_result_once,
    what_does_not_fit_any_more_has_the_statement_described_anew,
    a_later_set_that_does_not_fit_has_the_statement_described_anew,
    every_verb_recovers_from_deallocate_all,
    inside_a_transaction_the_error_is_reported,
    statements_that_were_deallocated_are_prepared_anew,
    a_prepared_statement_reports_that_it_is_gone,
    a_statement_that_failed_half_way_is_not_run_again,
);
