//! Every method of authentication, under every amount of TLS.

use aiopg::{Config, Error, Kind, Runtime, SqlState, SslMode, SslVersion};
use aiopg_tests::on_every_runtime;

use crate::place::{Place, story, try_session};

/// The roles are named after their method; two of them show a certificate.
const ROLES: [&str; 6] = ["trustuser", "pwuser", "md5user", "scramuser", "certuser", "scramcert"];
const MODES: [SslMode; 4] =
    [SslMode::Disable, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull];

fn config(place: &Place, role: &str) -> Config {
    let identity = place.authority.client(role);
    place.with_identity(place.config(role).password("secret"), &identity)
}

async fn every_method_works_under_every_mode<R: Runtime>(rt: R) {
    let place = Place::shared();
    for role in ROLES {
        let config = config(place, role);
        for mode in MODES {
            let outcome = try_session(&rt, &config.clone().sslmode(mode)).await;
            let needs_tls = role.contains("cert");
            match outcome {
                Ok(encrypted) => {
                    assert_eq!(encrypted, mode != SslMode::Disable, "{role}, {mode}");
                    assert!(encrypted || !needs_tls, "{role}, {mode}");
                }
                Err(error) => {
                    assert!(needs_tls && mode == SslMode::Disable, "{role}, {mode}: {error}");
                    assert_eq!(error.kind(), Kind::Server);
                }
            }
        }
    }
}

async fn a_wrong_password_is_refused_inside_tls_too<R: Runtime>(rt: R) {
    let place = Place::shared();
    for role in ["pwuser", "md5user", "scramuser", "scramcert"] {
        let config = config(place, role).password("wrong");
        let error = try_session(&rt, &config).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::INVALID_PASSWORD), "{role}: {error}");
    }
    let error = try_session(&rt, &place.config("rejectuser")).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION));
}

async fn no_password_can_be_read_off_the_wire<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    let (relay, config) = place.relayed(place.config("pwuser").password("secret"));
    assert!(try_session(&rt, &config).await?);
    relay.wait_until(|traffic| traffic.open == 0);
    let sent = relay.traffic().from_client;
    for clear in ["secret", "pwuser", "postgres\0"] {
        let shown = sent.windows(clear.len()).any(|part| part == clear.as_bytes());
        assert!(!shown, "{clear} is sent in clear");
    }
    Ok(())
}

async fn a_certificate_must_be_for_the_role_and_from_the_authority<R: Runtime>(rt: R) {
    let place = Place::shared();
    let refused = Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
    for role in ["certuser", "scramcert"] {
        let config = place.config(role).password("secret");
        let error = try_session(&rt, &config).await.unwrap_err();
        assert_eq!(error.sqlstate(), refused, "none: {}", story(&error));

        let other = place.authority.client("somebody");
        let error = try_session(&rt, &place.with_identity(config.clone(), &other)).await;
        let error = error.unwrap_err();
        // The method makes the difference between the two.
        assert_eq!(error.kind(), Kind::Server, "another: {}", story(&error));

        let forged = place.stranger.client(role);
        let config = place.with_identity(config, &forged);
        // In TLS 1.3 the handshake is over for the client when the server looks at the certificate.
        for (version, kind) in [(SslVersion::Tls1_2, Kind::Tls), (SslVersion::Tls1_3, Kind::Io)] {
            let config = config.clone().ssl_max_protocol_version(version);
            let error = try_session(&rt, &config).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{version}: {}", story(&error));
        }
    }
}

on_every_runtime!(
    every_method_works_under_every_mode,
    a_wrong_password_is_refused_inside_tls_too,
    no_password_can_be_read_off_the_wire,
    a_certificate_must_be_for_the_role_and_from_the_authority,
);
