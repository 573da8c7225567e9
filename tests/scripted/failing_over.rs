//! Hosts that fail half-way through start-up, and which answers of a server send the client to the next host.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aiopg::{Connection, Kind};
use aiopg_sim::{FaultPlan, Faults, Sim, SimStream};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::script::Peer;
use aiopg_tests::script::backend::{
    authentication, authentication_ok, authentication_sasl, backend_key_data, fatal_response,
    notice_response, parameter_status,
};
use aiopg_tests::script::scram::Exchange;
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::dialing::{
    address, assert_took, calm, hang_at, hosts, name, serve_at, serve_by, sessions, settle, timed,
};

const LIMIT: Duration = Duration::from_secs(2);

/// How far a server goes before it falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Accepted,
    FirstSasl,
    SecondSasl,
    Authenticated,
}

const PHASES: [Phase; 4] =
    [Phase::Accepted, Phase::FirstSasl, Phase::SecondSasl, Phase::Authenticated];

/// Follows the protocol up to the end of a phase, and then only reads.
async fn fall_silent(mut stream: SimStream, phase: Phase) -> io::Result<()> {
    let mut exchange = Exchange::default();
    read(&mut stream, 0).await?;
    if phase >= Phase::FirstSasl {
        stream.write_all(&authentication_sasl(&["SCRAM-SHA-256"])).await?;
        let first = exchange.first(&read(&mut stream, 1).await?);
        if phase >= Phase::SecondSasl {
            stream.write_all(&authentication(11, first.as_bytes())).await?;
            let last = exchange.last(&read(&mut stream, 1).await?);
            if phase >= Phase::Authenticated {
                stream.write_all(&authentication(12, last.as_bytes())).await?;
                stream.write_all(&authentication_ok()).await?;
                stream.write_all(&parameter_status("client_encoding", "UTF8")).await?;
            }
        }
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    assert!(rest.is_empty(), "{phase:?}: the client still said {rest:?}");
    Ok(())
}

/// Reads a message with a tag of so many bytes. Nobody says good-bye to a session that is not open.
async fn read(stream: &mut SimStream, tag: usize) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    let head = &mut head[..tag + 4];
    stream.read_exact(head).await?;
    assert_ne!(head[0], b'X');
    let length = u32::from_be_bytes(head[tag..].try_into().unwrap());
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn fall_silent_at(sim: &Sim, address: SocketAddr, phase: Phase) {
    serve_by(sim, address, move |stream| fall_silent(stream, phase));
}

/// Refuses every session with this SQLSTATE.
fn refuse_at(sim: &Sim, address: SocketAddr, code: &'static str) {
    serve_by(sim, address, move |stream| async move {
        let mut peer = Peer::new(stream);
        peer.read_first().await?;
        peer.send(&[fatal_response(code, "not now")]).await
    });
}

#[test]
fn a_host_that_falls_silent_at_any_phase_is_given_up_after_connect_timeout() {
    for phase in PHASES {
        let sim = calm();
        fall_silent_at(&sim, address(1), phase);
        let server = serve_at(&sim, address(2));
        let (connected, took) = timed(&sim, &hosts("10.0.0.1,10.0.0.2").connect_timeout(LIMIT));
        assert!(connected.is_ok(), "{phase:?}: {connected:?}");
        assert_took(took, LIMIT);
        assert_eq!(sessions(&server), 1);
        settle(&sim);
        assert_eq!(sim.open_connections(), 1, "{phase:?}: the first was closed");
        drop(connected);

        let (late, took) = timed(&sim, &hosts("10.0.0.1").connect_timeout(LIMIT));
        assert_took(took, LIMIT);
        let error = late.unwrap_err();
        assert_eq!((error.kind(), error.attempts().len()), (Kind::Timeout, 1), "{phase:?}");

        let (late, took) = timed(&sim, &hosts("10.0.0.1").connect_deadline(LIMIT));
        assert_took(took, LIMIT);
        let error = late.unwrap_err();
        assert_eq!((error.kind(), error.attempts().len()), (Kind::Timeout, 1), "{phase:?}");
        assert!(error.to_string().contains("(10.0.0.1:5432): no session yet"), "{error}");
        settle(&sim);
        assert_eq!(sim.open_connections(), 0, "{phase:?}");
    }
}

#[test]
fn the_other_addresses_of_a_host_are_tried_after_one_that_falls_silent() {
    for phase in PHASES {
        let sim = calm();
        name(&sim, "db", &[address(1), address(2), address(3)]);
        fall_silent_at(&sim, address(1), phase);
        fall_silent_at(&sim, address(2), phase);
        let server = serve_at(&sim, address(3));
        let (connected, took) = timed(&sim, &hosts("db").connect_timeout(LIMIT));
        assert!(connected.is_ok(), "{phase:?}: {connected:?}");
        assert_took(took, LIMIT * 2);
        assert_eq!(sessions(&server), 1);
    }
}

/// Five addresses and two hosts do what they like, and one host is good.
#[test]
fn whatever_the_others_do_the_good_one_is_found() {
    for seed in 0..500 {
        let sim = Sim::new(seed);
        let addresses = [1, 2, 3, 4, 5].map(address);
        name(&sim, "db", &addresses);
        for (turn, address) in (0..).zip(addresses.into_iter().chain([address(6), address(7)])) {
            // Each digit of the seed is what one of them does.
            let digit = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (8 * turn);
            match digit % 8 {
                0 => hang_at(&sim, address),
                1 => refuse_at(&sim, address, "57P03"),
                2 => fall_silent_at(&sim, address, PHASES[usize::try_from(digit / 8 % 4).unwrap()]),
                3 | 4 => {
                    serve_at(&sim, address);
                    let plan = FaultPlan::new().reset_after_received(digit / 8 % 32);
                    sim.on_every_connect(address, plan);
                }
                5 => {
                    serve_at(&sim, address);
                    let plan = FaultPlan::new().black_hole_after_sent(digit / 8 % 32);
                    sim.on_every_connect(address, plan);
                }
                _ => {}
            }
        }
        let server = serve_at(&sim, address(8));
        let list = "10.0.0.6,db,nowhere,10.0.0.8,10.0.0.7";
        let (connected, took) = timed(&sim, &hosts(list).connect_timeout(LIMIT));
        assert!(connected.is_ok(), "seed {seed}: {connected:?}");
        assert_eq!(sessions(&server), 1, "seed {seed}");
        // One by one at worst, for those that accept.
        assert!(took < LIMIT * 7, "seed {seed}: {took:?}");
        drop(connected);
        settle(&sim);
        assert!(sim.open_connections() <= 7, "seed {seed}: what vanished is not told");
    }
}

/// The first host is cut after so many bytes; when it no longer is, the second has nothing to do.
fn cut_at_every_byte(expected: Duration, plan: impl Fn(u64) -> FaultPlan) {
    for bytes in 0.. {
        let sim = calm();
        serve_at(&sim, address(1));
        sim.on_every_connect(address(1), plan(bytes));
        let server = serve_at(&sim, address(2));
        let (connected, took) = timed(&sim, &hosts("10.0.0.1,10.0.0.2").connect_timeout(LIMIT));
        assert!(connected.is_ok(), "{bytes} bytes: {connected:?}");
        if sessions(&server) == 0 {
            assert!(bytes > 100, "a start-up of {bytes} bytes");
            return;
        }
        assert_took(took, expected);
        drop(connected);
        settle(&sim);
        // Where nothing passes any more, the server cannot learn that it was left.
        assert!(sim.open_connections() <= 1);
    }
}

#[test]
fn a_host_that_is_cut_off_at_any_byte_of_start_up_is_passed_over_at_once() {
    cut_at_every_byte(Duration::ZERO, |bytes| FaultPlan::new().reset_after_received(bytes));
    cut_at_every_byte(Duration::ZERO, |bytes| FaultPlan::new().reset_after_sent(bytes));
}

#[test]
fn a_host_that_vanishes_at_any_byte_of_start_up_costs_connect_timeout() {
    cut_at_every_byte(LIMIT, |bytes| FaultPlan::new().black_hole_after_received(bytes));
    cut_at_every_byte(LIMIT, |bytes| FaultPlan::new().black_hole_after_sent(bytes));
}

#[test]
fn a_server_that_cannot_take_sessions_now_sends_the_client_to_the_next() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2)]);
    refuse_at(&sim, address(1), "57P03");
    let server = serve_at(&sim, address(2));
    for list in ["10.0.0.1,10.0.0.2", "db"] {
        let (connected, took) = timed(&sim, &hosts(list));
        assert!(connected.is_ok(), "{connected:?}");
        assert_took(took, Duration::ZERO);
    }
    assert_eq!(sessions(&server), 2);

    let (refused, _) = timed(&sim, &hosts("10.0.0.1,10.0.0.1"));
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Server, 2), "{error}");
    for attempt in error.attempts() {
        assert_eq!(attempt.error().sqlstate().unwrap().code(), "57P03");
    }
}

