//! What a session of an engine executes: raw SQL, SeaQuery's statements, definitions.

use aiopg::sea_query::{BuildStatement, col};
use aiopg::{Call, Client, Error, Kind, Runtime, SqlState};
use aiopg_tests::on_every_runtime;
use futures::TryStreamExt;
use sea_query::{ColumnDef, Expr, ExprTrait, Order, Query, SelectStatement, Table};

use crate::engines::{SaTbl, engine, table};

fn select() -> SelectStatement {
    Query::select()
        .columns([SaTbl::Id, SaTbl::Name])
        .from(SaTbl::Table)
        .order_by(SaTbl::Id, Order::Asc)
        .take()
}

async fn raw_sql_is_executed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = connection.execute("select * from sa_tbl", ()).await?;
    assert!(!result.is_closed() && result.returns_rows());
    assert_eq!(result.keys(), ["id", "name"]);
    let rows = result.fetch_all()?;
    assert!(result.is_closed());
    assert_eq!(result.keys(), ["id", "name"]);
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.get::<i32>(0), row.get::<i32>("id"), row.get::<i32>(col(SaTbl::Id))),
        (1, 1, 1)
    );
    assert_eq!(row.get::<&str>(1), "first");
    assert_eq!(row.get::<&str>("name"), "first");
    // What begins with a per cent sign is nothing special.
    assert_eq!(connection.scalar("select 'a%b'", ()).await?, Some("a%b".to_owned()));
    assert_eq!(connection.scalar("select 'a%b' || $1", ("%s",)).await?, Some("a%b%s".to_owned()));
    Ok(())
}

async fn what_seaquery_builds_is_executed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let mut result = connection.execute(&select(), ()).await?;
    assert_eq!(result.keys(), ["id", "name"]);
    let rows = result.fetch_all()?;
    assert!(result.is_closed() && result.returns_rows());
    assert!(rows == [(1, "first")]);
    assert_eq!(rows[0].get::<i32>(col((SaTbl::Table, SaTbl::Id))), 1);
    // By value, built before, and as a call.
    assert_eq!(connection.scalar::<i32>(select(), ()).await?, Some(1));
    let built = select().build_statement();
    assert_eq!(connection.scalar::<i32>(&built, ()).await?, Some(1));
    assert_eq!(connection.scalar::<i32>(Call::new(&built), &built).await?, Some(1));
    let prepared = connection.connection().prepare("select id from sa_tbl where name = $1").await?;
    assert_eq!(connection.scalar::<i32>(&prepared, ("first",)).await?, Some(1));
    Ok(())
}

async fn a_list_is_expanded_for_in<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    for name in ["second", "third"] {
        connection.execute("insert into sa_tbl (name) values ($1)", (name,)).await?;
    }
    let some = select().and_where(Expr::col(SaTbl::Name).is_in(["first", "second"])).take();
    let rows = connection.execute(&some, ()).await?.fetch_all()?;
    assert!(rows == [(1, "first"), (2, "second")]);
    Ok(())
}

async fn a_scalar_is_the_first_value_or_none<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let count = Query::select().expr(Expr::col(SaTbl::Id).count()).from(SaTbl::Table).take();
    assert_eq!(connection.scalar::<i64>(&count, ()).await?, Some(1));
    let none = select().and_where(Expr::col(SaTbl::Id).eq(99)).take();
    assert_eq!(connection.scalar::<i32>(&none, ()).await?, None);
    // NULL is none, too, unless it is asked for.
    assert_eq!(connection.scalar::<i32>("select null::int", ()).await?, None);
    assert_eq!(connection.scalar::<Option<i32>>("select null::int", ()).await?, Some(None));
    assert_eq!(connection.scalar::<Option<i32>>(&none, ()).await?, None);
    let error = connection.scalar::<i64>("select null::int", ()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conversion);
    assert_eq!(
        connection.scalar::<i32>("select 1, 2 union select 3, 4 order by 1", ()).await?,
        Some(1)
    );
    let error = connection.scalar::<i32>("delete from sa_tbl", ()).await.unwrap_err();
    assert!(error.to_string().contains("does not return rows"), "{error}");
    Ok(())
}

async fn an_insert_returns_its_new_key<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let insert = Query::insert()
        .into_table(SaTbl::Table)
        .columns([SaTbl::Name])
        .values_panic(["second".into()])
        .returning_col(SaTbl::Id)
        .take();
    let mut result = connection.execute(&insert, ()).await?;
    assert_eq!(result.keys(), ["id"]);
    assert_eq!((result.rowcount(), result.returns_rows()), (Some(1), true));
    assert!(result.fetch_one()?.unwrap() == (2,));
    assert_eq!(connection.scalar::<i32>(&insert, ()).await?, Some(3));
    Ok(())
}

