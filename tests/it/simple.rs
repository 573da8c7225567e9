//! The simple protocol: several statements in one text.

use aiopg::{Error, Format, Kind, Runtime, SqlState, TransactionStatus};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

async fn every_statement_has_its_result<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let results = connection
        .simple_query(
            "create temp table t (id int); insert into t values (1), (2); \
             select id, null as gone, 'x' as text from t order by id; ; select from t; \
             select 1.5::numeric as number",
        )
        .await?;
    let tags: Vec<_> = results.iter().map(|rows| rows.command_tag().as_str().to_owned()).collect();
    assert_eq!(tags, ["CREATE TABLE", "INSERT 0 2", "SELECT 2", "SELECT 2", "SELECT 1"]);
    assert_eq!(results[1].command_tag().rows(), 2);
    let rows = &results[2];
    assert!(rows.columns().iter().all(|column| column.format() == Format::Text));
    let row = rows.row(1).unwrap();
    assert_eq!(row.get::<&str>("id"), "2");
    assert_eq!(row.get::<Option<&str>>("gone"), None);
    assert_eq!(row.get::<String>("text"), "x");
    assert!(row.try_get::<i32>("id").is_err(), "it is text");
    assert_eq!((results[3].len(), results[3].columns().len()), (2, 0));
    assert_eq!(results[4].row(0).unwrap().get::<&str>("number"), "1.5");
    Ok(())
}

async fn a_batch_is_all_or_nothing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (id int primary key)").await?;
    let batch = "insert into t values (1); insert into t values (2); insert into t values (1); \
                 insert into t values (3)";
    let error = connection.batch_execute(batch).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    assert_eq!(error.statement(), Some(batch));
    assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    assert_eq!(ask(&mut connection, "select count(*) from t").await, "0");

    let committed = "begin; insert into t values (1); commit; insert into t values (1)";
    assert!(connection.batch_execute(committed).await.is_err());
    assert_eq!(ask(&mut connection, "select count(*) from t").await, "1");

    let open = "begin; insert into t values (2); select 1 / 0; commit";
    assert!(connection.batch_execute(open).await.is_err());
    assert_eq!(connection.transaction_status(), TransactionStatus::InError);
    let error = connection.query("select 1", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::IN_FAILED_SQL_TRANSACTION));
    connection.batch_execute("rollback").await?;
    assert_eq!(ask(&mut connection, "select count(*) from t").await, "1");
    Ok(())
}

async fn rows_of_a_batch_are_passed_over<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let mut connection = session::open(runtime.clone()).await;
    let before = runtime.counts();
    connection.batch_execute("select generate_series(1, 100000); select 2").await?;
    assert_eq!((runtime.counts() - before).writes, 1);
    assert_eq!(ask(&mut connection, "select 3").await, "3");
    Ok(())
}

async fn an_error_after_rows_gives_no_result<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 'first'; select 10 / (5 - n) from generate_series(1, 10) n; select 'last'";
    let error = connection.simple_query(sql).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::Server, Some(SqlState::DIVISION_BY_ZERO)));
    let error = connection.simple_query("select 1; selec 2").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::SYNTAX_ERROR));
    assert_eq!(ask(&mut connection, "select 'usable'").await, "usable");
    Ok(())
}

on_every_runtime!(
    every_statement_has_its_result,
    a_batch_is_all_or_nothing,
    rows_of_a_batch_are_passed_over,
    an_error_after_rows_gives_no_result,
);
