//! Servers that lie before anybody can tell who they are, and state that must not pass from one host to the next.

use std::error::Error as StdError;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use aiopg::{Config, Connection, Error, Kind, RequireAuth, Runtime, SslMode};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::FakeServer;
use aiopg_tests::script::backend::{
    authentication_ok, authentication_sasl, fatal_response, ready_for_query,
};

use crate::listener::{
    Listener, accept_asked, read_rest, read_ssl_request, read_startup, serve_session, tls_config,
};
use crate::place::story;

/// Every mode in which a server may be asked for TLS.
const ASKING: [SslMode; 2] = [SslMode::Prefer, SslMode::Require];

async fn refused<R: Runtime>(rt: &R, config: &Config) -> Error {
    Connection::connect_on(rt.clone(), config).await.map(drop).unwrap_err()
}

/// A server that answers `SSLRequest` with `answer`, and lets in whoever comes without TLS.
fn answering(answer: Vec<u8>) -> Listener {
    Listener::start(move |mut stream| {
        let mut first = [0; 8];
        stream.peek(&mut first)?;
        if first == crate::listener::SSL_REQUEST {
            read_ssl_request(&mut stream)?;
            stream.write_all(&answer)?;
            read_rest(&mut stream);
            return Ok(());
        }
        serve_session(&FakeServer::new(), stream)
    })
}

async fn bytes_behind_the_answer_are_refused_and_tls_is_not_given_up<R: Runtime>(rt: R) {
    let welcome = [b"S".to_vec(), authentication_ok(), ready_for_query(b'I')].concat();
    for answer in [welcome, b"SX".to_vec(), b"SS".to_vec(), b"NN".to_vec(), b"\0\0".to_vec()] {
        for mode in ASKING {
            let listener = answering(answer.clone());
            let error = refused(&rt, &listener.config().sslmode(mode)).await;
            assert_eq!(error.kind(), Kind::Protocol, "{answer:?}: {}", story(&error));
            assert_eq!(listener.accepted(), 1, "{answer:?}, {mode}: no second try in clear");
        }
    }
}

async fn an_answer_that_is_none_is_refused<R: Runtime>(rt: R) {
    for answer in [b"s", b"R", b"\0", b"H"] {
        for mode in ASKING {
            let listener = answering(answer.to_vec());
            let error = refused(&rt, &listener.config().sslmode(mode)).await;
            assert_eq!(error.kind(), Kind::Protocol, "{answer:?}: {}", story(&error));
            assert_eq!(listener.accepted(), 1);
        }
    }
}

async fn clear_text_inside_tls_is_refused<R: Runtime>(rt: R) {
    // It comes when the handshake has begun, so it is no answer to SSLRequest any more.
    let listener = Listener::start(|mut stream| {
        read_ssl_request(&mut stream)?;
        stream.write_all(b"S")?;
        stream.read_exact(&mut [0; 1])?;
        stream.write_all(&[authentication_ok(), ready_for_query(b'I')].concat())?;
        read_rest(&mut stream);
        Ok(())
    });
    let error = refused(&rt, &listener.config()).await;
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert_eq!(listener.accepted(), 1);
}

async fn words_of_an_error_before_tls_are_never_shown<R: Runtime>(rt: R) {
    let say = "hunter2: call 555-0100 to unlock";
    let old_style = [b"E", say.as_bytes(), b"\0"].concat();
    for answer in [fatal_response("28P01", say), old_style, b"E".to_vec()] {
        let listener = answering(answer);
        let error = refused(&rt, &listener.config()).await;
        assert_eq!(error.kind(), Kind::Io);
        assert_eq!(listener.accepted(), 1);
        // Where TLS is not demanded, the answer is still no reason to go on in clear.
        let prefer = listener.config().sslmode(SslMode::Prefer);
        assert_eq!(refused(&rt, &prefer).await.kind(), Kind::Io);
        assert_eq!(listener.accepted(), 2);
        let mut texts = vec![format!("{error} {error:?} {error:#?} {}", story(&error))];
        texts.extend(error.attempts().iter().map(|attempt| format!("{attempt:?}")));
        let mut cause = error.source();
        while let Some(error) = cause {
            texts.push(format!("{error} {error:?}"));
            cause = error.source();
        }
        // With the hyphen: the digits alone may stand in the port.
        let words = ["hunter2", "call", "555-", "unlock", "28P01"];
        let told = texts.join("\n");
        assert!(words.iter().all(|word| !told.contains(word)), "{told}");
        assert!(error.sqlstate().is_none() && error.server().is_none());
    }
}

