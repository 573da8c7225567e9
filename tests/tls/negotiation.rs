//! The whole table of how client and server come to terms on encryption, from PostgreSQL's own tests.

use std::sync::OnceLock;

use aiopg::{Config, Kind, Runtime, UseEnvironment};
use aiopg_smol::Smol;
use aiopg_tests::certificates::Authority;
use aiopg_tests::relay::{Plan, Relay, Traffic};
use aiopg_tests::session;
use aiopg_tests::{Options, Server, on_every_runtime};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::listener::SSL_REQUEST;
use crate::place::{make_roles, story, try_session, with_rules};

use Outcome::{Fail, Plain, Ssl};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Plain,
    Ssl,
    Fail,
}

/// User, `sslmode`, `sslnegotiation`, what the server sees, what comes of it.
type Line = (&'static str, &'static str, &'static str, &'static str, Outcome);

const WITHOUT_SSL: &[Line] = &[
    ("testuser", "disable", "postgres", "connect, authok", Plain),
    ("testuser", "allow", "postgres", "connect, authok", Plain),
    ("testuser", "prefer", "postgres", "connect, sslreject, authok", Plain),
    ("testuser", "require", "postgres", "connect, sslreject", Fail),
    ("testuser", "require", "direct", "connect, directsslreject", Fail),
    ("testuser", "disable", "direct", "", Fail),
    ("testuser", "allow", "direct", "", Fail),
    ("testuser", "prefer", "direct", "", Fail),
];

const WITH_SSL: &[Line] = &[
    ("testuser", "disable", "postgres", "connect, authok", Plain),
    ("testuser", "allow", "postgres", "connect, authok", Plain),
    ("testuser", "prefer", "postgres", "connect, sslaccept, authok", Ssl),
    ("testuser", "require", "postgres", "connect, sslaccept, authok", Ssl),
    ("testuser", "require", "direct", "connect, directsslaccept, authok", Ssl),
    ("ssluser", "disable", "postgres", "connect, authfail", Fail),
    ("ssluser", "allow", "postgres", "connect, authfail, reconnect, sslaccept, authok", Ssl),
    ("ssluser", "prefer", "postgres", "connect, sslaccept, authok", Ssl),
    ("ssluser", "require", "postgres", "connect, sslaccept, authok", Ssl),
    ("ssluser", "require", "direct", "connect, directsslaccept, authok", Ssl),
    ("nossluser", "disable", "postgres", "connect, authok", Plain),
    ("nossluser", "allow", "postgres", "connect, authok", Plain),
    ("nossluser", "prefer", "postgres", "connect, sslaccept, authfail, reconnect, authok", Plain),
    ("nossluser", "require", "postgres", "connect, sslaccept, authfail", Fail),
    ("nossluser", "require", "direct", "connect, directsslaccept, authfail", Fail),
    ("testuser", "disable", "direct", "", Fail),
    ("ssluser", "allow", "direct", "", Fail),
    ("nossluser", "prefer", "direct", "", Fail),
];

/// GSSAPI, which neither side has here, changes nothing.
const GSSENCMODES: [&str; 2] = ["disable", "prefer"];

/// The server, without TLS or with it, and its lines.
fn servers() -> &'static [(Server, &'static [Line]); 2] {
    static SERVERS: OnceLock<[(Server, &[Line]); 2]> = OnceLock::new();

    SERVERS.get_or_init(|| [(start(Tls::Off), WITHOUT_SSL), (start(Tls::On), WITH_SSL)])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    On,
    Off,
}

fn start(tls: Tls) -> Server {
    let mut options = with_rules(Options::default()).setting("log_connections", "on");
    if knows_direct() {
        options = options.setting("trace_connection_negotiation", "on");
    }
    if tls == Tls::On {
        let authority = Authority::new("authority", &PKCS_ECDSA_P256_SHA256);
        let identity = authority.server(&["db.test"]);
        // The rules for certificates need somebody who issues them.
        options = options
            .setting("ssl", "on")
            .setting("ssl_ca_file", "root.crt")
            .file("root.crt", authority.certificate())
            .file("server.crt", identity.certificate)
            .file("server.key", identity.key);
    }
    let server = Server::start(&options).unwrap();
    make_roles(&server);
    server
}

fn knows_direct() -> bool {
    Server::shared().version() >= 17
}

