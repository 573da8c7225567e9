//! Values that do not fit: which they are, what is said, and that nothing was sent.

use std::error::Error as _;

use aiopg::sea_query::{Bound, BuildStatement, SeaQuery};
use aiopg::{Error, Kind, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::prelude::{
    BigDecimal, Decimal, Json, RangeType, chrono, ipnetwork, jiff, mac_address, time, uuid,
};
use sea_query::{ArrayType, Enum, Expr, ExprTrait, OptionEnum, Query, Value, Values};
use sea_query_postgres_types::range::RangeBound;

use crate::values::{DEFINE, kind};

/// What is never taken, and what is not taken here, each with a part of what is said.
fn refused() -> Vec<(Value, &'static str, &'static str)> {
    let mut refused = numbers();
    refused.extend(times());
    refused.extend(others());
    refused
}

fn numbers() -> Vec<(Value, &'static str, &'static str)> {
    let never = "is never written in type";
    let digits = "has more digits than";
    vec![
        (40_000_i32.into(), "int2", "it is beyond 32767"),
        ((-40_000_i64).into(), "int2", "it is below -32768"),
        (u32::MAX.into(), "int4", "it is beyond 2147483647"),
        (i64::MIN.into(), "int4", "it is below -2147483648"),
        (u64::MAX.into(), "int8", "it is beyond 9223372036854775807"),
        ((-1_i8).into(), "oid", "it is below 0"),
        (u64::MAX.into(), "oid", "it is beyond 4294967295"),
        ((-1_i64).into(), "xid8", "it is below 0"),
        (40_000_u16.into(), "pg_temp.very_positive", "it is beyond 32767"),
        (16_777_217_i32.into(), "float4", "no float4 is just that number"),
        (9_007_199_254_740_993_i64.into(), "float8", "no float8 is just that number"),
        (u64::MAX.into(), "float8", "no float8 is just that number"),
        (1_u8.into(), "bool", never),
        (1_i32.into(), "money", "first to numeric and then to money"),
        (1_i32.into(), "json", never),
        (true.into(), "int4", never),
        (true.into(), "text", never),
        ((0.1 + 0.2).into(), "float4", digits),
        (1e300.into(), "float4", digits),
        (5.0.into(), "int4", "a float is no integer"),
        (5.0_f32.into(), "int8", "a float is no integer"),
        (5.0.into(), "text", "say it by `cast_as`"),
        (Decimal::ONE.into(), "int4", "a decimal is no integer"),
        (Decimal::MAX.into(), "float8", digits),
        ("1e400".parse::<BigDecimal>().unwrap().into(), "float8", digits),
        ("1e131072".parse::<BigDecimal>().unwrap().into(), "numeric", "more digits than a numeric"),
        ("1e-16384".parse::<BigDecimal>().unwrap().into(), "numeric", "more digits than a numeric"),
    ]
}

fn times() -> Vec<(Value, &'static str, &'static str)> {
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap();
    let noon = day.and_hms_opt(12, 0, 0).unwrap();
    let range = "the server has no such time";
    let far = time::PrimitiveDateTime::MAX;
    vec![
        (noon.into(), "timestamptz", "it is an instant only with a zone"),
        (noon.and_utc().into(), "timestamp", "a timestamp has no zone"),
        (noon.and_utc().into(), "date", "pass its date or its time of day"),
        (day.into(), "timestamp", "a date has no time of day"),
        (noon.time().into(), "timetz", "is never written in type timetz"),
        (chrono::NaiveDate::MIN.into(), "date", range),
        (chrono::NaiveDateTime::MIN.into(), "timestamp", range),
        (chrono::DateTime::<chrono::Utc>::MIN_UTC.into(), "timestamptz", range),
        (far.into(), "timestamp", range),
        (far.assume_utc().into(), "timestamptz", range),
        (time::Date::MIN.into(), "date", range),
        (jiff::Timestamp::MIN.into(), "timestamptz", range),
        (jiff::civil::Date::MIN.into(), "date", range),
    ]
}

fn others() -> Vec<(Value, &'static str, &'static str)> {
    let never = "is never written in type";
    let size = Enum { type_name: "size".into(), value: "ok".into() };
    let ints = |ints: &[i32]| {
        Value::Array(ArrayType::Int, Some(Box::new(ints.iter().map(|int| (*int).into()).collect())))
    };
    let uneven = Value::Array(ArrayType::Int, Some(Box::new(vec![ints(&[1]), ints(&[1, 2])])));
    let wide = RangeType::Int8Range(RangeBound::Inclusive(1 << 40), RangeBound::Unbounded);
    let endless = RangeType::Int4Range(RangeBound::Unbounded, RangeBound::Unbounded);
    vec![
        (endless.into(), "int4range", "nothing or everything"),
        ("1".into(), "int4", "have the server read it"),
        ("2024-01-01".into(), "date", "have the server read it"),
        ("ab".into(), "\"char\"", "a \"char\" is one ASCII character"),
        ('é'.into(), "\"char\"", "a \"char\" is one ASCII character"),
        (
            Value::Enum(OptionEnum::Some(Box::new(size))),
            "pg_temp.mood",
            "it is a label of the enum \"size\"",
        ),
        (Value::from(&b"a"[..]), "text", never),
        (Json::from("a").into(), "text", "first to json"),
        (uuid::Uuid::nil().into(), "text", "call its `to_string`"),
        (uuid::Uuid::nil().into(), "bytea", never),
        (
            "10.0.0.1/8".parse::<ipnetwork::IpNetwork>().unwrap().into(),
            "cidr",
            "no bits behind its prefix",
        ),
        (mac_address::MacAddress::new([0; 6]).into(), "macaddr8", "first to macaddr"),
        (vec![1_i32].into(), "int4", "an array is written in arrays only"),
        (
            vec![1_i32, 70_000].into(),
            "int2[]",
            "element 2: a value of kind Int does not fit in type int2",
        ),
        (
            vec![1_i32, 70_000].into(),
            "pg_temp.positive[]",
            "element 2: a value of kind Int does not fit",
        ),
        (vec![1.5].into(), "int4[]", "element 1: a value of kind Double is never written"),
        (uneven, "int4[]", "the arrays in it must be of one length"),
        (wide.clone().into(), "int4range", "a bound: it is beyond 2147483647"),
        (wide.into(), "daterange", never),
        (Value::Vector(Some(vec![1.0].into())), "float4[]", never),
    ]
}

async fn what_does_not_fit_is_refused_before_anything_is_sent<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute(DEFINE).await?;
    for (value, r#type, part) in refused() {
        let sql = format!("select $1::{type}");
        let bound = Bound::from(Values(vec![value.clone()]));
        let error = connection.query(&sql, bound).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conversion, "{} in {type}: {error}", kind(&value));
        assert!(error.is_unsent() && !error.is_retryable());
        assert!(error.to_string().starts_with("parameter $1 of type "), "{error}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains(part), "{} in {type}: {source}", kind(&value));
        assert!(
            source.contains(&format!("a value of kind {} ", kind(&value)))
                || source.starts_with("element")
        );
        assert_eq!(connection.query_scalar::<i32>("select 1", ()).await?, 1);
    }
    Ok(())
}

