//! Channel binding: SCRAM proves that both ends are ends of the same TLS.

use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use aiopg::{ChannelBinding, Config, Connection, Kind, Runtime, SslMode};
use aiopg_tests::certificates::Authority;
use aiopg_tests::script::backend::{authentication, authentication_ok, authentication_sasl};
use aiopg_tests::{Options, on_every_runtime};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    PKCS_RSA_SHA384, PKCS_RSA_SHA512, SignatureAlgorithm,
};

use crate::listener::{Listener, accept_asked, read_rest, read_startup, tls_config_of};
use crate::place::{Place, story, try_session};

/// A key for tests alone, since there is nothing here that makes RSA keys.
const RSA_KEY: &str = include_str!("data/rsa_key.pem");
/// A certificate for that key, which it has signed itself by RSASSA-PSS with SHA-384.
const RSA_PSS_SHA384: &str = include_str!("data/rsa_pss_sha384.pem");

const PLUS: &str = "SCRAM-SHA-256-PLUS";
const BARE: &str = "SCRAM-SHA-256";

/// An authority that signs by `algorithm`.
fn authority(algorithm: &'static SignatureAlgorithm) -> Authority {
    let rsa = [&PKCS_RSA_SHA256, &PKCS_RSA_SHA384, &PKCS_RSA_SHA512];
    if rsa.contains(&algorithm) {
        let key = KeyPair::from_pkcs8_pem_and_sign_algo(RSA_KEY, algorithm).unwrap();
        return Authority::with_key("authority", key);
    }
    Authority::new("authority", algorithm)
}

/// Servers whose certificates are signed in every way that names a hash.
fn bindable() -> &'static [Place] {
    static SERVERS: OnceLock<Vec<Place>> = OnceLock::new();

    SERVERS.get_or_init(|| {
        let issued = [
            &PKCS_RSA_SHA256,
            &PKCS_RSA_SHA384,
            &PKCS_RSA_SHA512,
            &PKCS_ECDSA_P256_SHA256,
            &PKCS_ECDSA_P384_SHA384,
        ];
        let mut servers: Vec<_> = issued.into_iter().map(place).collect();
        let nobody = authority(&PKCS_ECDSA_P256_SHA256);
        servers.push(Place::start_with(Options::default(), nobody, RSA_PSS_SHA384, RSA_KEY));
        servers
    })
}

/// A server whose certificate is signed by Ed25519, which has no hash of its own.
fn unbindable() -> &'static Place {
    static SERVER: OnceLock<Place> = OnceLock::new();

    SERVER.get_or_init(|| place(&PKCS_ED25519))
}

fn place(algorithm: &'static SignatureAlgorithm) -> Place {
    let authority = authority(algorithm);
    let identity = authority.server(&["db.test"]);
    Place::start(Options::default(), authority, &identity)
}

/// Trusts any certificate, so that one that is signed by itself will do.
fn config(place: &Place) -> Config {
    place.config("scramuser").password("secret").sslmode(SslMode::Require).sslrootcert("")
}

async fn sessions_are_bound_whatever_hash_the_certificate_names<R: Runtime>(rt: R) {
    for (number, place) in bindable().iter().enumerate() {
        for binding in [ChannelBinding::Require, ChannelBinding::Prefer, ChannelBinding::Disable] {
            let outcome = try_session(&rt, &config(place).channel_binding(binding)).await;
            let encrypted = outcome.unwrap_or_else(|error| {
                panic!("server {number}, {binding}: {}", story(&error));
            });
            assert!(encrypted);
        }
    }
}

async fn a_certificate_without_a_hash_is_refused_only_where_binding_is_a_must<R: Runtime>(rt: R) {
    let config = config(unbindable());
    for binding in [ChannelBinding::Prefer, ChannelBinding::Disable] {
        let outcome = try_session(&rt, &config.clone().channel_binding(binding)).await;
        assert!(outcome.unwrap(), "{binding}");
    }
    let required = config.channel_binding(ChannelBinding::Require);
    let error = try_session(&rt, &required).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication, "{}", story(&error));
    let text = error.to_string();
    assert!(text.contains("channel_binding") && text.contains("Ed25519"), "{text}");
}

async fn binding_cannot_be_had_without_tls<R: Runtime>(rt: R) {
    let config = config(Place::shared()).sslmode(SslMode::Disable);
    let required = config.clone().channel_binding(ChannelBinding::Require);
    let error = try_session(&rt, &required).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication, "{}", story(&error));
    assert!(error.to_string().contains("channel_binding"), "{error}");
    assert!(!try_session(&rt, &config.channel_binding(ChannelBinding::Prefer)).await.unwrap());
}

