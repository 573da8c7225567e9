//! One's own certificate: where its key comes from, and whether it is sent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use aiopg::{Config, Connection, Error, Kind, Runtime, SqlState, SslCertMode, SslMode};
use aiopg_tests::certificates::Authority;
use aiopg_tests::script::FakeServer;
use aiopg_tests::{Options, Server, on_every_runtime};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::listener::{
    Listener, accept_asked, curious_tls_config, read_startup, serve_session, tls_config,
};
use crate::place::{Place, plain_config, story, try_session};
use crate::resolving::Resolving;

fn config() -> Config {
    let place = Place::shared();
    place.with_identity(place.config("certuser"), &place.authority.client("certuser"))
}

async fn not_usable<R: Runtime>(rt: &R, config: Config, text: &str) {
    let error = try_session(rt, &config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
    assert!(error.to_string().contains(text), "{error}");
}

async fn an_encrypted_key_is_opened_by_its_password<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    let identity = place.authority.client("certuser");
    let key = place.fresh_file("key", &identity.encrypted_key("open sesame"));
    let config = place.with_identity(place.config("certuser"), &identity).sslkey(key);
    assert!(try_session(&rt, &config.clone().sslpassword("open sesame")).await?);
    not_usable(&rt, config.clone(), "set \"sslpassword\"").await;
    not_usable(&rt, config.clone().sslpassword("wrong"), "does not open").await;
    let error = try_session(&rt, &config.sslpassword("hunter2")).await.unwrap_err();
    assert!(!format!("{error:?} {}", story(&error)).contains("hunter2"), "{error:?}");
    // A password that nobody asked for does no harm.
    assert!(try_session(&rt, &self::config().sslpassword("needless")).await?);
    Ok(())
}

async fn a_key_that_others_can_read_is_refused<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    let identity = place.authority.client("certuser");
    let key = place.fresh_file("key", &identity.key);
    let config = place.with_identity(place.config("certuser"), &identity).sslkey(key.as_str());
    for mode in [0o644, 0o604, 0o660, 0o602] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        not_usable(&rt, config.clone(), "chmod 600").await;
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert!(try_session(&rt, &config).await?);
    }
    Ok(())
}

async fn a_key_that_is_missing_broken_or_another_is_named<R: Runtime>(rt: R) {
    let place = Place::shared();
    let other = place.authority.client("certuser");
    not_usable(&rt, config().sslkey("/there/is/no/such.key"), "/there/is/no/such.key").await;
    not_usable(&rt, config().sslkey(place.fresh_file("key", "no key")), "private key").await;
    not_usable(&rt, config().sslkey(place.fresh_file("key", &other.key)), "does not go with").await;
    let broken = place.fresh_file("crt", "no certificate");
    not_usable(&rt, config().sslcert(broken), "a certificate").await;
}

async fn a_certificate_is_sent_unless_that_is_disabled<R: Runtime>(rt: R) -> Result<(), Error> {
    assert!(try_session(&rt, &config().sslcertmode(SslCertMode::Allow)).await?);
    assert!(try_session(&rt, &config().sslcertmode(SslCertMode::Require)).await?);
    let error = try_session(&rt, &config().sslcertmode(SslCertMode::Disable)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION), "{error}");
    // As in libpq, a certificate that is not there is not sent.
    let missing = config().sslcert("/there/is/no/such.crt");
    let error = try_session(&rt, &missing).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION), "{error}");
    Ok(())
}

/// A server with TLS that never asks for a certificate.
fn incurious() -> &'static Place {
    static SERVER: OnceLock<Place> = OnceLock::new();

    SERVER.get_or_init(|| {
        let authority = Authority::new("authority", &PKCS_ECDSA_P256_SHA256);
        let identity = authority.server(&["db.test"]);
        Place::start(Options::default(), authority, &identity)
    })
}

async fn a_server_that_must_ask_for_a_certificate_and_does_not_is_refused<R: Runtime>(rt: R) {
    let place = incurious();
    let identity = place.authority.client("trustuser");
    let config = place.with_identity(place.config("trustuser"), &identity);
    assert!(try_session(&rt, &config).await.unwrap());
    let demanding = config.sslcertmode(SslCertMode::Require);
    let plain = plain_config(Server::shared(), "trustuser").sslcertmode(SslCertMode::Require);
    for config in [
        demanding.clone(),
        demanding.clone().sslmode(SslMode::Disable),
        demanding.sslmode(SslMode::Allow),
        plain.clone(),
        plain.host(Server::shared().socket_dir().unwrap().to_str().unwrap()),
    ] {
        let error = try_session(&rt, &config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
        assert!(error.to_string().contains("sslcertmode"), "{error}");
    }
}

async fn a_certificate_that_must_be_sent_and_is_not_there_is_missed<R: Runtime>(rt: R) {
    // The server asks, and would let everybody in.
    let config = Place::shared().config("trustuser").sslcertmode(SslCertMode::Require);
    let error = try_session(&rt, &config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert!(error.to_string().contains("sslcertmode"), "{error}");
}

/// Two addresses of one host: the first asks and is gone, the second does not ask.
async fn what_one_address_has_asked_for_does_not_count_for_the_next<R: Runtime>(rt: R) {
    let place = Place::shared();
    let (curious, incurious) = (curious_tls_config(&place.authority), tls_config(&[]));
    let first = Listener::start(move |stream| {
        let mut stream = accept_asked(&curious, stream)?;
        read_startup(&mut stream).map(drop)
    });
    let second = Listener::start(move |stream| {
        serve_session(&FakeServer::new(), accept_asked(&incurious, stream)?)
    });
    let runtime = Resolving { inner: rt, addresses: vec![first.address(), second.address()] };
    let config = first.config().host("db.test");
    let config = place.with_identity(config, &place.authority.client("ada"));
    let demanding = config.clone().sslcertmode(SslCertMode::Require);
    let connected = Connection::connect_on(runtime.clone(), &demanding).await;
    let error = connected.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert!(error.to_string().contains("did not ask"), "{error}");
    assert_eq!((first.accepted(), second.accepted()), (1, 1));
    drop(Connection::connect_on(runtime, &config).await.unwrap());
}

on_every_runtime!(
    what_one_address_has_asked_for_does_not_count_for_the_next,
    an_encrypted_key_is_opened_by_its_password,
    a_key_that_others_can_read_is_refused,
    a_key_that_is_missing_broken_or_another_is_named,
    a_certificate_is_sent_unless_that_is_disabled,
    a_server_that_must_ask_for_a_certificate_and_does_not_is_refused,
    a_certificate_that_must_be_sent_and_is_not_there_is_missed,
);