async fn an_error_names_the_column_and_no_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (a text, \"b \"\"c\" int2)").await?;
    let column = "b \"c";
    let insert = Query::insert()
        .into_table("t")
        .columns(["a", column])
        .values_panic(["secret".into(), 1.into()])
        .values_panic(["secret".into(), 4_242_424_242_i64.into()])
        .take();
    let update = Query::update().table("t").value(column, 4_242_424_242_i64).take();
    let delete =
        Query::delete().from_table("t").and_where(Expr::col(column).eq(4_242_424_242_i64)).take();
    let statements = [
        (insert.build_statement(), 4),
        (update.build_statement(), 1),
        (delete.build_statement(), 1),
    ];
    for (statement, number) in statements {
        let error = connection.execute_built(&statement).await.unwrap_err();
        let expected =
            format!("parameter ${number} for column \"b \"c\" of type int2 cannot be written");
        assert_eq!(error.to_string(), expected);
        let source = error.source().unwrap().to_string();
        assert_eq!(source, "a value of kind BigInt does not fit in type int2: it is beyond 32767");
        let told = format!("{error:?} {statement:?}");
        assert!(!told.contains("secret") && !told.contains("4242424242"), "{told}");
    }
    assert_eq!(connection.query_scalar::<i64>("select count(*) from t", ()).await?, 0);
    Ok(())
}

on_every_runtime!(
    what_does_not_fit_is_refused_before_anything_is_sent,
    an_error_names_the_column_and_no_value,
);
