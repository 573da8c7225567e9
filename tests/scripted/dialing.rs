//! How several addresses are dialed, against a virtual clock: who is tried when, for how long, and who is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aiopg::{Config, Connection, Error, Kind, LoadBalanceHosts, Runtime, SslMode};
use aiopg_sim::{FaultPlan, Faults, Sim, SimRuntime, SimStream};
use aiopg_tests::script::{Auth, Event, FakeServer};
use futures::AsyncReadExt;

use crate::converse::config;
use crate::distant::Distant;

/// After so long, the next address is dialed beside the first.
const DELAY: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(2);
/// What polls and the network of a world with faults add to a time.
const MARGIN: Duration = Duration::from_millis(60);

/// A world without chance, in which polls are all that takes time: a microsecond each.
pub(crate) fn calm() -> Sim {
    Sim::new(1).with_faults(Faults::none())
}

/// A world for each seed.
fn worlds(count: u64) -> impl Iterator<Item = Sim> {
    (0..count).map(Sim::new)
}

pub(crate) fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 5432))
}

fn address_v6(last: u16) -> SocketAddr {
    SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, last], 5432))
}

/// Serves each connection at an address, in a task of its own.
pub(crate) fn serve_by<F>(
    sim: &Sim,
    address: SocketAddr,
    serve: impl Fn(SimStream) -> F + Send + Sync + 'static,
) where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (runtime, listener) = (sim.runtime(), sim.listen_tcp(address));
    sim.spawn(async move {
        loop {
            let served = serve(listener.accept().await);
            runtime.spawn(async move { drop(served.await) });
        }
    });
}

/// A tiny server at this address.
pub(crate) fn serve_at(sim: &Sim, address: SocketAddr) -> FakeServer {
    let server = FakeServer::new().auth(Auth::Scram);
    let clone = server.clone();
    serve_by(sim, address, move |stream| {
        let server = clone.clone();
        async move { server.serve(stream).await }
    });
    server
}

/// Accepts every connection and says nothing.
fn stay_silent_at(sim: &Sim, address: SocketAddr) {
    serve_by(sim, address, |mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await?;
        Ok(())
    });
}

pub(crate) fn hang_at(sim: &Sim, address: SocketAddr) {
    sim.on_every_connect(address, FaultPlan::new().hang());
}

pub(crate) fn name(sim: &Sim, name: &str, addresses: &[SocketAddr]) {
    sim.name(name, addresses.iter().map(|address| -> IpAddr { address.ip() }));
}

pub(crate) fn hosts(hosts: &str) -> Config {
    config().host(hosts).sslmode(SslMode::Disable)
}

pub(crate) fn sessions(server: &FakeServer) -> usize {
    server.count(|event| matches!(event, Event::Opened(_)))
}

/// Connects, and tells how long that took.
pub(crate) fn timed(
    sim: &Sim,
    config: &Config,
) -> (Result<Connection<SimRuntime>, Error>, Duration) {
    timed_on(sim, sim.runtime(), config)
}

fn timed_on<R: Runtime>(
    sim: &Sim,
    runtime: R,
    config: &Config,
) -> (Result<Connection<R>, Error>, Duration) {
    let start = sim.elapsed();
    let connected = sim.block_on(Connection::connect_on(runtime, config));
    (connected, sim.elapsed().saturating_sub(start))
}

#[track_caller]
pub(crate) fn assert_took(took: Duration, expected: Duration) {
    let upper = expected + Duration::from_millis(1);
    assert!((expected..upper).contains(&took), "it took {took:?} instead of {expected:?}");
}

/// Lets everything happen that is on its way.
pub(crate) fn settle(sim: &Sim) {
    let runtime = sim.runtime();
    sim.block_on(runtime.sleep_until(runtime.now() + Duration::from_secs(10)));
}

fn tried(error: &Error) -> Vec<String> {
    error.attempts().iter().map(|attempt| attempt.host().to_owned()).collect()
}

