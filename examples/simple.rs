//! A pool, a session that it lends, and the rows of a query as they come.
//!
//! It prints:
//!
//! ```text
//! row 1
//! row 2
//! row 3
//! all rows at once: [1, 2, 3]
//! sessions left: 0
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::{Client, Config, Error, Pool};

fn main() -> ExitCode {
    aiopg_examples::start(simple)
}

async fn simple(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let pool = Pool::connect(runtime, config).await?;

    // The session is borrowed until the end of this block.
    {
        let mut session = pool.get().await?;
        let mut rows = session.stream("select generate_series(1, $1) as n", (3,)).await?;
        // Each row is lent: it stands in the buffer of the session until the next one is asked for.
        while let Some(row) = rows.next().await? {
            println!("row {}", row.try_get::<i32>("n")?);
        }
    }

    // For a single statement the pool need not be asked for a session: it has the same verbs.
    let rows: Vec<(i32,)> = pool.query_as("select generate_series(1, $1)", (3,)).await?;
    let numbers: Vec<i32> = rows.into_iter().map(|(n,)| n).collect();
    println!("all rows at once: {numbers:?}");

    // Waits for the sessions that are lent, and closes them all.
    pool.shutdown(None).await?;
    println!("sessions left: {}", pool.stats().size);
    Ok(())
}
