//! What choosing a server by its kind costs: nothing but start-up where the server reports it, else one question.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aiopg::TargetSessionAttrs::{self, Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
use aiopg::{Error, Kind};
use aiopg_sim::{Sim, SimStream};
use aiopg_tests::script::backend::{
    authentication_ok, backend_key_data, command_complete, data_row, error_response,
    fatal_response, parameter_status, ready_for_query, row_description,
};
use aiopg_tests::script::{Frontend, Peer};

use crate::dialing::{address, assert_took, calm, hosts, serve_by, settle, timed};

const LIMIT: Duration = Duration::from_secs(2);
const ALL: [TargetSessionAttrs; 6] = [Any, ReadWrite, ReadOnly, Primary, Standby, PreferStandby];
const SHOW: &str = "show transaction_read_only";
const RECOVERY: &str = "select pg_catalog.pg_is_in_recovery()";

/// How a server answers a question.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Value(&'static str),
    Error,
    Fatal,
    HangUp,
    Silence,
}

use Answer::{Error as Fails, Fatal, HangUp, Silence, Value};

/// A server that keeps what it was told.
#[derive(Clone, Debug)]
struct Reporting {
    reports: &'static [(&'static str, &'static str)],
    answer: Answer,
    told: Arc<Mutex<Vec<Frontend>>>,
}

/// What a primary reports from version 14 on, and what a standby does.
const PRIMARY: &[(&str, &str)] =
    &[("in_hot_standby", "off"), ("default_transaction_read_only", "off")];
const STANDBY: &[(&str, &str)] =
    &[("in_hot_standby", "on"), ("default_transaction_read_only", "off")];
const READ_ONLY: &[(&str, &str)] =
    &[("in_hot_standby", "off"), ("default_transaction_read_only", "on")];

impl Reporting {
    fn start(
        sim: &Sim,
        address: SocketAddr,
        reports: &'static [(&'static str, &'static str)],
        answer: Answer,
    ) -> Self {
        let server = Self { reports, answer, told: Arc::default() };
        let clone = server.clone();
        serve_by(sim, address, move |stream| clone.clone().serve(stream));
        server
    }

    /// What it was told since the last time, without the parameters of the session.
    fn told(&self) -> Vec<Frontend> {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        told.into_iter()
            .map(|message| match message {
                Frontend::Startup { version, .. } => {
                    Frontend::Startup { version, parameters: Vec::new() }
                }
                other => other,
            })
            .collect()
    }

    fn note(&self, message: Frontend) {
        self.told.lock().unwrap().push(message);
    }

    async fn serve(self, stream: SimStream) -> io::Result<()> {
        let mut peer = Peer::new(stream);
        self.note(peer.read_first().await?);
        let mut welcome = vec![authentication_ok(), parameter_status("client_encoding", "UTF8")];
        welcome.extend(self.reports.iter().map(|(name, value)| parameter_status(name, value)));
        welcome.extend([backend_key_data(7, b"abcd"), ready_for_query(b'I')]);
        peer.send(&welcome).await?;
        while let Some(message) = peer.read().await? {
            let asked = matches!(message, Frontend::Query(_));
            self.note(message);
            if !asked {
                continue;
            }
            let reply = match self.answer {
                Value(value) => vec![
                    row_description(&["value"], 0),
                    data_row(&[Some(value.as_bytes())]),
                    command_complete("SHOW"),
                    ready_for_query(b'I'),
                ],
                Fails => vec![error_response("42501", "permission denied"), ready_for_query(b'I')],
                Fatal => vec![fatal_response("57P01", "terminating connection")],
                HangUp => return Ok(()),
                Silence => Vec::new(),
            };
            peer.send(&reply).await?;
        }
        Ok(())
    }
}

fn startup() -> Frontend {
    Frontend::Startup { version: 3 << 16, parameters: Vec::new() }
}

fn query(sql: &str) -> Frontend {
    Frontend::Query(sql.to_owned())
}

/// Opens a session and ends it.
fn connect(sim: &Sim, list: &str, attrs: TargetSessionAttrs) -> Result<(), Error> {
    let config = hosts(list).target_session_attrs(attrs).connect_timeout(LIMIT);
    let connected = timed(sim, &config).0.map(drop);
    settle(sim);
    connected
}

#[test]
fn a_server_that_reports_its_kind_is_told_nothing_but_start_up_and_good_bye() {
    let whole = [startup(), Frontend::Terminate];
    for (reports, fitting) in [
        (PRIMARY, &[Any, ReadWrite, Primary, PreferStandby][..]),
        (STANDBY, &[Any, ReadOnly, Standby, PreferStandby]),
        (READ_ONLY, &[Any, ReadOnly, Primary, PreferStandby]),
    ] {
        for attrs in ALL {
            let sim = calm();
            let server = Reporting::start(&sim, address(1), reports, Silence);
            let connected = connect(&sim, "10.0.0.1", attrs);
            assert_eq!(connected.is_ok(), fitting.contains(&attrs), "{attrs}: {reports:?}");
            if let Err(error) = connected {
                assert_eq!(error.kind(), Kind::TargetSessionAttrs);
            }
            // Only where no standby is found is it asked again.
            let again = attrs == PreferStandby && reports[0].1 == "off";
            let sessions = if again { 2 } else { 1 };
            assert_eq!(
                server.told(),
                vec![whole.clone(); sessions].concat(),
                "{attrs}: {reports:?}"
            );
            assert_eq!(sim.open_connections(), 0);
        }
    }
}