#[test]
fn an_address_that_hangs_costs_a_quarter_of_a_second() {
    for hanging in 0..4_u8 {
        let sim = calm();
        let addresses: Vec<_> = (0..=hanging).map(address).collect();
        name(&sim, "db", &addresses);
        (0..hanging).for_each(|last| hang_at(&sim, address(last)));
        let server = serve_at(&sim, address(hanging));
        let (connected, took) = timed(&sim, &hosts("db").connect_timeout(LIMIT));
        assert_took(took, DELAY * u32::from(hanging));
        assert_eq!(sessions(&server), 1);
        let connection = connected.unwrap();
        settle(&sim);
        assert_eq!(sim.open_connections(), 1, "those that hang were given up");
        drop(connection);
        settle(&sim);
        assert_eq!(sim.open_connections(), 0);
    }
}

#[test]
fn an_address_that_hangs_costs_no_more_on_a_bad_network() {
    for sim in worlds(100) {
        name(&sim, "db", &[address(1), address(2)]);
        hang_at(&sim, address(1));
        serve_at(&sim, address(2));
        let (connected, took) = timed(&sim, &hosts("db"));
        assert!(connected.is_ok());
        assert!((DELAY..DELAY + MARGIN).contains(&took), "{took:?}");
    }
}

#[test]
fn the_next_is_dialed_at_once_after_a_refusal_even_beside_one_that_hangs() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2), address(3), address(4)]);
    hang_at(&sim, address(1));
    let server = serve_at(&sim, address(4));
    let (connected, took) = timed(&sim, &hosts("db"));
    assert!(connected.is_ok());
    assert_took(took, DELAY);
    assert_eq!(sessions(&server), 1);
}

#[test]
fn the_families_take_turns() {
    let sim = calm();
    let addresses = [address_v6(1), address_v6(2), address_v6(3), address(1)];
    name(&sim, "db", &addresses);
    (1..=3).for_each(|last| hang_at(&sim, address_v6(last)));
    let server = serve_at(&sim, address(1));
    let (connected, took) = timed(&sim, &hosts("db"));
    assert!(connected.is_ok());
    assert_took(took, DELAY);
    assert_eq!(sessions(&server), 1);

    let sim = calm();
    name(&sim, "db", &addresses);
    let (refused, _) = timed(&sim, &hosts("db"));
    let order = [address_v6(1), address(1), address_v6(2), address_v6(3)];
    let order = order.map(|address| format!("\"db\" ({address})"));
    assert_eq!(tried(&refused.unwrap_err()), order);
}

#[test]
fn when_all_refuse_it_fails_at_once_and_names_every_address() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2), address(3)]);
    let (refused, took) = timed(&sim, &hosts("db,10.0.0.9").connect_timeout(LIMIT));
    assert_took(took, Duration::ZERO);
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert_eq!(
        tried(&error),
        [
            "\"db\" (10.0.0.1:5432)",
            "\"db\" (10.0.0.2:5432)",
            "\"db\" (10.0.0.3:5432)",
            "\"10.0.0.9\" (10.0.0.9:5432)"
        ]
    );
    assert_eq!(sim.open_connections(), 0);
    assert_eq!(error.to_string().matches("connection refused").count(), 4, "{error}");
}

#[test]
fn every_address_of_a_name_is_tried() {
    for sim in worlds(50) {
        name(&sim, "db", &[address(1), address(2), address(3)]);
        let server = serve_at(&sim, address(3));
        let (connected, _) = timed(&sim, &hosts("db"));
        assert!(connected.is_ok() && sessions(&server) == 1);
    }
}

#[test]
fn after_a_name_that_nobody_knows_comes_the_next() {
    for sim in worlds(50) {
        name(&sim, "db", &[address(1)]);
        let server = serve_at(&sim, address(1));
        let (connected, _) = timed(&sim, &hosts("nowhere,db"));
        assert!(connected.is_ok() && sessions(&server) == 1);

        let (unknown, _) = timed(&sim, &hosts("nowhere,nobody"));
        let error = unknown.unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert_eq!(tried(&error), ["\"nowhere\", port 5432", "\"nobody\", port 5432"]);
        assert!(error.to_string().contains("could not look up the name"), "{error}");
    }
}

