//! Tables: created, inserted into, updated, selected, dropped, all from one description.

use aiopg::sea_query::{BuildStatement, Insert, SeaQuery, Table, TableColumn, TableDef};
use aiopg::{Error, FromRow, Kind, Runtime, SqlState, named};
use aiopg_tests::{on_every_runtime, session};
use sea_query::{Alias, ColumnType, Expr, ExprTrait, OnConflict, Order, Query};

use crate::engines::engine;

#[derive(Debug, PartialEq, FromRow, Table)]
struct City {
    #[column(primary_key, identity)]
    id: i32,
    #[column(unique)]
    name: String,
    people: Option<i64>,
    #[column(type = "varchar(3)")]
    code: Option<String>,
}

#[derive(FromRow, Table)]
#[table(name = "visit")]
struct Visit<'r> {
    #[column(primary_key)]
    city_id: i32,
    #[column(primary_key)]
    visitor: &'r str,
    #[aiopg(skip)]
    seen: bool,
}

fn city(id: i32, name: &str) -> City {
    City { id, name: name.to_owned(), people: None, code: None }
}

async fn a_table_is_created_as_it_is_described<R: Runtime>(rt: R) -> Result<(), Error> {
    let (mut c, _) = session::open_in_schema(rt).await;
    c.execute_built(&City::create_table()).await?;
    c.execute_built(&City::create_table().if_not_exists().take()).await?;
    let columns = "select string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity), ', ' \
        order by attnum) from pg_attribute where attrelid = 'city'::regclass and attnum > 0";
    let described = "id integer t d, name text t , people bigint f , code character varying(3) f ";
    assert_eq!(c.query_scalar::<String>(columns, ()).await?, described);
    c.execute_built(&Visit::create_table()).await?;
    let key = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'visit'::regclass and contype = 'p'";
    assert_eq!(c.query_scalar::<String>(key, ()).await?, "PRIMARY KEY (city_id, visitor)");
    c.execute_built(&City::drop_table()).await?;
    let error = c.query_built(&City::select()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    c.execute_built(&City::drop_table().if_exists().take()).await?;
    Ok(())
}

async fn the_scalar_of_an_insert_is_the_new_key<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&City::create_table().temporary().take()).await?;
    let insert = City::insert().value(City::columns().name, "Wien");
    assert_eq!(c.query_built_scalar::<i32>(&insert).await?, 1);
    let insert = City::insert().row(&city(7, "Graz"));
    assert_eq!(c.query_built_scalar::<i32>(&insert).await?, 7);
    let insert = City::insert().row(&city(7, "Linz")).without(City::columns().id);
    assert_eq!(c.query_built_scalar::<i32>(&insert).await?, 2);
    let twice = c.query_built(&insert).await.unwrap_err();
    assert_eq!(twice.sqlstate(), Some(SqlState::UNIQUE_VIOLATION));
    let insert = City::insert().value("name", "Enns").returning_nothing();
    assert!(c.query_built_opt(&insert).await?.is_none());
    let insert = City::insert().value("name", "Wels").returning_all();
    assert_eq!(c.query_built_as::<City>(&insert).await?, [City { id: 5, ..city(0, "Wels") }]);
    let insert = City::insert().value("name", "Hall").returning(["name"]);
    assert_eq!(c.query_built_scalar::<String>(&insert).await?, "Hall");
    Ok(())
}

async fn rows_may_be_many_and_unlike<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&City::create_table().temporary().take()).await?;
    let insert = City::insert()
        .row(&[("name", Expr::val("Wien")), ("people", 2_000_000_i64.into())])
        .row(&vec![("name", Expr::val("Graz"))])
        .value("code", "GRZ")
        .row(&City { people: Some(1), ..city(9, "Linz") });
    let ids: Vec<(i32,)> = c.query_built_as(&insert).await?;
    assert_eq!(ids, [(1,), (2,), (9,)]);
    let again = City::insert()
        .value("name", "Wien")
        .value("people", 3_i64)
        .on_conflict(OnConflict::column("name").update_column("people").to_owned());
    assert_eq!(c.query_built_scalar::<i32>(&again).await?, 1);
    let select = City::select().order_by("id", Order::Asc).take();
    let cities: Vec<City> = c.query_built_as(&select).await?;
    let graz = City { code: Some("GRZ".to_owned()), ..city(2, "Graz") };
    let wien = City { people: Some(3), ..city(1, "Wien") };
    assert_eq!(cities, [wien, graz, City { people: Some(1), ..city(9, "Linz") }]);
    Ok(())
}

async fn rows_are_updated_and_deleted<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&City::create_table().temporary().take()).await?;
    c.execute_built(&City::insert().row(&city(1, "Wien")).row(&city(2, "Graz"))).await?;
    let is_wien = || Expr::col(City::columns().id).eq(1);
    let update = City::update().value("people", 5_i64).and_where(is_wien());
    assert_eq!(c.execute_built(&update).await?, 1);
    let row = City { people: Some(6), ..city(77, "Vindobona") };
    let update = City::update().row(&row).without("id").and_where(is_wien()).returning_all();
    assert_eq!(c.query_built_as::<City>(&update).await?, [City { id: 1, ..row }]);
    let update =
        City::update().value("people", Expr::col("people").add(1_i64)).returning(["people"]);
    let people: Vec<(Option<i64>,)> = c.query_built_as(&update).await?;
    assert_eq!(people.iter().filter_map(|row| row.0).collect::<Vec<_>>(), [7]);
    assert_eq!(c.execute_built(&City::delete().and_where(is_wien()).take()).await?, 1);
    assert_eq!(c.execute_built(&City::delete()).await?, 1);
    Ok(())
}

