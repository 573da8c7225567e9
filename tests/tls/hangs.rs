//! Servers that fall silent: wherever that is, `connect_timeout` ends it and the next host gets its turn.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use aiopg::{ChannelBinding, Config, Connection, Kind, Runtime, SslMode, UseEnvironment};
use aiopg_tests::on_every_runtime;
use aiopg_tests::script::FakeServer;
use aiopg_tests::script::backend::{authentication, authentication_ok, authentication_sasl};
use aiopg_tests::script::scram::Exchange;
use futures::future::join_all;
use rustls::ServerConfig;

use crate::listener::{
    Listener, accept_asked, read_rest, read_ssl_request, read_startup, serve_session, tls_config,
};
use crate::place::story;

/// Long enough for the host that answers, on a machine that is busy; all phases wait at the same time.
const LIMIT: Duration = Duration::from_secs(2);

/// Where a server falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    SslAnswer,
    Handshake,
    Startup,
    FirstOfSasl,
    SecondOfSasl,
    Authenticated,
}

const PHASES: [Phase; 6] = [
    Phase::SslAnswer,
    Phase::Handshake,
    Phase::Startup,
    Phase::FirstOfSasl,
    Phase::SecondOfSasl,
    Phase::Authenticated,
];

fn serve(phase: Phase, tls: &Arc<ServerConfig>, mut stream: TcpStream) -> io::Result<()> {
    match phase {
        Phase::SslAnswer => {}
        Phase::Handshake => {
            read_ssl_request(&mut stream)?;
            stream.write_all(b"S")?;
        }
        Phase::Startup | Phase::FirstOfSasl | Phase::SecondOfSasl | Phase::Authenticated => {
            return serve_inside(phase, tls, stream);
        }
    }
    read_rest(&mut stream);
    Ok(())
}

fn serve_inside(phase: Phase, tls: &Arc<ServerConfig>, stream: TcpStream) -> io::Result<()> {
    let mut stream = accept_asked(tls, stream)?;
    read_startup(&mut stream)?;
    match phase {
        Phase::Authenticated => stream.write_all(&authentication_ok())?,
        Phase::FirstOfSasl | Phase::SecondOfSasl => {
            stream.write_all(&authentication_sasl(&["SCRAM-SHA-256"]))?;
            if phase == Phase::SecondOfSasl {
                stream.flush()?;
                io::Read::read_exact(&mut stream, &mut [0; 1])?;
                let answer = Exchange::default().first(&read_startup(&mut stream)?);
                stream.write_all(&authentication(11, answer.as_bytes()))?;
            }
        }
        Phase::SslAnswer | Phase::Handshake | Phase::Startup => {}
    }
    stream.flush()?;
    read_rest(&mut stream);
    Ok(())
}

fn config(ports: &[u16]) -> Config {
    let hosts = vec!["127.0.0.1"; ports.len()].join(",");
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let text = format!("host={hosts} port={ports} user=ada password=secret");
    text.parse::<Config>()
        .unwrap()
        .environment(UseEnvironment::No)
        .sslmode(SslMode::Require)
        .channel_binding(ChannelBinding::Disable)
        .connect_timeout(LIMIT)
}

/// Connects to a silent port alone, and to it and one that answers.
async fn check<R: Runtime>(rt: R, phase: &str, silent: u16, answering: u16) {
    let (alone, both) = (config(&[silent]), config(&[silent, answering]));
    let alone = Connection::connect_on(rt.clone(), &alone);
    let both = Connection::connect_on(rt, &both);
    let (alone, both) = futures::future::join(alone, both).await;
    let error = alone.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{phase}: {}", story(&error));
    assert_eq!(error.attempts().len(), 1, "{phase}");
    assert!(error.to_string().contains("connect_timeout"), "{phase}: {error}");
    let connection = both.unwrap_or_else(|error| panic!("{phase}: {}", story(&error)));
    assert_eq!(connection.process_id(), Some(1), "{phase}: the tiny server has answered");
}

async fn a_server_that_falls_silent_is_given_up_for_the_next<R: Runtime>(rt: R) {
    let tls = tls_config(&[]);
    let silent: Vec<Listener> = PHASES
        .into_iter()
        .map(|phase| {
            let tls = Arc::clone(&tls);
            Listener::start(move |stream| serve(phase, &tls, stream))
        })
        .collect();
    // The kernel accepts for it, and nobody ever reads.
    let deaf = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let good = Listener::start(move |stream| {
        serve_session(&FakeServer::new(), accept_asked(&tls, stream)?)
    });
    let named = PHASES.iter().zip(&silent).map(|(phase, at)| (format!("{phase:?}"), at.port()));
    let deaf = ("Accept".to_owned(), deaf.local_addr().unwrap().port());
    let checks = named.chain([deaf]).map(|(phase, port)| {
        let (rt, good) = (rt.clone(), good.port());
        async move { check(rt, &phase, port, good).await }
    });
    join_all(checks).await;
}

on_every_runtime!(a_server_that_falls_silent_is_given_up_for_the_next);
