//! Every verb, parameters in every form, and types that are looked up, on sessions that change all the time.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aiopg::types::{Range, Record};
use aiopg::{Call, FromRow, Kind, Runtime, SqlState, StatementMode, TransactionStatus, named};
use aiopg_tests::on_every_runtime;
use aiopg_tests::pgbouncer::SERVERS;
use futures::TryStreamExt;
use serde_json::json;

use crate::pgbouncer::scene::{ALL, EXTENDED, Scene, in_modes, process_id};

async fn one_statement_after_the_other_runs_on_another_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select $1::int4, pg_backend_pid()";
        let mut seen = Vec::new();
        for n in 0..6 {
            let (same, process_id): (i32, i32) = c.query_one(sql, (n,)).await?.decode()?;
            assert_eq!(same, n);
            // Where the types are asked for each time, one server is asked and the other one runs it.
            seen.extend([process_id, self::process_id(c).await]);
        }
        assert_eq!(BTreeSet::from_iter(&seen).len(), SERVERS, "{seen:?}");
        Ok(())
    })
    .await;
}

#[derive(Debug, PartialEq, FromRow)]
struct City {
    id: i32,
    name: Option<String>,
}

async fn every_verb_gives_its_result<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table = scene.table("id int4, name text").await?;
        let c = &mut scene.connection;
        let insert = format!("insert into {table} values ($1, $2)");
        let select = format!("select id, name from {table} where id >= $1 order by id");
        let count = format!("select count(*) from {table}");
        for id in 0..10_i32 {
            let name = (id % 2 > 0).then(|| format!("it's {id} \\"));
            assert_eq!(c.execute(&*insert, (id, name)).await?, 1);
            assert_eq!(c.query_scalar::<i64>(&*count, ()).await?, i64::from(id) + 1);
        }
        for _ in 0..3 {
            let rows = c.query(&*select, (8,)).await?;
            let named = |row: aiopg::Row<'_>| (row.get::<i32>("id"), row.get::<Option<String>>(1));
            let expected = [(8, None), (9, Some("it's 9 \\".to_owned()))];
            assert_eq!(rows.iter().map(named).collect::<Vec<_>>(), expected);
            assert_eq!(c.query_one(&*select, (9,)).await?.get::<i32>(0), 9);
            assert_eq!(c.query_opt(&*select, (9,)).await?.map(|row| row.get::<i32>(0)), Some(9));
            assert!(c.query_opt(&*select, (10,)).await?.is_none());
            let greatest = format!("select max(id) from {table} where id < $1");
            assert_eq!(c.query_scalar::<i32>(&*greatest, (9,)).await?, 8);
            let cities: Vec<City> = c.query_as(&*select, (8,)).await?;
            assert_eq!(cities[0], City { id: 8, name: None });
            assert_eq!(c.execute(&*select, (5,)).await?, 5);
            assert_eq!(c.query_one(&*select, (0,)).await.unwrap_err().kind(), Kind::RowCount);
            assert_eq!(c.query_one(&*select, (10,)).await.unwrap_err().kind(), Kind::RowCount);
            assert_eq!(c.query("", ()).await?.len(), 0);
        }
        assert_eq!(c.transaction_status(), TransactionStatus::Idle);
        Ok(())
    })
    .await;
}

async fn rows_are_streamed_lent_and_owned<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select n, repeat('x', 100) from generate_series(1, $1::int4) n";
        for last in [0, 1, 5000] {
            let mut rows = c.stream(sql, (last,)).await?;
            let mut expected = 0;
            while let Some(row) = rows.next().await? {
                expected += 1;
                assert_eq!(row.get::<i32>(0), expected);
            }
            assert_eq!(expected, last);
            drop(rows);
            let rows: Vec<_> = c.stream(sql, (last,)).await?.owned().try_collect().await?;
            assert_eq!(rows.len(), usize::try_from(last).unwrap());
        }
        // One that is dropped half-way.
        let mut rows = c.stream(sql, (5000,)).await?;
        assert!(rows.next().await?.is_some());
        drop(rows);
        assert_eq!(c.query_scalar::<i32>("select $1::int4", (7,)).await?, 7);
        Ok(())
    })
    .await;
}

async fn builtin_types_go_there_and_back<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea";
        for _ in 0..2 {
            let values = (true, 1_i16, -2_i32, 3_i64, 4.5_f32, -5.25_f64, "it's \\", &b"\0\xff"[..]);
            let row = c.query_one(sql, values).await?;
            let read: (bool, i16, i32, i64, f32, f64, &str, &[u8]) = row.decode()?;
            assert_eq!(read, values);
        }
        let uuid = uuid::Uuid::from_u128(7);
        let day = time::Date::from_calendar_date(2024, time::Month::February, 29).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        let json = json!({ "a": [1, null, "x'"] });
        let list = vec![Some(1_i64), None];
        let sql = "select $1::uuid, $2::date, $3::timestamptz, $4::jsonb, $5::int8[], $6::text[]";
        for _ in 0..2 {
            let row = c.query_one(sql, (uuid, day, now, &json, &list, vec!["a,b", "\"}"])).await?;
            assert_eq!((row.get::<uuid::Uuid>(0), row.get::<time::Date>(1)), (uuid, day));
            assert_eq!((row.get::<SystemTime>(2), row.get::<serde_json::Value>(3)), (now, json.clone()));
            assert_eq!(row.get::<Vec<Option<i64>>>(4), list);
            assert_eq!(row.get::<Vec<&str>>(5), ["a,b", "\"}"]);
        }
        Ok(())
    })
    .await;
}