async fn an_execution_brings_values_by_name_or_by_number<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = engine(rt, 1).await.acquire().await?;
    c.execute(City::create_table().temporary(), ()).await?;
    let insert = City::insert().value("name", "Wien");
    let id = c.scalar::<i32>(&insert, named! { people: 4_i64, code: "W" }).await?;
    assert_eq!(id, Some(1));
    let id = c.scalar::<i32>(City::insert(), named! { name: "Graz", people: 5_i64 }).await?;
    assert_eq!(id, Some(2));
    let all = (7, "Linz", 6_i64, None::<String>);
    let two =
        c.execute(City::insert().value("name", "Wels"), all).await?.fetch_all_as::<(i32,)>()?;
    assert_eq!(two, [(3,), (7,)]);
    let few = c.execute(City::insert(), (8, "Enns")).await.unwrap_err();
    assert_eq!(
        (few.kind(), few.to_string().contains("has 4 columns, but 2 values")),
        (Kind::Usage, true)
    );
    let update = City::update().and_where(Expr::col("name").eq("Linz")).returning_all();
    let mut result = c.execute(&update, named! { people: 9_i64, code: "LNZ" }).await?;
    let row = result.fetch_one()?.unwrap();
    assert_eq!(row.as_tuple::<(i32, &str, i64, &str)>()?, (7, "Linz", 9, "LNZ"));
    let unnamed = c.execute(&update, (1,)).await.unwrap_err();
    assert_eq!(unnamed.kind(), Kind::Usage);
    let count = Query::select().expr(Expr::cust("count(*)")).from(City::table()).take();
    assert_eq!(c.scalar::<i64>(&count, ()).await?, Some(4));
    let wien = City::select().and_where(Expr::col("code").eq("W")).take();
    let wien: Vec<City> = c.execute(&wien, ()).await?.fetch_all_as()?;
    let code = Some("W".to_owned());
    assert_eq!(wien, [City { people: Some(4), code, ..city(1, "Wien") }]);
    Ok(())
}

async fn columns_name_themselves_in_any_statement<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&City::create_table().temporary().take()).await?;
    c.execute_built(&Visit::create_table().temporary().take()).await?;
    c.execute_built(&City::insert().row(&city(1, "Wien"))).await?;
    let visit = Visit { city_id: 1, visitor: "Ada", seen: true };
    c.execute_built(&Visit::insert().row(&visit)).await?;
    let (city, visit) = (City::columns(), Visit::columns());
    let join = Query::select()
        .columns([city.name.qualified(), visit.visitor.qualified()])
        .from(City::table())
        .inner_join(
            Visit::table(),
            Expr::col(visit.city_id.qualified()).equals(city.id.qualified()),
        )
        .and_where(Expr::col(city.name).eq("Wien"))
        .take();
    let row = c.query_built_one(&join).await?;
    assert_eq!(row.try_get::<&str>(city.name)?, "Wien");
    assert_eq!(row.try_get::<&str>(visit.visitor)?, "Ada");
    let error = row.try_get::<i32>(city.id).unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert!(error.to_string().contains("there is no column \"id\""), "{error}");
    let visits = c.query_built(&Visit::select()).await?;
    let visits: Vec<Visit<'_>> = visits.decode()?;
    assert_eq!(
        visits.iter().map(|visit| (visit.visitor, visit.seen)).collect::<Vec<_>>(),
        [("Ada", false)]
    );
    Ok(())
}

async fn any_name_survives<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let long = "ü".repeat(40);
    let names =
        ["Weird \"name\"", "o'clock", "select", "a.b", "$1 ? :x", "", &long].map(str::to_owned);
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let table = names.iter().fold(TableDef::new("A \"table\" of 'names'"), |table, name| {
        table.column(TableColumn::of::<i32>(name.clone()).primary_key())
    });
    // The server says that it cuts the long name off.
    c.batch_execute("set client_min_messages = warning").await?;
    c.execute_built(&table.create().temporary().take()).await?;
    let insert = names.iter().fold(table.insert(), |insert, name| insert.value(name.clone(), 1));
    let row = c.query_built_one(&insert).await?;
    let kept: Vec<&str> = row.columns().iter().map(aiopg::Column::name).collect();
    let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
    let cut = "ü".repeat(31);
    *expected.last_mut().unwrap() = &cut;
    assert_eq!(kept, expected);
    let rows = c.query_built(&table.select_labelled()).await?;
    assert_eq!(rows.columns()[2].name(), "A \"table\" of 'names'_select");
    let update = names.iter().fold(table.update(), |update, name| update.value(name.clone(), 2));
    let update = update.and_where(Expr::col(Alias::new(&names[0])).eq(1)).returning_all();
    assert_eq!(c.query_built_one(&update).await?.try_get::<i32>(names[1].as_str())?, 2);
    Ok(())
}

