//! Values of every kind in every type that takes them, as the server then has them.

use std::collections::BTreeMap;

use aiopg::sea_query::{Bound, SeaQuery};
use aiopg::{Client, Connection, Error, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::prelude::{BigDecimal, chrono};
use sea_query::{Expr, ExprTrait, Query, Value, Values};

use crate::values::{DEFINE, KINDS, kind, taken};

/// A session with the types of the table, whose settings decide about no text but shift what has no zone.
async fn open<R: Runtime>(rt: R) -> Connection<R> {
    let mut connection = session::open(rt).await;
    let settings = "set timezone = 'UTC'; set bytea_output = 'hex'";
    connection.batch_execute(&format!("{settings}; {DEFINE}")).await.unwrap();
    connection
}

fn bound(value: &Value) -> Bound {
    Bound::from(Values(vec![value.clone()]))
}

async fn every_value_is_the_same_on_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    for (value, r#type, text) in taken() {
        let sql = format!("select $1::{type}::text");
        let on_server = connection.query_scalar::<String>(&sql, bound(&value)).await;
        let on_server = on_server.unwrap_or_else(|error| {
            panic!("{} in {type}: {error} {:?}", kind(&value), std::error::Error::source(&error))
        });
        assert_eq!(on_server, text, "{} in {type}", kind(&value));
    }
    Ok(())
}

/// All values of a type in the rows of one statement.
async fn every_value_is_inserted_into_a_column<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut columns = BTreeMap::<_, Vec<_>>::new();
    for (value, r#type, text) in taken() {
        columns.entry(r#type).or_default().push((value, text));
    }
    for ((r#type, rows), number) in columns.into_iter().zip(0..) {
        let table = format!("t{number}");
        let create = format!("create temp table {table} (id int4, v {type})");
        connection.batch_execute(&create).await?;
        let mut insert = Query::insert().into_table(table.clone()).columns(["id", "v"]).take();
        for ((value, _), id) in rows.iter().zip(0_i64..) {
            insert.values_panic([id.into(), value.clone().into()]);
        }
        let inserted = connection.execute_built(&insert).await;
        let inserted = inserted.unwrap_or_else(|error| panic!("{type}: {error}"));
        assert_eq!(inserted, u64::try_from(rows.len()).unwrap());
        let texts = format!("select v::text from {table} order by id");
        let texts = connection.query_as::<(String,)>(&texts, ()).await?;
        let texts: Vec<_> = texts.into_iter().map(|(text,)| text).collect();
        assert_eq!(texts, rows.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), "{type}");
    }
    Ok(())
}

#[test]
fn the_table_has_every_kind_of_value() {
    let taken = taken();
    // A vector needs an extension: it has tests of its own.
    for one in KINDS.iter().filter(|kind| **kind != "Vector") {
        assert!(taken.iter().any(|(value, ..)| kind(value) == *one), "{one}");
    }
}

async fn null_of_every_kind_is_null_in_every_type<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let mut nulls: Vec<_> = taken().iter().map(|(value, ..)| value.as_null()).collect();
    nulls.push(Value::Vector(None));
    nulls.dedup();
    for one in KINDS {
        assert!(nulls.iter().any(|value| kind(value) == *one), "{one}");
    }
    let types =
        ["int4", "text", "timestamptz", "jsonb", "point", "int4[]", "numrange", "pg_temp.mood"];
    for r#type in types {
        let nulls_of: Vec<_> =
            (1..=nulls.len()).map(|number| format!("${number}::{type} is null")).collect();
        let sql = format!("select {}", nulls_of.join(" and "));
        let bound = Bound::from(Values(nulls.clone()));
        assert!(connection.query_scalar::<bool>(&sql, bound).await?, "{type}");
    }
    Ok(())
}

/// A type of that name with the input and output of `bytea`, which tells the bytes that arrive.
async fn a_vector_is_found_by_the_name_of_its_type<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _) = session::open_in_schema(rt).await;
    connection
        .batch_execute(
            "create type vector; \
             create function i(cstring) returns vector language internal immutable strict as 'byteain'; \
             create function o(vector) returns cstring language internal immutable strict as 'byteaout'; \
             create function r(internal) returns vector language internal immutable strict as 'bytearecv'; \
             create function s(vector) returns bytea language internal immutable strict as 'byteasend'; \
             create type vector (input = i, output = o, receive = r, send = s); \
             create table t (v vector)",
        )
        .await?;
    let vector = Value::Vector(Some(vec![1.0, -0.5].into()));
    let insert =
        Query::insert().into_table("t").columns(["v"]).values_panic([vector.into()]).take();
    assert_eq!(connection.execute_built(&insert).await?, 1);
    let text = connection.query_scalar::<String>("select v::text from t", ()).await?;
    assert_eq!(text, "\\x000200003f800000bf000000");
    Ok(())
}