async fn methods_that_bind_nothing_are_refused_where_binding_is_a_must<R: Runtime>(rt: R) {
    for role in ["trustuser", "pwuser", "md5user"] {
        let config = Place::shared().config(role).password("secret");
        let required = config.channel_binding(ChannelBinding::Require);
        let error = try_session(&rt, &required).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication, "{role}: {}", story(&error));
        assert!(error.to_string().contains("channel_binding"), "{error}");
    }
}

/// A server that asks for authentication, and passes on what the client says to that.
fn asking(
    algorithm: &'static SignatureAlgorithm,
    request: Vec<u8>,
) -> (Listener, Receiver<Vec<u8>>) {
    let (sender, receiver) = channel();
    let tls = tls_config_of(&authority(algorithm).server(&["db.test"]), &[]);
    let listener = Listener::start(move |stream| {
        let mut stream = accept_asked(&tls, stream)?;
        read_startup(&mut stream)?;
        stream.write_all(&request)?;
        stream.flush()?;
        let mut answer = vec![0; 64];
        let count = stream.read(&mut answer).unwrap_or(0);
        answer.truncate(count);
        sender.send(answer).unwrap();
        read_rest(&mut stream);
        Ok(())
    });
    (listener, receiver)
}

/// What a client says to a request, up to its nonce: the mechanism and the word on binding.
async fn said<R: Runtime>(
    rt: &R,
    algorithm: &'static SignatureAlgorithm,
    mechanisms: &[&str],
    binding: ChannelBinding,
) -> String {
    let (listener, answers) = asking(algorithm, authentication_sasl(mechanisms));
    let config = listener.config().channel_binding(binding);
    let connecting = Connection::connect_on(rt.clone(), &config);
    // The server waits for more than the first message, and so does the client.
    let mut connecting = std::pin::pin!(connecting);
    let answer = rt.unblock(move || answers.recv().unwrap());
    let mut answer = std::pin::pin!(answer);
    let text = std::future::poll_fn(|cx| {
        let _ = connecting.as_mut().poll(cx);
        answer.as_mut().poll(cx)
    });
    let text = String::from_utf8_lossy(&text.await.unwrap()).into_owned();
    let (mechanism, rest) = text.get(5..).unwrap().split_once('\0').unwrap();
    let flag = rest.get(4..).unwrap().split(",,").next().unwrap();
    format!("{mechanism} {flag}")
}

async fn the_strongest_mechanism_is_chosen_and_a_downgrade_is_told<R: Runtime>(rt: R) {
    use ChannelBinding::{Disable, Prefer, Require};

    let (p256, ed25519) = (&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519);
    for (algorithm, mechanisms, binding, expected) in [
        (p256, &[PLUS, BARE][..], Require, "SCRAM-SHA-256-PLUS p=tls-server-end-point"),
        (p256, &[BARE, PLUS], Prefer, "SCRAM-SHA-256-PLUS p=tls-server-end-point"),
        (p256, &[PLUS], Prefer, "SCRAM-SHA-256-PLUS p=tls-server-end-point"),
        (p256, &[PLUS, BARE], Disable, "SCRAM-SHA-256 n"),
        // The client could have bound: a server that could have too notices that somebody took it away.
        (p256, &[BARE], Prefer, "SCRAM-SHA-256 y"),
        (p256, &[BARE], Disable, "SCRAM-SHA-256 n"),
        (ed25519, &[PLUS, BARE], Prefer, "SCRAM-SHA-256 n"),
        (ed25519, &[BARE], Prefer, "SCRAM-SHA-256 n"),
    ] {
        assert_eq!(said(&rt, algorithm, mechanisms, binding).await, expected, "{mechanisms:?}");
    }
}

async fn no_secret_is_sent_where_binding_is_a_must_and_cannot_be<R: Runtime>(rt: R) {
    let requests = [
        authentication_ok(),
        authentication(3, b""),
        authentication(5, b"salt"),
        authentication(7, b""),
        authentication(9, b""),
        authentication_sasl(&[BARE]),
        authentication_sasl(&["SCRAM-SHA-1", BARE]),
        authentication_sasl(&[]),
    ];
    for request in requests {
        let (listener, answers) = asking(&PKCS_ECDSA_P256_SHA256, request.clone());
        let config = listener.config().channel_binding(ChannelBinding::Require);
        let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication, "{request:?}: {}", story(&error));
        assert_eq!(answers.recv().unwrap(), b"", "the client hung up without a word");
        assert_eq!(listener.accepted(), 1, "and did not come back");
    }
}

on_every_runtime!(
    sessions_are_bound_whatever_hash_the_certificate_names,
    a_certificate_without_a_hash_is_refused_only_where_binding_is_a_must,
    binding_cannot_be_had_without_tls,
    methods_that_bind_nothing_are_refused_where_binding_is_a_must,
    the_strongest_mechanism_is_chosen_and_a_downgrade_is_told,
    no_secret_is_sent_where_binding_is_a_must_and_cannot_be,
);
