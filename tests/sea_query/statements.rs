//! Each kind of statement that SeaQuery builds for definitions, and its `with` queries: run, and seen to have worked.

use aiopg::sea_query::{BuildStatement, EngineConnection};
use aiopg::{Client, Error, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use sea_query::extension::postgres::{Extension, Type};
use sea_query::{
    ColumnDef, CommonTableExpression, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Index, Query,
    Table,
};

use crate::engines::{SaTbl, engine, table};

/// A definition returns no rows and counts none.
async fn define<R: Runtime>(
    connection: &mut EngineConnection<R>,
    statement: impl BuildStatement + Send + Sync,
) -> Result<(), Error> {
    let result = connection.execute(&statement, ()).await?;
    assert!(result.is_closed() && !result.returns_rows());
    assert_eq!(result.rowcount(), None, "{}", result.status_message());
    Ok(())
}

async fn refused<R: Runtime>(connection: &mut EngineConnection<R>, sql: &str) -> Option<SqlState> {
    connection.execute(sql, ()).await.unwrap_err().sqlstate()
}

async fn tables_are_created_altered_renamed_truncated_and_dropped<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let create = Table::create().table("t").temporary().col(ColumnDef::new("a").integer()).take();
    define(&mut connection, create).await?;
    let alter =
        Table::alter().table("t").add_column(ColumnDef::new("b").text().default("x")).take();
    define(&mut connection, alter).await?;
    define(&mut connection, Table::rename().table("t", "u").take()).await?;
    connection.execute("insert into u (a) values (1)", ()).await?;
    let row = connection.execute("select a, b from u", ()).await?.first()?;
    assert!(row.unwrap() == (1, "x"));
    define(&mut connection, Table::truncate().table("u").take()).await?;
    assert_eq!(connection.scalar::<i64>("select count(*) from u", ()).await?, Some(0));
    define(&mut connection, Table::drop().table("u").take()).await?;
    let dropped = refused(&mut connection, "select from u").await;
    assert_eq!(dropped, Some(SqlState::UNDEFINED_TABLE));
    Ok(())
}

async fn indexes_are_created_and_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let create = Index::create().name("names").table(SaTbl::Table).col(SaTbl::Name).unique().take();
    define(&mut connection, create).await?;
    let again = "insert into sa_tbl (name) values ('first')";
    assert_eq!(refused(&mut connection, again).await, Some(SqlState::UNIQUE_VIOLATION));
    define(&mut connection, Index::drop().name("names")).await?;
    assert_eq!(connection.execute(again, ()).await?.rowcount(), Some(1));
    Ok(())
}

async fn foreign_keys_are_created_and_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    connection.execute("create temp table child (parent int)", ()).await?;
    let create = ForeignKey::create()
        .name("child_parent")
        .from("child", "parent")
        .to(SaTbl::Table, SaTbl::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .take();
    define(&mut connection, create).await?;
    let orphan = "insert into child values (7)";
    assert_eq!(refused(&mut connection, orphan).await, Some(SqlState::FOREIGN_KEY_VIOLATION));
    connection.execute("insert into child values (1)", ()).await?;
    connection.execute("delete from sa_tbl", ()).await?;
    assert_eq!(connection.scalar::<i64>("select count(*) from child", ()).await?, Some(0));
    let mut drop = ForeignKey::drop();
    define(&mut connection, drop.name("child_parent").table("child")).await?;
    assert_eq!(connection.execute(orphan, ()).await?.rowcount(), Some(1));
    Ok(())
}

async fn types_are_created_altered_and_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let mood = ("pg_temp", "mood");
    let mut create = Type::create();
    define(&mut connection, create.as_enum(mood).values(["sad", "it's fine"])).await?;
    let add = Type::alter().name(mood).add_value("happy").after("sad");
    define(&mut connection, add).await?;
    define(&mut connection, Type::alter().name(mood).rename_value("sad", "low")).await?;
    define(&mut connection, Type::alter().name(mood).rename_to("humour")).await?;
    let labels = "select enum_range(null::pg_temp.humour)::text";
    let labels = connection.scalar::<String>(labels, ()).await?;
    assert_eq!(labels.as_deref(), Some("{low,happy,\"it's fine\"}"));
    let mut drop = Type::drop();
    define(&mut connection, drop.name(("pg_temp", "humour"))).await?;
    let dropped = refused(&mut connection, "select null::pg_temp.humour").await;
    assert_eq!(dropped, Some(SqlState::UNDEFINED_OBJECT));
    Ok(())
}

/// Of one that is there always and one that never is, since the server is shared.
async fn extensions_are_created_and_dropped<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let mut create = Extension::create();
    define(&mut connection, create.name("plpgsql").if_not_exists()).await?;
    let mut drop = Extension::drop();
    let drop = drop.name("there_is_no_such_extension");
    let error = connection.execute(&*drop, ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT));
    define(&mut connection, drop.if_exists()).await
}

/// Names longer than a value, with the value among the parameters.
fn long_names(longer_than: i32) -> CommonTableExpression {
    let long = Query::select()
        .columns([SaTbl::Id, SaTbl::Name])
        .from(SaTbl::Table)
        .and_where(Expr::cust("length(name)").gt(longer_than))
        .take();
    CommonTableExpression::from_select(long).table_name("long").to_owned()
}

async fn a_with_query_selects<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let select = Query::select()
        .columns(["id", "name"])
        .from("long")
        .and_where(Expr::col("id").lt(9))
        .take();
    for (longer_than, expected) in [(4, vec![(1, "first")]), (5, vec![])] {
        let with = Query::with().cte(long_names(longer_than)).to_owned().query(select.clone());
        let mut result = connection.execute(&with, ()).await?;
        assert_eq!(result.keys(), ["id", "name"]);
        assert!(result.fetch_all()? == expected);
    }
    Ok(())
}

async fn a_with_query_inserts<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let doubled = Query::select().expr(Expr::cust("name || name")).from("long").take();
    let insert = Query::insert()
        .into_table(SaTbl::Table)
        .columns([SaTbl::Name])
        .select_from(doubled)
        .unwrap()
        .returning_col(SaTbl::Name)
        .take();
    let with = Query::with().cte(long_names(4)).to_owned().query(insert);
    let mut result = connection.execute(&with, ()).await?;
    assert_eq!(result.rowcount(), Some(1));
    assert_eq!(result.scalar::<String>()?.as_deref(), Some("firstfirst"));
    let names = "select name::text from sa_tbl order by id";
    let names = connection.query_as::<(String,)>(names, ()).await?;
    assert_eq!(names, [("first".to_owned(),), ("firstfirst".to_owned(),)]);
    Ok(())
}

on_every_runtime!(
    tables_are_created_altered_renamed_truncated_and_dropped,
    indexes_are_created_and_dropped,
    foreign_keys_are_created_and_dropped,
    types_are_created_altered_and_dropped,
    extensions_are_created_and_dropped,
    a_with_query_selects,
    a_with_query_inserts,
);