async fn a_raw_insert_is_counted<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let sql = "insert into sa_tbl (name) values ('third')";
    assert_eq!(connection.execute(sql, ()).await?.rowcount(), Some(1));
    let mut result = connection.execute("select * from sa_tbl", ()).await?;
    assert_eq!(result.rowcount(), Some(2));
    assert_eq!((result.keys().len(), result.returns_rows()), (2, true));
    assert!(result.fetch_all()? == [(1, "first"), (2, "third")]);
    assert_eq!(result.rowcount(), Some(2));
    Ok(())
}

async fn a_delete_returns_no_rows<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let delete =
        Query::delete().from_table(SaTbl::Table).and_where(Expr::col(SaTbl::Id).eq(1)).take();
    let mut result = connection.execute(&delete, ()).await?;
    assert!(result.keys().is_empty() && result.columns().is_empty());
    assert_eq!((result.rowcount(), result.returns_rows()), (Some(1), false));
    assert!(result.is_closed());
    result.close();
    assert!(result.is_closed());
    assert_eq!(connection.execute(&delete, ()).await?.rowcount(), Some(0));
    Ok(())
}

async fn definitions_are_executed<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    let drop = Table::drop().table(SaTbl::Table).take();
    let mut result = connection.execute(&drop, ()).await?;
    assert_eq!(result.rowcount(), None);
    assert!(result.fetch_all().is_err());
    let error = connection.execute("select * from sa_tbl", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_TABLE));
    let create = Table::create()
        .table(SaTbl::Table)
        .temporary()
        .col(ColumnDef::new(SaTbl::Id).integer().not_null().primary_key())
        .col(ColumnDef::new(SaTbl::Name).string_len(255).default("it's"))
        .take();
    connection.execute(&create, ()).await?;
    assert!(connection.execute("select * from sa_tbl", ()).await?.fetch_all()?.is_empty());
    connection.execute("insert into sa_tbl (id) values (1)", ()).await?;
    assert!(connection.execute(&select(), ()).await?.fetch_all()? == [(1, "it's")]);
    Ok(())
}

async fn rows_can_be_taken_as_they_come<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = engine(rt, 1).await.acquire().await?;
    let series = Query::select().expr(Expr::cust("generate_series(1, 5)")).take();
    let rows = connection.stream(&series, ()).await?;
    let rows: Vec<_> = rows.decode::<(i32,)>()?.try_collect().await?;
    assert_eq!(rows, [(1,), (2,), (3,), (4,), (5,)]);
    let rows = connection.stream("select generate_series(1, $1)", (5,)).await?;
    assert_eq!(rows.decode::<(i32,)>()?.try_collect::<Vec<_>>().await?.len(), 5);
    Ok(())
}

async fn a_session_of_an_engine_is_a_client<R: Runtime>(rt: R) -> Result<(), Error> {
    async fn rename(client: &mut impl Client, id: i32, name: &str) -> Result<u64, Error> {
        client.execute("update sa_tbl set name = $2 where id = $1", (id, name)).await
    }

    let mut connection = table(rt).await?;
    assert_eq!(rename(&mut connection, 1, "one").await?, 1);
    assert_eq!(connection.query_scalar::<String>("select name from sa_tbl", ()).await?, "one");
    let sql = "insert into sa_tbl (name) values ($1)";
    assert_eq!(connection.execute_many(sql, [("two",), ("three",)]).await?, 2);
    Ok(())
}

async fn an_error_leaves_the_session_usable<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await?;
    for _ in 0..3 {
        let error = connection.execute("select 1 / 0", ()).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::DIVISION_BY_ZERO));
    }
    assert!(connection.execute("copy sa_tbl from stdin", ()).await.is_err());
    assert_eq!(connection.scalar::<i32>(&select(), ()).await?, Some(1));
    Ok(())
}

on_every_runtime!(
    raw_sql_is_executed,
    what_seaquery_builds_is_executed,
    a_list_is_expanded_for_in,
    a_scalar_is_the_first_value_or_none,
    an_insert_returns_its_new_key,
    a_raw_insert_is_counted,
    a_delete_returns_no_rows,
    definitions_are_executed,
    rows_can_be_taken_as_they_come,
    a_session_of_an_engine_is_a_client,
    an_error_leaves_the_session_usable,
);
