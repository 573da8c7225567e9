//! A tour of aiopg: the same steps on tokio, async-std and smol, with what each of them did and how long it took.
//!
//! Usage: `tour [URL]`. Without a URL a throw-away server is started; with one, everything happens in a temporary
//! schema of that server.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aiopg::rt::{AsyncStd, Smol, Tokio};
use aiopg::{Client, Config, Connection, Error, FromRow, Runtime};
use aiopg_tests::Server;

/// Rows that the tour inserts, and reads back as a stream.
const ROWS: i32 = 10_000;

fn main() -> ExitCode {
    match tour() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour() -> Result<(), Box<dyn std::error::Error>> {
    // Held to the end: dropping it stops the server.
    let mut server = None;
    let config: Config = match std::env::args().nth(1) {
        Some(url) => url.parse()?,
        None => server
            .insert(Server::start(&aiopg_tests::Options::default())?)
            .superuser_url()
            .parse()?,
    };
    let config = config.connect_deadline(Duration::from_secs(30)).application_name("aiopg tour");

    let tokio = tokio::runtime::Runtime::new()?;
    tokio.block_on(async { visit("tokio", Tokio::current(), &config).await })?;
    async_std::task::block_on(visit("async-std", AsyncStd::new(), &config))?;
    smol::block_on(visit("smol", Smol::global(), &config))?;
    drop(server);
    Ok(())
}

/// The steps. This function knows of its runtime nothing but the name that it prints.
async fn visit(name: &str, runtime: impl Runtime, config: &Config) -> Result<(), Error> {
    let start = Instant::now();
    let mut connection = Connection::connect(runtime, config).await?;
    println!("{name}");
    let version = connection.parameter("server_version").unwrap_or("?").to_owned();
    step(start, "connect", format_args!("PostgreSQL {version}"));
    // Of a name that nobody else has, since the server may not be ours.
    let schema = format!("aiopg_tour_{}", connection.process_id().unwrap_or_default());
    connection
        .batch_execute(&format!("create schema {schema}; set search_path = {schema}"))
        .await?;
    let seen = sights(&mut connection).await;
    // Also after an error, so that nothing is left behind.
    let swept = connection.batch_execute(&format!("drop schema {schema} cascade")).await;
    seen.and(swept)?;
    let start = Instant::now();
    connection.close().await?;
    step(start, "close", "Terminate sent");
    Ok(())
}

#[derive(Debug, FromRow)]
struct City {
    id: i32,
    name: String,
    people: Option<i64>,
}

async fn sights(client: &mut impl Client) -> Result<(), Error> {
    let start = Instant::now();
    client
        .batch_execute(
            "create table city (id int primary key, name text not null, people bigint);
             comment on table city is 'made by a tour of aiopg'",
        )
        .await?;
    step(start, "batch_execute", "2 statements");

    let start = Instant::now();
    let sql =
        "insert into city select n, 'city ' || n, nullif(n % 7, 0) from generate_series(1, $1) n";
    let inserted = client.execute(sql, (ROWS,)).await?;
    step(start, "execute", format_args!("{inserted} rows inserted"));

    let start = Instant::now();
    let cities: Vec<City> = client
        .query_as("select * from city where id = any($1) order by id", (vec![3, 7, 9],))
        .await?;
    let names: Vec<_> = cities.iter().map(|city| format!("{} {}", city.id, city.name)).collect();
    let unknown = cities.iter().filter(|city| city.people.is_none()).count();
    step(
        start,
        "query_as",
        format_args!("{} rows, {unknown} with a NULL: {}", cities.len(), names.join(", ")),
    );

    let start = Instant::now();
    let count: i64 = client.query_scalar("select count(*) from city", ()).await?;
    step(start, "query_scalar", format_args!("{count}"));

    let start = Instant::now();
    let mut rows = client.stream("select id, name from city order by id", ()).await?;
    let (mut seen, mut bytes) = (0, 0);
    while let Some(row) = rows.next().await? {
        seen += 1;
        bytes += row.try_get::<&str>("name")?.len();
    }
    drop(rows);
    step(start, "stream", format_args!("{seen} rows lent, {bytes} bytes of names"));

    let start = Instant::now();
    let statement = client.prepare("select name from city where id = $1").await?;
    let mut found = 0;
    for id in 1..=100 {
        found += client.query(&statement, (id,)).await?.len();
    }
    step(start, "prepare and query", format_args!("{found} rows in 100 round trips"));

    let start = Instant::now();
    let refused = client.execute("insert into city values ($1, $2)", (1, "again")).await;
    let code = refused.err().and_then(|error| error.sqlstate());
    step(
        start,
        "an error",
        format_args!(
            "SQLSTATE {}",
            code.map_or_else(|| "none".to_owned(), |code| code.to_string())
        ),
    );

    let start = Instant::now();
    let results = client.simple_query("select 'a' as letter; select 1 as one, 2 as two").await?;
    let columns: usize = results.iter().map(|rows| rows.columns().len()).sum();
    step(start, "simple_query", format_args!("{} results, {columns} columns", results.len()));
    Ok(())
}

fn step(start: Instant, name: &str, done: impl Display) {
    let took = start.elapsed();
    println!("  {name:<18} {:>9.3} ms  {done}", took.as_secs_f64() * 1e3);
}
