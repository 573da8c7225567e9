//! What is checked of the server's certificate: who issued it, for whom, until when, and whether it still holds.

use std::sync::OnceLock;

use aiopg::{Config, Error, Kind, Runtime, SslMode};
use aiopg_tests::certificates::Authority;
use aiopg_tests::script::FakeServer;
use aiopg_tests::{Options, on_every_runtime};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::listener::{Listener, accept_asked, serve_session, tls_config_of};
use crate::place::{Place, story, try_session};

async fn refused<R: Runtime>(rt: &R, config: &Config) -> Error {
    let error = try_session(rt, config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert!(error.is_retryable(), "nothing was sent");
    error
}

async fn the_name_counts_where_the_mode_says_so<R: Runtime>(rt: R) {
    let place = Place::shared();
    for (name, fits) in [
        ("db.test", true),
        ("DB.Test", true),
        ("db.test.", true),
        ("a.wild.test", true),
        ("127.0.0.1", true),
        ("other.test", false),
        ("a.b.wild.test", false),
        ("wild.test", false),
        ("127.0.0.2", false),
        ("::1", false),
        ("common-name.test", false),
    ] {
        let config = place.config("trustuser").host(name);
        match try_session(&rt, &config).await {
            Ok(encrypted) => assert!(fits && encrypted, "{name}"),
            Err(error) => {
                assert!(!fits && error.kind() == Kind::Tls, "{name}: {}", story(&error));
            }
        }
        for mode in [SslMode::VerifyCa, SslMode::Require, SslMode::Prefer, SslMode::Allow] {
            let encrypted = try_session(&rt, &config.clone().sslmode(mode)).await.unwrap();
            assert_eq!(encrypted, mode != SslMode::Allow, "{name}, {mode}");
        }
    }
}

async fn an_address_without_a_name_is_checked_as_an_address<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let place = Place::shared();
    let config = crate::place::plain_config(&place.server, "trustuser")
        .sslrootcert(place.path("root.crt"))
        .sslmode(SslMode::VerifyFull);
    assert!(try_session(&rt, &config).await?);
    // `hostaddr` alone names nobody.
    let nameless: Config = format!(
        "hostaddr=127.0.0.1 port={} user=trustuser dbname=postgres sslmode=verify-full sslrootcert={}",
        place.server.port(),
        place.path("root.crt")
    )
    .parse()?;
    let error = try_session(&rt, &nameless).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
    Ok(())
}

async fn the_issuer_counts_as_soon_as_there_is_a_root<R: Runtime>(rt: R) {
    let place = Place::shared();
    let config = place.config("trustuser").sslrootcert(place.path("stranger.crt"));
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        refused(&rt, &config.clone().sslmode(mode)).await;
    }
    // As in libpq: the second way is without TLS, and nobody has forbidden it.
    assert!(!try_session(&rt, &config.clone().sslmode(SslMode::Prefer)).await.unwrap());

    let missing = config.sslrootcert(place.path("no-such-file.crt"));
    assert!(try_session(&rt, &missing.clone().sslmode(SslMode::Require)).await.unwrap());
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = try_session(&rt, &missing.clone().sslmode(mode)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
        assert!(error.to_string().contains("no-such-file.crt"), "{error}");
    }
    let broken = missing.sslrootcert(place.fresh_file("crt", "no certificate"));
    let error = try_session(&rt, &broken).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
}

async fn the_roots_of_the_system_do_not_know_our_authority<R: Runtime>(rt: R) {
    let config = Place::shared().config("trustuser").sslrootcert("system");
    let error = try_session(&rt, &config).await.unwrap_err();
    // A machine may have no roots at all: then that is what is said.
    assert!(matches!(error.kind(), Kind::Tls | Kind::Config), "{}", story(&error));
    for mode in [SslMode::Require, SslMode::VerifyCa] {
        let error = try_session(&rt, &config.clone().sslmode(mode)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
        assert!(error.to_string().contains("verify-full"), "{error}");
    }
}

async fn a_revoked_certificate_is_refused<R: Runtime>(rt: R) {
    let authority = Authority::new("authority with lists", &PKCS_ECDSA_P256_SHA256);
    let (server, other) = (authority.server(&["db.test"]), authority.server(&["db.test"]));
    let tls = tls_config_of(&server, &["postgresql"]);
    let listener = Listener::start(move |stream| {
        serve_session(&FakeServer::new(), accept_asked(&tls, stream)?)
    });
    let place = Place::shared();
    let config = listener
        .config()
        .host("db.test")
        .hostaddr("127.0.0.1")
        .sslmode(SslMode::VerifyCa)
        .sslrootcert(place.fresh_file("crt", &authority.certificate()));
    let connect = async |config| aiopg::Connection::connect_on(rt.clone(), config).await.map(drop);
    connect(config.clone()).await.unwrap();
    for (revoked, holds) in [(None, true), (Some(&other), true), (Some(&server), false)] {
        let list = authority.revocation_list(revoked);
        let file = place.fresh_file("crl", &list);
        for config in [
            config.clone().sslcrl(file.clone()),
            config.clone().sslcrl(file).sslmode(SslMode::VerifyFull),
        ] {
            match connect(config).await {
                Ok(()) => assert!(holds),
                Err(error) => {
                    assert!(!holds && error.kind() == Kind::Tls, "{}", story(&error));
                    assert!(story(&error).contains("Revoked"), "{}", story(&error));
                }
            }
        }
    }
    // As in libpq, a list that is not there revokes nothing.
    connect(config.clone().sslcrl(place.path("no-such-file.crl"))).await.unwrap();
    let error = connect(config.sslcrldir(place.path("no-such-directory"))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{}", story(&error));
}

async fn a_directory_of_revocation_lists_counts<R: Runtime>(rt: R) {
    let place = Place::shared();
    let directory = std::path::PathBuf::from(place.fresh_file("d", ""));
    std::fs::remove_file(&directory).unwrap();
    std::fs::create_dir(&directory).unwrap();
    let config = place.config("trustuser").sslcrldir(directory.to_str().unwrap());
    assert!(try_session(&rt, &config).await.unwrap(), "an empty directory revokes nothing");
    std::fs::write(directory.join("list.r0"), place.authority.revocation_list(None)).unwrap();
    assert!(try_session(&rt, &config).await.unwrap());
}

/// A server whose certificate is over, and has no address in it.
fn expired() -> &'static Place {
    static SERVER: OnceLock<Place> = OnceLock::new();

    SERVER.get_or_init(|| {
        let authority = Authority::new("authority", &PKCS_ECDSA_P256_SHA256);
        let identity = authority.expired_server(&["db.test"]);
        Place::start(Options::default(), authority, &identity)
    })
}

async fn an_expired_certificate_is_refused<R: Runtime>(rt: R) {
    let place = expired();
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = refused(&rt, &place.config("trustuser").sslmode(mode)).await;
        assert!(story(&error).to_lowercase().contains("expired"), "{}", story(&error));
    }
    // Where nobody is trusted, nothing is checked.
    let config = place.config("trustuser").sslrootcert("").sslmode(SslMode::Require);
    assert!(try_session(&rt, &config).await.unwrap());
}

on_every_runtime!(
    the_name_counts_where_the_mode_says_so,
    an_address_without_a_name_is_checked_as_an_address,
    the_issuer_counts_as_soon_as_there_is_a_root,
    the_roots_of_the_system_do_not_know_our_authority,
    a_revoked_certificate_is_refused,
    a_directory_of_revocation_lists_counts,
    an_expired_certificate_is_refused,
);
