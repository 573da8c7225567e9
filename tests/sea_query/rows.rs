//! Rows of results: by position, name and column, as maps, beside tuples.

use std::collections::HashMap;

use aiopg::sea_query::{ResultRow, SeaQuery, col, labeled};
use aiopg::types::Numeric;
use aiopg::{Error, FromRow, Kind, Runtime};
use aiopg_tests::{on_every_runtime, session};
use sea_query::{Alias, Expr, Iden, Query};

use crate::engines::{SaTbl, engine, table};

/// A table whose columns are called otherwise than their variants.
#[derive(Clone, Copy, Debug)]
enum Tbl5 {
    Table,
    Id,
    Name,
}

impl Iden for Tbl5 {
    fn unquoted(&self) -> &str {
        match self {
            Self::Table => "sa_tbl5",
            Self::Id => "ID",
            Self::Name => "Name",
        }
    }
}

/// The only row of a statement.
async fn one<R: Runtime>(rt: R, sql: &str) -> Result<ResultRow, Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    Ok(connection.execute(sql, ()).await?.first()?.unwrap())
}

async fn a_row_is_a_map_and_a_sequence<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let row = connection.execute("select * from sa_tbl", ()).await?.first()?.unwrap();
    assert_eq!(row.len(), 2);
    assert_eq!(row.keys().collect::<Vec<_>>(), ["id", "name"]);
    assert!(row.contains("id") && row.contains("name"));
    assert!(!row.contains("Id") && !row.contains("unknown"));
    assert_eq!((row.get::<i32>(0), row.get::<&str>(1)), (1, "first"));
    assert_eq!((row.get::<i32>("id"), row.get::<&str>("name")), (1, "first"));
    assert_eq!(row.get::<i32>(col(SaTbl::Id)), 1);
    assert_eq!(row.get::<&str>(col((SaTbl::Table, SaTbl::Name))), "first");
    assert_eq!(row.as_tuple::<(i32, &str)>()?, (1, "first"));
    let mut texts = Vec::new();
    for cell in &row {
        texts.push((cell.name(), cell.to_text()?.unwrap()));
    }
    assert_eq!(texts, [("id", "1".to_owned()), ("name", "first".to_owned())]);
    let items: HashMap<_, _> = row.items().collect();
    assert_eq!(items["id"].decode::<i32>()?, 1);
    assert_eq!((items.len(), row.iter().len()), (2, 2));
    assert_eq!(row.cell("name")?.raw(), Some(&b"first"[..]));
    assert_eq!(format!("{row:?} {:?}", row.cell(0)?), r#"["id", "name"] Cell("id")"#);
    Ok(())
}

async fn a_row_equals_a_tuple_of_its_values<R: Runtime>(rt: R) -> Result<(), Error> {
    let row = one(rt, "select 1 as id, 'first' as name, null::int8 as gone").await?;
    assert!(row == (1, "first", None::<i64>));
    assert!(row == (1, "first".to_owned(), None::<i64>));
    assert!(row == row.clone());
    assert!(row != (2, "first", None::<i64>));
    assert!(row != (1, "First", None::<i64>));
    assert!(row != (1, "first", Some(0_i64)));
    assert!(row != (1, "first"));
    // A value of another type is another value.
    assert!(row != (1_i64, "first", None::<i64>));
    assert!(row != ("1", "first", None::<i64>));
    assert!(row != (1, "first", None::<&str>));
    Ok(())
}

async fn values_are_the_same_as_the_server_sees_them<R: Runtime>(rt: R) -> Result<(), Error> {
    let sql = "select 1.50::numeric, '-0'::float8, 'NaN'::float4, '{1,2}'::int4[], 'a'::\"char\"";
    let row = one(rt, sql).await?;
    let number: Numeric = "1.5".parse().unwrap();
    assert!(row == (&number, 0.0_f64, f32::NAN, vec![1, 2], i8::try_from(b'a').unwrap()));
    let other: Numeric = "1.51".parse().unwrap();
    assert!(row != (&other, 0.0_f64, f32::NAN, vec![1, 2], i8::try_from(b'a').unwrap()));
    assert!(row != (&number, 0.0_f64, f32::NAN, vec![2, 1], i8::try_from(b'a').unwrap()));
    Ok(())
}

async fn a_column_that_is_not_there_is_told_with_those_that_are<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let row = one(rt, "select 1 as id, 'first' as name").await?;
    let text = "there is no column \"non_existing_column\" among \"id\", \"name\"";
    let error = row.try_get::<i32>("non_existing_column").unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Conversion, text));
    let error = row.try_get::<i32>(col("non_existing_column")).unwrap_err();
    assert_eq!(error.to_string(), text);
    let error = row.try_get::<i32>("ID").unwrap_err();
    assert!(error.to_string().starts_with("there is no column \"ID\""), "{error}");
    assert!(row.try_get::<i32>(2).is_err() && row.cell(2).is_err());
    Ok(())
}

async fn a_name_that_several_columns_have_is_refused_with_advice<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let row = one(rt, "select 1 as a, 2 as a, 3 as b").await?;
    assert_eq!((row.get::<i32>(0), row.get::<i32>(1), row.get::<i32>("b")), (1, 2, 3));
    let error = row.try_get::<i32>("a").unwrap_err().to_string();
    assert_eq!(error, "there is more than one column \"a\": use its position, or \"as\" in SQL");
    let error = row.try_get::<i32>(col(("t", "a"))).unwrap_err().to_string();
    assert!(error.contains("labels such as \"t_a\" by `labeled`"), "{error}");
    assert!(row.cell("a").is_err() && row.contains("a"));
    // As a whole it can be used all the same.
    assert_eq!(row.as_tuple::<(i32, i32, i32)>()?, (1, 2, 3));
    assert!(row == (1, 2, 3));
    Ok(())
}

