//! Defaults on insert, and what changes at every update.

use std::sync::atomic::{AtomicI32, Ordering};

use aiopg::sea_query::{SeaQuery, Table};
use aiopg::{Connection, Error, FromRow, Runtime};
use aiopg_tests::{on_every_runtime, session};
use chrono::{DateTime, TimeDelta, Utc};
use sea_query::{Expr, ExprTrait, Order};

#[derive(Debug, PartialEq, FromRow, Table)]
#[table(name = "filled")]
struct Filled {
    #[column(primary_key, serial)]
    id: i32,
    #[column(default_sql = "length('abcdef')")]
    letters: i32,
    #[column(default_sequence = "pg_temp.numbers")]
    number: i64,
    #[column(default = "unnamed")]
    name: String,
    #[column(default = 100)]
    count: Option<i32>,
    #[column(default = true)]
    enabled: Option<bool>,
    #[column(default_with = Utc::now)]
    created_at: DateTime<Utc>,
    #[column(default_with = || Some(TICKS.fetch_add(1, Ordering::Relaxed)))]
    tick: Option<i32>,
    #[column(server_default = "7")]
    server: Option<i32>,
    left: Option<i32>,
}

static TICKS: AtomicI32 = AtomicI32::new(0);

async fn open<R: Runtime>(rt: R) -> Result<Connection<R>, Error> {
    let mut c = session::open(rt).await;
    c.batch_execute("create temp sequence numbers").await?;
    c.execute_built(&Filled::create_table().temporary().take()).await?;
    Ok(c)
}

async fn only<R: Runtime>(c: &mut Connection<R>) -> Result<Filled, Error> {
    let mut rows: Vec<Filled> = c.query_built_as(&Filled::select()).await?;
    assert_eq!(rows.len(), 1);
    Ok(rows.remove(0))
}

async fn what_is_not_given_gets_its_default<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let before = Utc::now();
    assert_eq!(c.query_built_scalar::<i32>(&Filled::insert()).await?, 1);
    let row = only(&mut c).await?;
    assert_eq!((row.id, row.letters, row.number), (1, 6, 1));
    assert_eq!((row.name.as_str(), row.count, row.enabled), ("unnamed", Some(100), Some(true)));
    assert_eq!((row.server, row.left), (Some(7), None));
    let age = row.created_at - before;
    assert!(age >= TimeDelta::milliseconds(-1) && age < TimeDelta::minutes(1), "{age}");
    Ok(())
}

async fn null_and_false_are_given_values<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let insert = Filled::insert()
        .value("count", None::<i32>)
        .value("enabled", false)
        .value("tick", Expr::null())
        .value("server", None::<i32>);
    c.execute_built(&insert).await?;
    let row = only(&mut c).await?;
    assert_eq!((row.count, row.enabled, row.tick, row.server), (None, Some(false), None, None));
    assert_eq!((row.letters, row.name.as_str()), (6, "unnamed"));
    Ok(())
}

async fn given_values_override_defaults<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let day = "2014-07-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let insert = Filled::insert()
        .value("name", "edited")
        .value("count", Expr::cust("1 + 2"))
        .value("enabled", true)
        .value("created_at", day);
    c.execute_built(&insert).await?;
    let row = only(&mut c).await?;
    assert_eq!((row.name.as_str(), row.count, row.enabled), ("edited", Some(3), Some(true)));
    assert_eq!(row.created_at, day);
    assert_eq!((row.letters, row.number), (6, 1));
    c.execute_built(&Filled::delete()).await?;
    let given = Filled { letters: -1, number: -1, left: Some(8), ..row };
    c.execute_built(&Filled::insert().row(&given)).await?;
    assert_eq!(only(&mut c).await?, given);
    Ok(())
}

async fn a_function_is_called_for_each_row<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = open(rt).await?;
    let insert = Filled::insert().value("left", 1).row(&[("left", Expr::val(2))]);
    assert_eq!(c.execute_built(&insert).await?, 2);
    assert_eq!(c.execute_built(&insert).await?, 2);
    let select = Filled::select().order_by("id", Order::Asc).take();
    let rows: Vec<Filled> = c.query_built_as(&select).await?;
    let ticks: Vec<_> = rows.iter().filter_map(|row| row.tick).collect();
    assert!(ticks.len() == 4 && ticks.is_sorted_by(|one, next| one < next), "{ticks:?}");
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(rows.iter().filter_map(|row| row.left).collect::<Vec<_>>(), [1, 2, 1, 2]);
    Ok(())
}

#[derive(Debug, PartialEq, FromRow, Table)]
struct Touched {
    #[column(primary_key)]
    id: i32,
    #[column(default = "inserted", on_update = "updated")]
    both: String,
    #[column(on_update_sql = "count + 1", default = 0)]
    count: i32,
    #[column(on_update_with = || Some(2_i64))]
    called: Option<i64>,
    #[column(default = "inserted")]
    default_only: String,
    plain: Option<i32>,
}

async fn an_update_sets_what_changes_and_never_a_default<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut c = session::open(rt).await;
    c.execute_built(&Touched::create_table().temporary().take()).await?;
    let insert = Touched::insert().value("id", 1).value("default_only", "given").returning_all();
    let row: Vec<Touched> = c.query_built_as(&insert).await?;
    assert_eq!((row[0].both.as_str(), row[0].called), ("inserted", None));
    let by_id = || Expr::col("id").eq(1);
    let update = Touched::update().value("plain", 5).and_where(by_id()).returning_all();
    let row: Vec<Touched> = c.query_built_as(&update).await?;
    let updated = Touched {
        id: 1,
        both: "updated".to_owned(),
        count: 1,
        called: Some(2),
        default_only: "given".to_owned(),
        plain: Some(5),
    };
    assert_eq!(row, [updated]);
    let update = Touched::update()
        .value("both", "mine")
        .value("called", None::<i64>)
        .without("count")
        .and_where(by_id())
        .returning_all();
    let row: Vec<Touched> = c.query_built_as(&update).await?;
    assert_eq!((row[0].both.as_str(), row[0].called, row[0].count), ("mine", None, 1));
    Ok(())
}

on_every_runtime!(
    what_is_not_given_gets_its_default,
    null_and_false_are_given_values,
    given_values_override_defaults,
    a_function_is_called_for_each_row,
    an_update_sets_what_changes_and_never_a_default,
);
