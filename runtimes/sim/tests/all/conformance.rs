//! The suite that every runtime passes, over many seeds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiopg_runtime::conformance::{Peers, checks, refuses_to_spawn};
use aiopg_runtime::{AnyRuntime, Runtime};
use aiopg_sim::{Faults, Sim, SimListener, SimRuntime};
use futures_util::AsyncReadExt;

use crate::support::{address, echo};

const SEEDS: u64 = 50;
const SOCKET: &str = "/run/echo";

/// Reads and discards, and counts the connections whose client is still there.
async fn discard(runtime: SimRuntime, listener: SimListener, open: Arc<AtomicUsize>) {
    loop {
        let mut stream = listener.accept().await;
        let open = Arc::clone(&open);
        open.fetch_add(1, Ordering::Relaxed);
        runtime.spawn(async move {
            while let Ok(1..) = stream.read(&mut [0; 64]).await {}
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn peers(sim: &Sim) -> Peers {
    let (refused, silent) = (([10, 0, 0, 2], 1).into(), ([10, 0, 0, 3], 1).into());
    let open = Arc::new(AtomicUsize::new(0));
    sim.spawn(echo(sim.runtime(), sim.listen_tcp(address())));
    sim.spawn(echo(sim.runtime(), sim.listen_unix(SOCKET)));
    sim.spawn(discard(sim.runtime(), sim.listen_tcp(silent), Arc::clone(&open)));
    let mut peers = Peers::new(address(), refused, silent);
    peers.unix_echo = Some(Path::new(SOCKET).to_owned());
    peers.open_connections = Some(Arc::new(move || open.load(Ordering::Relaxed)));
    peers
}

fn run<R: Runtime>(faults: &Faults, seed: u64, as_wanted: fn(SimRuntime) -> R) {
    for check in checks::<R>() {
        let sim = Sim::new(seed).with_faults(faults.clone());
        let peers = peers(&sim);
        let runtime = as_wanted(sim.runtime());
        println!("seed {seed}: {}", check.name());
        sim.block_on(check.run(&runtime, &peers));
    }
}

#[test]
fn the_runtime_conforms_on_50_seeds() {
    for seed in 0..SEEDS {
        run(&Faults::default(), seed, |runtime| runtime);
    }
}

#[test]
fn the_erased_runtime_conforms_on_50_seeds() {
    for seed in 0..SEEDS {
        run::<AnyRuntime>(&Faults::default(), seed, SimRuntime::erase);
    }
}

#[test]
fn the_runtime_conforms_without_faults_and_with_many() {
    run(&Faults::none(), 1, |runtime| runtime);
    let many = Faults::default().short_reads(90).short_writes(90).spurious_pending(50);
    run(&many, 1, |runtime| runtime);
}

#[test]
fn a_simulation_that_is_gone_refuses_to_spawn() {
    let runtime = Sim::new(1).runtime();
    refuses_to_spawn(&runtime);
}