#[test]
fn any_other_refusal_of_a_server_counts_for_all_hosts() {
    for code in ["28P01", "28000", "3D000", "42501", "53300"] {
        let sim = calm();
        refuse_at(&sim, address(2), code);
        let server = serve_at(&sim, address(3));
        let (refused, took) = timed(&sim, &hosts("10.0.0.1,10.0.0.2,10.0.0.3"));
        let error = refused.unwrap_err();
        assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (Kind::Server, code));
        assert_took(took, Duration::ZERO);
        assert_eq!(sessions(&server), 0, "{code}");
        let [before, last] = error.attempts() else { panic!("{error}") };
        assert!(before.host().contains("10.0.0.1") && last.host().contains("10.0.0.2"), "{error}");
        assert_eq!(last.error().sqlstate(), error.sqlstate());

        let (refused, _) = timed(&sim, &hosts("10.0.0.2,10.0.0.3"));
        assert!(refused.unwrap_err().attempts().is_empty(), "there is nothing more to tell");
    }
}

#[test]
fn nothing_that_a_host_said_before_it_failed_is_kept() {
    let sim = calm();
    serve_by(&sim, address(1), |stream| async move {
        let mut peer = Peer::new(stream);
        peer.read_first().await?;
        peer.send(&[authentication(3, b"")]).await?;
        peer.read().await?;
        let messages = [
            authentication_ok(),
            parameter_status("only_here", "on"),
            parameter_status("server_version", "9.6"),
            backend_key_data(99, b"long secret key"),
            notice_response("welcome"),
            fatal_response("57P03", "the database system is shutting down"),
        ];
        peer.send(&messages).await
    });
    serve_at(&sim, address(2));
    let (connected, _) = timed(&sim, &hosts("10.0.0.1,10.0.0.2"));
    let mut connection = connected.unwrap();
    assert_eq!(connection.parameter("only_here"), None);
    assert_eq!(connection.parameter("server_version"), Some("18.4"));
    assert_eq!(connection.process_id(), Some(1));
    assert_eq!(connection.notices().len(), 0);
    let answer = sim.block_on(connection.query_scalar::<i64>("answer 5", ())).unwrap();
    assert_eq!(answer, 5);
}