#[test]
fn an_address_that_is_given_is_not_looked_up() {
    let sim = calm();
    sim.silence_name("db");
    let server = serve_at(&sim, address(2));
    let config = hosts("db,db").hostaddr("10.0.0.1,10.0.0.2").port(5432);
    let (connected, took) = timed(&sim, &config);
    assert!(connected.is_ok() && sessions(&server) == 1);
    assert_took(took, Duration::ZERO);
}

#[test]
fn every_host_has_its_port_and_every_address_of_a_name_the_port_of_the_name() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2)]);
    let text = "host=db,10.0.0.3,10.0.0.4 port=5433,,5435 user=ada sslmode=disable";
    let (refused, _) = timed(&sim, &text.parse().unwrap());
    assert_eq!(
        tried(&refused.unwrap_err()),
        [
            "\"db\" (10.0.0.1:5433)",
            "\"db\" (10.0.0.2:5433)",
            "\"10.0.0.3\" (10.0.0.3:5432)",
            "\"10.0.0.4\" (10.0.0.4:5435)"
        ]
    );
}

/// The first and the second address are on the way at the same time, and either may win.
#[test]
fn the_sockets_of_those_that_lose_are_closed() {
    let mut winners = BTreeSet::new();
    for seed in 0..100 {
        let latency = Duration::from_millis(100)..=Duration::from_millis(900);
        let sim = Sim::new(seed).with_faults(Faults::none().latency(latency));
        name(&sim, "db", &[address(1), address(2), address(3)]);
        let servers = [1, 2, 3].map(|last| serve_at(&sim, address(last)));
        let (connected, _) = timed(&sim, &hosts("db"));
        let mut connection = connected.unwrap();
        settle(&sim);
        assert_eq!(sim.open_connections(), 1, "one session is all there is");
        let sessions = servers.each_ref().map(sessions);
        assert_eq!(sessions.iter().sum::<usize>(), 1);
        winners.insert(sessions);
        sim.block_on(connection.close()).unwrap();
        settle(&sim);
        assert_eq!(sim.open_connections(), 0);
    }
    assert!(winners.len() > 1, "chance decides: {winners:?}");
}

/// It answers slowly, and by then somebody is there who accepts and says nothing more.
#[test]
fn an_address_that_stands_by_while_another_is_tried_has_its_time_afterwards() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2)]);
    let server = serve_at(&sim, address(1));
    stay_silent_at(&sim, address(2));
    let runtime = Distant::new(sim.runtime(), address(1), DELAY * 2);
    let (connected, took) = timed_on(&sim, runtime, &hosts("db").connect_timeout(LIMIT));
    assert!(connected.is_ok(), "{connected:?}");
    assert_took(took, DELAY + LIMIT);
    assert_eq!(sessions(&server), 1);
    drop(connected);
}

#[test]
fn connect_timeout_is_for_each_address_and_addresses_overlap() {
    let sim = calm();
    name(&sim, "db", &[address(1), address(2), address(3)]);
    (1..=3).for_each(|last| hang_at(&sim, address(last)));
    let (late, took) = timed(&sim, &hosts("db").connect_timeout(LIMIT));
    assert_took(took, LIMIT + DELAY * 2);
    let error = late.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Timeout, 3), "{error}");
    assert!(error.to_string().contains("connect_timeout, 2s"), "{error}");
    assert_eq!(sim.open_connections(), 0);

    // Hosts do not overlap.
    let (late, took) = timed(&sim, &hosts("10.0.0.1,10.0.0.2").connect_timeout(LIMIT));
    assert_took(took, LIMIT * 2);
    assert_eq!(late.unwrap_err().attempts().len(), 2);

    // Parts of a second count.
    let short = Duration::from_millis(30);
    let (_, took) = timed(&sim, &hosts("10.0.0.1").connect_timeout(short));
    assert_took(took, short);
}

#[test]
fn connect_timeout_runs_from_dialing_to_the_end_of_start_up() {
    let sim = calm();
    stay_silent_at(&sim, address(1));
    let runtime = Distant::new(sim.runtime(), address(1), LIMIT / 2);
    let (late, took) = timed_on(&sim, runtime, &hosts("10.0.0.1").connect_timeout(LIMIT));
    assert_eq!(late.unwrap_err().kind(), Kind::Timeout);
    assert_took(took, LIMIT);
}

