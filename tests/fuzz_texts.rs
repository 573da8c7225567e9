//! Feeds drawn statements to a server, for `ci/fuzz`: by name, by literal and read back as text, each gives the same
//! values; and no value that was meant to become a statement does.
//!
//! Usage: fuzz-texts [--seconds N] [--seed N]

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aiopg::{Connection, Error, Runtime, named};
use aiopg_smol::Smol;
use aiopg_tests::drawn::Drawn;
use aiopg_tests::session;

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut seed) = (10, RandomState::new().hash_one(0) >> 1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (name.as_str(), number) {
            ("--seconds", Some(number)) => seconds = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                writeln!(io::stderr(), "usage: fuzz-texts [--seconds N] [--seed N]")?;
                return Ok(ExitCode::from(2));
            }
        }
    }
    let (count, fault) = smol::block_on(fuzz(Duration::from_secs(seconds), seed));
    let mut out = io::stdout().lock();
    if let Some(fault) = &fault {
        writeln!(out, "{fault}")?;
    }
    writeln!(out, "seed {seed}: {count} statements, {} faults", u8::from(fault.is_some()))?;
    Ok(if fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many statements were tried, and what was wrong with the last.
async fn fuzz(limit: Duration, seed: u64) -> (u64, Option<String>) {
    let end = Instant::now() + limit;
    let mut connection = session::open(Smol::global()).await;
    let mut count = 0;
    while Instant::now() < end {
        let setting = if count % 200 < 100 { "on" } else { "off" };
        if count % 100 == 0 {
            let set = format!("set standard_conforming_strings = {setting}");
            if let Err(error) = connection.batch_execute(&set).await {
                return (count, Some(error.to_string()));
            }
        }
        let number = seed.wrapping_add(count);
        count += 1;
        let sound = Drawn::new(number, setting);
        if let Err(error) = compare(&mut connection, &sound).await {
            return (count, Some(format!("seed {number}, {setting}: {error}: {sound:?}")));
        }
        let disturbed = sound.disturbed(number);
        if is_leaky(&mut connection, &disturbed).await {
            return (count, Some(format!("seed {number}, {setting}: a value ran: {disturbed:?}")));
        }
    }
    (count, None)
}

async fn compare<R: Runtime>(connection: &mut Connection<R>, drawn: &Drawn) -> Result<(), Error> {
    let [p0, p1, p2] = &drawn.values;
    let params = named! { p0: p0, p1: p1, p2: p2 };
    let bound: Vec<String> = connection.query_scalar(&drawn.sql, &params).await?;
    let merged = connection.mogrify(&drawn.sql, &params)?;
    let results = connection.simple_query(&merged).await?;
    let written: Vec<Vec<String>> = match &results[..] {
        [rows] => rows.to_binary()?.column(0)?,
        _ => Vec::new(),
    };
    assert_eq!(bound, drawn.expected, "by name: {drawn:?}");
    assert_eq!(written, std::slice::from_ref(&drawn.expected), "by literal: {drawn:?}");
    Ok(())
}

/// Most disturbed statements are no statements any more. Those that are may do anything but this.
async fn is_leaky<R: Runtime>(connection: &mut Connection<R>, drawn: &Drawn) -> bool {
    let [p0, p1, p2] = &drawn.values;
    let Ok(merged) = connection.mogrify(&drawn.sql, named! { p0: p0, p1: p1, p2: p2 }) else {
        return false;
    };
    drop(connection.simple_query(&merged).await);
    session::ask(connection, "select to_regclass('pwned')").await != "null"
}
