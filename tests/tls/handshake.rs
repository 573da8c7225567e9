//! The handshake: versions, the name that is told in clear, and TLS from the first byte on.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use aiopg::{
    Config, Connection, Error, Kind, Runtime, SslMode, SslNegotiation, SslSni, SslVersion,
};
use aiopg_tests::certificates::Authority;
use aiopg_tests::relay::Traffic;
use aiopg_tests::script::FakeServer;
use aiopg_tests::session::open_with;
use aiopg_tests::{Options, on_every_runtime};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::listener::{Listener, SSL_REQUEST, accept_asked, accept_tls, serve_session, tls_config};
use crate::place::{Place, is_encrypted, plain_config, story, try_session, version_of};

/// A server that knows TLS 1.2 alone.
fn old() -> &'static Place {
    static SERVER: OnceLock<Place> = OnceLock::new();

    SERVER.get_or_init(|| {
        let authority = Authority::new("authority", &PKCS_ECDSA_P256_SHA256);
        let identity = authority.server(&["db.test"]);
        let options = Options::default().setting("ssl_max_protocol_version", "TLSv1.2");
        Place::start(options, authority, &identity)
    })
}

async fn the_versions_of_tls_have_bounds<R: Runtime>(rt: R) {
    use SslVersion::{Tls1_2, Tls1_3};

    let version =
        async |config: Config| version_of(&mut open_with(rt.clone(), &config).await).await;
    let (new, old) = (Place::shared().config("trustuser"), old().config("trustuser"));
    assert_eq!(version(new.clone()).await, "TLSv1.3");
    assert_eq!(version(new.clone().ssl_max_protocol_version(Tls1_2)).await, "TLSv1.2");
    assert_eq!(version(new.clone().ssl_min_protocol_version(Tls1_3)).await, "TLSv1.3");
    assert_eq!(version(old.clone()).await, "TLSv1.2");
    let error = try_session(&rt, &old.ssl_min_protocol_version(Tls1_3)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));

    let crossed = new.ssl_min_protocol_version(Tls1_3).ssl_max_protocol_version(Tls1_2);
    let error = try_session(&rt, &crossed).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
    assert!(error.to_string().contains("ssl_min_protocol_version"), "{error}");
}

/// The name that a server was called by, and the protocol that was agreed on.
type Seen = (Option<String>, Option<Vec<u8>>);

/// A server that tells which name it was called by, and which protocol was agreed on.
fn curious(negotiation: SslNegotiation) -> (Listener, Receiver<Seen>) {
    let (sender, receiver) = channel();
    let tls = tls_config(&["postgresql"]);
    let listener = Listener::start(move |stream| {
        let stream = if negotiation == SslNegotiation::Direct {
            accept_tls(&tls, stream)?
        } else {
            accept_asked(&tls, stream)?
        };
        let name = stream.conn.server_name().map(str::to_owned);
        let protocol = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
        sender.send((name, protocol)).unwrap();
        serve_session(&FakeServer::new(), stream)
    });
    (listener, receiver)
}

async fn the_name_of_the_host_is_told_unless_that_is_switched_off<R: Runtime>(rt: R) {
    for negotiation in [SslNegotiation::Postgres, SslNegotiation::Direct] {
        let (listener, seen) = curious(negotiation);
        let config = listener.config().sslnegotiation(negotiation).hostaddr("127.0.0.1");
        for (config, told) in [
            (config.clone().host("db.test"), Some("db.test")),
            (config.clone().host("db.test."), Some("db.test")),
            (config.clone().host("db.test").sslsni(SslSni::Omit), None),
            // Addresses are no names.
            (config.clone().host("127.0.0.1"), None),
            (config.host("::1"), None),
        ] {
            drop(Connection::connect_on(rt.clone(), &config).await.unwrap());
            let (name, protocol) = seen.recv().unwrap();
            assert_eq!(name.as_deref(), told);
            assert_eq!(protocol.as_deref(), Some(&b"postgresql"[..]), "both kinds agree on one");
        }
    }
}

fn direct(config: Config) -> Config {
    config.sslnegotiation(SslNegotiation::Direct)
}

fn asks(traffic: &Traffic) -> bool {
    traffic.from_client.windows(8).any(|part| part == SSL_REQUEST)
}

async fn tls_from_the_first_byte_works_where_the_server_knows_it<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let place = Place::shared();
    let (relay, config) = place.relayed(direct(place.config("scramuser").password("secret")));
    let connected = Connection::connect_on(rt, &config).await;
    relay.wait_until(|traffic| !traffic.from_client.is_empty());
    let traffic = relay.traffic();
    assert_eq!(traffic.from_client[0], 0x16, "a record of TLS comes first");
    assert!(!asks(&traffic), "nobody asks");
    if place.server.version() >= 17 {
        assert!(is_encrypted(&mut connected?).await);
        return Ok(());
    }
    let error = connected.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert_eq!(relay.traffic().connections, 1, "there is no second way");
    Ok(())
}

async fn a_server_that_does_not_agree_on_the_protocol_is_refused_under_direct<R: Runtime>(rt: R) {
    for protocols in [&[][..], &["http/1.1"]] {
        let tls = tls_config(protocols);
        let listener = Listener::start(move |stream| {
            serve_session(&FakeServer::new(), accept_tls(&tls, stream)?)
        });
        let config = direct(listener.config());
        let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
        assert_eq!(listener.accepted(), 1);
    }
    // Servers before 17 agree on nothing, and are asked all the same.
    let tls = tls_config(&[]);
    let listener = Listener::start(move |stream| {
        serve_session(&FakeServer::new(), accept_asked(&tls, stream)?)
    });
    drop(Connection::connect_on(rt, listener.config()).await.unwrap());
}

async fn direct_needs_a_mode_that_insists<R: Runtime>(rt: R) {
    for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
        let config = direct(Place::shared().config("trustuser").sslmode(mode));
        let error = try_session(&rt, &config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
    }
}

async fn a_server_without_tls_is_refused_where_tls_is_a_must<R: Runtime>(rt: R) {
    let listener = Listener::start(|mut stream| {
        crate::listener::read_ssl_request(&mut stream)?;
        stream.write_all(b"N")?;
        serve_session(&FakeServer::new(), stream)
    });
    let error = Connection::connect_on(rt.clone(), listener.config()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    let config = listener.config().sslmode(SslMode::Prefer);
    drop(Connection::connect_on(rt, config).await.unwrap());
    assert_eq!(listener.accepted(), 2, "what was asked on goes on without TLS");
}

async fn a_unix_domain_socket_has_no_tls_whatever_the_mode_is<R: Runtime>(rt: R) {
    let server = &Place::shared().server;
    let directory = server.socket_dir().unwrap().to_str().unwrap();
    for mode in [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyFull] {
        let config = plain_config(server, "trustuser").host(directory).sslmode(mode);
        assert!(!try_session(&rt, &config).await.unwrap(), "{mode}");
    }
}

on_every_runtime!(
    a_unix_domain_socket_has_no_tls_whatever_the_mode_is,
    the_versions_of_tls_have_bounds,
    the_name_of_the_host_is_told_unless_that_is_switched_off,
    tls_from_the_first_byte_works_where_the_server_knows_it,
    a_server_that_does_not_agree_on_the_protocol_is_refused_under_direct,
    direct_needs_a_mode_that_insists,
    a_server_without_tls_is_refused_where_tls_is_a_must,
);
