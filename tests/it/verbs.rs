//! The verbs: how many rows each takes, and what it makes of them.

use aiopg::postgres_types::Type;
use aiopg::{Connection, Error, Kind, OwnedRow, Runtime, SqlState, TransactionStatus};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session::{self, ask};

async fn query_returns_all_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for count in [0_usize, 1, 2, 1000] {
        let limit = i32::try_from(count).unwrap();
        let rows = connection.query("select generate_series(1, $1) as n", (limit,)).await?;
        assert_eq!((rows.len(), rows.is_empty()), (count, count == 0));
        assert!(rows.iter().map(|row| row.get::<i32>("n")).eq(1..=limit));
        assert_eq!(rows.command_tag().as_str(), format!("SELECT {count}"));
        assert_eq!(rows.columns()[0].r#type(), &Type::INT4);
    }
    Ok(())
}

async fn query_as_converts_every_row<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select n, 'name ' || n from generate_series(1, $1) n";
    let rows: Vec<(i32, String)> = connection.query_as(sql, (2,)).await?;
    assert_eq!(rows, [(1, "name 1".to_owned()), (2, "name 2".to_owned())]);
    let none: Vec<(i32, String)> = connection.query_as(sql, (0,)).await?;
    assert!(none.is_empty());
    let error = connection.query_as::<(i32, i32)>(sql, (1,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion, "{error}");
    let error = connection.query_as::<(i32,)>(sql, (0,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion, "checked also when there is no row: {error}");
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

async fn query_one_and_query_opt_count_the_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select generate_series(1, $1)";
    assert_eq!(connection.query_one(sql, (1,)).await?.get::<i32>(0), 1);
    let error = connection.query_one(sql, (0,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RowCount);
    assert_eq!(error.to_string(), "one row was expected, but there is none");
    let error = connection.query_one(sql, (3,)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RowCount);
    assert_eq!(error.to_string(), "one row was expected, but there are 3");

    assert!(connection.query_opt(sql, (0,)).await?.is_none());
    assert_eq!(connection.query_opt(sql, (1,)).await?.unwrap().get::<i32>(0), 1);
    assert_eq!(connection.query_opt(sql, (2,)).await.unwrap_err().kind(), Kind::RowCount);
    // Nothing of the rows that were not wanted is left over.
    assert_eq!(connection.query_one("select 42", ()).await?.get::<i32>(0), 42);
    Ok(())
}

async fn query_scalar_reads_one_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    assert_eq!(connection.query_scalar::<i64>("select 7::int8", ()).await?, 7);
    assert_eq!(connection.query_scalar::<String>("select 'a' || $1", ("b",)).await?, "ab");
    let null = "select null::text";
    assert_eq!(connection.query_scalar::<Option<String>>(null, ()).await?, None);
    let error = connection.query_scalar::<String>(null, ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert!(error.to_string().contains("NULL"), "{error}");

    let error = connection.query_scalar::<i32>("select 1, 2", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert_eq!(error.to_string(), "one column was expected, but there are 2");
    let error = connection.query_scalar::<i64>("select 1::int4", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion, "{error}");
    let error = connection.query_scalar::<i32>("select 1 where false", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RowCount);
    let error = connection.query_scalar::<i32>("select generate_series(1, 2)", ()).await;
    assert_eq!(error.unwrap_err().kind(), Kind::RowCount);
    let error = connection.query_scalar::<i32>("set work_mem = '4MB'", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RowCount, "no row, as it has no column: {error}");
    assert_eq!(connection.query_scalar::<i32>("select 42", ()).await?, 42);
    Ok(())
}

async fn query_typed_takes_the_types_from_the_caller<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let params: &[(&(dyn aiopg::postgres_types::ToSql + Sync), Type)] =
        &[(&20_i64, Type::INT8), (&"x", Type::TEXT)];
    let rows = connection.query_typed("select $1 + 1, $2 || 'y'", params).await?;
    assert_eq!(rows.decode::<(i64, &str)>()?, [(21, "xy")]);
    // Without the type this would be the text operator.
    let array: &[i32] = &[1];
    let rows = connection.query_typed("select $1 || $1", &[(&array, Type::INT4_ARRAY)]).await?;
    assert_eq!(rows.decode::<(Vec<i32>,)>()?, [(vec![1, 1],)]);
    let wrong = connection.query_typed("select $1", &[(&1_i32, Type::TEXT)]).await.unwrap_err();
    assert_eq!(wrong.kind(), Kind::Conversion, "{wrong}");
    assert!(wrong.is_unsent() && !wrong.is_retryable(), "it was wrong in itself");
    let kept = ask(&mut connection, "select count(*) from pg_prepared_statements").await;
    assert_eq!(kept, "0");
    Ok(())
}

async fn execute_counts_the_rows_it_touched<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let made = connection.execute("create temp table t (id int, name text)", ()).await?;
    assert_eq!(made, 0);
    let insert = "insert into t select n, 'x' from generate_series(1, $1) n";
    assert_eq!(connection.execute(insert, (10,)).await?, 10);
    assert_eq!(connection.execute("update t set name = 'y' where id > $1", (7,)).await?, 3);
    assert_eq!(connection.execute("select * from t", ()).await?, 10);
    assert_eq!(connection.execute("delete from t where id <= $1 returning id", (4,)).await?, 4);
    assert_eq!(connection.execute("delete from t where id <= $1 returning id", (4,)).await?, 0);
    assert_eq!(connection.execute("table t", ()).await?, 6);
    assert_eq!(connection.execute("set work_mem = '4MB'", ()).await?, 0);
    if connection.server_version() >= Some(150_000) {
        let merge = "merge into t using (values (5), (500)) v (id) on t.id = v.id \
                     when matched then delete when not matched then insert values (v.id, 'new')";
        assert_eq!(connection.execute(merge, ()).await?, 2);
    }
    Ok(())
}

async fn an_empty_statement_is_none<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for sql in ["", "  ", ";", "-- a comment"] {
        assert_eq!(connection.execute(sql, ()).await?, 0);
        let rows = connection.query(sql, ()).await?;
        assert_eq!((rows.len(), rows.columns().len()), (0, 0));
        assert_eq!(rows.command_tag().as_str(), "");
        assert!(connection.query_opt(sql, ()).await?.is_none());
        connection.batch_execute(sql).await?;
    }
    Ok(())
}

