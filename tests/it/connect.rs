//! Connecting: strings, settings, streams of the caller's own, and both kinds of socket.

use std::pin::pin;

use aiopg::{Connection, Error, Kind, Runtime, SqlState};
use aiopg_runtime::TcpOptions;
use aiopg_tests::cancel::{Outcome, at_every_poll};
use aiopg_tests::counting::Counting;
use aiopg_tests::duplex::{Direction, Duplex};
use aiopg_tests::relay::{Leg, Plan};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime};
use futures::future::{Either, select};
use futures::{AsyncReadExt, FutureExt};

async fn a_url_is_enough<R: Runtime>(rt: R) -> Result<(), Error> {
    let url = Server::shared().superuser_url();
    let mut connection = Connection::connect(rt.clone(), url.as_str()).await?;
    assert_eq!(ask(&mut connection, "select 42").await, "42");
    let mut connection = Connection::connect(rt.clone(), &url).await?;
    assert_eq!(ask(&mut connection, "select 43").await, "43");
    let mut connection = Connection::connect_on(rt, url).await?;
    assert_eq!(ask(&mut connection, "select 44").await, "44");
    Ok(())
}

async fn key_words_and_values_are_enough<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::shared();
    let text = format!(
        "host = {} port = {} user = postgres dbname = {} application_name = 'it''s me' \
         options = '-c work_mem=1234kB'",
        server.host(),
        server.port(),
        server.dbname()
    );
    let mut connection = Connection::connect(rt, text.replace("''", "\\'")).await?;
    let name = "select current_setting('application_name')";
    assert_eq!(ask(&mut connection, name).await, "it's me");
    assert_eq!(ask(&mut connection, "select current_setting('work_mem')").await, "1234kB");
    Ok(())
}

async fn settings_in_a_url_arrive<R: Runtime>(rt: R) -> Result<(), Error> {
    let url = Server::shared().superuser_url();
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!(
        "{url}{joint}application_name=a%20name&options=-c%20statement_timeout%3D4321&connect_timeout=30"
    );
    let mut connection = Connection::connect(rt, url).await?;
    assert_eq!(ask(&mut connection, "select current_setting('application_name')").await, "a name");
    assert_eq!(ask(&mut connection, "select current_setting('statement_timeout')").await, "4321ms");
    Ok(())
}

async fn settings_of_a_config_arrive<R: Runtime>(rt: R) -> Result<(), Error> {
    let config = session::config()
        .application_name("Größe")
        .options("-c search_path=pg_catalog -c lock_timeout=77");
    let mut connection = Connection::connect(rt, &config).await?;
    assert_eq!(ask(&mut connection, "select current_setting('lock_timeout')").await, "77ms");
    assert_eq!(ask(&mut connection, "select current_setting('search_path')").await, "pg_catalog");
    // The server takes ASCII alone for this name.
    let name = ask(&mut connection, "select current_setting('application_name')").await;
    assert!(name.starts_with("Gr"), "{name}");
    Ok(())
}

async fn the_directory_of_a_socket_is_a_host<R: Runtime>(rt: R) -> Result<(), Error> {
    let server = Server::shared();
    let Some(dir) = server.socket_dir() else { return Ok(()) };
    let config = session::config().host(dir.to_str().unwrap_or_default());
    let mut connection = Connection::connect(rt, config).await?;
    assert_eq!(ask(&mut connection, "select inet_client_addr() is null").await, "t");
    Ok(())
}

async fn a_host_name_is_looked_up<R: Runtime>(rt: R) -> Result<(), Error> {
    let runtime = Counting::new(rt);
    let config = session::config().host("localhost");
    if Server::shared().host() != "127.0.0.1" {
        return Ok(());
    }
    let mut connection = Connection::connect_on(runtime, config).await?;
    assert_eq!(ask(&mut connection, "select 1").await, "1");
    Ok(())
}

async fn an_invalid_string_connects_to_nothing<R: Runtime>(rt: R) {
    let runtime = Counting::new(rt);
    for text in ["postgresql://host:port/", "host=a,b port=1,2,3 user=x", "no such=word"] {
        let error = Connection::connect_on(runtime.clone(), text).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{text}: {error}");
    }
    assert_eq!(runtime.counts().connects, 0);
}