/// A name with one address that refuses, one that hangs and one that falls silent; then a host that answers.
#[test]
fn a_connect_dropped_at_any_poll_leaves_nothing_behind() {
    let hosts = hosts("db,10.0.0.4").connect_timeout(LIMIT);
    for (seed, phase) in (0..).zip(PHASES.into_iter().cycle().take(12)) {
        let mut connected = false;
        for polls in 0..5000 {
            let faults = if seed < 4 { Faults::none() } else { Faults::default() };
            let sim = Sim::new(seed).with_faults(faults);
            name(&sim, "db", &[address(1), address(2), address(3)]);
            hang_at(&sim, address(2));
            fall_silent_at(&sim, address(3), phase);
            serve_at(&sim, address(4));
            settle(&sim);
            let listening = sim.open_tasks();
            let connect = Connection::connect_on(sim.runtime(), &hosts);
            let outcome = sim.block_on(PollLimit::new(connect, polls));
            connected = outcome.is_some_and(|outcome| outcome.is_ok());
            settle(&sim);
            assert_eq!(sim.open_connections(), 0, "seed {seed}, {polls} polls");
            assert_eq!(sim.open_tasks(), listening, "seed {seed}, {polls} polls");
            if connected {
                break;
            }
        }
        assert!(connected, "seed {seed}");
    }
}
