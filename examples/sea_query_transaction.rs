//! Transactions on an engine: kept, undone, and savepoints of which either becomes true.
//!
//! It prints:
//!
//! ```text
//! committed: [1, 2]
//! rolled back: []
//! nested: [1, 2]
//! one savepoint undone: [1, 2]
//! all undone: []
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{Engine, EngineConnection, Insert, Table};
use aiopg::{Config, Error, FromRow, PoolOptions};
use sea_query::Order;

#[derive(FromRow, Table)]
#[table(name = "users")]
struct User {
    #[column(primary_key)]
    id: i32,
    #[column(type = "varchar(255)")]
    name: Option<String>,
}

fn main() -> ExitCode {
    aiopg_examples::start(transactions)
}

async fn transactions(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    connection.execute(User::create_table().temporary(), ()).await?;

    committed(&mut connection).await?;
    println!("committed: {:?}", taken(&mut connection).await?);
    rolled_back(&mut connection).await?;
    println!("rolled back: {:?}", taken(&mut connection).await?);
    nested(&mut connection).await?;
    println!("nested: {:?}", taken(&mut connection).await?);
    one_undone(&mut connection).await?;
    println!("one savepoint undone: {:?}", taken(&mut connection).await?);
    all_undone(&mut connection).await?;
    println!("all undone: {:?}", taken(&mut connection).await?);

    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}

async fn committed(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute(user(1), ()).await?;
    transaction.execute(user(2), ()).await?;
    transaction.commit().await
}

/// A transaction that is dropped is rolled back too; saying so tells whether it worked.
async fn rolled_back(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute(user(1), ()).await?;
    transaction.rollback().await
}

/// The first is a transaction, since none is open; what begins in it is a savepoint.
async fn nested(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut outer = connection.begin_nested().await?;
    outer.execute(user(1), ()).await?;
    let mut inner = outer.begin_nested().await?;
    inner.execute(user(2), ()).await?;
    inner.commit().await?;
    outer.commit().await
}

/// An error undoes the savepoint that it comes from, and nothing else.
async fn one_undone(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut outer = connection.begin().await?;
    outer.execute(user(1), ()).await?;
    let mut failing = outer.begin_nested().await?;
    match failing.execute(user(1), ()).await {
        Ok(_) => failing.commit().await?,
        Err(_) => failing.rollback().await?,
    }
    let mut inner = outer.begin_nested().await?;
    inner.execute(user(2), ()).await?;
    inner.commit().await?;
    outer.commit().await
}

/// What savepoints have kept goes with the transaction that they stand in.
async fn all_undone(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut outer = connection.begin().await?;
    outer.execute(user(1), ()).await?;
    for id in [2, 3] {
        let mut inner = outer.begin_nested().await?;
        inner.execute(user(id), ()).await?;
        inner.commit().await?;
    }
    outer.rollback().await
}

fn user(id: i32) -> Insert {
    User::insert().row(&User { id, name: Some(format!("test{id}")) })
}

/// Reads who is there, and takes them out.
async fn taken(connection: &mut EngineConnection) -> Result<Vec<i32>, Error> {
    let select = User::select().order_by("id", Order::Asc).take();
    let users: Vec<User> = connection.execute(&select, ()).await?.fetch_all_as()?;
    connection.execute(User::delete(), ()).await?;
    Ok(users.into_iter().filter(|user| user.name.is_some()).map(|user| user.id).collect())
}
