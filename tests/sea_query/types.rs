//! The types of columns: there and back.

use std::collections::HashMap;
use std::ops::Bound;

use aiopg::sea_query::{ColumnValue, EnumType, SeaQuery, Table, TableColumn, TableDef};
use aiopg::types::{Hstore, Interval, Numeric, Point, Range, Timestamptz};
use aiopg::{Connection, Error, FromRow, Kind, Runtime, SqlState};
use aiopg_tests::{on_every_runtime, session};
use sea_query::extension::postgres::Type;
use sea_query::{ColumnType, Expr, ExprTrait, Order, Query};
use serde_json::json;
use uuid::Uuid;

/// Creates the table, inserts the row, and reads it again.
async fn there_and_back<R: Runtime, T>(c: &mut Connection<R>, row: &T) -> Result<T, Error>
where
    T: Table + aiopg::sea_query::RowValues + for<'r> FromRow<'r> + Send,
{
    c.execute_built(&T::create_table().temporary().take()).await?;
    assert_eq!(c.execute_built(&T::insert().row(row)).await?, 1);
    let mut rows: Vec<T> = c.query_built_as(&T::select()).await?;
    assert_eq!(rows.len(), 1);
    Ok(rows.remove(0))
}

/// The types of a temporary table's columns.
async fn types<R: Runtime>(c: &mut Connection<R>, table: &str) -> Result<String, Error> {
    let sql = "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) \
        from pg_attribute where attrelid = $1::text::regclass and attnum > 0";
    c.query_scalar(sql, (table,)).await
}

#[derive(Clone, Debug, PartialEq, FromRow, Table)]
struct Documents {
    plain: serde_json::Value,
    #[column(type = "json")]
    text: Option<serde_json::Value>,
    #[aiopg(json)]
    written: Extra,
    #[aiopg(json)]
    maybe: Option<Extra>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Extra {
    level: i32,
    words: Vec<String>,
}

async fn json_goes_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let row = Documents {
        plain: json!({"a": 1, "name": "test'\\\"", "list": [null, 1.5]}),
        text: Some(json!({"b": 2})),
        written: Extra { level: 3, words: vec!["o'clock".to_owned()] },
        maybe: None,
    };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    assert_eq!(types(&mut c, "documents").await?, "jsonb, json, jsonb, jsonb");
    let words = "select written -> 'words' ->> 0, maybe is null, plain ->> 'a' from documents";
    let stored: (String, bool, String) = c.query_one(words, ()).await?.decode()?;
    assert_eq!(stored, ("o'clock".to_owned(), true, "1".to_owned()));
    Ok(())
}

#[derive(Debug, FromRow, Table)]
struct Unwritable {
    #[aiopg(json)]
    pairs: HashMap<(i32, i32), i32>,
}

async fn what_serde_cannot_write_is_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&Unwritable::create_table().temporary().take()).await?;
    let row = Unwritable { pairs: [((1, 2), 3)].into() };
    let error = c.execute_built(&Unwritable::insert().row(&row)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_TEXT_REPRESENTATION));
    assert_eq!(row.pairs.len(), 1);
    Ok(())
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Arrays {
    numbers: Vec<i32>,
    words: Option<Vec<String>>,
    holes: Vec<Option<i64>>,
    empty: Vec<f64>,
    spans: Vec<Interval>,
}

async fn arrays_go_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let day = Interval { months: 1, days: 2, microseconds: 3 };
    let row = Arrays {
        numbers: vec![1, 2, 3],
        words: Some(vec!["a,\"b\"".to_owned(), "NULL".to_owned(), String::new()]),
        holes: vec![Some(1), None],
        empty: Vec::new(),
        spans: vec![day, Interval::ZERO],
    };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    let expected = "integer[], text[], bigint[], double precision[], interval[]";
    assert_eq!(types(&mut c, "arrays").await?, expected);
    Ok(())
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Stores {
    map: HashMap<String, Option<String>>,
    own: Hstore,
    maybe: Option<Hstore>,
    many: Vec<Hstore>,
}

