//! Columns that are called one thing in the database and another in the program.
//!
//! It prints:
//!
//! ```text
//! INSERT INTO "tbl" ("MyIDField", "NaMe") VALUES ($1, $2) RETURNING "MyIDField" AS "id"
//! 1: default name
//! 2: test
//! under its key: test
//! under its label: test, of tbl_NaMe
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{BuildStatement, Engine, Table};
use aiopg::{Config, Error, FromRow, PoolOptions};
use sea_query::{Expr, ExprTrait, Order};

/// The field has the key, the attribute the name.
#[derive(FromRow, Table)]
#[table(name = "tbl")]
struct Entry {
    #[column(name = "MyIDField", primary_key)]
    id: i32,
    #[column(name = "NaMe", type = "varchar(255)", default = "default name")]
    name: String,
}

fn main() -> ExitCode {
    aiopg_examples::start(names)
}

async fn names(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    let create = r#"create temporary table tbl ("MyIDField" int primary key, "NaMe" varchar(255))"#;
    connection.execute(create, ()).await?;

    let insert = Entry::insert().value("id", 1);
    println!("{}", insert.build_statement().sql());
    connection.execute(&insert, ()).await?;
    let entry = Entry { id: 2, name: "test".to_owned() };
    connection.execute(Entry::insert().row(&entry), ()).await?;

    let select = Entry::select().order_by(Entry::columns().id, Order::Asc).take();
    let entries: Vec<Entry> = connection.execute(&select, ()).await?.fetch_all_as()?;
    for entry in entries {
        println!("{}: {}", entry.id, entry.name);
    }

    // Rows know a column by its key, or by the column itself.
    let second = || Expr::col(Entry::columns().id).eq(2);
    let keyed = Entry::select().and_where(second()).take();
    if let Some(row) = connection.execute(&keyed, ()).await?.first()? {
        println!("under its key: {}", row.try_get::<&str>("name")?);
    }
    // Labels hold the name of the table; keys count for nothing there.
    let labelled = Entry::select_labelled().and_where(second()).take();
    if let Some(row) = connection.execute(&labelled, ()).await?.first()? {
        let (name, label) = (row.try_get::<&str>(Entry::columns().name)?, Entry::columns().name);
        println!("under its label: {name}, of {}", label.label());
    }

    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}
