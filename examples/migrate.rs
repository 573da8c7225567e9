//! Migrations: the files in `examples/migrations` are applied in order, each of them once.
//!
//! It prints:
//!
//! ```text
//! applied V1__cities
//! applied V2__population
//! once more: nothing to apply
//! Wien has 2000000 inhabitants
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::error::Error;
use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::{Config, Connection};
use aiopg_refinery::RunOn;

/// The files are compiled into the program: it can be started where they are not.
mod embedded {
    refinery::embed_migrations!("migrations");
}

fn main() -> ExitCode {
    aiopg_examples::start(migrate)
}

async fn migrate(runtime: AnyRuntime, config: Config) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::connect(runtime, config).await?;
    // A lesson leaves nothing behind. Your own tables are to stay, so leave this out.
    connection.execute("set search_path = pg_temp", ()).await?;

    let report = embedded::migrations::runner().run_on(&mut connection).await?;
    for migration in report.applied_migrations() {
        println!("applied {migration}");
    }

    // What is applied is known to the database. Programs do this whenever they start, several at once if need be.
    let report = embedded::migrations::runner().run_on(&mut connection).await?;
    if report.applied_migrations().is_empty() {
        println!("once more: nothing to apply");
    }

    connection.execute("insert into city values (1, 'Wien', 2000000)", ()).await?;
    let sql = "select name, population from city";
    let cities: Vec<(String, i32)> = connection.query_as(sql, ()).await?;
    for (name, population) in cities {
        println!("{name} has {population} inhabitants");
    }
    connection.close().await?;
    Ok(())
}