async fn hstore_goes_there_and_back<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let server = "select count(*) = 1 from pg_available_extensions where name = 'hstore'";
    if !c.query_scalar::<bool>(server, ()).await? {
        return Ok(());
    }
    c.batch_execute(
        "begin; select pg_advisory_xact_lock(728); create extension if not exists hstore; commit",
    )
    .await?;
    let store: Hstore =
        [("a", Some("'NULL'")), ("b", None), ("k\"\\", Some("=>, "))].into_iter().collect();
    let map: HashMap<_, _> = store.clone().into_iter().collect();
    let row = Stores { map, own: store.clone(), maybe: None, many: vec![store.clone()] };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    assert_eq!(types(&mut c, "stores").await?, "hstore, hstore, hstore, hstore[]");
    let found = Stores::select().and_where(Expr::col(Stores::columns().own).eq(store)).take();
    assert_eq!(c.query_built(&found).await?.len(), 1);
    Ok(())
}

async fn an_enum_may_be_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut c, _) = session::open_in_schema(rt).await;
    c.execute_built(&Type::create().as_enum("simple_enum").values(["first", "sec'ond"]).to_owned())
        .await?;
    let table = TableDef::new("simple")
        .column(TableColumn::of::<i32>("id").identity().primary_key())
        .column(
            TableColumn::new("label", ColumnType::custom("simple_enum")).default_value("first"),
        );
    c.execute_built(&table.create()).await?;
    c.execute_built(&table.insert()).await?;
    c.execute_built(&table.insert().value("label", "sec'ond")).await?;
    let select = table.select().order_by("id", Order::Asc).take();
    let rows: Vec<(i32, String)> = c.query_built_as(&select).await?;
    assert_eq!(rows, [(1, "first".to_owned()), (2, "sec'ond".to_owned())]);
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, EnumType)]
#[aiopg(rename_all = "snake_case")]
enum Mood {
    Happy,
    VerySad,
    #[aiopg(rename = "so \"so\"")]
    Middling,
}

#[derive(Clone, Copy, Debug, PartialEq, EnumType)]
#[aiopg(name = "Odd \"name\"", schema = "pg_temp")]
enum Odd {
    One,
}

#[derive(Clone, Debug, PartialEq, FromRow, Table)]
struct Person {
    mood: Mood,
    maybe: Option<Mood>,
    many: Vec<Option<Mood>>,
    odd: Odd,
    odds: Vec<Odd>,
    #[column(default = Mood::VerySad)]
    usual: Mood,
}

async fn an_enum_of_rust_is_an_enum_of_the_server<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut c, _) = session::open_in_schema(rt).await;
    c.execute_built(&Mood::create_type()).await?;
    c.execute_built(&Odd::create_type()).await?;
    let row = Person {
        mood: Mood::Happy,
        maybe: None,
        many: vec![Some(Mood::Middling), None],
        odd: Odd::One,
        odds: vec![Odd::One],
        usual: Mood::Happy,
    };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    let c = &mut c;
    let insert = Person::insert()
        .row(&Person { mood: Mood::Middling, ..row })
        .value("maybe", Some(Mood::VerySad))
        .value("odd", Odd::One)
        .without("usual");
    c.execute_built(&insert).await?;
    let sad = Expr::col(Person::columns().maybe).eq(Mood::VerySad);
    let found: Vec<Person> = c.query_built_as(&Person::select().and_where(sad).take()).await?;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].mood, found[0].usual), (Mood::Middling, Mood::VerySad));
    // As a parameter and as a column of any statement, too.
    let sql = "select $1::mood, 'very_sad'::mood, 'happy'::text where $1 = 'happy'";
    let moods: (Mood, Mood, Mood) = c.query_one(sql, (Mood::Happy,)).await?.decode()?;
    assert_eq!(moods, (Mood::Happy, Mood::VerySad, Mood::Happy));
    let elsewhere = c.query_scalar::<Mood>("select 'none'::text", ()).await.unwrap_err();
    assert_eq!(elsewhere.kind(), Kind::Conversion);
    c.batch_execute("create type other as enum ('a')").await?;
    let unknown = c.query("select $1::other", (Mood::Happy,)).await.unwrap_err();
    assert_eq!(unknown.sqlstate(), Some(SqlState::INVALID_TEXT_REPRESENTATION));
    c.batch_execute("alter type other add value 'happy'").await?;
    c.query("select $1::other", (Mood::Happy,)).await?;
    let many = Expr::val(vec![Mood::Happy, Mood::VerySad]);
    let many = Query::select().expr(many).take();
    assert_eq!(c.query_built_scalar::<Vec<Mood>>(&many).await?, [Mood::Happy, Mood::VerySad]);
    assert_eq!(Mood::from_label(Mood::VerySad.label()), Some(Mood::VerySad));
    c.execute_built(&Person::drop_table()).await?;
    c.execute_built(&Mood::drop_type()).await?;
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Tags(Vec<String>);

