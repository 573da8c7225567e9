//! Rows by serde: structs, maps, tuples, single values, every type, and errors that hold no value.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;

use aiopg::{Error, Kind, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct City<'r> {
    id: u16,
    full_name: &'r str,
    people: Option<i64>,
    #[serde(default)]
    twin: Option<String>,
    #[serde(with = "serde_bytes_of")]
    seal: &'r [u8],
}

/// Bytes that are borrowed: serde's own slices would take a sequence.
mod serde_bytes_of {
    use serde::{Deserialize, Deserializer};

    pub(crate) fn deserialize<'r, D: Deserializer<'r>>(from: D) -> Result<&'r [u8], D::Error> {
        <&[u8]>::deserialize(from)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

const CITIES: &str =
    "select 1 as id, 'Wien' as \"fullName\", 8::int8 as people, '\\x01'::bytea as seal,
    int4range(1, 2) as unwanted union all select 2, 'Graz', null, '\\x', null order by 1";

async fn structs_maps_and_tuples_are_made<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query(CITIES, ()).await?;
    let wien = City { id: 1, full_name: "Wien", people: Some(8), twin: None, seal: &[1] };
    let graz = City { id: 2, full_name: "Graz", people: None, twin: None, seal: &[] };
    assert_eq!(rows.deserialize::<City<'_>>()?, [wien, graz]);

    let row = connection.query_one("select 1 as a, 2::int2 as b, 3::int8 as c", ()).await?;
    let map: BTreeMap<&str, i32> = row.deserialize()?;
    assert_eq!(map, BTreeMap::from([("a", 1), ("b", 2), ("c", 3)]));
    assert_eq!(row.deserialize::<(u8, i16, u64)>()?, (1, 2, 3));
    assert_eq!(row.deserialize::<Vec<i128>>()?, [1, 2, 3]);
    assert_eq!(row.deserialize::<serde_json::Value>()?, json!({"a": 1, "b": 2, "c": 3}));
    let mut stream = connection.stream("select 'x' as name from generate_series(1, 2)", ()).await?;
    while let Some(row) = stream.next().await? {
        assert_eq!(row.deserialize::<HashMap<&str, &str>>()?, HashMap::from([("name", "x")]));
    }
    Ok(())
}

async fn a_single_column_is_a_value<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows =
        connection.query("select 'sad' union all select 'happy' order by 1 desc", ()).await?;
    assert_eq!(rows.deserialize::<Mood>()?, [Mood::Sad, Mood::Happy]);
    assert_eq!(rows.deserialize::<&str>()?, ["sad", "happy"]);
    let rows = connection.query("select n from (values (1), (null)) v (n)", ()).await?;
    assert_eq!(rows.deserialize::<Option<i32>>()?, [Some(1), None]);
    let rows = connection.query("select null::int4 as a, null::int4 as b", ()).await?;
    assert_eq!(rows.deserialize::<Option<(i32, i32)>>()?, [None]);
    assert_eq!(rows.deserialize::<(Option<i32>, Option<i32>)>()?, [(None, None)]);
    Ok(())
}

