//! Engines: what they say of themselves, and the sessions that they lend.

use aiopg::sea_query::{Engine, EngineConnection};
use aiopg::{Error, PoolOptions, Runtime};
use aiopg_tests::{on_every_runtime, session};

/// An engine on the shared server with so many sessions at most.
pub(crate) async fn engine<R: Runtime>(rt: R, max_size: usize) -> Engine<R> {
    let options = PoolOptions::default().max_size(max_size);
    Engine::create_on(rt, session::config(), options).await.unwrap()
}

/// The only session of an engine, with the table `sa_tbl` and one row in it.
pub(crate) async fn table<R: Runtime>(rt: R) -> EngineConnection<R> {
    let mut connection = engine(rt, 1).await.acquire().await.unwrap();
    let sql = "create temp table sa_tbl (id serial primary key, name text)";
    connection.execute(sql, ()).await.unwrap();
    connection.execute("insert into sa_tbl (name) values ('first')", ()).await.unwrap();
    connection
}

async fn an_engine_lends_sessions<R: Runtime>(rt: R) -> Result<(), Error> {
    let mut connection = table(rt).await;
    let mut result = connection.execute("select * from sa_tbl", ()).await?;
    let row = result.fetch_one()?.unwrap();
    assert_eq!(row.as_tuple::<(i32, &str)>()?, (1, "first"));
    connection.close().await;
    Ok(())
}

on_every_runtime!(an_engine_lends_sessions);