async fn a_connection_goes_on_after_an_error<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    for round in 0..3_i32 {
        for sql in ["selec", "select nothing from nowhere", "select 1; select 2", "select $1"] {
            assert!(connection.query(sql, ()).await.is_err(), "{sql}");
        }
        // The error comes after rows.
        let late = "select 10 / (5 - n) from generate_series(1, $1) n";
        let error = connection.query(late, (10,)).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
        assert_eq!(connection.query(late, (4,)).await?.len(), 4);
        let error = connection.query_scalar::<i32>("select 1 / $1", (0,)).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
        assert_eq!(connection.query_scalar::<i32>("select $1 + 1", (round,)).await?, round + 1);
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
    }
    Ok(())
}

async fn copy_is_refused_and_the_connection_goes_on<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (id int); insert into t values (1)").await?;
    for sql in ["copy t from stdin", "copy t to stdout"] {
        let error = connection.execute(sql, ()).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Server | Kind::Usage), "{sql}: {error}");
        let error = connection.query(sql, ()).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Server | Kind::Usage), "{sql}: {error}");
        assert!(connection.batch_execute(sql).await.is_err(), "{sql}");
        assert!(connection.simple_query(sql).await.is_err(), "{sql}");
        assert_eq!(connection.query_scalar::<i64>("select count(*) from t", ()).await?, 1);
    }
    Ok(())
}

/// What a verb makes of a statement.
async fn told<R: Runtime>(connection: &mut Connection<R>, verb: &str, sql: &str) -> String {
    let values = |row: &OwnedRow| row.values().map(|(_, raw)| raw.map(<[u8]>::to_vec)).collect();
    let of_row = |row: Option<OwnedRow>| row.as_ref().map(values).map(|v: Vec<_>| format!("{v:?}"));
    match verb {
        "query" => format!("{:?}", connection.query(sql, ()).await),
        "opt" => format!("{:?}", connection.query_opt(sql, ()).await.map(of_row)),
        "one" => format!("{:?}", connection.query_one(sql, ()).await.map(|row| of_row(Some(row)))),
        "scalar" => format!("{:?}", connection.query_scalar::<i32>(sql, ()).await),
        "option" => format!("{:?}", connection.query_scalar::<Option<String>>(sql, ()).await),
        _ => format!("{:?}", connection.execute(sql, ()).await),
    }
}

/// The first time it is prepared, then it is known, and its reply may come whole: that makes no difference.
async fn a_statement_gives_the_same_each_time<R: Runtime>(rt: R) {
    let mut connection = session::open(rt).await;
    let texts = [
        "select 7",
        "select null::int4",
        "select 7 where false",
        "select 7, 8",
        "select",
        "select generate_series(1, 2)",
        "select 'x'",
        "select 1/0",
        "select repeat('x', 20000)",
        "select repeat('x', 2000000)",
        "do $$ begin end $$",
    ];
    for sql in texts {
        for verb in ["query", "opt", "one", "scalar", "option", "execute"] {
            // A text of its own for each verb.
            let sql = format!("{sql} -- {verb}");
            let first = told(&mut connection, verb, &sql).await;
            for _ in 0..2 {
                assert!(
                    told(&mut connection, verb, &sql).await == first,
                    "{sql}: not {first:.200}"
                );
            }
        }
    }
}

on_every_runtime!(
    query_returns_all_rows,
    query_as_converts_every_row,
    query_one_and_query_opt_count_the_rows,
    query_scalar_reads_one_value,
    query_typed_takes_the_types_from_the_caller,
    execute_counts_the_rows_it_touched,
    an_empty_statement_is_none,
    a_connection_goes_on_after_an_error,
    copy_is_refused_and_the_connection_goes_on,
    a_statement_gives_the_same_each_time,
);
