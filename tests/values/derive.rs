//! `#[derive(FromRow)]`: every attribute, borrowed values, generics, and what the errors say.

use std::collections::BTreeMap;

use aiopg::postgres_types::FromSql;
use aiopg::{Error, FromRow, Kind, Rows, Runtime};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

#[derive(Debug, PartialEq, FromRow)]
struct City<'r> {
    id: i32,
    name: &'r str,
    people: Option<i64>,
    seal: Option<&'r [u8]>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Pair<T, U = String>(T, U);

#[derive(Debug, PartialEq, FromRow)]
#[aiopg(rename_all = "camelCase")]
struct Renamed {
    first_name: String,
    #[aiopg(rename = "SURNAME")]
    last_name: String,
    r#type: i32,
}

/// Public, with a part that is not.
#[derive(Debug, PartialEq, FromRow)]
pub(crate) struct Pet<'r> {
    name: &'r str,
    #[aiopg(flatten, prefix = "owner_")]
    owner: Option<Person>,
    #[aiopg(flatten)]
    size: Size,
}

#[derive(Debug, PartialEq, FromRow)]
struct Person {
    id: i32,
    name: Option<String>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Size {
    height: f64,
    #[aiopg(default)]
    width: f64,
    #[aiopg(skip)]
    seen: Vec<std::thread::ThreadId>,
}

#[derive(Debug, PartialEq, FromRow)]
#[aiopg(by_position)]
struct ByPosition {
    one: i32,
    #[aiopg(skip)]
    skipped: u8,
    two: String,
    #[aiopg(default)]
    three: Option<i32>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Placed {
    #[aiopg(position = 2)]
    third: i32,
    named: i32,
}

const CITIES: &str = "select * from (values
    (1, 8::int8, 'Wien', '\\x0102'::bytea, true), (2, null, 'Graz', null, false)
    ) city (id, people, name, seal, capital)";

async fn columns_are_found_by_name_and_may_be_borrowed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query(CITIES, ()).await?;
    let wien = City { id: 1, name: "Wien", people: Some(8), seal: Some(&[1, 2]) };
    let graz = City { id: 2, name: "Graz", people: None, seal: None };
    assert_eq!(rows.decode::<City<'_>>()?, [wien, graz]);
    let mut stream = connection.stream(CITIES, ()).await?;
    let mut names = Vec::new();
    while let Some(city) = stream.next_as::<City<'_>>().await? {
        names.push(format!("{} {}", city.id, city.name));
    }
    assert_eq!(names, ["1 Wien", "2 Graz"]);
    Ok(())
}

async fn tuple_structs_go_by_position_and_may_be_generic<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let pairs: Vec<Pair<i32>> = connection.query_as("select 1, 'one' as whatever", ()).await?;
    assert_eq!(pairs, [Pair(1, "one".to_owned())]);
    let rows = connection.query("select 'a', null::int4", ()).await?;
    assert_eq!(rows.decode::<Pair<&str, Option<i32>>>()?, [Pair("a", None)]);
    let text = rows.decode::<Pair<&str, i64>>().unwrap_err().to_string();
    let expected = "column \"int4\" of type int4 cannot be read as `i64` (field \"1\" of \"Pair\")";
    assert_eq!(text, expected);
    let rows = connection.query("select 1, 2, 3", ()).await?;
    let text = rows.decode::<Pair<i32, i32>>().unwrap_err().to_string();
    assert_eq!(text, "the result has 3 columns, \"Pair\" 2");
    Ok(())
}

async fn columns_have_the_names_that_are_given<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 1 as type, 'b' as \"SURNAME\", 'a' as \"firstName\"";
    let renamed: Vec<Renamed> = connection.query_as(sql, ()).await?;
    let expected = Renamed { first_name: "a".into(), last_name: "b".into(), r#type: 1 };
    assert_eq!(renamed, [expected]);
    Ok(())
}

