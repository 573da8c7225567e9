//! Values as literals, for `StatementMode::Simple`: each of its own type.

use aiopg::sea_query::{Bound, SeaQuery};
use aiopg::{Connection, Error, Runtime, StatementMode};
use aiopg_tests::{on_every_runtime, session};
use sea_query::prelude::{
    BigDecimal, Decimal, Json, RangeType, chrono, ipnetwork, jiff, mac_address, time, uuid,
};
use sea_query::{ArrayType, Expr, ExprTrait, Query, Value, Values};
use sea_query_postgres_types::range::RangeBound;

use crate::values::{KINDS, kind};

async fn open<R: Runtime>(rt: R) -> Connection<R> {
    let config = session::config().statement_mode(StatementMode::Simple);
    let mut connection = session::open_with(rt, &config).await;
    connection.batch_execute("set timezone = 'UTC'").await.unwrap();
    connection
}

/// Values, their types, and the text of each.
fn literals() -> Vec<(Value, &'static str, String)> {
    let noon = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let time_noon = time::Date::from_calendar_date(2024, time::Month::February, 28)
        .unwrap()
        .with_hms(12, 0, 0)
        .unwrap();
    let jiff_noon = jiff::civil::date(2024, 2, 28).at(12, 0, 0, 0);
    let instant = "2024-02-28 12:00:00+00";
    let (date, clock, local) = ("2024-02-28", "12:00:00", "2024-02-28 12:00:00");
    let zoned = jiff_noon.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let range = RangeType::Int4Range(RangeBound::Exclusive(1), RangeBound::Inclusive(5));
    let text = "it's \\ $1 --";
    let label = sea_query::Enum { type_name: "mood".into(), value: "ok".into() };
    let all: Vec<(Value, _, &str)> = vec![
        (true.into(), "boolean", "true"),
        ((-5_i8).into(), "smallint", "-5"),
        (5_u8.into(), "smallint", "5"),
        (5_i16.into(), "smallint", "5"),
        (5_u16.into(), "integer", "5"),
        (i32::MIN.into(), "integer", "-2147483648"),
        (u32::MAX.into(), "bigint", "4294967295"),
        (i64::MIN.into(), "bigint", "-9223372036854775808"),
        (5_u64.into(), "bigint", "5"),
        (u64::MAX.into(), "numeric", "18446744073709551615"),
        (0.1_f32.into(), "real", "0.1"),
        (f64::NAN.into(), "double precision", "NaN"),
        (text.into(), "text", text),
        ('é'.into(), "text", "é"),
        (label.into(), "text", "ok"),
        (Value::from(&b"\0'\\"[..]), "bytea", "\\x00275c"),
        (noon.date().into(), "date", date),
        (noon.time().into(), "time without time zone", clock),
        (noon.into(), "timestamp without time zone", local),
        (noon.and_utc().into(), "timestamp with time zone", instant),
        (noon.and_utc().with_timezone(&chrono::Local).into(), "timestamp with time zone", instant),
        (noon.and_utc().fixed_offset().into(), "timestamp with time zone", instant),
        (time_noon.date().into(), "date", date),
        (time_noon.time().into(), "time without time zone", clock),
        (time_noon.into(), "timestamp without time zone", local),
        (time_noon.assume_utc().into(), "timestamp with time zone", instant),
        (jiff_noon.date().into(), "date", date),
        (jiff_noon.time().into(), "time without time zone", clock),
        (jiff_noon.into(), "timestamp without time zone", local),
        (zoned.into(), "timestamp with time zone", instant),
        (uuid::Uuid::nil().into(), "uuid", "00000000-0000-0000-0000-000000000000"),
        ("-1.50".parse::<Decimal>().unwrap().into(), "numeric", "-1.50"),
        ("-1.50".parse::<BigDecimal>().unwrap().into(), "numeric", "-1.50"),
        (vec![1_i32, -2].into(), "integer[]", "{1,-2}"),
        (vec![u64::MAX].into(), "numeric[]", "{18446744073709551615}"),
        (Value::Array(ArrayType::Uuid, Some(Box::default())), "uuid[]", "{}"),
        (vec!["it's \\".to_owned()].into(), "text[]", "{\"it's \\\\\"}"),
        (mac_address::MacAddress::new([1; 6]).into(), "macaddr", "01:01:01:01:01:01"),
        (range.clone().into(), "int4range", "[2,6)"),
        (
            Value::Array(ArrayType::Range, Some(Box::new(vec![range.into()]))),
            "int4range[]",
            "{\"[2,6)\"}",
        ),
    ];
    all.into_iter().map(|(value, r#type, text)| (value, r#type, text.to_owned())).collect()
}

async fn a_literal_is_of_the_type_of_its_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    for (value, r#type, text) in literals() {
        let bound = Bound::from(Values(vec![value.clone(), value.clone()]));
        let sql = "select pg_typeof($1)::text, ($2)::text";
        let row = connection.query_as::<(String, String)>(sql, bound).await;
        let row = row.unwrap_or_else(|error| panic!("{}: {error}", kind(&value)));
        // What is quoted and no more is of an unknown type, until something tells it.
        let expected = if r#type == "text" { "unknown" } else { r#type };
        assert_eq!(row, [(expected.to_owned(), text)], "{}", kind(&value));
    }
    Ok(())
}

/// What is quoted and no more takes on the type that is expected.
async fn a_literal_that_several_types_read_is_left_to_them<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    let json = Json::from_iter([("a", "it's \\")]);
    let network: ipnetwork::IpNetwork = "10.0.0.1/8".parse().unwrap();
    for (value, r#type, text) in [
        (Value::from(json.clone()), "json", json.to_string()),
        (json.into(), "jsonb", r#"{"a": "it's \\"}"#.to_owned()),
        (network.into(), "inet", "10.0.0.1/8".to_owned()),
        (Value::Vector(Some(vec![1.0, -0.5].into())), "jsonb", "[1, -0.5]".to_owned()),
    ] {
        let sql = format!("select $1::{type}::text");
        let bound = Bound::from(Values(vec![value]));
        assert_eq!(connection.query_scalar::<String>(&sql, bound).await?, text);
    }
    let bound = Bound::from(Values(vec![network.into()]));
    assert!(connection.query("select $1::cidr", bound).await.is_err(), "bits were cut off");
    Ok(())
}

#[test]
fn every_kind_of_value_has_a_literal() {
    let literals = literals();
    for one in KINDS.iter().filter(|kind| !["Json", "IpNetwork", "Vector"].contains(kind)) {
        assert!(literals.iter().any(|(value, ..)| kind(value) == *one), "{one}");
    }
}

async fn null_is_null_in_the_simple_mode<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    for null in literals().iter().map(|(value, ..)| value.as_null()) {
        let bound = Bound::from(Values(vec![null]));
        let is_null = connection.query_scalar::<bool>("select $1 is null", bound).await?;
        assert!(is_null);
    }
    Ok(())
}