impl From<String> for Tags {
    fn from(text: String) -> Self {
        Self(text.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
    }
}

impl ColumnValue for Tags {
    fn column_type() -> ColumnType {
        String::column_type()
    }

    fn array_type() -> sea_query::ArrayType {
        String::array_type()
    }

    fn null() -> sea_query::Value {
        String::null()
    }

    fn to_value(&self) -> sea_query::Value {
        self.0.join(",").into()
    }
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Converted {
    #[aiopg(try_from = "String")]
    #[column(default_with = || Tags(Vec::new()))]
    by_trait: Tags,
    #[aiopg(try_from = "i64")]
    #[column(with = |seconds: &Seconds| i64::from(seconds.0))]
    by_function: Seconds,
}

#[derive(Debug, PartialEq)]
struct Seconds(u32);

impl TryFrom<i64> for Seconds {
    type Error = std::num::TryFromIntError;

    fn try_from(seconds: i64) -> Result<Self, Self::Error> {
        u32::try_from(seconds).map(Self)
    }
}

async fn types_of_ones_own_are_converted<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let tags = Tags(vec!["big".to_owned(), "old".to_owned()]);
    let row = Converted { by_trait: tags, by_function: Seconds(u32::MAX) };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    assert_eq!(types(&mut c, "converted").await?, "text, bigint");
    assert_eq!(c.query_scalar::<String>("select by_trait from converted", ()).await?, "big,old");
    c.execute_built(&Converted::delete()).await?;
    c.execute_built(&Converted::insert().row(&row).without("by_trait")).await?;
    let rows: Vec<Converted> = c.query_built_as(&Converted::select()).await?;
    assert_eq!(rows[0].by_trait, Tags(Vec::new()));
    Ok(())
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Scalars {
    boolean: bool,
    small: i16,
    long: i64,
    single: f32,
    bytes: Vec<u8>,
    uuid: Uuid,
    day: chrono::NaiveDate,
    zoned: chrono::DateTime<chrono::Utc>,
    time: time::Time,
    civil: jiff::civil::DateTime,
    own: Timestamptz,
    amount: Numeric,
    point: Option<Point>,
    range: Range<i32>,
    address: std::net::IpAddr,
}

async fn every_type_has_its_column<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let row = Scalars {
        boolean: true,
        small: -1,
        long: i64::MIN,
        single: 1.5,
        bytes: vec![0, 255],
        uuid: Uuid::from_u128(7),
        day: chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        zoned: "2024-02-29T12:00:00.000001Z".parse().unwrap(),
        time: time::Time::from_hms_micro(23, 59, 59, 999_999).unwrap(),
        civil: jiff::civil::date(2024, 2, 29).at(1, 2, 3, 4_000),
        own: Timestamptz::INFINITY,
        amount: "-12.340".parse()?,
        point: Some(Point { x: 1.0, y: -0.5 }),
        range: Range::new(Bound::Included(1), Bound::Unbounded),
        address: "2001:db8::1".parse().unwrap(),
    };
    assert_eq!(there_and_back(&mut c, &row).await?, row);
    let expected = "boolean, smallint, bigint, real, bytea, uuid, date, timestamp with time zone, \
        time without time zone, timestamp without time zone, timestamp with time zone, numeric, \
        point, int4range, inet";
    assert_eq!(types(&mut c, "scalars").await?, expected);
    let by_amount = Expr::col(Scalars::columns().amount).eq("-12.34".parse::<Numeric>()?);
    let select = Query::select().column("small").from(Scalars::table()).and_where(by_amount).take();
    assert_eq!(c.query_built_scalar::<i16>(&select).await?, -1);
    Ok(())
}

on_every_runtime!(
    json_goes_there_and_back,
    what_serde_cannot_write_is_refused,
    arrays_go_there_and_back,
    hstore_goes_there_and_back,
    an_enum_may_be_text,
    an_enum_of_rust_is_an_enum_of_the_server,
    types_of_ones_own_are_converted,
    every_type_has_its_column,
);
