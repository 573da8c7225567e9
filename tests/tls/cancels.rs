//! Cancel requests: they go the way that the session went, with its key, and never hit the next statement.

use std::io::{SeekFrom, Write};

use aiopg::{
    Config, Connection, Error, Kind, LargeObjectMode, ProtocolVersion, Runtime, SqlState, SslMode,
};
use aiopg_tests::cancel::{Outcome, PollLimit, at_every_poll_of_one};
use aiopg_tests::on_every_runtime;
use aiopg_tests::relay::Traffic;
use aiopg_tests::script::backend::negotiate_protocol_version;
use aiopg_tests::session::{ask, open_with, wait_until_held_up};
use futures::future::join;
use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::listener::{Listener, SSL_REQUEST, read_rest, read_startup};
use crate::place::{Place, is_encrypted, plain_config, story};

/// What a cancel request begins with, after its length.
const CANCEL_CODE: [u8; 4] = [4, 210, 22, 46];

async fn observer<R: Runtime>(rt: &R) -> Connection<R> {
    let config = plain_config(&Place::shared().server, "postgres").sslmode(SslMode::Disable);
    open_with(rt.clone(), &config).await
}

/// Cancels a statement that would take for ever, and goes on with the session.
async fn cancel_a_statement<R: Runtime>(rt: &R, connection: &mut Connection<R>) {
    let mut observer = observer(rt).await;
    let token = connection.cancel_token().unwrap();
    let process_id = connection.process_id().unwrap();
    let sleep = connection.execute("select pg_sleep(600)", ());
    let cancel = async {
        wait_until_held_up(&mut observer, process_id, "select pg_sleep").await;
        token.cancel().await
    };
    let (slept, cancelled) = join(sleep, cancel).await;
    cancelled.unwrap();
    assert_eq!(slept.unwrap_err().sqlstate(), Some(SqlState::QUERY_CANCELED));
    assert_eq!(ask(connection, "select 'next'").await, "next");
}

fn count(traffic: &Traffic, bytes: &[u8]) -> usize {
    traffic.from_client.windows(bytes.len()).filter(|part| *part == bytes).count()
}

async fn a_cancel_request_goes_inside_tls_where_the_session_does<R: Runtime>(rt: R) {
    let place = Place::shared();
    for (mode, encrypted) in [(SslMode::VerifyFull, true), (SslMode::Disable, false)] {
        let (relay, config) = place.relayed(place.config("testuser").sslmode(mode));
        let mut connection = open_with(rt.clone(), &config).await;
        assert_eq!(is_encrypted(&mut connection).await, encrypted);
        cancel_a_statement(&rt, &mut connection).await;
        relay.wait_until(|traffic| traffic.open == 1);
        let traffic = relay.traffic();
        assert_eq!(traffic.connections, 2);
        assert_eq!(count(&traffic, &SSL_REQUEST), if encrypted { 2 } else { 0 });
        assert_eq!(count(&traffic, &CANCEL_CODE), usize::from(!encrypted));
    }
}

async fn a_cancel_request_goes_over_the_socket_of_the_session<R: Runtime>(rt: R) {
    let server = &Place::shared().server;
    let config =
        plain_config(server, "postgres").host(server.socket_dir().unwrap().to_str().unwrap());
    let mut connection = open_with(rt.clone(), &config).await;
    assert_eq!(ask(&mut connection, "select inet_client_addr() is null").await, "t");
    cancel_a_statement(&rt, &mut connection).await;
}

async fn a_cancel_request_goes_direct_where_the_session_does<R: Runtime>(rt: R) {
    let place = Place::shared();
    if place.server.version() < 17 {
        return;
    }
    let direct = place.config("testuser").sslnegotiation(aiopg::SslNegotiation::Direct);
    let (relay, config) = place.relayed(direct);
    let mut connection = open_with(rt.clone(), &config).await;
    cancel_a_statement(&rt, &mut connection).await;
    relay.wait_until(|traffic| traffic.open == 1);
    let traffic = relay.traffic();
    assert_eq!((traffic.connections, count(&traffic, &SSL_REQUEST)), (2, 0));
}

