//! Sessions for tests: where they are opened, and how one is watched from another.

use std::env::{self, VarError};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use aiopg::{Config, Connection, Params, Runtime, SslMode};
use futures::future::{Either, select};

use crate::relay::{Plan, Relay};
use crate::server::Server;
use crate::warnings;

/// The superuser's configuration for the shared server.
pub fn config() -> Config {
    config_of(Server::shared())
}

/// The superuser's configuration for `server`, without TLS, so that counts are the same with and without it.
///
/// A warning fails the test; one that provokes warnings sets a hook of its own.
///
/// It leads over TCP, or where `AIOPG_TEST_TRANSPORT` is `unix` over the server's Unix-domain socket.
pub fn config_of(server: &Server) -> Config {
    let config = server.superuser_url().parse::<Config>().expect("a connection string");
    let config = config.sslmode(SslMode::Disable).on_event(warnings::hook());
    match env::var("AIOPG_TEST_TRANSPORT").as_deref() {
        Err(VarError::NotPresent) | Ok("tcp") => config,
        Ok("unix") => over_unix_socket(server, config),
        other => panic!("AIOPG_TEST_TRANSPORT is neither tcp nor unix: {other:?}"),
    }
}

fn over_unix_socket(server: &Server, config: Config) -> Config {
    let dir = server.socket_dir().expect("a server of our own, whose socket is known");
    config.host(dir.to_str().expect("a directory that is text"))
}

/// The address of `server`, which must not be behind a name.
pub fn address_of(server: &Server) -> SocketAddr {
    SocketAddr::new(server.host().parse().expect("an IP address"), server.port())
}

/// A relay in front of `server`, and the superuser's configuration that leads through it.
pub fn relayed(server: &Server, plan: Plan) -> (Relay, Config) {
    let relay = Relay::start(address_of(server), plan).expect("a relay");
    let config = through(&relay, config_of(server));
    (relay, config)
}

/// `config`, with the relay in the place of the server.
pub fn through(relay: &Relay, config: Config) -> Config {
    config.host(relay.address().ip().to_string()).port(relay.address().port())
}

/// A session of the superuser on the shared server.
pub async fn open<R: Runtime>(runtime: R) -> Connection<R> {
    open_with(runtime, &config()).await
}

/// A session with this configuration.
pub async fn open_with<R: Runtime>(runtime: R, config: &Config) -> Connection<R> {
    let opened = Connection::connect_on(runtime, config).await;
    opened.unwrap_or_else(|error| panic!("no session: {error}"))
}

/// A session in an empty schema of its own, and the configuration for others in the same schema.
///
/// A test that needs only one session makes temporary tables instead.
pub async fn open_in_schema<R: Runtime>(runtime: R) -> (Connection<R>, Config) {
    let schema = Server::shared().fresh_schema();
    let config = config().options(format!("-c search_path={schema}"));
    let mut connection = open_with(runtime, &config).await;
    let made = connection.batch_execute(&format!("create schema {schema}")).await;
    made.unwrap_or_else(|error| panic!("no schema: {error}"));
    (connection, config)
}

/// The only value of `question`, asked in a way that leaves nothing behind in the session.
pub async fn ask<R: Runtime>(connection: &mut Connection<R>, question: &str) -> String {
    let results = connection.simple_query(question).await;
    let results = results.unwrap_or_else(|error| panic!("{question}: {error}"));
    results[0].row(0).expect("a row").get::<Option<&str>>(0).unwrap_or("null").to_owned()
}

/// Asks again and again until the answer is yes. A test that waits in vain is ended by its watchdog.
pub async fn wait_until<R: Runtime>(
    observer: &mut Connection<R>,
    question: &str,
    params: impl Params,
) {
    loop {
        let answer = observer.query_scalar::<bool>(question, &params).await;
        if answer.unwrap_or_else(|error| panic!("{question}: {error}")) {
            return;
        }
    }
}

/// Waits until the server runs nothing for the backend `process_id`, not even its session.
pub async fn wait_until_gone<R: Runtime>(observer: &mut Connection<R>, process_id: i32) {
    let question = "select not exists (select from pg_stat_activity where pid = $1)";
    wait_until(observer, question, (process_id,)).await;
}

/// Waits until the backend `process_id` is held up by a statement that begins with `sql`: by a lock, or asleep.
///
/// One that is not held up may just be being prepared, and a cancel request would pass it by.
pub async fn wait_until_held_up<R: Runtime>(
    observer: &mut Connection<R>,
    process_id: i32,
    sql: &str,
) {
    let question = "select exists (select from pg_stat_activity \
                    where pid = $1 and state = 'active' and starts_with(query, $2) \
                    and wait_event_type in ('Lock', 'Timeout'))";
    wait_until(observer, question, (process_id, sql)).await;
}

/// Polls `operation` until its statement, which begins with `sql`, holds the backend `process_id` up; then drops it.
///
/// # Panics
///
/// When the operation ends before that.
pub async fn drop_while_held_up<R: Runtime>(
    operation: impl Future,
    observer: &mut Connection<R>,
    process_id: i32,
    sql: &str,
) {
    match select(pin!(operation), pin!(wait_until_held_up(observer, process_id, sql))).await {
        Either::Left(_) => panic!("nobody saw it run: {sql}"),
        Either::Right(((), _)) => {}
    }
}

/// Waits until the backend `process_id` runs no statement, and is in no transaction.
pub async fn wait_until_idle<R: Runtime>(observer: &mut Connection<R>, process_id: i32) {
    let question = "select exists (select from pg_stat_activity where pid = $1 and state = 'idle')";
    wait_until(observer, question, (process_id,)).await;
}