#[test]
fn a_server_that_does_not_report_its_kind_is_asked_one_question() {
    for attrs in ALL {
        for (value, reports) in [("on", &[][..]), ("off", &[]), ("t", &[]), ("f", &[])] {
            let sim = calm();
            let server = Reporting::start(&sim, address(1), reports, Value(value));
            let yes = matches!(value, "on" | "t");
            let (question, fits) = match attrs {
                ReadWrite => (Some(SHOW), !yes),
                ReadOnly => (Some(SHOW), yes),
                Primary => (Some(RECOVERY), !yes),
                Standby => (Some(RECOVERY), yes),
                PreferStandby => (Some(RECOVERY), true),
                _ => (None, true),
            };
            assert_eq!(connect(&sim, "10.0.0.1", attrs).is_ok(), fits, "{attrs}: {value}");
            let mut told = vec![startup()];
            told.extend(question.map(query));
            told.push(Frontend::Terminate);
            if attrs == PreferStandby && !yes {
                told.extend([startup(), Frontend::Terminate]);
            }
            assert_eq!(server.told(), told, "{attrs}: {value}");
        }
    }
}

/// A pooler may pass on one of the two.
#[test]
fn half_a_report_is_taken_for_what_it_says() {
    let sim = calm();
    let server = Reporting::start(&sim, address(1), &[("in_hot_standby", "off")], Value("off"));
    connect(&sim, "10.0.0.1", Primary).unwrap();
    assert_eq!(server.told(), [startup(), Frontend::Terminate]);
    connect(&sim, "10.0.0.1", ReadWrite).unwrap();
    assert_eq!(server.told(), [startup(), query(SHOW), Frontend::Terminate]);
}

#[test]
fn the_wrong_server_is_told_good_bye_and_the_next_is_asked() {
    let sim = calm();
    let first = Reporting::start(&sim, address(1), STANDBY, Silence);
    let second = Reporting::start(&sim, address(2), PRIMARY, Silence);
    connect(&sim, "10.0.0.1,10.0.0.2", ReadWrite).unwrap();
    let whole = [startup(), Frontend::Terminate];
    assert_eq!((first.told(), second.told()), (whole.to_vec(), whole.to_vec()));
    assert_eq!(sim.open_connections(), 0);

    connect(&sim, "10.0.0.2,10.0.0.1", ReadWrite).unwrap();
    assert_eq!((first.told(), second.told()), (Vec::new(), whole.to_vec()));

    // Behind one name, too.
    sim.name("db", [address(1).ip(), address(2).ip()]);
    connect(&sim, "db", Primary).unwrap();
    assert_eq!((first.told(), second.told()), (whole.to_vec(), whole.to_vec()));
}

#[test]
fn a_server_that_cannot_answer_the_question_is_passed_over() {
    for (answer, kind, took) in [
        (Fails, Kind::TargetSessionAttrs, Duration::ZERO),
        (Fatal, Kind::TargetSessionAttrs, Duration::ZERO),
        (HangUp, Kind::Io, Duration::ZERO),
        (Silence, Kind::Timeout, LIMIT),
    ] {
        let sim = calm();
        Reporting::start(&sim, address(1), &[], answer);
        let second = Reporting::start(&sim, address(2), PRIMARY, Silence);
        let config = hosts("10.0.0.1,10.0.0.2").target_session_attrs(Primary);
        let (connected, time) = timed(&sim, &config.clone().connect_timeout(LIMIT));
        assert!(connected.is_ok(), "{answer:?}: {connected:?}");
        assert_took(time, took);
        drop(connected);
        settle(&sim);
        assert_eq!(second.told(), [startup(), Frontend::Terminate]);
        assert_eq!(sim.open_connections(), 0, "{answer:?}");

        let error = connect(&sim, "10.0.0.1", Primary).unwrap_err();
        assert_eq!((error.kind(), error.attempts().len()), (kind, 1), "{answer:?}: {error}");
    }
}

#[test]
fn prefer_standby_asks_all_before_it_takes_a_primary() {
    let sim = calm();
    let first = Reporting::start(&sim, address(1), PRIMARY, Silence);
    let second = Reporting::start(&sim, address(2), STANDBY, Silence);
    connect(&sim, "10.0.0.1,10.0.0.9,10.0.0.2", PreferStandby).unwrap();
    assert_eq!((first.told().len(), second.told().len()), (2, 2));

    connect(&sim, "10.0.0.9,10.0.0.1", PreferStandby).unwrap();
    assert_eq!((first.told().len(), second.told().len()), (4, 0));
}
