//! Parameters of an execution: every form, for raw SQL and for what SeaQuery builds.

use std::collections::{BTreeMap, HashMap};

use aiopg::sea_query::{BuildStatement, EngineConnection};
use aiopg::{Client, Error, Kind, Named, Params, Runtime, named, params};
use aiopg_tests::on_every_runtime;
use sea_query::{
    ColumnDef, CommonTableExpression, Expr, ExprTrait, InsertStatement, OnConflict, Query, Table,
};

use crate::engines::{SaTbl, table};

fn insert() -> InsertStatement {
    Query::insert().into_table(SaTbl::Table).take()
}

/// What the table holds beside its first row.
async fn added<R: Runtime>(
    connection: &mut EngineConnection<R>,
) -> Result<Vec<(i32, String)>, Error> {
    let sql = "delete from sa_tbl where id <> 1 returning id, coalesce(name, 'nobody')";
    connection.execute(sql, ()).await?.fetch_all_as()
}

async fn an_insert_takes_its_columns_from_names<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let name = String::from("second");
    connection.execute(&insert(), named! { id: 2_i32, name: name }).await?;
    assert_eq!(added(&mut connection).await?, [(2, "second".to_owned())]);
    // What is not named is left to the table.
    let id = insert().returning_col(SaTbl::Id).take();
    let map = HashMap::from([("name", "third")]);
    assert_eq!(connection.scalar::<i32>(&id, &map).await?, Some(2));
    assert_eq!(added(&mut connection).await?, [(2, "third".to_owned())]);
    let map = BTreeMap::from([("id".to_owned(), 7)]);
    connection.execute(insert(), map).await?;
    assert_eq!(added(&mut connection).await?, [(7, "nobody".to_owned())]);
    Ok(())
}

async fn an_insert_takes_a_struct<R: Runtime>(rt: R) -> Result<(), Error> {
    #[derive(Params)]
    struct City<'c> {
        id: i32,
        name: &'c str,
    }

    let mut connection = table(rt).await?;
    let city = City { id: 2, name: "Wien" };
    connection.execute(&insert(), &city).await?;
    assert_eq!(added(&mut connection).await?, [(2, "Wien".to_owned())]);
    let sql = "insert into sa_tbl (id, name) values (:id, :name)";
    connection.execute(sql, &city).await?;
    assert_eq!(added(&mut connection).await?, [(2, "Wien".to_owned())]);
    Ok(())
}

async fn an_insert_takes_a_tuple_for_its_columns<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let insert = insert().columns([SaTbl::Id, SaTbl::Name]).take();
    connection.execute(&insert, (2, "second")).await?;
    connection.execute(&insert, params![3_i32, "third"]).await?;
    let id = insert.clone().columns([SaTbl::Id]).take();
    connection.execute(&id, [4]).await?;
    connection.execute(&id, vec![5]).await?;
    let expected = [(2, "second"), (3, "third"), (4, "nobody"), (5, "nobody")];
    assert_eq!(added(&mut connection).await?, expected.map(|(id, name)| (id, name.to_owned())));
    Ok(())
}

async fn values_of_the_statement_and_of_the_execution_are_told_apart<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let rows = insert()
        .columns([SaTbl::Id, SaTbl::Name])
        .values_panic([2.into(), "of the statement".into()])
        .on_conflict(OnConflict::column(SaTbl::Id).value(SaTbl::Name, "conflict").to_owned())
        .take();
    connection.execute(&rows, (3, "of the execution")).await?;
    connection.execute(&rows, named! { name: "again", id: 4_i32 }).await?;
    let expected = [(3, "of the execution"), (2, "conflict"), (4, "again")];
    assert_eq!(added(&mut connection).await?, expected.map(|(id, name)| (id, name.to_owned())));

    let mut with =
        CommonTableExpression::from_select(Query::select().expr_as(Expr::cust("5"), "n").take());
    with.table_name("w");
    let with = insert()
        .with_cte(Query::with().cte(with).to_owned())
        .columns([SaTbl::Name])
        .returning_col(SaTbl::Name)
        .take();
    let name = connection.scalar::<String>(&with, ("after a with clause",)).await?;
    assert_eq!(name.as_deref(), Some("after a with clause"));

    let update = Query::update()
        .table(SaTbl::Table)
        .value(SaTbl::Id, Expr::col(SaTbl::Id).add(9))
        .and_where(Expr::col(SaTbl::Id).eq(1))
        .take();
    assert_eq!(connection.execute(&update, named! { name: "tenth" }).await?.rowcount(), Some(1));
    let sql = "select id from sa_tbl where name = 'tenth'";
    assert_eq!(connection.scalar::<i32>(sql, ()).await?, Some(10));
    Ok(())
}

async fn null_and_values_that_do_not_fit_are_told_by_column<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    connection.execute(&insert(), named! { id: 2_i32, name: None::<&str> }).await?;
    assert_eq!(added(&mut connection).await?, [(2, "nobody".to_owned())]);
    let error = connection.execute(&insert(), named! { id: "two" }).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert_eq!(error.to_string(), "parameter \"id\" of type int4 cannot be written");
    let declared = insert().columns([SaTbl::Id]).take();
    let error = connection.execute(&declared, ("two",)).await.unwrap_err();
    assert_eq!(error.to_string(), "parameter \"id\" of type int4 cannot be written");
    assert_eq!(connection.scalar::<i32>("select 42", ()).await?, Some(42));
    Ok(())
}

