//! Starts an example on the runtime and the server that its arguments name.
//!
//! Usage: `NAME [tokio|async-std|smol] [URL]`. Without a runtime it runs on each, one after the other; without a URL a
//! throw-away server is started.
//!
//! An example is written against [`AnyRuntime`], so that one program can show all three. A program of its own has one
//! runtime and needs nothing of this: with tokio, `#[tokio::main]` on `main`, and `Tokio::current()` for `runtime`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aiopg::Config;
use aiopg::rt::{AnyRuntime, AsyncStd, Smol, Tokio};
use aiopg_tests::Server;

const RUNTIMES: [&str; 3] = ["tokio", "async-std", "smol"];

/// Runs `lesson` as the arguments of the program say.
pub fn start<E>(lesson: impl AsyncFn(AnyRuntime, Config) -> Result<(), E>) -> ExitCode
where
    E: Into<Box<dyn Error>>,
{
    match run(&lesson) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run<E>(lesson: &impl AsyncFn(AnyRuntime, Config) -> Result<(), E>) -> Result<(), Box<dyn Error>>
where
    E: Into<Box<dyn Error>>,
{
    let (chosen, rest): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| RUNTIMES.contains(&argument.as_str()));
    // Held to the end: dropping it stops the server.
    let mut server = None;
    let config: Config = match rest.first() {
        Some(url) => url.parse()?,
        None => server
            .insert(Server::start(&aiopg_tests::Options::default())?)
            .superuser_url()
            .parse()?,
    };
    let config = config.connect_deadline(Duration::from_secs(30));
    for name in RUNTIMES {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            println!("on {name}:");
            run_on(name, lesson, config.clone())?;
        }
    }
    drop(server);
    Ok(())
}

/// Every runtime has its own way to wait for a future. Nothing else differs.
fn run_on<E>(
    name: &str,
    lesson: &impl AsyncFn(AnyRuntime, Config) -> Result<(), E>,
    config: Config,
) -> Result<(), Box<dyn Error>>
where
    E: Into<Box<dyn Error>>,
{
    let done = match name {
        "tokio" => {
            let tokio = tokio::runtime::Runtime::new()?;
            tokio.block_on(async { lesson(AnyRuntime::new(Tokio::current()), config).await })
        }
        "async-std" => async_std::task::block_on(lesson(AnyRuntime::new(AsyncStd::new()), config)),
        _ => smol::block_on(lesson(AnyRuntime::new(Smol::global()), config)),
    };
    done.map_err(Into::into)
}
