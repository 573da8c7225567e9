//! `require_auth`: which methods the server may ask for, and that nothing is told to one that asks for another.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};

use aiopg::{Connection, Kind, RequireAuth, Runtime, SslMode};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::backend::{
    authentication, authentication_ok, authentication_sasl, fatal_response,
};

use crate::listener::{Listener, read_rest, read_startup};
use crate::place::{Place, story, try_session};

/// A list, and which of the roles in [`ROLES`] it lets in.
type Line = (&'static str, [bool; 5]);

const ROLES: [&str; 5] = ["trustuser", "pwuser", "md5user", "scramuser", "certuser"];

/// A certificate is no answer to a request of the server's: as in libpq, it goes with any method, and `none`.
const LINES: &[Line] = &[
    ("", [true, true, true, true, true]),
    ("none", [true, false, false, false, true]),
    ("password", [false, true, false, false, false]),
    ("md5", [false, false, true, false, false]),
    ("scram-sha-256", [false, false, false, true, false]),
    ("gss", [false, false, false, false, false]),
    ("sspi", [false, false, false, false, false]),
    ("oauth", [false, false, false, false, false]),
    ("none,scram-sha-256", [true, false, false, true, true]),
    ("password,md5", [false, true, true, false, false]),
    ("none,password,md5,scram-sha-256", [true, true, true, true, true]),
    ("!none", [false, true, true, true, false]),
    ("!password", [true, false, true, true, true]),
    ("!md5", [true, true, false, true, true]),
    ("!scram-sha-256", [true, true, true, false, true]),
    ("!gss,!sspi,!oauth", [true, true, true, true, true]),
    ("!none,!password,!md5", [false, false, false, true, false]),
    ("!none,!password,!md5,!scram-sha-256", [false, false, false, false, false]),
];

async fn lists_let_in_whom_they_name<R: Runtime>(rt: R) {
    let place = Place::shared();
    for (index, role) in ROLES.into_iter().enumerate() {
        let identity = place.authority.client(role);
        let config = place.with_identity(place.config(role).password("secret"), &identity);
        for (text, allowed) in LINES {
            let list: RequireAuth = text.parse().unwrap();
            match try_session(&rt, &config.clone().require_auth(list)).await {
                Ok(_) => assert!(allowed[index], "{role} got in under \"{text}\""),
                Err(error) => {
                    assert!(!allowed[index], "{role}, \"{text}\": {}", story(&error));
                    assert_eq!(error.kind(), Kind::Authentication);
                    assert!(error.to_string().contains("require_auth"), "{error}");
                }
            }
        }
    }
}

/// A server without TLS that asks for authentication, and passes on what the client says to that.
fn asking(request: Vec<u8>) -> (Listener, Receiver<usize>) {
    let (sender, receiver) = channel();
    let listener = Listener::start(move |mut stream| {
        read_startup(&mut stream)?;
        stream.write_all(&request)?;
        sender.send(stream.read(&mut [0; 64]).unwrap_or(0)).unwrap();
        stream.write_all(&fatal_response("28000", "no"))?;
        read_rest(&mut stream);
        Ok(())
    });
    (listener, receiver)
}

async fn nothing_is_told_to_a_server_that_asks_for_another_method<R: Runtime>(rt: R) {
    let (ok, password) = (authentication_ok(), authentication(3, b""));
    let (md5, gss, sspi) =
        (authentication(5, b"salt"), authentication(7, b""), authentication(9, b""));
    let scram = authentication_sasl(&["SCRAM-SHA-256"]);
    for (allowed, requests) in [
        ("scram-sha-256", vec![&ok, &password, &md5, &gss, &sspi]),
        ("password", vec![&ok, &md5, &gss, &sspi, &scram]),
        ("md5", vec![&ok, &password, &gss, &sspi, &scram]),
        ("none", vec![&password, &md5, &gss, &sspi, &scram]),
        ("!none,!password,!md5,!scram-sha-256", vec![&ok, &password, &md5, &scram]),
    ] {
        for request in requests {
            let (listener, heard) = asking(request.clone());
            let list: RequireAuth = allowed.parse().unwrap();
            let config = listener.config().sslmode(SslMode::Disable).require_auth(list);
            let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Authentication, "{allowed}: {}", story(&error));
            assert_eq!(heard.recv().unwrap(), 0, "{allowed}: {request:?}");
            assert_eq!(listener.accepted(), 1);
        }
    }
    // The same server hears the answer where the method is allowed.
    for (allowed, request) in [("password", password), ("md5", md5), ("scram-sha-256", scram)] {
        let (listener, heard) = asking(request);
        let list: RequireAuth = allowed.parse().unwrap();
        let config = listener.config().sslmode(SslMode::Disable).require_auth(list);
        let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Server, "{allowed}: {}", story(&error));
        assert!(heard.recv().unwrap() > 5, "{allowed}");
    }
}

on_every_runtime!(
    lists_let_in_whom_they_name,
    nothing_is_told_to_a_server_that_asks_for_another_method,
);
