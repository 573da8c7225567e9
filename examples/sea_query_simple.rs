//! SeaQuery's statements on an engine: a table, a row, and what comes back.
//!
//! It prints:
//!
//! ```text
//! new row: 1
//! 1: abc
//! SELECT "tbl"."id", "tbl"."val" FROM "tbl" WHERE "val" = $1
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{BuildStatement, Engine, Table};
use aiopg::{Config, Error, FromRow, PoolOptions};
use sea_query::{Expr, ExprTrait};

/// A row, and what its table looks like.
#[derive(FromRow, Table)]
#[table(name = "tbl")]
struct Entry {
    #[column(primary_key, identity)]
    id: i32,
    val: String,
}

fn main() -> ExitCode {
    aiopg_examples::start(simple)
}

async fn simple(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    connection.execute(Entry::create_table().temporary(), ()).await?;

    // The scalar of an insert is the primary key of the new row.
    let insert = Entry::insert().value("val", "abc");
    let id: Option<i32> = connection.scalar(&insert, ()).await?;
    println!("new row: {}", id.unwrap_or_default());

    // What is selected is SeaQuery's own statement, to which anything can be added.
    let select = Entry::select().and_where(Expr::col(Entry::columns().val).eq("abc")).take();
    let entries: Vec<Entry> = connection.execute(&select, ()).await?.fetch_all_as()?;
    for entry in entries {
        println!("{}: {}", entry.id, entry.val);
    }
    println!("{}", select.build_statement().sql());

    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}