async fn structs_inside_structs_share_the_columns<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select 'Rex' as name, 7 as owner_id, null::text as owner_name, 1.5::float8 as height
        union all select 'Stray', null, null, 2";
    let rows = connection.query(sql, ()).await?;
    let size = |height| Size { height, width: 0.0, seen: Vec::new() };
    let owner = Some(Person { id: 7, name: None });
    let rex = Pet { name: "Rex", owner, size: size(1.5) };
    let stray = Pet { name: "Stray", owner: None, size: size(2.0) };
    assert_eq!(rows.decode::<Pet<'_>>()?, [rex, stray]);

    let sql = "select 'Rex' as name, 7 as owner_id, 1.5::float8 as height, 'x' as id";
    let text = connection.query(sql, ()).await?.decode::<Pet<'_>>().unwrap_err().to_string();
    let expected = "there is no column \"name\" among \"id\" (field \"name\" of \"Person\") \
        (field \"owner\" of \"Pet\"), among the columns with the prefix \"owner_\"";
    assert_eq!(text, expected);

    // Half an owner is none.
    let sql = "select 'a' as name, 1 as owner_id, 'b' as owner_name, 1::float8 as height
        union all select 'Rex', null, 'Ada', 1";
    let rows = connection.query(sql, ()).await?;
    let text = rows.decode::<Pet<'_>>().unwrap_err().to_string();
    let expected = "row 1: column \"owner_id\" is NULL, which `i32` cannot hold: use `Option` \
        (field \"id\" of \"Person\") (field \"owner\" of \"Pet\")";
    assert_eq!(text, expected);
    Ok(())
}

async fn positions_are_counted_without_what_is_skipped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query("select 1 as two, 'b' as one", ()).await?;
    let expected = ByPosition { one: 1, skipped: 0, two: "b".into(), three: None };
    assert_eq!(rows.decode::<ByPosition>()?, [expected]);
    let rows = connection.query("select 1, 'b', 3", ()).await?;
    assert_eq!(rows.decode::<ByPosition>()?[0].three, Some(3));
    for sql in ["select 1", "select 1, 'b', 3, 4"] {
        let text = connection.query(sql, ()).await?.decode::<ByPosition>().unwrap_err();
        assert!(text.to_string().ends_with("columns, \"ByPosition\" 2 to 3"), "{text}");
    }
    let rows = connection.query("select 1, 2 as named, 3", ()).await?;
    assert_eq!(rows.decode::<Placed>()?, [Placed { third: 3, named: 2 }]);
    let error = connection.query("select 1 as named", ()).await?.decode::<Placed>().unwrap_err();
    let expected = "there is no column 2: the result has 1 columns (field \"third\" of \"Placed\")";
    assert_eq!(error.to_string(), expected);
    Ok(())
}

#[derive(Debug, PartialEq, FromRow)]
struct Document<'r> {
    #[aiopg(json)]
    tags: BTreeMap<&'r str, i32>,
    #[aiopg(json)]
    note: Option<Vec<u8>>,
    #[aiopg(json, default)]
    extra: Option<bool>,
}

async fn json_is_read_by_serde<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let sql = "select '{\"a\": 1, \"b\": 2}'::jsonb as tags, '[1, 2]'::json as note
        union all select '{}', null union all select '{}', 'null'";
    let rows = connection.query(&sql.replace("::json as note", "::jsonb as note"), ()).await?;
    let documents: Vec<Document<'_>> = rows.decode()?;
    assert_eq!(documents[0].tags, BTreeMap::from([("a", 1), ("b", 2)]));
    let notes: Vec<_> = documents.into_iter().map(|document| document.note).collect();
    assert_eq!(notes, [Some(vec![1, 2]), None, None]);
    let rows = connection.query("select '[]'::json as tags, null::json as note", ()).await?;
    let error = rows.decode::<Document<'_>>().unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert!(error.to_string().starts_with("row 0: column \"tags\" cannot be read as"), "{error}");
    let error = connection.query("select 1 as tags, null::json as note", ()).await?;
    let error = error.decode::<Document<'_>>().unwrap_err().to_string();
    assert!(error.starts_with("column \"tags\" of type int4 cannot be read as"), "{error}");
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Even(i32);

impl TryFrom<i32> for Even {
    type Error = &'static str;

