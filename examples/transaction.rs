//! Transactions and savepoints, on three isolation levels: what is kept, what is undone, and by what.
//!
//! It prints:
//!
//! ```text
//! read committed: [1, 2, 5]
//! repeatable read: [1, 2, 5]
//! serializable: [1, 2, 5]
//! dropped: [1, 2, 5]
//! failed: ERROR 22012: division by zero; [1, 2, 5]
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::{Client, Config, Connection, Error, IsolationLevel, TransactionOptions};

const INSERT: &str = "insert into example values ($1)";

fn main() -> ExitCode {
    aiopg_examples::start(transaction)
}

async fn transaction(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let mut connection = Connection::connect(runtime, config).await?;
    connection.batch_execute("create temporary table example (n int)").await?;
    for (level, name) in [
        (IsolationLevel::ReadCommitted, "read committed"),
        (IsolationLevel::RepeatableRead, "repeatable read"),
        (IsolationLevel::Serializable, "serializable"),
    ] {
        connection.execute("delete from example", ()).await?;
        fill(&mut connection, level).await?;
        println!("{name}: {:?}", numbers(&mut connection).await?);
    }

    // What is neither committed nor rolled back is rolled back when it goes out of scope.
    let mut forgotten = connection.begin().await?;
    forgotten.execute(INSERT, (6,)).await?;
    drop(forgotten);
    println!("dropped: {:?}", numbers(&mut connection).await?);

    // A closure commits by returning, and rolls back by failing.
    let failed: Result<u64, Error> = connection
        .transaction(async |transaction| {
            transaction.execute(INSERT, (7,)).await?;
            transaction.execute("select 1 / 0", ()).await
        })
        .await;
    if let Err(error) = failed {
        println!("failed: {error}; {:?}", numbers(&mut connection).await?);
    }
    connection.close().await
}

/// A transaction with two savepoints, of which one is kept. BEGIN and SAVEPOINT ride with the first statement behind
/// them, so neither costs a round trip.
async fn fill(connection: &mut Connection, level: IsolationLevel) -> Result<(), Error> {
    let options = TransactionOptions::new().isolation_level(level);
    let mut transaction = connection.begin_with(&options).await?;
    transaction.execute(INSERT, (1,)).await?;

    let mut kept = transaction.begin().await?;
    kept.execute(INSERT, (2,)).await?;
    kept.commit().await?;

    let mut undone = transaction.begin().await?;
    undone.execute(INSERT, (3,)).await?;
    // An error fails the savepoint, not what it stands in.
    match undone.execute("insert into example values (4 / 0)", ()).await {
        Ok(_) => undone.commit().await?,
        Err(_) => undone.rollback().await?,
    }

    transaction.execute(INSERT, (5,)).await?;
    transaction.commit().await
}

async fn numbers(client: &mut impl Client) -> Result<Vec<i32>, Error> {
    let rows: Vec<(i32,)> = client.query_as("select n from example order by n", ()).await?;
    Ok(rows.into_iter().map(|(n,)| n).collect())
}
