//! Several hosts, servers that do not answer, and the limits of time for connecting.

use std::error::Error as StdError;
use std::time::Duration;

use aiopg::{Connection, Error, Kind, Runtime};
use aiopg_tests::cancel::yield_now;
use aiopg_tests::relay::{Leg, Plan, Relay};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Options, Server, on_every_runtime};

/// Long enough for a server that answers, short enough to wait for one that never does.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(50);

async fn the_next_host_is_asked_when_one_refuses<R: Runtime>(rt: R) -> Result<(), Error> {
    let (closed, _) = session::relayed(Server::shared(), Plan::default());
    closed.refuse();
    let (open, _) = session::relayed(Server::shared(), Plan::default());
    let (host, port) = (open.address().ip(), open.address().port());
    let closed_port = closed.address().port();
    let text = format!(
        "host={host},{host} port={closed_port},{port} user=postgres sslmode=disable dbname={} connect_timeout=50",
        Server::shared().dbname()
    );
    let mut connection = Connection::connect_on(rt, text).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    assert_eq!(open.traffic().connections, 1);
    Ok(())
}

async fn every_host_that_failed_is_named_with_its_reason<R: Runtime>(rt: R) {
    let server = Server::shared();
    let (closed, config) = session::relayed(server, Plan::default());
    closed.refuse();
    let (cut, _) =
        session::relayed(server, Plan::default().from_server(Leg::default().cut_after(5)));
    let host = closed.address().ip();
    let ports = format!("{},{}", closed.address().port(), cut.address().port());
    let text = format!("host={host},{host} port={ports} user=postgres sslmode=disable");
    let error = Connection::connect_on(rt.clone(), text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    let [first, second] = error.attempts() else { panic!("{error}") };
    assert!(first.host().contains(&closed.address().to_string()), "{error}");
    assert!(second.host().contains(&cut.address().to_string()), "{error}");
    assert!(first.error().is_retryable(), "nothing was sent");
    let text = error.to_string();
    assert!(text.contains(first.host()) && text.contains(second.host()), "{text}");
    assert!(text.contains("refused") && text.contains("closed the connection"), "{text}");
    assert!(!text.contains('\n'), "{text}");

    let missing = config.host("/there/is/no/such/directory");
    let error = Connection::connect_on(rt, missing).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Io, 1), "{error}");
    assert!(error.to_string().contains("/there/is/no/such/directory"), "{error}");
}

async fn a_frozen_server_is_given_up_after_connect_timeout<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::start(&Options::default()).unwrap();
    let config = session::config_of(&server);
    server.freeze();
    let impatient = config.clone().connect_timeout(SHORT);
    let error = Connection::connect_on(rt.clone(), &impatient).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    assert_eq!(error.attempts().len(), 1);
    assert!(error.is_retryable() && error.to_string().contains("connect_timeout"), "{error}");

    // The limit is for each address: the next one is asked after it.
    let shared = Server::shared();
    let text = format!(
        "host={},{} port={},{} user=postgres sslmode=disable dbname={} connect_timeout=2",
        server.host(),
        shared.host(),
        server.port(),
        shared.port(),
        shared.dbname()
    );
    let mut connection = Connection::connect_on(rt.clone(), text).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");

    server.thaw();
    let mut connection = Connection::connect_on(rt, config.connect_timeout(LONG)).await?;
    assert_eq!(ask(&mut connection, "select 2").await, "2");
    Ok(())
}

/// A connection may come to its stall only after it was resumed, so that is done again.
async fn resume_until_closed(relay: &Relay) {
    while relay.traffic().open > 0 {
        relay.resume();
        yield_now().await;
    }
}

async fn connect_deadline_covers_every_host<R: Runtime>(rt: R) {
    let server = Server::shared();
    let silent = || Plan::default().from_server(Leg::default().stall_after(3));
    let (relay, config) = session::relayed(server, silent());
    let host = relay.address().ip();
    let config = config.host(format!("{host},{host},{host}"));

    let error = Connection::connect_on(rt.clone(), config.clone().connect_deadline(SHORT)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().contains("connect_deadline"), "{error}");
    assert_eq!(error.attempts().len(), 1, "it never got past the first: {error}");
    // Only a relay that reads on can see that the client is gone.
    resume_until_closed(&relay).await;
    assert_eq!(relay.traffic().connections, 1);

    let both = config.connect_timeout(SHORT / 4).connect_deadline(LONG);
    let error = Connection::connect_on(rt, both).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len()), (Kind::Timeout, 3), "{error}");
    resume_until_closed(&relay).await;
}

async fn a_deadline_of_zero_has_passed_and_no_deadline_never_does<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let config = session::config();
    let error = Connection::connect_on(rt.clone(), config.clone().connect_deadline(Duration::ZERO));
    assert_eq!(error.await.unwrap_err().kind(), Kind::Timeout);
    // As in libpq, a connect_timeout of zero is none.
    let patient = config.connect_deadline(None).connect_timeout(Duration::ZERO);
    Connection::connect_on(rt, patient).await?.close().await
}

async fn a_server_that_starts_up_is_no_final_answer<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::start(&Options::default()).unwrap();
    let config = session::config_of(&server);
    let mut connection = session::open_with(rt.clone(), &config).await;
    server.stop();
    let error = connection.execute("select 1", ()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Server | Kind::Io), "{error}");
    let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.is_retryable(), "{error}");
    assert!(error.source().is_none(), "the reasons stand in the list of attempts");
    server.restart();
    let mut connection = Connection::connect_on(rt, &config).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

on_every_runtime!(
    the_next_host_is_asked_when_one_refuses,
    every_host_that_failed_is_named_with_its_reason,
    a_frozen_server_is_given_up_after_connect_timeout,
    connect_deadline_covers_every_host,
    a_deadline_of_zero_has_passed_and_no_deadline_never_does,
    a_server_that_starts_up_is_no_final_answer,
);
