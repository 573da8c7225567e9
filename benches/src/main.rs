//! Measures aiopg beside the physical limit and other drivers, one workload after the other.
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
mod peer;
mod player;
mod wire;
mod client;
mod floor;
mod workload;
mod options;
mod duel;
mod figures;

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use aiopg::Connection;
use aiopg::rt::Tokio;
use aiopg_tests::Server;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

use crate::address::Transport;
use crate::figures::Figures;
use crate::options::{Cpu, Options};
use crate::workload::Workload;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{}", options::USAGE);
        return ExitCode::SUCCESS;
    }
    if arguments == ["--workloads", "list"] {
        for workload in workload::ALL {
            println!("{:<7} {}", workload.name, workload.title);
        }
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments.into_iter()).and_then(|options| measure(&options)) {
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
    let server = Server::start(&settings.setting("shared_buffers", "512MB"))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill(&server, &options.workloads))?;
    println!("PostgreSQL {}, {place}", server.version());
    let mut lines = String::new();
    for workload in &options.workloads {
        for transport in &options.transports {
            let figures = duel(&runtime, &server, workload, *transport, options)?;
            print!("{}", figures::table(&figures, workload, *transport));
            figures.iter().try_for_each(|figures| writeln!(lines, "{}", figures.json()))?;
        }
    }
    if let Some(path) = &options.json {
        std::fs::write(path, lines)?;
    }
    Ok(())
}

fn duel(
    runtime: &Runtime,
    server: &Server,
    workload: &Workload,
    transport: Transport,
    options: &Options,
) -> Result<Vec<Figures>, Failure> {
    let lanes = duel::run(runtime, workload, &transport.address(server)?, options)?;
    Ok(Figures::of(&lanes, workload, transport))
}

/// Makes the tables that the workloads need; those that several need, once.
async fn fill(server: &Server, workloads: &[&Workload]) -> Result<(), Failure> {
    let mut connection = Connection::connect(Tokio::current(), server.superuser_url()).await?;
    let mut made: Vec<&str> = Vec::new();
    for workload in workloads {
        if !made.contains(&workload.tables) {
            made.push(workload.tables);
            for sql in workload.tables.split(';') {
                connection.batch_execute(sql).await?;
            }
        }
    }
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