/// What the server makes of a line: before version 17 it takes the first byte of TLS for nonsense.
fn expected(line: &Line) -> (&'static str, Outcome) {
    let (_, _, _, events, outcome) = *line;
    if events.contains("directsslaccept") && !knows_direct() {
        return ("connect, directsslreject", Fail);
    }
    (events, outcome)
}

fn config(line: &Line, gssencmode: &str, port: u16) -> Config {
    let (user, sslmode, sslnegotiation, _, _) = line;
    let text = format!(
        "host=127.0.0.1 port={port} dbname=postgres user={user} gssencmode={gssencmode} \
         sslmode={sslmode} sslnegotiation={sslnegotiation}"
    );
    text.parse::<Config>().unwrap().environment(UseEnvironment::No)
}

async fn outcome<R: Runtime>(rt: &R, config: &Config, events: &str) -> Outcome {
    match try_session(rt, config).await {
        Ok(true) => Ssl,
        Ok(false) => Plain,
        Err(error) => {
            let kinds = match events {
                "" => &[Kind::Config][..],
                _ if events.ends_with("authfail") => &[Kind::Server],
                _ => &[Kind::Tls],
            };
            assert!(kinds.contains(&error.kind()), "{config}: {}", story(&error));
            Fail
        }
    }
}

/// Compares what passed a relay with what the server should have seen.
fn compare(traffic: &Traffic, events: &str, line: &Line) {
    let count = |event| events.split(", ").filter(|seen| *seen == event).count();
    assert_eq!(traffic.connections, count("connect") + count("reconnect"), "{line:?}");
    let requests = traffic.from_client.windows(8).filter(|part| *part == SSL_REQUEST).count();
    assert_eq!(requests, count("sslaccept") + count("sslreject"), "{line:?}");
    let direct = traffic.from_client.first() == Some(&0x16);
    assert_eq!(direct, events.contains("directssl"), "{line:?}");
    let answer = traffic.from_server.first();
    if events.starts_with("connect, sslaccept") {
        assert_eq!(answer, Some(&b'S'), "{line:?}");
    }
    if events.starts_with("connect, sslreject") {
        assert_eq!(answer, Some(&b'N'), "{line:?}");
    }
}

async fn every_line_of_the_table_comes_out_as_it_says<R: Runtime>(rt: R) {
    for (server, lines) in servers() {
        for (line, gssencmode) in lines.iter().flat_map(|line| GSSENCMODES.map(|mode| (line, mode)))
        {
            let relay = Relay::start(session::address_of(server), Plan::default()).unwrap();
            let config = config(line, gssencmode, relay.address().port());
            let (events, wanted) = expected(line);
            assert_eq!(outcome(&rt, &config, events).await, wanted, "{line:?}");
            relay.wait_until(|traffic| traffic.open == 0);
            compare(&relay.traffic(), events, line);
        }
    }
}

/// The server's own account, in the words of the table.
fn events_in(log: &str) -> String {
    let words = [
        ("connection received", "connect"),
        ("direct SSL connection accepted", "directsslaccept"),
        ("direct SSL connection rejected", "directsslreject"),
        ("SSLRequest accepted", "sslaccept"),
        ("SSLRequest rejected", "sslreject"),
        ("pg_hba.conf rejects", "authfail"),
        ("connection authorized", "authok"),
    ];
    let mut events = Vec::new();
    for line in log.lines() {
        if let Some((_, event)) = words.iter().find(|(text, _)| line.contains(text)) {
            let again = *event == "connect" && !events.is_empty();
            events.push(if again { "reconnect" } else { event });
        }
    }
    events.join(", ")
}

#[test]
fn the_server_sees_what_the_table_says() {
    if !knows_direct() {
        // Only from version 17 on does a server tell.
        return;
    }
    let servers = [(start(Tls::Off), WITHOUT_SSL), (start(Tls::On), WITH_SSL)];
    for (server, lines) in &servers {
        for line in *lines {
            let before = server.log().len();
            let config = config(line, "disable", server.port());
            let (events, wanted) = expected(line);
            let outcome = smol::block_on(outcome(&Smol::global(), &config, events));
            assert_eq!(outcome, wanted, "{line:?}");
            let log = server.log().split_off(before);
            assert_eq!(events_in(&log), events, "{line:?}: {log}");
        }
    }
}

on_every_runtime!(every_line_of_the_table_comes_out_as_it_says);
