//! Streams that the caller brought: nothing is added to them, so what demands TLS is refused before a byte is sent.

use aiopg::{Config, Connection, Kind, Runtime, SslMode, SslNegotiation};
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::FakeServer;

use crate::converse::{config, served};

/// What no plain stream can meet.
fn demands() -> Vec<Config> {
    let strict = [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull];
    let mut demands = vec![
        config().sslnegotiation(SslNegotiation::Direct),
        config().sslnegotiation(SslNegotiation::Direct).sslmode(SslMode::Prefer),
    ];
    for sslmode in strict {
        demands.push(config().sslmode(sslmode));
        demands.push(config().sslmode(sslmode).sslnegotiation(SslNegotiation::Direct));
        // Where it would lead does not count.
        demands.push(config().sslmode(sslmode).host("/run/postgresql"));
        demands.push(config().sslmode(sslmode).host("db.example"));
    }
    demands
}

async fn a_demand_for_tls_is_refused_unsent<R: Runtime>(runtime: R) {
    for config in demands() {
        // A server that hangs up without a word.
        let (there, back) = (Direction::default(), Direction::default().cut_after(0));
        let (near, _far) = Duplex::pair_with(there, back);
        let tap = near.tap();
        let shown = format!("{config:?}");
        let connected = Connection::connect_stream(runtime.clone(), near, config).await;
        let error = connected.map(drop).expect_err(&shown);
        assert_eq!(error.kind(), Kind::Config, "{shown}: {error:?}");
        assert!(error.to_string().contains("sslmode"), "{error}");
        assert!(tap.sent().is_empty(), "{shown}: {:?}", tap.sent());
    }
}

async fn where_tls_is_no_must_the_stream_is_used_as_it_is<R: Runtime>(runtime: R) {
    let server = FakeServer::new();
    served(&server, async |dialer| {
        let plain = [SslMode::Disable, SslMode::Allow, SslMode::Prefer];
        let configs = plain.map(|sslmode| config().sslmode(sslmode));
        for config in configs.into_iter().chain([config()]) {
            let stream = dialer.dial();
            let mut connection =
                Connection::connect_stream(runtime.clone(), stream, config).await.unwrap();
            assert_eq!(connection.query_scalar::<i64>("answer 5", ()).await.unwrap(), 5);
        }
    })
    .await;
}

on_every_runtime!(
    a_demand_for_tls_is_refused_unsent,
    where_tls_is_no_must_the_stream_is_used_as_it_is,
);
