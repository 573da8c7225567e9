//! Measures aiopg beside the physical limit and another driver: one row by its key, again and again.
//!
//! The figures are for people and nothing is asserted. All peers run in this one process, in short turns, on one
//! processor together with the server; the ratio to the floor is taken within each round, so that noise which
//! lasts longer than a round cancels out. Every peer is built by the same profile.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what the program is for"
)]

mod address;
mod wire;
mod floor;
mod peer;
mod options;
mod duel;
mod figures;

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use aiopg::rt::Tokio;
use aiopg::{Config, Connection};
use aiopg_tests::Server;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

use crate::figures::Figures;
use crate::options::{Cpu, Options};

type Failure = Box<dyn Error + Send + Sync>;

/// The role that every peer connects as; it needs no password.
const USER: &str = "postgres";
const DBNAME: &str = "postgres";

/// How many rows the table has.
const ROWS: i32 = 10_000;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        print!("{}", options::USAGE);
        return ExitCode::SUCCESS;
    }
    match Options::parse(std::env::args().skip(1)).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Failure> {
    // Before anything is started: what a process starts inherits its place.
    let place = pin(options.cpu)?;
    let settings = aiopg_tests::Options::default().setting("jit", "off");
    let server = Server::start(&settings.setting("shared_buffers", "128MB"))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill(&server))?;
    println!(
        "PostgreSQL {}, {} rounds of {} queries, {place}",
        server.version(),
        options.rounds,
        options.batch
    );
    let figures = duels(&runtime, &server, options)?;
    print!("{}", figures::table(&figures));
    if let Some(path) = &options.json {
        let mut lines = String::new();
        figures.iter().try_for_each(|figures| writeln!(lines, "{}", figures.json()))?;
        std::fs::write(path, lines)?;
    }
    Ok(())
}

fn duels(runtime: &Runtime, server: &Server, options: &Options) -> Result<Vec<Figures>, Failure> {
    let mut figures = Vec::new();
    for transport in &options.transports {
        let lanes = duel::run(runtime, &transport.address(server)?, options)?;
        figures.extend(Figures::of(&lanes, *transport));
    }
    Ok(figures)
}

/// Makes the table that the statement reads.
async fn fill(server: &Server) -> Result<(), Failure> {
    let config = Config::new().host(server.host()).port(server.port()).user(USER).dbname(DBNAME);
    let mut connection = Connection::connect(Tokio::current(), config).await?;
    connection.batch_execute("create table city (id int4 primary key, name text not null)").await?;
    let insert = "insert into city select n, 'city ' || n from generate_series(1, $1) n";
    connection.execute(insert, (ROWS,)).await?;
    connection.batch_execute("vacuum analyze city").await?;
    connection.close().await?;
    Ok(())
}

/// Keeps this process on one processor, and says which.
fn pin(cpu: Cpu) -> Result<String, Failure> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu));
    let number = match cpu {
        Cpu::Any => return Ok("not pinned".to_owned()),
        Cpu::Number(number) => number,
        Cpu::Last => last.ok_or("no processor is allowed")?,
    };
    if number >= CpuSet::MAX_CPU || !allowed.is_set(number) {
        return Err(format!("processor {number} cannot be used").into());
    }
    let mut one = CpuSet::new();
    one.set(number);
    sched_setaffinity(None, &one)?;
    Ok(format!("all on processor {number}"))
}