async fn a_cancel_request_that_is_dropped_never_hits_the_next_statement<R: Runtime>(rt: R) {
    let place = Place::shared();
    let (relay, config) = place.relayed(place.config("testuser"));
    let mut connection = open_with(rt, &config).await;
    let polls = at_every_poll_of_one(
        &mut connection,
        async |connection| connection.cancel_token().unwrap().cancel().await,
        async |connection, outcome| {
            // It is answered, not cancelled, and the request has come to its end before.
            assert_eq!(
                ask(connection, "select count(*) from pg_class where oid > 0").await.len(),
                3
            );
            relay.wait_until(|traffic| traffic.open == 1);
            if let Outcome::Completed(cancelled) = outcome {
                cancelled.unwrap();
            }
        },
    )
    .await;
    assert!(polls > 1, "a cancel request waits for the server");
}

async fn a_cancel_request_that_is_dropped_never_hits_a_large_object<R: Runtime>(rt: R) {
    let place = Place::shared();
    let (relay, config) = place.relayed(place.config("testuser"));
    let mut connection = open_with(rt, &config).await;
    let token = connection.cancel_token().unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let mut objects = transaction.large_objects();
    let oid = objects.create().await.unwrap();
    let mut object = objects.open(oid, LargeObjectMode::ReadWrite).await.unwrap();
    object.write_all(b"bytes").await.unwrap();
    let mut polls = 1;
    while PollLimit::new(token.cancel(), polls).await.is_none() {
        object.seek(SeekFrom::Start(0)).await.unwrap();
        let mut bytes = [0; 5];
        object.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"bytes");
        // It was answered, not cancelled, and the request had come to its end before.
        relay.wait_until(|traffic| traffic.open == 1);
        polls += 1;
    }
    assert!(polls > 1, "a cancel request waits for the server");
    drop(object);
    transaction.rollback().await.unwrap();
}

async fn the_newest_protocol_has_a_long_key<R: Runtime>(rt: R) {
    let place = Place::shared();
    let knows = place.server.version() >= 18;
    let plain = place.config("testuser").sslmode(SslMode::Disable);
    for (version, length) in [
        (ProtocolVersion::V3_0, 16),
        // Older servers negotiate it down.
        (ProtocolVersion::V3_2, if knows { 44 } else { 16 }),
    ] {
        let (relay, config) = place.relayed(plain.clone().max_protocol_version(version));
        let mut connection = open_with(rt.clone(), &config).await;
        cancel_a_statement(&rt, &mut connection).await;
        let head = [&[0, 0, 0, length][..], &CANCEL_CODE].concat();
        relay.wait_until(|traffic| traffic.open == 1);
        assert_eq!(count(&relay.traffic(), &head), 1, "{version}");
    }
    let required = |config: Config| {
        config
            .max_protocol_version(ProtocolVersion::V3_2)
            .min_protocol_version(ProtocolVersion::V3_2)
    };
    let connected = Connection::connect_on(rt.clone(), required(plain)).await;
    if knows {
        drop(connected.unwrap());
    } else {
        too_old(&connected.map(drop).unwrap_err());
    }
    let old = Listener::start(|mut stream| {
        read_startup(&mut stream)?;
        stream.write_all(&negotiate_protocol_version(3 << 16, &[]))?;
        read_rest(&mut stream);
        Ok(())
    });
    let config = required(old.config().sslmode(SslMode::Disable));
    too_old(&Connection::connect_on(rt, config).await.map(drop).unwrap_err());
}

fn too_old(error: &Error) {
    assert_eq!(error.kind(), Kind::Protocol, "{}", story(error));
    assert!(error.to_string().contains("min_protocol_version"), "{error}");
}

on_every_runtime!(
    a_cancel_request_goes_inside_tls_where_the_session_does,
    a_cancel_request_goes_over_the_socket_of_the_session,
    a_cancel_request_goes_direct_where_the_session_does,
    a_cancel_request_that_is_dropped_never_hits_the_next_statement,
    a_cancel_request_that_is_dropped_never_hits_a_large_object,
    the_newest_protocol_has_a_long_key,
);