async fn every_type_has_its_form<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("set timezone = 'UTC'").await?;
    let forms = [
        ("true", json!(true)),
        ("(-32768)::int2", json!(-32768)),
        ("9223372036854775807", json!(i64::MAX)),
        ("4294967295::oid", json!(u32::MAX)),
        ("1.5::float4", json!(1.5)),
        ("0.1::float8", json!(0.1)),
        ("'a'::char(3)", json!("a  ")),
        ("'b'::varchar", json!("b")),
        ("'c'::name", json!("c")),
        ("'{\"a\": [1, null]}'::jsonb", json!({"a": [1, null]})),
        ("'[true]'::json", json!([true])),
        ("12345678901234567890.50::numeric", json!("12345678901234567890.50")),
        ("'NaN'::numeric", json!("NaN")),
        ("'2001-02-03'::date", json!("2001-02-03")),
        ("'0044-03-15 BC'::date", json!("0044-03-15 BC")),
        ("'24:00'::time", json!("24:00:00")),
        ("'2001-02-03 04:05:06.7'::timestamp", json!("2001-02-03T04:05:06.7")),
        ("'2001-02-03 04:05:06+00'::timestamptz", json!("2001-02-03T04:05:06+00:00")),
        ("'-infinity'::timestamptz", json!("-infinity")),
        ("'1 mon'::interval", json!("1 mon")),
        (
            "'00112233-4455-6677-8899-aabbccddeeff'::uuid",
            json!("00112233-4455-6677-8899-aabbccddeeff"),
        ),
        ("B'101'", json!("101")),
        ("'10.0.0.1/8'::inet", json!("10.0.0.1/8")),
        ("'08:00:2b:01:02:03'::macaddr", json!("08:00:2b:01:02:03")),
        ("'1/2'::pg_lsn", json!("1/2")),
        ("array[1, null, 3]", json!([1, null, 3])),
        ("'{}'::text[]", json!([])),
        ("array[['a', 'b'], ['c', 'd']]", json!([["a", "b"], ["c", "d"]])),
        ("row(1, 'x'::text, null::bool)", json!([1, "x", null])),
        ("array[row(1, array[2.5::float8])]", json!([[1, [2.5]]])),
        ("null::int4range", json!(null)),
    ];
    for (sql, expected) in forms {
        let row = connection.query_one(format!("select {sql} as v"), ()).await?;
        let got: HashMap<String, serde_json::Value> = row.deserialize()?;
        assert_eq!(got["v"], expected, "{sql}");
    }
    Ok(())
}

type Times = (NaiveDate, NaiveTime, NaiveDateTime, DateTime<Utc>, uuid::Uuid, i64);

async fn types_of_other_crates_are_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("set timezone = 'Asia/Tokyo'").await?;
    let sql = "select '2001-02-03'::date, '04:05:06'::time, '2001-02-03 04:05:06.789'::timestamp,
        '2001-02-03 04:05:06+00'::timestamptz, '00112233-4455-6677-8899-aabbccddeeff'::uuid, 7::numeric(9, 2)";
    let row = connection.query_one(sql, ()).await?;
    let (date, time, timestamp, timestamptz, uuid, number): Times = row.deserialize()?;
    assert_eq!((date, time), (row.get(0), row.get(1)));
    assert_eq!((timestamp, timestamptz), (row.get(2), row.get(3)));
    assert_eq!((uuid, number), (row.get(4), 7));
    Ok(())
}

#[derive(Debug, PartialEq, Deserialize)]
struct Nested {
    #[serde(flatten)]
    mood: Tagged,
    tags: Vec<Option<String>>,
    document: Document,
    missing: Option<Document>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Tagged {
    mood: Mood,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Document {
    kind: Mood,
    size: Option<u8>,
}

async fn structs_may_be_nested<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 'happy' as mood, array['a', null] as tags, ' null'::json as missing,
        '{\"kind\": \"sad\", \"size\": 255}'::jsonb as document";
    let nested: Nested = connection.query_one(sql, ()).await?.deserialize()?;
    let document = Document { kind: Mood::Sad, size: Some(255) };
    let tags = vec![Some("a".to_owned()), None];
    let mood = Tagged { mood: Mood::Happy };
    assert_eq!(nested, Nested { mood, tags, document, missing: None });
    Ok(())
}

async fn what_does_not_fit_is_named_without_its_value<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Debug, Deserialize)]
    struct Number {
        #[expect(dead_code, reason = "it never comes to that")]
        number: u8,
    }
    let mut connection = session::open(rt).await;
    let cases = [
        ("7655::int4", "int4", "an integer does not fit u8"),
        ("'7655'::text", "text", "text is not u8"),
        ("null::int4", "int4", "it is NULL, but u8 is expected: use `Option`"),
        ("7655.5::numeric", "numeric", "the number is no integer, or too large"),
        ("'7655'::jsonb", "jsonb", "the JSON does not fit at line 1, column 4"),
        ("int4range(7, 655)", "int4range", "there is no form for type int4range"),
        ("array[7655]", "_int4", "a sequence is not u8"),
    ];
    for (sql, r#type, why) in cases {
        let sql = format!("select {sql} as number union all select {sql}");
        let error = connection.query(sql, ()).await?.deserialize::<Number>().unwrap_err();
        let what = format!("row 0: column \"number\" of type {type} cannot be deserialized");
        let text = error.to_string();
        assert!(text.starts_with(&what) && text.ends_with(why), "{text}");
        assert!(!format!("{error:?}").contains("7655") && error.kind() == Kind::Conversion);
    }
    for (sql, why) in [
        ("select 1 as other", "there is no column \"number\""),
        ("select 1 as number, 2 as number", "there is more than one column \"number\""),
    ] {
        let text =
            connection.query(sql, ()).await?.deserialize::<Number>().unwrap_err().to_string();
        assert!(
            text.contains("row 0: the row cannot be deserialized into") && text.contains(why),
            "{text}"
        );
    }
    Ok(())
}

