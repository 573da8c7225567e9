//! Every dialogue in the simulation: short reads and writes, needless waits, small windows, cuts, over many seeds.

use std::time::Duration;

use aiopg::{Config, Connection, Kind, OnDrop, Runtime};
use aiopg_sim::{FaultPlan, Faults, Sim};
use aiopg_tests::script::Peer;
use futures::future::join;

use crate::cases::Case;
use crate::converse::{address, assert_closed};

/// Seeds for each dialogue.
const SEEDS: u64 = 20;

/// What goes wrong by chance, from nothing to nearly everything.
fn faults(seed: u64) -> Faults {
    match seed % 4 {
        0 => Faults::none(),
        1 => Faults::default(),
        2 => Faults::default().short_reads(90).short_writes(90).spurious_pending(50),
        _ => Faults::default().window(3),
    }
}

/// No cancel requests: a dialogue has one connection.
fn config(case: Case) -> Config {
    case.config().host("10.0.0.1").on_drop(OnDrop::Wait)
}

/// Has a dialogue in a world of its own.
fn converse(seed: u64, case: Case, noisy: bool) {
    let sim = Sim::new(seed).with_faults(faults(seed));
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    let server = async {
        let stream = listener.accept().await;
        case.dialogue().play(Peer::new(stream).noisy(noisy)).await.unwrap();
    };
    let client = async {
        let config = config(case);
        let mut connection = Connection::connect_on(runtime, config).await.unwrap();
        case.act(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    sim.block_on(join(client, server));
    assert_eq!(sim.timers_fired(), 0, "{case:?}, seed {seed}: a timeout had to help");
    if seed % 4 < 3 {
        // At most eight round trips, each of 4 ms, and the polls.
        let limit = Duration::from_millis(32) + Duration::from_micros(sim.polls());
        assert!(sim.elapsed() <= limit, "{case:?}, seed {seed}: {:?} > {limit:?}", sim.elapsed());
    }
}

#[test]
fn every_dialogue_goes_as_written_under_every_seed() {
    for case in Case::ALL {
        for seed in 0..SEEDS {
            converse(seed, case, seed % 3 == 2);
        }
    }
}

/// One dialogue under a plan: an error if it could not be finished, and then the session is closed.
fn cut(seed: u64, case: Case, plan: FaultPlan) -> bool {
    let sim = Sim::new(seed);
    let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
    sim.on_connect(address(), plan);
    sim.spawn(async move {
        let stream = listener.accept().await;
        drop(case.dialogue().play(Peer::new(stream)).await);
    });
    let failed = sim.block_on(async {
        let limit = Duration::from_secs(60);
        let config = config(case).connect_timeout(limit);
        let mut connection = match Connection::connect_on(runtime.clone(), config).await {
            Ok(connection) => connection,
            Err(error) => {
                assert!(matches!(error.kind(), Kind::Io | Kind::Timeout), "{error:?}");
                return true;
            }
        };
        match runtime.timeout(limit, case.act(&mut connection)).await {
            Ok(Ok(())) => false,
            Ok(Err(error)) => {
                assert!(matches!(error.kind(), Kind::Io | Kind::Closed), "{error:?}");
                assert_closed(&connection.query("later", ()).await.unwrap_err());
                true
            }
            Err(_) => true,
        }
    });
    assert!(sim.timers_fired() <= 1);
    failed
}

#[test]
fn a_dialogue_that_is_reset_or_swallowed_ends_in_an_error_or_a_timeout() {
    for (index, case) in Case::ALL.into_iter().enumerate() {
        let mut failed = 0;
        for bytes in 0..120 {
            let seed = u64::try_from(index).unwrap() * 1000 + bytes;
            let plans = [
                FaultPlan::new().reset_after_sent(bytes),
                FaultPlan::new().reset_after_received(bytes),
                FaultPlan::new().black_hole_after_sent(bytes),
                FaultPlan::new().black_hole_after_received(bytes),
            ];
            let [plan] = &plans[usize::try_from(bytes % 4).unwrap()..][..1] else { return };
            failed += usize::from(cut(seed, case, plan.clone()));
        }
        assert!(failed > 40, "{case:?}: only {failed} cuts were noticed");
    }
}

#[test]
fn the_same_seed_has_the_same_trace() {
    let trace = |seed, case: Case| {
        let sim = Sim::new(seed);
        let (listener, runtime) = (sim.listen_tcp(address()), sim.runtime());
        let server = async {
            case.dialogue().play(Peer::new(listener.accept().await)).await.unwrap();
        };
        let client = async {
            let config = config(case);
            let mut connection = Connection::connect_on(runtime, config).await.unwrap();
            case.act(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        };
        sim.block_on(join(client, server));
        sim.trace()
    };
    for case in Case::ALL {
        assert_eq!(trace(7, case), trace(7, case), "{case:?}");
    }
}