async fn statements_are_the_same_in_the_simple_mode<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = open(rt).await;
    connection.batch_execute("create temp table t (a int8, b text, c numeric)").await?;
    let insert = Query::insert()
        .into_table("t")
        .columns(["a", "b", "c"])
        .values_panic([5_u64.into(), "it's \\".into(), 0.5.into()])
        .values_panic([(-5_i32).into(), Value::String(None).into(), u64::MAX.into()])
        .take();
    assert_eq!(connection.execute_built(&insert).await?, 2);
    let select = Query::select()
        .column("a")
        .expr(Expr::col("c").cast_as("text"))
        .from("t")
        .and_where(Expr::col("a").is_in([5_i64, 7]))
        .and_where(Expr::col("b").eq("it's \\"))
        .limit(1)
        .take();
    let rows = connection.query_built_as::<(i64, String)>(&select).await?;
    assert_eq!(rows, [(5, "0.5".to_owned())]);
    let none =
        Query::select().column("a").from("t").and_where(Expr::col("a").is_in([0_i64; 0])).take();
    assert!(connection.query_built(&none).await?.is_empty());
    Ok(())
}

on_every_runtime!(
    a_literal_is_of_the_type_of_its_value,
    a_literal_that_several_types_read_is_left_to_them,
    null_is_null_in_the_simple_mode,
    statements_are_the_same_in_the_simple_mode,
);