async fn shapes_that_do_not_fit_are_errors<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Debug, PartialEq, Deserialize)]
    struct OnlyA {
        a: i32,
    }

    let mut connection = session::open(rt).await;
    let row = connection.query_one("select 1 as a, 2 as b, 3 as b", ()).await?;
    let text = |error: Error| error.to_string();
    assert!(text(row.deserialize::<(i32, i32)>().unwrap_err()).contains("3 columns, but 2 are"));
    assert!(row.deserialize::<(i32, i32, i32, i32)>().is_err());
    assert!(text(row.deserialize::<i32>().unwrap_err()).contains("3 columns, but one is"));
    assert!(row.deserialize::<HashMap<String, i32>>().is_err(), "b is there twice");
    assert_eq!(row.deserialize::<OnlyA>()?, OnlyA { a: 1 }, "nobody asks for b");
    let row = connection.query_one("select 1::int8, 1::int4, 1::float8", ()).await?;
    assert!(row.deserialize::<(f64, i32, f64)>().is_err(), "not every int8 is a f64");
    assert!(row.deserialize::<(i64, f32, f64)>().is_err());
    assert!(row.deserialize::<(i64, f64, f32)>().is_err());
    assert_eq!(row.deserialize::<(i64, f64, f64)>()?, (1, 1.0, 1.0));
    // What a type of the caller says may hold the value, and is kept apart.
    let row = connection.query_one("select 'no address' as host", ()).await?;
    let error = row.deserialize::<HashMap<String, std::net::IpAddr>>().unwrap_err();
    assert!(!error.to_string().contains("no address") && error.source().is_some(), "{error}");
    let rows = connection.simple_query("select 1 as a").await?;
    assert_eq!(rows[0].deserialize::<(String,)>()?, [("1".to_owned(),)]);
    Ok(())
}

async fn documents_go_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    connection.batch_execute("create temp table t (plain json, indexed jsonb)").await?;
    let document = json!({"a": 1, "b": ["x", null, {"c": 2.5}], "ü\"": "\\u0041", "": {}});
    let inserted = connection.execute("insert into t values ($1, $1)", (&document,)).await;
    assert!(inserted.is_err(), "the two columns differ in type");
    connection.execute("insert into t values ($1, $2)", (&document, &document)).await?;
    let row = connection.query_one("select plain, indexed, plain ->> 'a' from t", ()).await?;
    assert_eq!(row.try_get::<serde_json::Value>(0)?, document);
    assert_eq!(row.try_get::<serde_json::Value>(1)?, document);
    assert_eq!(row.try_get::<&str>(2)?, "1");
    Ok(())
}

on_every_runtime!(
    documents_go_there_and_back,
    structs_maps_and_tuples_are_made,
    a_single_column_is_a_value,
    every_type_has_its_form,
    types_of_other_crates_are_read,
    structs_may_be_nested,
    what_does_not_fit_is_named_without_its_value,
    shapes_that_do_not_fit_are_errors,
);
