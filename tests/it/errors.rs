//! What the server says when it refuses: every field, one line, nothing secret.

use std::error::Error as StdError;

use aiopg::{Error, Kind, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

async fn every_field_of_the_server_is_kept<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let made = "create temp table card (number text constraint one_each primary key, \
                owner int not null, constraint adult check (owner >= 18))";
    connection.batch_execute(made).await?;
    let insert = "insert into card values ($1, $2)";
    connection.execute(insert, ("4111", 20)).await?;

    let error = connection.execute(insert, ("4111", 30)).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (Kind::Server, Some(SqlState::UNIQUE_VIOLATION)));
    let server = error.server().unwrap();
    assert_eq!((server.severity(), server.sqlstate().code()), ("ERROR", "23505"));
    assert_eq!(server.table(), Some("card"));
    assert_eq!(server.constraint(), Some("one_each"));
    assert_eq!(server.detail(), Some("Key (number)=(4111) already exists."));
    assert!(server.schema().unwrap().starts_with("pg_temp"));
    assert!(server.routine().is_some() && server.file().is_some() && server.line().is_some());
    assert_eq!(error.statement(), Some(insert));

    let error = connection.execute("insert into card values ('x', null)", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::NOT_NULL_VIOLATION));
    assert_eq!(error.server().unwrap().column(), Some("owner"));
    let error = connection.execute(insert, ("child", 7)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::CHECK_VIOLATION));
    assert_eq!(error.server().unwrap().constraint(), Some("adult"));
    Ok(())
}

async fn an_error_is_one_line_without_detail_or_statement<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (secret text primary key)").await?;
    let insert = "insert into t values ('hunter2')";
    connection.execute(insert, ()).await?;
    for error in [
        connection.execute(insert, ()).await.unwrap_err(),
        connection.batch_execute(insert).await.unwrap_err(),
        connection.query(insert, ()).await.unwrap_err(),
    ] {
        let text = error.to_string();
        let expected = "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\"";
        assert_eq!(text, expected);
        assert!(!format!("{error:?}{text}").contains("hunter2"));
        assert!(error.server().unwrap().detail().unwrap().contains("hunter2"));
        assert_eq!(error.statement(), Some(insert));
        assert!(error.source().is_none());
    }
    let raise = "do $$ begin raise exception E'two\\nlines'; end $$";
    let error = connection.batch_execute(raise).await.unwrap_err();
    assert_eq!(error.to_string(), "ERROR P0001: two lines");
    assert_eq!(error.server().unwrap().message(), "two\nlines");
    Ok(())
}

async fn positions_and_hints_are_told<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    // The position counts characters, not bytes.
    let error = connection.query("select 'äöü', nothing", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_COLUMN));
    assert_eq!(error.server().unwrap().position(), Some(15));
    let error = connection.query("select lower(1, 2)", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_FUNCTION));
    assert!(error.server().unwrap().hint().is_some());
    let inner = "do $$ begin execute 'select nowhere'; end $$";
    let error = connection.execute(inner, ()).await.unwrap_err();
    let server = error.server().unwrap();
    assert_eq!(server.internal_query(), Some("select nowhere"));
    assert_eq!(server.internal_position(), Some(8));
    assert!(server.context().unwrap().contains("PL/pgSQL"));
    Ok(())
}

async fn what_may_be_repeated_is_told_from_what_may_not<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut one, config) = session::open_in_schema(rt.clone()).await;
    let mut two = session::open_with(rt, &config).await;
    one.batch_execute("create table t (id int primary key, n int); insert into t values (1, 0)")
        .await?;
    let begin = "begin isolation level serializable; select * from t";
    one.batch_execute(begin).await?;
    two.batch_execute(begin).await?;
    one.execute("update t set n = n + $1", (1,)).await?;
    one.batch_execute("commit").await?;
    let error = two.execute("update t set n = n + $1", (1,)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::SERIALIZATION_FAILURE));
    assert!(error.is_retryable());
    two.batch_execute("rollback").await?;

    for sql in ["select 1 / 0", "insert into t values (1)", "selec"] {
        let error = two.execute(sql, ()).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
    }
    two.close().await?;
    let error = two.execute("select 1", ()).await.unwrap_err();
    assert!(error.kind() == Kind::Closed && error.is_retryable(), "nothing was sent");
    Ok(())
}

on_every_runtime!(
    every_field_of_the_server_is_kept,
    an_error_is_one_line_without_detail_or_statement,
    positions_and_hints_are_told,
    what_may_be_repeated_is_told_from_what_may_not,
);
