//! Rows: structs, borrowed values, many columns, NULL.

use aiopg::{Column, Error, FromRow, Kind, Row, Runtime, checked_columns};
use aiopg_tests::on_every_runtime;
use aiopg_tests::session;

#[derive(Debug, PartialEq)]
struct City<'r> {
    name: &'r str,
    people: Option<i64>,
}

impl<'r> FromRow<'r> for City<'r> {
    type Plan = [usize; 2];

    fn plan(columns: &[Column]) -> Result<Self::Plan, Error> {
        checked_columns!(columns, name: &str, people: Option<i64>)
    }

    fn from_row(plan: &Self::Plan, row: Row<'r>) -> Result<Self, Error> {
        let [name, people] = *plan;
        Ok(Self { name: row.value_at(name)?, people: row.value_at(people)? })
    }
}

const CITIES: &str =
    "select * from (values (1, 8::int8, 'Wien'), (2, null, 'Graz')) city (id, people, name)";

async fn structs_borrow_from_the_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query(CITIES, ()).await?;
    let cities: Vec<City<'_>> = rows.decode()?;
    let expected = [City { name: "Wien", people: Some(8) }, City { name: "Graz", people: None }];
    assert_eq!(cities, expected);
    let mut stream = connection.stream(CITIES, ()).await?;
    for city in &expected {
        assert_eq!(&stream.next().await?.unwrap().decode::<City<'_>>()?, city);
    }
    drop(stream);
    let error = connection.query("select 1 as name, 2::int8 as people", ()).await?;
    let error = error.decode::<City<'_>>().unwrap_err();
    assert_eq!(error.to_string(), "column \"name\" of type int4 cannot be read as `&str`");
    let rows = connection.query("select 'x' as name", ()).await?;
    let error = rows.decode::<City<'_>>().unwrap_err();
    assert_eq!(error.to_string(), "there is no column \"people\" among \"name\"");
    Ok(())
}

async fn values_are_read_by_position_and_by_name<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let row = connection.query_one("select 1 as a, 'two' as b, 3 as a", ()).await?;
    assert_eq!((row.len(), row.is_empty()), (3, false));
    assert_eq!((row.get::<i32>(0), row.get::<&str>("b"), row.get::<i32>(2)), (1, "two", 3));
    let error = row.try_get::<i32>("a").unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion, "there are two: {error}");
    let error = row.try_get::<i32>("c").unwrap_err();
    assert_eq!(error.to_string(), "there is no column \"c\" among \"a\", \"b\", \"a\"");
    assert_eq!(row.try_get::<i32>(3).unwrap_err().kind(), Kind::Conversion);
    let error = row.try_get::<i64>(0).unwrap_err();
    assert_eq!(error.to_string(), "column \"a\" of type int4 cannot be read as `i64`");
    Ok(())
}

async fn null_is_an_option_and_nothing_else<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let row = connection.query_one("select null::int4 as gone, '' as empty", ()).await?;
    assert_eq!(row.get::<Option<i32>>("gone"), None);
    assert_eq!(row.get::<Option<&str>>("empty"), Some(""));
    let error = row.try_get::<i32>("gone").unwrap_err();
    assert_eq!(error.to_string(), "column \"gone\" is NULL, which `i32` cannot hold: use `Option`");
    assert_eq!(row.row().raw("gone")?, None);
    assert_eq!(row.row().raw("empty")?, Some(&b""[..]));
    Ok(())
}

async fn columns_tell_where_they_come_from<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let made = "create temp table t (id int, name varchar(20)); insert into t values (1, 'a')";
    connection.batch_execute(made).await?;
    let rows = connection.query("select name, 1 + 1 as two, 't'::regclass::oid from t", ()).await?;
    let [name, two, oid] = rows.columns() else { panic!("{rows:?}") };
    assert_eq!((name.name(), two.name(), oid.name()), ("name", "two", "oid"));
    assert_eq!(name.r#type().name(), "varchar");
    assert_eq!((name.type_modifier(), name.type_size()), (24, -1));
    assert_eq!((two.type_modifier(), two.type_size()), (-1, 4));
    assert_eq!(name.attribute_number(), Some(2));
    assert_eq!(name.table_oid(), Some(rows.row(0).unwrap().get::<u32>(2)));
    assert_eq!((two.table_oid(), two.attribute_number()), (None, None));
    Ok(())
}

async fn rows_without_columns_are_counted<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let rows = connection.query("select from generate_series(1, $1)", (5,)).await?;
    assert_eq!((rows.len(), rows.columns().len()), (5, 0));
    assert!(connection.query_one("select", ()).await?.is_empty());
    Ok(())
}

async fn a_row_of_1600_columns_is_read<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let columns: Vec<_> = (0..1600).map(|number| format!("{number} as c{number}")).collect();
    let rows = connection.query(format!("select {}", columns.join(", ")), ()).await?;
    let row = rows.row(0).unwrap();
    assert_eq!(row.len(), 1600);
    for number in 0..1600 {
        assert_eq!(row.get::<i32>(number), i32::try_from(number).unwrap());
    }
    assert_eq!(row.get::<i32>("c1599"), 1599);
    let mut stream = connection.stream(format!("select {}", columns.join(", ")), ()).await?;
    assert_eq!(stream.next().await?.unwrap().get::<i32>(1599), 1599);
    Ok(())
}

on_every_runtime!(
    structs_borrow_from_the_rows,
    values_are_read_by_position_and_by_name,
    null_is_an_option_and_nothing_else,
    columns_tell_where_they_come_from,
    rows_without_columns_are_counted,
    a_row_of_1600_columns_is_read,
);
