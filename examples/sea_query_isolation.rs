//! Isolation levels: two sessions write the same row, and what each level makes of it.
//!
//! It prints:
//!
//! ```text
//! read only: 25006
//! read only, deferrable: 25006
//! repeatable read: the second sees "test1" still, and fails with 40001; "name2" stays
//! serializable: the second fails with 40001, then with 25P02; "name2" stays
//! read committed: the second writer wins; "test1" stays
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{Engine, EngineConnection, Table, Update};
use aiopg::{Config, Error, FromRow, IsolationLevel, PoolOptions, TransactionOptions};
use sea_query::{Expr, ExprTrait};

#[derive(FromRow, Table)]
#[table(name = "example_isolation_users")]
struct User {
    #[column(primary_key)]
    id: i32,
    #[column(type = "varchar(255)")]
    name: String,
}

fn main() -> ExitCode {
    aiopg_examples::start(isolation)
}

async fn isolation(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut first = engine.acquire().await?;
    let mut second = engine.acquire().await?;
    first.execute(User::drop_table().if_exists(), ()).await?;
    // Both sessions are to see it, so it cannot be temporary.
    first.execute(User::create_table(), ()).await?;

    read_only(&mut first).await?;
    repeatable_read(&mut first, &mut second).await?;
    serializable(&mut first, &mut second).await?;
    read_committed(&mut first, &mut second).await?;

    first.execute(User::drop_table(), ()).await?;
    first.close().await;
    second.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}

/// A transaction that says it only reads is held to it.
async fn read_only(connection: &mut EngineConnection) -> Result<(), Error> {
    let options =
        TransactionOptions::new().isolation_level(IsolationLevel::Serializable).read_only();
    let both = [("read only", options.clone()), ("read only, deferrable", options.deferrable())];
    for (name, options) in both {
        let mut reading = connection.begin_with(&options).await?;
        let refused = reading.execute(rename("t"), ()).await;
        println!("{name}: {}", code(refused));
        reading.rollback().await?;
    }
    Ok(())
}

/// Whoever has read a row that another changed since cannot change it any more.
async fn repeatable_read(
    first: &mut EngineConnection,
    second: &mut EngineConnection,
) -> Result<(), Error> {
    refill(first).await?;
    let options = TransactionOptions::new().isolation_level(IsolationLevel::RepeatableRead);
    let mut one = first.begin_with(&options).await?;
    one.execute(rename("name2"), ()).await?;
    let mut other = second.begin_with(&options).await?;
    let before = name(&mut other).await?;
    one.commit().await?;
    let after = name(&mut other).await?;
    assert_eq!(before, after, "what it reads does not change");
    let failed = other.execute(rename("t"), ()).await;
    other.rollback().await?;
    let stays = name(first).await?;
    println!(
        "repeatable read: the second sees {after:?} still, and fails with {}; {stays:?} stays",
        code(failed)
    );
    Ok(())
}

/// As if one had run after the other: whoever read what the other wrote cannot write what the other read.
async fn serializable(
    first: &mut EngineConnection,
    second: &mut EngineConnection,
) -> Result<(), Error> {
    refill(first).await?;
    let options = TransactionOptions::new().isolation_level(IsolationLevel::Serializable);
    let mut one = first.begin_with(&options).await?;
    name(&mut one).await?;
    one.execute(rename("name2"), ()).await?;
    let mut other = second.begin_with(&options).await?;
    name(&mut other).await?;
    one.commit().await?;
    let failed = other.execute(rename("t"), ()).await;
    // What has failed takes no further statement.
    let refused = other.execute(User::select(), ()).await;
    other.rollback().await?;
    let stays = name(first).await?;
    println!(
        "serializable: the second fails with {}, then with {}; {stays:?} stays",
        code(failed),
        code(refused)
    );
    Ok(())
}

/// The default level: the last to write wins.
async fn read_committed(
    first: &mut EngineConnection,
    second: &mut EngineConnection,
) -> Result<(), Error> {
    refill(first).await?;
    let mut one = first.begin().await?;
    one.execute(rename("name2"), ()).await?;
    let mut other = second.begin().await?;
    let before = name(&mut other).await?;
    one.commit().await?;
    other.execute(rename(&before), ()).await?;
    other.commit().await?;
    println!("read committed: the second writer wins; {:?} stays", name(first).await?);
    Ok(())
}

async fn refill(connection: &mut EngineConnection) -> Result<(), Error> {
    connection.execute(User::delete(), ()).await?;
    let user = User { id: 1, name: "test1".to_owned() };
    connection.execute(User::insert().row(&user), ()).await?;
    Ok(())
}

fn rename(name: &str) -> Update {
    User::update().value("name", name).and_where(Expr::col("id").eq(1))
}

async fn name(connection: &mut EngineConnection) -> Result<String, Error> {
    let select = User::select().and_where(Expr::col("id").eq(1)).take();
    let users: Vec<User> = connection.execute(&select, ()).await?.fetch_all_as()?;
    Ok(users.into_iter().map(|user| user.name).collect())
}

/// The SQLSTATE of an error.
fn code<T>(result: Result<T, Error>) -> String {
    let code = result.err().and_then(|error| error.sqlstate());
    code.map_or_else(|| "no error".to_owned(), |code| code.to_string())
}