async fn raw_sql_takes_every_form<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let sql = "insert into sa_tbl (id, name) values ($1, $2)";
    connection.execute(sql, (2, "by number")).await?;
    connection.execute(sql, params![3_i32, "borrowed"]).await?;
    let sql = "insert into sa_tbl (name, id) values (:name, :id)";
    connection.execute(sql, named! { id: 4_i32, name: "by name" }).await?;
    let pairs: Vec<(String, Box<dyn aiopg::postgres_types::ToSql + Send + Sync>)> =
        vec![("id".to_owned(), Box::new(5)), ("name".to_owned(), Box::new("in pairs"))];
    connection.execute(sql.to_owned(), Named::new(pairs)).await?;
    let expected = [(2, "by number"), (3, "borrowed"), (4, "by name"), (5, "in pairs")];
    assert_eq!(added(&mut connection).await?, expected.map(|(id, name)| (id, name.to_owned())));
    // A text is a value, and no list of letters; a list is as many values.
    let one = connection.scalar::<String>("select $1::text", ["arg"]).await?;
    assert_eq!(one.as_deref(), Some("arg"));
    let two = connection.scalar::<String>("select $1::text || $2", ["foo", "bar"]).await?;
    assert_eq!(two.as_deref(), Some("foobar"));
    let two = connection.scalar::<String>("select $1::text || $2", ("foo", "bar")).await?;
    assert_eq!(two.as_deref(), Some("foobar"));
    let none: [i32; 0] = [];
    assert_eq!(connection.scalar::<i32>("select 1", none).await?, Some(1));
    let nothing: HashMap<String, i32> = HashMap::new();
    assert_eq!(connection.scalar::<i32>("select 1", &nothing).await?, Some(1));
    Ok(())
}

async fn many_sets_are_for_another_verb<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let sql = "insert into sa_tbl (id, name) values ($1, $2)";
    let sets = vec![(2, "second"), (3, "third")];
    assert_eq!(connection.execute_many(sql, sets).await?, 2);
    let sql = "insert into sa_tbl (id, name) values (:id, :name)";
    let sets = [4, 5].map(|id| Named::new([("id", Text::Id(id)), ("name", Text::Name)]));
    assert_eq!(connection.execute_many(sql, sets).await?, 2);
    assert_eq!(added(&mut connection).await?.len(), 4);
    Ok(())
}

/// Values of two types in one list.
#[derive(Debug)]
enum Text {
    Id(i32),
    Name,
}

impl aiopg::postgres_types::ToSql for Text {
    fn to_sql(
        &self,
        r#type: &aiopg::postgres_types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<aiopg::postgres_types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Id(id) => id.to_sql(r#type, out),
            Self::Name => "name".to_sql(r#type, out),
        }
    }

    fn accepts(_: &aiopg::postgres_types::Type) -> bool {
        true
    }

    aiopg::postgres_types::to_sql_checked!();
}

async fn what_has_no_place_for_parameters_says_so<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let select = Query::select().column(SaTbl::Id).from(SaTbl::Table).take();
    let delete = Query::delete().from_table(SaTbl::Table).take();
    let update = Query::update().table(SaTbl::Table).value(SaTbl::Name, "x").take();
    let mut with = CommonTableExpression::from_select(select.clone());
    with.table_name("w");
    let with = select.clone().with(Query::with().cte(with).to_owned());
    let create = Table::create().table("t").col(ColumnDef::new("id").integer()).take();
    let built = insert().columns([SaTbl::Id]).build_statement();
    let from_query = insert().columns([SaTbl::Id]).select_from(select.clone()).unwrap().take();
    let errors = [
        ("a SELECT", connection.execute(&select, (1,)).await),
        ("a SELECT", connection.execute(&select, named! { id: 1_i32 }).await),
        ("a WITH query", connection.execute(&with, (1,)).await),
        ("a definition", connection.execute(&create, (1,)).await),
        ("a DELETE", connection.execute(&delete, (1,)).await),
        ("built already", connection.execute(&built, (1,)).await),
        ("by name", connection.execute(&update, (1,)).await),
        ("sets the column \"name\" already", {
            connection.execute(&update, named! { name: "y" }).await
        }),
        ("declares no columns", connection.execute(&insert(), (1,)).await),
        ("from a query", connection.execute(&from_query, (1,)).await),
    ];
    for (part, refused) in errors {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains(part), "{part} in {error}");
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.is_unsent() && error.statement().is_some(), "{error}");
    }
    assert_eq!(connection.scalar::<String>("select name from sa_tbl", ()).await?.unwrap(), "first");
    Ok(())
}

on_every_runtime!(
    an_insert_takes_its_columns_from_names,
    an_insert_takes_a_struct,
    an_insert_takes_a_tuple_for_its_columns,
    values_of_the_statement_and_of_the_execution_are_told_apart,
    null_and_values_that_do_not_fit_are_told_by_column,
    raw_sql_takes_every_form,
    many_sets_are_for_another_verb,
    what_has_no_place_for_parameters_says_so,
);