async fn text_is_taken_by_the_types_of_extensions<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut connection, _) = session::open_in_schema(rt).await;
    let available =
        "select count(*) from pg_available_extensions where name in ('citext', 'ltree')";
    if connection.query_scalar::<i64>(available, ()).await? < 2 {
        return Ok(());
    }
    // An extension is there once in a database.
    let mut transaction = connection.begin().await?;
    transaction.execute("select pg_advisory_xact_lock(728)", ()).await?;
    transaction.batch_execute("create extension citext; create extension ltree").await?;
    let select = Query::select()
        .expr(Expr::val("Wien").cast_as("citext").eq("WIEN"))
        .expr(Expr::val("a.b").cast_as("ltree").cast_as("text"))
        .take();
    let row = transaction.query_built_as::<(bool, String)>(&select).await?;
    assert_eq!(row, [(true, "a.b".to_owned())]);
    transaction.rollback().await
}

async fn u64_5_in_numeric_is_5<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(stored(rt, "numeric(10, 5)", 5_u64.into()).await?, "5.00000");
    Ok(())
}

async fn u64_5_in_bigint_is_5<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(stored(rt, "bigint", 5_u64.into()).await?, "5");
    Ok(())
}

async fn i32_in_real_is_the_same_number<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(stored(rt, "real", 1_000_000_i32.into()).await?, "1e+06");
    Ok(())
}

async fn i64_in_double_precision_is_the_same_number<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(
        stored(rt, "double precision", 4_611_686_018_427_387_904_i64.into()).await?,
        "4.611686018427388e+18"
    );
    Ok(())
}

async fn i64_is_no_timestamp<R: Runtime>(rt: R) -> Result<(), Error> {
    for r#type in ["timestamp", "timestamptz", "date", "time", "interval"] {
        let error = stored(rt.clone(), r#type, 1_700_000_000_i64.into()).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.ends_with("a number does not say what it counts, and from when: use a time")
        );
    }
    Ok(())
}

async fn an_instant_is_never_shifted_by_the_zone_of_the_session<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let instant: Value = chrono::DateTime::from_timestamp(0, 0).unwrap().into();
    assert_eq!(
        stored(rt.clone(), "timestamptz", instant.clone()).await?,
        "1970-01-01 05:30:00+05:30"
    );
    let error = stored(rt, "timestamp", instant).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    let advice =
        "a timestamp has no zone: make it a timestamptz, or pass what the clock there shows";
    assert!(source.ends_with(advice), "{source}");
    Ok(())
}

async fn every_integer_fits_a_wider_column<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(stored(rt.clone(), "smallint", i8::MIN.into()).await?, "-128");
    assert_eq!(stored(rt.clone(), "smallint", u8::MAX.into()).await?, "255");
    assert_eq!(stored(rt.clone(), "bigint", u32::MAX.into()).await?, "4294967295");
    assert_eq!(stored(rt, "bigint", i32::MIN.into()).await?, "-2147483648");
    Ok(())
}

async fn floats_and_decimals_fit_numeric<R: Runtime>(rt: R) -> Result<(), Error> {
    assert_eq!(stored(rt.clone(), "numeric", 0.1_f64.into()).await?, "0.1");
    let decimal = "12.50".parse::<BigDecimal>().unwrap();
    assert_eq!(stored(rt, "numeric", decimal.into()).await?, "12.50");
    Ok(())
}

/// The text of what is in a column of this type after the value was inserted, in a session far from UTC.
async fn stored<R: Runtime>(rt: R, r#type: &str, value: Value) -> Result<String, Error> {
    let mut connection = session::open(rt).await;
    let create = format!("set timezone = 'Asia/Kolkata'; create temp table t (v {type})");
    connection.batch_execute(&create).await?;
    let insert = Query::insert().into_table("t").columns(["v"]).values_panic([value.into()]).take();
    connection.execute_built(&insert).await?;
    let select = Query::select().expr(Expr::col("v").cast_as("text")).from("t").take();
    connection.query_built_scalar(&select).await
}

on_every_runtime!(
    every_value_is_the_same_on_the_server,
    every_value_is_inserted_into_a_column,
    null_of_every_kind_is_null_in_every_type,
    a_vector_is_found_by_the_name_of_its_type,
    text_is_taken_by_the_types_of_extensions,
    u64_5_in_numeric_is_5,
    u64_5_in_bigint_is_5,
    i32_in_real_is_the_same_number,
    i64_in_double_precision_is_the_same_number,
    i64_is_no_timestamp,
    an_instant_is_never_shifted_by_the_zone_of_the_session,
    every_integer_fits_a_wider_column,
    floats_and_decimals_fit_numeric,
);
