//! SeaQuery's statements over two tables: joins, groups, labels, averages.
//!
//! It prints:
//!
//! ```text
//! 4 people with 5 addresses in total
//! with a public address: ["Bob", "Julia"]
//! Julia, 1999-12-31 00:00:00: julia+1@example.org (private)
//! Julia, 1999-12-31 00:00:00: julia+2@example.org (public)
//! on average 28 years 1 mon 31 days 06:00:00, or about 28 years old at the end of 2029
//! ```

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

use std::process::ExitCode;

use aiopg::rt::AnyRuntime;
use aiopg::sea_query::{Engine, EngineConnection, Table};
use aiopg::types::{Interval, Timestamp};
use aiopg::{Config, Error, FromRow, PoolOptions};
use sea_query::{Asterisk, Expr, ExprTrait, Func, Order, Query, SelectStatement};

#[derive(FromRow, Table)]
#[table(name = "users")]
struct User {
    #[column(primary_key, identity)]
    id: i32,
    #[column(type = "varchar(255)")]
    name: String,
    birthday: Timestamp,
}

#[derive(FromRow, Table)]
#[table(name = "emails")]
struct Email {
    #[column(primary_key, identity)]
    id: i32,
    user_id: i32,
    address: String,
    private: bool,
}

/// Both, as they are read from a join whose columns have labels such as `users_name`.
#[derive(FromRow)]
struct EmailOfUser {
    #[aiopg(flatten, prefix = "users_")]
    user: User,
    #[aiopg(flatten, prefix = "emails_")]
    email: Email,
}

const PEOPLE: [(&str, &str, &[bool]); 4] = [
    ("Andrew", "2001-03-04 00:00:00", &[true]),
    ("Bob", "2005-06-07 00:00:00", &[false, true]),
    ("Julia", "1999-12-31 00:00:00", &[true, false]),
    ("Rita", "2000-09-17 00:00:00", &[]),
];

fn main() -> ExitCode {
    aiopg_examples::start(joins)
}

async fn joins(runtime: AnyRuntime, config: Config) -> Result<(), Error> {
    let engine = Engine::create(runtime, config, PoolOptions::new()).await?;
    let mut connection = engine.acquire().await?;
    connection.execute(User::create_table().temporary(), ()).await?;
    connection.execute(Email::create_table().temporary(), ()).await?;
    fill(&mut connection).await?;
    count(&mut connection).await?;
    show_julia(&mut connection).await?;
    average_age(&mut connection).await?;
    connection.close().await;
    engine.close();
    engine.wait_closed().await;
    Ok(())
}

/// All or nothing.
async fn fill(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    for (name, birthday, addresses) in PEOPLE {
        let birthday: Timestamp = birthday.parse()?;
        let user = User::insert().value("name", name).value("birthday", birthday);
        let user: Option<i32> = transaction.scalar(&user, ()).await?;
        for (number, private) in (1..).zip(addresses) {
            let address = format!("{}+{number}@example.org", name.to_lowercase());
            let email = Email::insert()
                .value("user_id", user)
                .value("address", address)
                .value("private", *private);
            transaction.execute(&email, ()).await?;
        }
    }
    transaction.commit().await
}

async fn count(connection: &mut EngineConnection) -> Result<(), Error> {
    let all = |table| Query::select().expr(Func::count(Expr::col(Asterisk))).from(table).take();
    let users: Option<i64> = connection.scalar(&all(User::table()), ()).await?;
    let emails: Option<i64> = connection.scalar(&all(Email::table()), ()).await?;
    let (users, emails) = (users.unwrap_or_default(), emails.unwrap_or_default());
    println!("{users} people with {emails} addresses in total");

    let (user, email) = (User::columns(), Email::columns());
    let public = joined(Query::select().column(user.name))
        .and_where(Expr::col(email.private).eq(false))
        .group_by_col(user.name)
        .and_having(Func::count(Expr::col(email.private)).gt(0_i64))
        .order_by(user.name, Order::Asc)
        .take();
    let rows: Vec<(String,)> = connection.execute(&public, ()).await?.fetch_all_as()?;
    let names: Vec<String> = rows.into_iter().map(|(name,)| name).collect();
    println!("with a public address: {names:?}");
    Ok(())
}

/// Both tables have a column `id`: labels keep them apart.
async fn show_julia(connection: &mut EngineConnection) -> Result<(), Error> {
    let mut columns = Query::select();
    columns.exprs(User::table().by_label()).exprs(Email::table().by_label());
    let julia = joined(&mut columns)
        .and_where(Expr::col(User::columns().name).eq("Julia"))
        .order_by(Email::columns().id.qualified(), Order::Asc)
        .take();
    let rows: Vec<EmailOfUser> = connection.execute(&julia, ()).await?.fetch_all_as()?;
    for EmailOfUser { user, email } in rows {
        let kind = if email.private { "private" } else { "public" };
        println!("{}, {}: {} ({kind})", user.name, user.birthday, email.address);
    }
    Ok(())
}

async fn average_age(connection: &mut EngineConnection) -> Result<(), Error> {
    let end: Timestamp = "2029-12-31 00:00:00".parse()?;
    let age = Func::cust("age").arg(end).arg(Expr::col(User::columns().birthday));
    let average = Query::select().expr(Func::avg(age)).from(User::table()).take();
    let average: Option<Interval> = connection.scalar(&average, ()).await?;
    let average = average.unwrap_or_default();
    let years = average.months / 12;
    println!("on average {average}, or about {years} years old at the end of 2029");
    Ok(())
}

fn joined(select: &mut SelectStatement) -> SelectStatement {
    let (user, email) = (User::columns(), Email::columns());
    let same_user = Expr::col(user.id.qualified()).equals(email.user_id);
    select.from(Email::table()).inner_join(User::table(), same_user).take()
}