    fn try_from(number: i32) -> Result<Self, &'static str> {
        if number % 2 == 0 { Ok(Self(number)) } else { Err("it is odd") }
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct Numbers<T> {
    #[aiopg(try_from = "i32")]
    even: Even,
    #[aiopg(try_from = "i64", default)]
    small: u8,
    #[aiopg(default)]
    other: T,
}

async fn values_are_converted_on_the_way<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query("select 4 as even, 255::int8 as small", ()).await?;
    let numbers: Vec<Numbers<i16>> = rows.decode()?;
    assert_eq!(numbers, [Numbers { even: Even(4), small: 255, other: 0 }]);
    let rows = connection.query("select n as even from generate_series(2, 3) n", ()).await?;
    let error = rows.decode::<Numbers<i16>>().unwrap_err();
    let expected =
        "row 1: column \"even\" has a value that does not fit (field \"even\" of \"Numbers\")";
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it is odd");
    Ok(())
}

#[derive(Debug, PartialEq, FromRow)]
struct Defaulted {
    #[aiopg(default)]
    count: i32,
}

async fn default_is_for_a_column_that_is_missing<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let defaulted: Vec<Defaulted> = connection.query_as("select 'a' as other", ()).await?;
    assert_eq!(defaulted, [Defaulted { count: 0 }]);
    let null = connection.query_as::<Defaulted>("select null::int4 as count", ()).await;
    assert!(null.unwrap_err().to_string().starts_with("row 0: column \"count\" is NULL"));
    let two = connection.query_as::<Defaulted>("select 1 as count, 2 as count", ()).await;
    assert!(two.unwrap_err().to_string().starts_with("there is more than one column \"count\""));
    Ok(())
}

/// Generic over a value, a struct and a lifetime at once.
#[derive(Debug, PartialEq, FromRow)]
struct Entry<'r, T, N>
where
    N: Clone,
{
    key: &'r str,
    value: T,
    #[aiopg(flatten, prefix = "n_")]
    nested: N,
}

/// Names the trait's bound, as a library would.
fn values<'r, T: FromSql<'r>>(rows: &'r Rows) -> Result<Vec<T>, Error> {
    Ok(rows.decode::<Pair<T, T>>()?.into_iter().map(|pair| pair.1).collect())
}

async fn generic_structs_work_for_every_type_that_fits<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Clone, Debug, PartialEq, FromRow)]
    #[aiopg(crate = "aiopg")]
    struct Id {
        id: i32,
    }

    let mut connection = session::open(rt).await;
    let rows = connection.query("select 'k' as key, true as value, 1 as n_id", ()).await?;
    let entry = Entry { key: "k", value: true, nested: Id { id: 1 } };
    assert_eq!(rows.decode::<Entry<'_, bool, Id>>()?, [entry]);
    let rows = connection.query("select 'a', 'b'", ()).await?;
    assert_eq!(values::<&str>(&rows)?, ["b"]);
    Ok(())
}

async fn a_plan_is_made_once_for_a_stream<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Debug, PartialEq, FromRow)]
    struct Left {
        a: i32,
    }
    #[derive(Debug, PartialEq, FromRow)]
    struct Right {
        b: i32,
    }
    let mut connection = session::open(rt).await;
    let sql = "select n as a, n * 10 as b from generate_series(1, 4) n";
    let mut stream = connection.stream(sql, ()).await?;
    // Their plans look alike, and yet each is read by its own.
    assert_eq!(stream.next_as().await?, Some(Left { a: 1 }));
    assert_eq!(stream.next_as().await?, Some(Right { b: 20 }));
    // No row is taken by a type that does not fit.
    assert!(stream.next_as::<Defaulted>().await?.is_some_and(|none| none.count == 0));
    assert!(stream.next_as::<Placed>().await.is_err());
    assert_eq!(stream.next_as().await?, Some(Right { b: 40 }));
    assert_eq!(stream.next_as::<Right>().await?, None);
    Ok(())
}

on_every_runtime!(
    columns_are_found_by_name_and_may_be_borrowed,
    tuple_structs_go_by_position_and_may_be_generic,
    columns_have_the_names_that_are_given,
    structs_inside_structs_share_the_columns,
    positions_are_counted_without_what_is_skipped,
    json_is_read_by_serde,
    values_are_converted_on_the_way,
    default_is_for_a_column_that_is_missing,
    generic_structs_work_for_every_type_that_fits,
    a_plan_is_made_once_for_a_stream,
);
