//! A TLS configuration of the program's own, and the log of a session's keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use aiopg::{Error, Kind, Runtime, SslMode};
use aiopg_tests::on_every_runtime;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::place::{Place, story, try_session};

fn trusting(root: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    // Named, since several may be compiled in.
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn a_tls_configuration_of_the_programs_own_is_used<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    // Its roots count, not those of the key words.
    let config = place.config("trustuser").sslrootcert(place.path("stranger.crt"));
    let own = config.clone().tls_client_config(trusting(&place.authority.certificate()));
    assert!(try_session(&rt, &own).await?);
    let stranger = config.tls_client_config(trusting(&place.stranger.certificate()));
    let error = try_session(&rt, &stranger).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    // Whether there is TLS at all is still for `sslmode` to say.
    assert!(!try_session(&rt, &own.sslmode(SslMode::Disable)).await?);
    Ok(())
}

async fn the_keys_of_a_session_are_logged_for_their_owner<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    let path = place.path(&format!("keys_{:x}", rt.random()));
    let config = place.config("trustuser").sslkeylogfile(&path);
    for sessions in 1..=2 {
        assert!(try_session(&rt, &config).await?);
        let log = fs::read_to_string(&path).unwrap();
        let lines = log.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 "));
        assert_eq!(lines.count(), sessions, "{log}");
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let nowhere = config.sslkeylogfile(format!("{path}/no/such"));
    assert_eq!(try_session(&rt, &nowhere).await.unwrap_err().kind(), Kind::Config);
    Ok(())
}

on_every_runtime!(
    a_tls_configuration_of_the_programs_own_is_used,
    the_keys_of_a_session_are_logged_for_their_owner,
);
