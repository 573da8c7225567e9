//! Defaults: values, functions and expressions for what an insert does not say, and what an update changes besides.
//!
//! It prints:
//!
//! ```text
//! 1: "default name", flag 0, 7 letters, active, with a token and a time
//! 2: "test", flag 0, 7 letters, not active, with a token and a time
//! changed: "test", by the update
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{Engine, EngineConnection, Table};
use aiopg::types::Timestamptz;
use aiopg::{Config, Error, FromRow, PoolOptions, named};
use sea_query::{Expr, ExprTrait};

#[derive(FromRow, Table)]
#[table(name = "tbl")]
struct Entry {
    #[column(primary_key, identity)]
    id: i32,
    /// A function, which is called for each row.
    #[column(default_with = token)]
    token: String,
    /// A value, which is bound.
    #[column(default = "default name")]
    name: String,
    #[column(default = 0)]
    flag: i32,
    /// An expression, which stands in the insert.
    #[column(default_sql = "length('default')")]
    count_str: i32,
    #[column(default = true)]
    is_active: bool,
    /// A part of the table in the database, which is the server's to fill in.
    #[column(server_default = "now()")]
    date: Timestamptz,
    #[column(on_update = "by the update")]
    changed: Option<String>,
}

fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("token {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn main() -> ExitCode {
    aiopg_examples::start(defaults)
}

async fn defaults(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    connection.execute(Entry::create_table().temporary(), ()).await?;

    connection.execute(Entry::insert(), ()).await?;
    show(&mut connection, 1).await?;
    // What is given counts, also if it is false or NULL. An execution may bring it along, too.
    let insert = Entry::insert().value("name", "test");
    connection.execute(&insert, named! { is_active: false }).await?;
    show(&mut connection, 2).await?;

    let update = Entry::update().value("flag", 1).and_where(Expr::col("id").eq(2));
    let mut changed = connection.execute(update.returning(["name", "changed"]), ()).await?;
    let row: Vec<(String, String)> = changed.fetch_all_as()?;
    for (name, changed) in row {
        println!("changed: {name:?}, {changed}");
    }

    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}

async fn show(connection: &mut EngineConnection, id: i32) -> Result<(), Error> {
    let select = Entry::select().and_where(Expr::col("id").eq(id)).take();
    let entries: Vec<Entry> = connection.execute(&select, ()).await?.fetch_all_as()?;
    for entry in entries {
        let active = if entry.is_active { "active" } else { "not active" };
        let token = if entry.token.starts_with("token ") { "a token" } else { "no token" };
        let time = if entry.date.is_finite() { "a time" } else { "no time" };
        let unchanged = if entry.changed.is_none() { "" } else { ", changed" };
        println!(
            "{}: {:?}, flag {}, {} letters, {active}, with {token} and {time}{unchanged}",
            entry.id, entry.name, entry.flag, entry.count_str
        );
    }
    Ok(())
}