#[test]
fn connect_deadline_covers_names_addresses_and_hosts() {
    let deadline = Duration::from_secs(5);
    let sim = calm();
    sim.silence_name("silent");
    let (late, took) = timed(&sim, &hosts("silent").connect_deadline(deadline));
    assert_took(took, deadline);
    let error = late.unwrap_err();
    assert_eq!(
        (error.kind(), tried(&error)),
        (Kind::Timeout, vec!["\"silent\", port 5432".into()])
    );

    (1..=9).for_each(|last| hang_at(&sim, address(last)));
    let config = hosts("10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4").connect_timeout(LIMIT);
    let (late, took) = timed(&sim, &config.clone().connect_deadline(deadline));
    assert_took(took, deadline);
    let error = late.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Timeout, 3), "{error}");
    assert!(error.to_string().contains("connect_deadline, 5s"), "{error}");
    let (late, took) = timed(&sim, &config.connect_deadline(None));
    assert_took(took, LIMIT * 4);
    assert_eq!(late.unwrap_err().attempts().len(), 4);

    // One that refused, and one that is still being dialed.
    name(&sim, "db", &[address(10), address(1)]);
    let (late, took) = timed(&sim, &hosts("db").connect_deadline(deadline));
    assert_took(took, deadline);
    assert_eq!(tried(&late.unwrap_err()), ["\"db\" (10.0.0.10:5432)", "\"db\", port 5432"]);
    assert_eq!(sim.open_connections(), 0);
}

#[test]
fn a_connect_timeout_of_zero_is_never() {
    let sim = calm();
    hang_at(&sim, address(1));
    let deadline = Duration::from_secs(1000);
    let patient = hosts("10.0.0.1").connect_timeout(Duration::ZERO).connect_deadline(deadline);
    assert_took(timed(&sim, &patient).1, deadline);
}

#[test]
fn at_random_each_host_and_each_address_comes_first_sometimes() {
    let mut chosen = [BTreeMap::new(), BTreeMap::new()];
    for sim in worlds(120) {
        name(&sim, "db", &[address(1), address(2), address(3)]);
        let servers = [1, 2, 3].map(|last| serve_at(&sim, address(last)));
        let lists = ["10.0.0.1,10.0.0.2,10.0.0.3", "db"];
        for (list, chosen) in lists.into_iter().zip(&mut chosen) {
            let before = servers.each_ref().map(sessions);
            let random = hosts(list).load_balance_hosts(LoadBalanceHosts::Random);
            assert!(timed(&sim, &random).0.is_ok());
            let after = servers.each_ref().map(sessions);
            let opened = (0..3).find(|&index| after[index] > before[index]).unwrap();
            *chosen.entry(opened).or_insert(0) += 1;
        }
    }
    for counts in chosen {
        assert!(counts.len() == 3 && counts.values().all(|count| *count > 20), "{counts:?}");
    }
}

#[test]
fn at_random_every_order_of_hosts_occurs_and_none_is_left_out() {
    let mut orders = BTreeSet::new();
    for sim in worlds(100) {
        let random =
            hosts("10.0.0.1,10.0.0.2,10.0.0.3").load_balance_hosts(LoadBalanceHosts::Random);
        let order = tried(&timed(&sim, &random).0.unwrap_err());
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 3);
        orders.insert(order);
    }
    assert_eq!(orders.len(), 6);
}

#[test]
fn without_load_balancing_the_first_is_chosen() {
    for sim in worlds(50) {
        let first = serve_at(&sim, address(1));
        let second = serve_at(&sim, address(2));
        let in_order = hosts("10.0.0.1,10.0.0.2").load_balance_hosts(LoadBalanceHosts::Disable);
        assert!(timed(&sim, &in_order).0.is_ok());
        assert!(timed(&sim, &hosts("10.0.0.1,10.0.0.2")).0.is_ok());
        assert_eq!((sessions(&first), sessions(&second)), (2, 0));
    }
}