async fn a_table_is_described_without_a_struct<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let table = TableDef::new("person")
        .schema("pg_temp")
        .column(TableColumn::of::<i64>("ID").key("id").serial().primary_key())
        .column(TableColumn::new("name", ColumnType::Text).nullable())
        .column(TableColumn::of::<i32>("age").server_default("21 * 2"));
    c.execute_built(&table.create()).await?;
    assert_eq!(c.query_built_scalar::<i64>(&table.insert()).await?, 1);
    let both = [[("name", Expr::val("Ada"))], [("name", Expr::val("Bob"))]];
    let insert = both.iter().fold(table.insert(), Insert::row);
    let ids = c.query_built(&insert).await?;
    assert_eq!(ids.columns()[0].name(), "id");
    assert_eq!(ids.len(), 2);
    let select = table.select().order_by("ID", Order::Asc).take();
    let people: Vec<(i64, Option<String>, i32)> = c.query_built_as(&select).await?;
    assert_eq!(people, [(1, None, 42), (2, Some("Ada".into()), 42), (3, Some("Bob".into()), 42)]);
    Ok(())
}

async fn no_rows_are_inserted_as_none<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = engine(rt, 1).await.acquire().await?;
    c.execute(City::create_table().temporary(), ()).await?;
    let cities = [city(7, "Wien"), city(8, "Graz")];
    let conflict = OnConflict::column("name").do_nothing().to_owned();
    let none = City::insert().rows(&cities[..0]).value("code", "X").on_conflict(conflict);
    let mut result = c.execute(&none, ()).await?;
    assert!(result.fetch_all_as::<(i32,)>()?.is_empty());
    let ids = c.execute(City::insert().rows(&cities), ()).await?.fetch_all_as::<(i32,)>()?;
    assert_eq!(ids, [(7,), (8,)]);
    // What is added, or comes with the execution, is a row nevertheless.
    assert_eq!(c.scalar::<i32>(none.row(&city(9, "Linz")), ()).await?, Some(9));
    let rows = Vec::<City>::new();
    let id = c.scalar::<i32>(City::insert().rows(&rows), named! { name: "Enns" }).await?;
    assert_eq!(id, Some(1));
    // `without` is about what was added.
    let insert = City::insert().without("id");
    assert_eq!(c.scalar::<i32>(&insert, named! { id: 5, name: "Hall" }).await?, Some(5));
    Ok(())
}

async fn serial_is_refused_for_what_is_no_integer<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    let table = |column_type| {
        let id = TableColumn::new("id", column_type).serial().primary_key();
        TableDef::new("numbered").schema("pg_temp").column(id)
    };
    let text = c.execute_built(&table(ColumnType::Text).create()).await.unwrap_err();
    assert_eq!(text.sqlstate(), Some(SqlState::INVALID_PARAMETER_VALUE));
    let table = table(ColumnType::custom("int8"));
    c.execute_built(&table.create()).await?;
    assert_eq!(c.query_built_scalar::<i64>(&table.insert()).await?, 1);
    Ok(())
}

struct Words(String);

fn value(words: &Words) -> String {
    words.0.clone()
}

fn column(words: &Words) -> Option<String> {
    (!words.0.is_empty()).then(|| words.0.clone())
}

#[derive(Table)]
struct Spoken {
    #[column(with = value, default_with = || Words("a".to_owned()))]
    first: Words,
    #[column(with = column, default_with = || Words("b".to_owned()))]
    second: Words,
}

#[test]
fn functions_can_have_any_name() {
    let words = |word: &str| Words(word.to_owned());
    let spoken = Spoken { first: words("c"), second: words("d") };
    let insert = Spoken::insert().value("first", "x").row(&spoken).row(&[("first", "y".into())]);
    let sql = r#"INSERT INTO "spoken" ("first", "second") VALUES ($1, $2), ($3, $4), ($5, $6)"#;
    assert_eq!(insert.build_statement().sql(), sql);
}

#[test]
fn values_stay_out_of_debug() {
    let conflict = OnConflict::column("name").value("code", "secret").to_owned();
    let insert = City::insert().value("name", "secret").on_conflict(conflict);
    let update = City::update().value("name", "secret").and_where(Expr::col("name").eq("secret"));
    let printed = format!("{insert:?} {update:?} {:?}", insert.build_statement());
    assert!(!printed.contains("secret"), "{printed}");
    assert!(printed.contains("\"name\""), "{printed}");
}

on_every_runtime!(
    a_table_is_created_as_it_is_described,
    the_scalar_of_an_insert_is_the_new_key,
    rows_may_be_many_and_unlike,
    no_rows_are_inserted_as_none,
    serial_is_refused_for_what_is_no_integer,
    rows_are_updated_and_deleted,
    an_execution_brings_values_by_name_or_by_number,
    columns_name_themselves_in_any_statement,
    any_name_survives,
    a_table_is_described_without_a_struct,
);