async fn a_server_that_hangs_up_instead_of_an_answer_is_an_error_of_the_network<R: Runtime>(rt: R) {
    let silent = Listener::start(|mut stream| read_ssl_request(&mut stream));
    let error = refused(&rt, &silent.config()).await;
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Io, 1), "{}", story(&error));
    let early = Listener::start(|mut stream| {
        read_ssl_request(&mut stream)?;
        stream.write_all(b"S")?;
        stream.read_exact(&mut [0; 5])
    });
    let error = refused(&rt, &early.config()).await;
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
}

/// Both listeners as the hosts of one configuration.
fn both(first: &Listener, second: &Listener) -> Config {
    let text = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=ada password=secret sslmode=disable",
        first.port(),
        second.port()
    );
    text.parse::<Config>().unwrap().environment(aiopg::UseEnvironment::No)
}

/// Asks for SCRAM, and hangs up when the client has answered.
fn dies_in_scram(mut stream: TcpStream) -> io::Result<()> {
    read_startup(&mut stream)?;
    stream.write_all(&authentication_sasl(&["SCRAM-SHA-256"]))?;
    stream.read_exact(&mut [0; 5])
}

async fn what_one_host_has_asked_for_does_not_count_for_the_next<R: Runtime>(rt: R) {
    let scram: RequireAuth = "scram-sha-256".parse().unwrap();
    let (first, second) = (Listener::start(dies_in_scram), Listener::trusting());
    let config = both(&first, &second);
    let error = refused(&rt, &config.clone().require_auth(scram)).await;
    assert_eq!(error.kind(), Kind::Authentication, "{}", story(&error));
    assert!(error.to_string().contains("require_auth"), "{error}");
    assert_eq!((first.accepted(), second.accepted()), (1, 1));
    drop(Connection::connect_on(rt, &config).await.unwrap());
    assert_eq!((first.accepted(), second.accepted()), (2, 2));
}

async fn tls_with_one_host_does_not_count_for_the_next<R: Runtime>(rt: R) {
    let tls = tls_config(&[]);
    // Speaks TLS, and is gone.
    let first = Listener::start(move |stream| accept_asked(&tls, stream).map(drop));
    let second = Listener::start(|mut stream| {
        read_ssl_request(&mut stream)?;
        stream.write_all(b"N")?;
        serve_session(&FakeServer::new(), stream)
    });
    let config = both(&first, &second).sslmode(SslMode::Require);
    let error = refused(&rt, &config).await;
    assert_eq!(error.kind(), Kind::Tls, "{}", story(&error));
    assert_eq!((first.accepted(), second.accepted()), (1, 1));
}

async fn a_session_inside_tls_that_is_cut_is_an_error<R: Runtime>(rt: R) {
    let tls = tls_config(&[]);
    let listener = Listener::start(move |stream| {
        let mut stream = accept_asked(&tls, stream)?;
        read_startup(&mut stream)?;
        stream.write_all(&authentication_ok())?;
        // Without the good-bye of TLS, as somebody would cut it who cannot read it.
        stream.flush()
    });
    let error = refused(&rt, &listener.config()).await;
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Io, 1), "{}", story(&error));
}

on_every_runtime!(
    bytes_behind_the_answer_are_refused_and_tls_is_not_given_up,
    an_answer_that_is_none_is_refused,
    clear_text_inside_tls_is_refused,
    words_of_an_error_before_tls_are_never_shown,
    a_server_that_hangs_up_instead_of_an_answer_is_an_error_of_the_network,
    what_one_host_has_asked_for_does_not_count_for_the_next,
    tls_with_one_host_does_not_count_for_the_next,
    a_session_inside_tls_that_is_cut_is_an_error,
);
