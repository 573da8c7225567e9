//! A connect over TLS that is dropped anywhere leaves nothing behind.

use aiopg::{ChannelBinding, Connection, Error, Runtime, SslMode};
use aiopg_tests::cancel::{Outcome, at_every_poll};
use aiopg_tests::on_every_runtime;
use aiopg_tests::relay::{Leg, Plan, Relay};
use aiopg_tests::session::{address_of, ask, open_with, wait_until};

use crate::place::{Place, is_encrypted, plain_config};

async fn a_connect_over_tls_that_is_dropped_closes_its_socket<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let place = Place::shared();
    let name = place.server.fresh_schema();
    let (relay, config) = place.relayed(
        place
            .config("scramuser")
            .password("secret")
            .channel_binding(ChannelBinding::Require)
            .application_name(name.as_str()),
    );
    let plain = plain_config(&place.server, "postgres").sslmode(SslMode::Disable);
    let mut observer = open_with(rt.clone(), &plain).await;
    let polls = at_every_poll(
        async || (),
        async |()| Connection::connect_on(rt.clone(), &config).await,
        async |(), outcome| match outcome {
            Outcome::DroppedAfter(_) => relay.wait_until(|traffic| traffic.open == 0),
            Outcome::Completed(connected) => {
                let mut connection = connected.unwrap();
                assert!(is_encrypted(&mut connection).await);
                assert_eq!(ask(&mut connection, "select 1").await, "1");
            }
        },
    )
    .await;
    assert!(polls > 4, "TLS and SCRAM wait often");
    let gone = "select not exists (select from pg_stat_activity where application_name = $1)";
    wait_until(&mut observer, gone, (name.as_str(),)).await;
    relay.wait_until(|traffic| traffic.open == 0);
    drop(Connection::connect_on(rt, &config).await?);
    Ok(())
}

async fn a_connect_over_tls_that_is_cut_anywhere_is_an_error<R: Runtime>(rt: R) {
    let place = Place::shared();
    // What the server says up to the first ReadyForQuery takes some 2,000 bytes, most of them its certificate.
    for bytes in (0..1200).step_by(97) {
        for leg in [Leg::default().cut_after(bytes), Leg::default().reset_after(bytes)] {
            let address = address_of(&place.server);
            let relay = Relay::start(address, Plan::default().from_server(leg)).unwrap();
            let config = place.config("scramuser").password("secret").port(relay.address().port());
            let connected = Connection::connect_on(rt.clone(), &config).await;
            let error = connected.map(drop).unwrap_err();
            let kinds = [aiopg::Kind::Io, aiopg::Kind::Tls];
            assert!(kinds.contains(&error.kind()), "after {bytes} bytes: {error}");
        }
    }
}

async fn a_connect_over_tls_works_byte_by_byte<R: Runtime>(rt: R) {
    let place = Place::shared();
    let narrow = Plan::default().from_server(Leg::default().chunk(1));
    let narrow = narrow.from_client(Leg::default().chunk(7));
    let relay = Relay::start(address_of(&place.server), narrow).unwrap();
    let config = place.config("scramuser").password("secret").port(relay.address().port());
    let mut connection = open_with(rt, &config).await;
    assert_eq!(ask(&mut connection, "select repeat('x', 1000)").await.len(), 1000);
}

on_every_runtime!(
    a_connect_over_tls_that_is_dropped_closes_its_socket,
    a_connect_over_tls_that_is_cut_anywhere_is_an_error,
    a_connect_over_tls_works_byte_by_byte,
);