async fn named_parameters_are_found<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select :a::int4 + :b::int4 + :a::int4, :name::text";
        for n in 0..4 {
            let row = c.query_one(sql, named! { b: n, a: 10, name: "x" }).await?;
            assert_eq!((row.get::<i32>(0), row.get::<&str>(1)), (20 + n, "x"));
        }
        Ok(())
    })
    .await;
}

async fn batches_run_on_one_server<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let table =
            scene.table("n int4 primary key, process_id int4 default pg_backend_pid()").await?;
        let c = &mut scene.connection;
        c.batch_execute(&format!("insert into {table} values (1); insert into {table} values (2)"))
            .await?;
        let failing = format!("insert into {table} values (3); insert into {table} values (1)");
        let error = c.batch_execute(&failing).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
        let question = format!("select count(*), count(distinct process_id) from {table}");
        let results = c.simple_query(&format!("{question}; select 7")).await?;
        assert_eq!(results[0].row(0).unwrap().decode::<(&str, &str)>()?, ("2", "1"));
        assert_eq!(results[1].row(0).unwrap().get::<&str>(0), "7");
        Ok(())
    })
    .await;
}

async fn an_error_stays_with_its_statement<R: Runtime>(rt: R) {
    in_modes(rt, ALL, async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        for n in 0..4 {
            let error = c.query("select 1 / $1::int4", (0,)).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
            assert_eq!(c.query_scalar::<i32>("select $1::int4", (n,)).await?, n);
            let error = c.query("selec $1", (0,)).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::SYNTAX_ERROR));
            let error =
                c.query("select 10 / (5 - n) from generate_series(1, 9) n", ()).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
            assert_eq!(c.query_scalar::<i32>("select 6", ()).await?, 6);
        }
        Ok(())
    })
    .await;
}

type Outer = Record<(i32, String, Range<i32>)>;

async fn types_of_the_user_are_looked_up<R: Runtime>(rt: R) {
    in_modes(rt, EXTENDED, async |scene: &mut Scene<R>| {
        let schema = scene.schema.clone();
        let c = &mut scene.connection;
        c.batch_execute(&format!(
            "create type {schema}.mood as enum ('sad', 'ok'); \
             create domain {schema}.tiny as int4 check (value < 10); \
             create type {schema}.span as range (subtype = int4); \
             create type {schema}.outer_t as (n {schema}.tiny, m {schema}.mood, s {schema}.span)"
        ))
        .await?;
        let sql = format!(
            "select $1::{schema}.tiny, $2::{schema}.mood, $3::{schema}.outer_t, $4::{schema}.mood[]"
        );
        let outer: Outer = Record((4, "ok".to_owned(), Range::from(1..3)));
        for _ in 0..3 {
            let row = c.query_one(&*sql, (7, "sad", &outer, vec!["ok", "sad"])).await?;
            assert_eq!((row.get::<i32>(0), row.get::<&str>(1)), (7, "sad"));
            assert_eq!(row.get::<Outer>(2), outer);
            assert_eq!(row.get::<Vec<&str>>(3), ["ok", "sad"]);
        }
        // Without parameters the types are seen only when the rows are there.
        c.forget_types();
        let sql = format!("select row(4, 'ok', '[1,3)')::{schema}.outer_t");
        assert_eq!(c.query_scalar::<Outer>(&*sql, ()).await?, outer);
        Ok(())
    })
    .await;
}

async fn the_simple_mode_refuses_other_types_by_name<R: Runtime>(rt: R) {
    in_modes(rt, &[StatementMode::Simple], async |scene: &mut Scene<R>| {
        let c = &mut scene.connection;
        let sql = "select $1::text is null, $2::money";
        let error = c.query(sql, ("x", aiopg::types::Money(100))).await.unwrap_err();
        assert!(error.is_unsent() && error.kind() == Kind::Conversion, "{error}");
        assert_eq!(
            error.to_string(),
            "parameter \"$2\" cannot be put into the text of a statement"
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("Money"), "{cause}");
        // The same value arrives where it can be sent as it is.
        let call = Call::new(sql).statement_mode(StatementMode::Described);
        let row = c.query_one(call, ("x", aiopg::types::Money(100))).await?;
        assert_eq!(row.get::<aiopg::types::Money>(1), aiopg::types::Money(100));
        Ok(())
    })
    .await;
}

on_every_runtime!(
    one_statement_after_the_other_runs_on_another_server,
    every_verb_gives_its_result,
    rows_are_streamed_lent_and_owned,
    builtin_types_go_there_and_back,
    named_parameters_are_found,
    batches_run_on_one_server,
    an_error_stays_with_its_statement,
    types_of_the_user_are_looked_up,
    the_simple_mode_refuses_other_types_by_name,
);