async fn an_unknown_database_is_refused_by_the_server<R: Runtime>(rt: R) {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let host = relay.address().ip();
    let config = config.host(format!("{host},{host}")).dbname("no_such_database");
    let error = Connection::connect(rt, config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Server);
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_CATALOG_NAME));
    assert!(error.to_string().contains("no_such_database"), "{error}");
    // The next host would say the same, so it is not asked.
    relay.wait_until(|traffic| traffic.open == 0);
    assert_eq!(relay.traffic().connections, 1);
}

async fn a_stream_of_the_runtime_carries_a_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let address = session::address_of(Server::shared());
    let stream = rt.connect_tcp(address, &TcpOptions::default()).await.unwrap();
    let mut connection =
        Connection::connect_stream(rt, stream, session::config().host("not.used")).await?;
    let doubled: i32 = connection.query_scalar("select $1 * 2", (21_i32,)).await?;
    assert_eq!(doubled, 42);
    connection.close().await
}

/// A tunnel in memory that passes three bytes at a time.
async fn a_pipe_in_memory_carries_a_session<R: Runtime>(rt: R) -> Result<(), Error> {
    let address = session::address_of(Server::shared());
    let stream = rt.connect_tcp(address, &TcpOptions::default()).await.unwrap();
    let narrow = || Direction::default().chunk(3).capacity(7);
    let (near, far) = Duplex::pair_with(narrow(), narrow());
    let ((mut from_server, mut to_server), (mut from_client, mut to_client)) =
        (stream.split(), far.split());
    let pump = futures::future::join(
        futures::io::copy(&mut from_client, &mut to_server),
        futures::io::copy(&mut from_server, &mut to_client),
    );
    let session = async {
        let mut connection =
            Connection::connect_stream(rt.clone(), near, session::config()).await?;
        let rows = connection.query("select generate_series(1, $1)", (100,)).await?;
        assert_eq!(rows.len(), 100);
        assert_eq!(ask(&mut connection, "select 'text'").await, "text");
        Ok(())
    };
    match select(pin!(session), pin!(pump.map(drop))).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => panic!("the tunnel ended before the session"),
    }
}

async fn a_connect_that_is_dropped_closes_its_socket<R: Runtime>(rt: R) {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    at_every_poll(
        async || (),
        async |()| Connection::connect_on(rt.clone(), &config).await,
        async |(), outcome| match outcome {
            Outcome::DroppedAfter(_) => relay.wait_until(|traffic| traffic.open == 0),
            Outcome::Completed(connected) => {
                let mut connection = connected.unwrap();
                assert_eq!(ask(&mut connection, "select 1").await, "1");
            }
        },
    )
    .await;
}

async fn a_connect_cut_after_any_byte_is_an_error<R: Runtime>(rt: R) {
    // What the server says up to the first ReadyForQuery takes some 400 bytes.
    for bytes in (0..200).step_by(13) {
        for plan in [Leg::default().cut_after(bytes), Leg::default().reset_after(bytes)] {
            let (_relay, config) =
                session::relayed(Server::shared(), Plan::default().from_server(plan));
            let error = Connection::connect_on(rt.clone(), &config).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "after {bytes} bytes: {error}");
            assert_eq!(error.attempts().len(), 1);
        }
    }
}

async fn connecting_writes_one_message_and_no_query<R: Runtime>(rt: R) -> Result<(), Error> {
    let (relay, config) = session::relayed(Server::shared(), Plan::default());
    let runtime = Counting::new(rt);
    let mut connection = Connection::connect_on(runtime.clone(), config).await?;
    let counts = runtime.counts();
    assert_eq!((counts.writes, counts.connects, counts.spawns), (1, 1, 0));
    relay.wait_until(|traffic| !traffic.from_client.is_empty());
    let sent = relay.traffic().from_client;
    let length = u32::from_be_bytes([sent[0], sent[1], sent[2], sent[3]]);
    assert_eq!(length as usize, sent.len(), "StartupMessage and nothing else");
    connection.close().await
}

on_every_runtime!(
    a_url_is_enough,
    key_words_and_values_are_enough,
    settings_in_a_url_arrive,
    settings_of_a_config_arrive,
    the_directory_of_a_socket_is_a_host,
    a_host_name_is_looked_up,
    an_invalid_string_connects_to_nothing,
    an_unknown_database_is_refused_by_the_server,
    a_stream_of_the_runtime_carries_a_session,
    a_pipe_in_memory_carries_a_session,
    a_connect_that_is_dropped_closes_its_socket,
    a_connect_cut_after_any_byte_is_an_error,
    connecting_writes_one_message_and_no_query,
);
