//! SeaQuery's statements on whatever lends a session.

use aiopg::sea_query::SeaQuery;
use aiopg::{Error, Kind, Pool, Runtime};
use aiopg_tests::{on_every_runtime, session};
use futures::TryStreamExt;
use sea_query::{Alias, ColumnDef, Expr, ExprTrait, Func, InsertStatement, Query, Table};

async fn a_session_runs_what_is_built<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = session::open(rt).await;
    let create = Table::create()
        .table("city")
        .temporary()
        .col(ColumnDef::new("id").integer().primary_key())
        .col(ColumnDef::new("name").text().not_null())
        .take();
    connection.execute_built(&create).await?;
    assert_eq!(connection.execute_built(&cities()).await?, 2);
    let names = Query::select()
        .columns(["id", "name"])
        .from("city")
        .order_by("id", sea_query::Order::Asc)
        .take();
    assert_eq!(
        connection.query_built_as::<(i32, String)>(&names).await?,
        [(1, "Wien".to_owned()), (2, "Graz".to_owned())]
    );
    let streamed: Vec<_> = connection.stream_built(&names).await?.owned().try_collect().await?;
    assert_eq!(streamed.len(), 2);
    let rename =
        Query::update().table("city").value("name", "Linz").and_where(Expr::col("id").eq(2)).take();
    let mut transaction = connection.begin().await?;
    assert_eq!(transaction.execute_built(&rename).await?, 1);
    transaction.rollback().await?;
    let graz = Query::select().column("name").from("city").and_where(Expr::col("id").eq(2)).take();
    assert_eq!(connection.query_built_scalar::<String>(&graz).await?, "Graz");
    let delete = Query::delete().from_table("city").and_where(Expr::col("id").eq(1)).take();
    assert_eq!(connection.execute_built(&delete).await?, 1);
    assert!(connection.query_built_opt(&delete).await?.is_none());
    Ok(())
}

fn cities() -> InsertStatement {
    Query::insert()
        .into_table("city")
        .columns(["id", "name"])
        .values_panic([1.into(), "Wien".into()])
        .values_panic([2.into(), "Graz".into()])
        .take()
}

async fn a_pool_runs_what_is_built<R: Runtime>(rt: R) -> Result<(), Error> {
    let pool = Pool::connect_on(rt, session::config()).await?;
    let length = Query::select().expr(Func::char_length("abc")).take();
    assert_eq!(pool.query_built_scalar::<i32>(&length).await?, 3);
    let nothing = Query::select().column("a").from(Alias::new("no_such_table")).take();
    let error = pool.query_built(&nothing).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Server);
    Ok(())
}

on_every_runtime!(a_session_runs_what_is_built, a_pool_runs_what_is_built);