async fn columns_are_found_by_what_they_are_called_in_the_program<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let sql = "create temp table sa_tbl5 (\"ID\" serial primary key, \"Name\" text)";
    connection.execute(sql, ()).await?;
    connection.execute("insert into sa_tbl5 (\"Name\") values ('first')", ()).await?;

    let all = Query::select().columns([Tbl5::Id, Tbl5::Name]).from(Tbl5::Table).take();
    let row = connection.execute(&all, ()).await?.first()?.unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["ID", "Name"]);
    assert_eq!(row.get::<&str>(col(Tbl5::Name)), "first");
    assert_eq!(row.get::<&str>(col((Tbl5::Table, Tbl5::Name))), "first");
    assert_eq!((row.get::<&str>("Name"), row.get::<&str>(1)), ("first", "first"));

    let label = Query::select()
        .column(Tbl5::Id)
        .expr_as(Expr::col(Tbl5::Name), Alias::new("test_label_name"))
        .column(Tbl5::Name)
        .from(Tbl5::Table)
        .take();
    let row = connection.execute(&label, ()).await?.first()?.unwrap();
    assert_eq!(row.get::<i32>(col(Tbl5::Id)), 1);
    assert_eq!(row.get::<&str>(col("test_label_name")), "first");
    assert_eq!(row.get::<&str>(col(Tbl5::Name)), "first");
    Ok(())
}

async fn labels_tell_the_tables_of_columns_apart<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let sql = "create temp table sa_tbl5 (\"ID\" serial primary key, \"Name\" text)";
    connection.execute(sql, ()).await?;
    connection.execute("insert into sa_tbl5 (\"Name\") values ('parent'), ('child')", ()).await?;
    let child = Alias::new("child");
    let both = Query::select()
        .exprs(labeled(Tbl5::Table, [Tbl5::Id, Tbl5::Name]))
        .exprs(labeled(child.clone(), [Tbl5::Id, Tbl5::Name]))
        .from(Tbl5::Table)
        .join_as(
            sea_query::JoinType::InnerJoin,
            Tbl5::Table,
            child.clone(),
            Expr::cust("sa_tbl5.\"ID\" + 1 = child.\"ID\""),
        )
        .take();
    let row = connection.execute(&both, ()).await?.first()?.unwrap();
    assert_eq!(row.keys().nth(1), Some("sa_tbl5_Name"));
    assert_eq!(row.get::<&str>("sa_tbl5_Name"), "parent");
    assert_eq!(row.get::<&str>(col((Tbl5::Table, Tbl5::Name))), "parent");
    assert_eq!(row.get::<&str>(col((child, Tbl5::Name))), "child");
    assert!(row.try_get::<&str>("Name").is_err() && row.try_get::<&str>(col(Tbl5::Name)).is_err());
    Ok(())
}

async fn columns_are_found_in_rows_of_every_kind<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Debug, PartialEq, FromRow)]
    struct City {
        id: i32,
        name: String,
    }

    let mut connection = session::open(rt).await;
    let sql = "select 1 as id, 'Wien' as name";
    let rows = connection.query(sql, ()).await?;
    assert_eq!(rows.column::<&str>(col(SaTbl::Name))?, ["Wien"]);
    assert_eq!(rows.row(0).unwrap().get::<&str>(col(SaTbl::Name)), "Wien");
    let select =
        Query::select().expr_as(Expr::cust("1"), "id").expr_as(Expr::val("Wien"), "name").take();
    let row = ResultRow::from(connection.query_built_one(&select).await?);
    assert_eq!(row.decode::<City>()?, City { id: 1, name: "Wien".to_owned() });
    assert_eq!(row.into_row().get::<&str>(col(SaTbl::Name)), "Wien");
    let mut stream = connection.stream_built(&select).await?;
    assert_eq!(stream.next().await?.unwrap().get::<&str>(col(SaTbl::Name)), "Wien");
    Ok(())
}

async fn values_of_every_kind_have_a_text<R: Runtime>(rt: R) -> Result<(), Error> {
    let sql = "select true, 1.50::numeric, '2024-02-29'::date, '{a,null}'::text[], null::int, \
               '12:30'::time, '1 mon 2 days'::interval, 'infinity'::timestamptz, \
               '\\x00ff'::bytea, '[1,5)'::int4range";
    let row = one(rt, sql).await?;
    let texts: Result<Vec<_>, _> = row.iter().map(|cell| cell.to_text()).collect();
    let texts: Vec<_> =
        texts?.into_iter().map(|text| text.unwrap_or_else(|| "-".to_owned())).collect();
    assert_eq!(
        texts,
        [
            "true",
            "1.50",
            "2024-02-29",
            "{a,NULL}",
            "-",
            "12:30:00",
            "1 mon 2 days",
            "infinity",
            "\\x00ff",
            "[1,5)"
        ]
    );
    assert!(row.cell(4)?.is_null() && row.cell(4)?.decode::<Option<i32>>()?.is_none());
    Ok(())
}

on_every_runtime!(
    a_row_is_a_map_and_a_sequence,
    a_row_equals_a_tuple_of_its_values,
    values_are_the_same_as_the_server_sees_them,
    a_column_that_is_not_there_is_told_with_those_that_are,
    a_name_that_several_columns_have_is_refused_with_advice,
    columns_are_found_by_what_they_are_called_in_the_program,
    labels_tell_the_tables_of_columns_apart,
    columns_are_found_in_rows_of_every_kind,
    values_of_every_kind_have_a_text,
);
