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
mod alone;
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
use crate::alone::Alone;
use crate::figures::{Count, Figures};
use crate::options::{Cpu, Measure, Options};
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
    let runtime = Builder::new_current_thread().enable_all().build()?;
    if let Measure::Alone(server) = &options.measure {
        let transport = options.transports.first().copied().unwrap_or(Transport::Tcp);
        return alone::play(&runtime, &transport.parse(server)?, options);
    }
    let settings = aiopg_tests::Options::default().setting("jit", "off");
    let server = Server::start(&settings.setting("shared_buffers", "512MB"))?;
    runtime.block_on(fill(&server, &options.workloads))?;
    println!("PostgreSQL {}, {place}", server.version());
    let lines = match options.measure {
        Measure::Instructions if !alone::can_count() => {
            println!("instructions are not counted: there is no valgrind");
            return Ok(());
        }
        Measure::Instructions => instructions(&server, options)?,
        Measure::Memory => memory(&server, options)?,
        Measure::Times | Measure::Alone(_) => times(&runtime, &server, options)?,
    };
    if let Some(path) = &options.json {
        std::fs::write(path, lines)?;
    }
    Ok(())
}

/// The duels. Returns lines of JSON.
fn times(runtime: &Runtime, server: &Server, options: &Options) -> Result<String, Failure> {
    let mut lines = String::new();
    for workload in &options.workloads {
        for transport in &options.transports {
            let duel = duel::run(runtime, workload, &transport.address(server)?, options)?;
            let figures = Figures::of(&duel, workload, *transport);
            print!("{}", figures::table(&figures, workload, *transport));
            figures.iter().try_for_each(|figures| writeln!(lines, "{}", figures.json()))?;
        }
    }
    Ok(lines)
}

/// Counts the instructions for one unit of each workload. Returns lines of JSON.
fn instructions(server: &Server, options: &Options) -> Result<String, Failure> {
    println!("\nInstructions of the client, for each query or row:");
    let transport = options.transports.first().copied().unwrap_or(Transport::Tcp);
    let (address, mut lines) = (transport.address(server)?, String::new());
    for workload in &options.workloads {
        for peer in workload.peers.iter().filter(|peer| options.peers.contains(peer)) {
            let alone = Alone { workload, peer: *peer, transport, address: &address };
            let count = Count {
                peer: *peer,
                workload: workload.name,
                transport,
                what: "instructions",
                found: alone.instructions(options)?,
                most: workload.instructions.filter(|_| peer.is_ours()),
            };
            println!("{}", count.row());
            writeln!(lines, "{}", count.json())?;
        }
    }
    Ok(lines)
}

/// The peak of memory while a whole result is kept. Returns lines of JSON.
fn memory(server: &Server, options: &Options) -> Result<String, Failure> {
    println!("\nThe most memory of a process that keeps a million rows, in kB:");
    let transport = options.transports.first().copied().unwrap_or(Transport::Tcp);
    let (address, mut lines) = (transport.address(server)?, String::new());
    for workload in &options.workloads {
        let Some(memory) = workload.memory else { continue };
        for peer in workload.peers.iter().filter(|peer| options.peers.contains(peer)) {
            let alone = Alone { workload, peer: *peer, transport, address: &address };
            let count = Count {
                peer: *peer,
                workload: workload.name,
                transport,
                what: "peak_kb",
                found: f64::from(alone.peak_kb(memory.rows)?),
                most: peer.is_ours().then_some(memory.most_mb * 1_000),
            };
            println!("{}", count.row());
            writeln!(lines, "{}", count.json())?;
        }
    }
    Ok(lines)
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
