//! Proving who one is: every method of `pg_hba.conf` that a password serves.

use std::path::Path;

use aiopg::{Config, Connection, Error, Kind, Runtime, SqlState, SslMode};
use aiopg_tests::counting::Counting;
use aiopg_tests::relay::Plan;
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Server, on_every_runtime};

/// The roles are named after their method.
const ROLES: [&str; 4] = ["trustuser", "pwuser", "md5user", "scramuser"];

/// The shared server, if it is ours and has the roles.
fn server() -> Option<(&'static Server, &'static Path)> {
    let server = Server::shared();
    server.socket_dir().map(|dir| (server, dir))
}

fn role(server: &Server, name: &str) -> Config {
    server.url(name, "").parse::<Config>().unwrap().sslmode(SslMode::Disable)
}

async fn every_method_is_passed_over_both_kinds_of_socket<R: Runtime>(rt: R) -> Result<(), Error> {
    let Some((server, dir)) = server() else { return Ok(()) };
    for name in ROLES {
        let tcp = role(server, name).password("secret").dbname("postgres");
        for config in [tcp.clone(), tcp.host(dir.to_str().unwrap())] {
            let mut connection = Connection::connect_on(rt.clone(), config).await?;
            assert_eq!(ask(&mut connection, "select current_user").await, name);
        }
    }
    Ok(())
}

async fn a_wrong_password_is_refused_once<R: Runtime>(rt: R) {
    let Some((server, _)) = server() else { return };
    for name in ["pwuser", "md5user", "scramuser"] {
        let (relay, _) = session::relayed(server, Plan::default());
        let host = relay.address().ip();
        let config = session::through(&relay, role(server, name).password("wrong"))
            .host(format!("{host},{host}"));
        let error = Connection::connect_on(rt.clone(), config).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some(SqlState::INVALID_PASSWORD), "{name}: {error}");
        assert_eq!(error.kind(), Kind::Server);
        assert!(!error.is_retryable());
        relay.wait_until(|traffic| traffic.open == 0);
        assert_eq!(relay.traffic().connections, 1, "{name}: the second host is not asked");
    }
}

async fn a_password_that_is_asked_for_and_missing_is_named<R: Runtime>(rt: R) {
    let Some((server, _)) = server() else { return };
    for name in ["pwuser", "md5user", "scramuser"] {
        let error = Connection::connect_on(rt.clone(), role(server, name)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication, "{name}: {error}");
        assert!(error.to_string().contains("password"), "{error}");
    }
}

async fn a_role_that_is_rejected_or_unknown_is_refused<R: Runtime>(rt: R) {
    let Some((server, _)) = server() else { return };
    let config = role(server, "rejectuser").password("secret");
    let error = Connection::connect_on(rt.clone(), config).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION), "{error}");
    let config = role(server, "nobody_at_all").password("secret");
    let error = Connection::connect_on(rt, config).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_PASSWORD), "{error}");
}

async fn no_password_leaves_in_the_clear_but_where_it_must<R: Runtime>(rt: R) -> Result<(), Error> {
    let Some((server, _)) = server() else { return Ok(()) };
    for name in ROLES {
        let (relay, _) = session::relayed(server, Plan::default());
        let config = session::through(&relay, role(server, name).password("secret"));
        Connection::connect_on(rt.clone(), config).await?.close().await?;
        relay.wait_until(|traffic| traffic.open == 0);
        let sent = relay.traffic().from_client;
        let shown = sent.windows(6).any(|part| part == b"secret");
        assert_eq!(shown, name == "pwuser", "{name}");
    }
    Ok(())
}

/// How often connecting sends work off to a thread: to read files, and to stretch a password.
async fn unblocks<R: Runtime>(runtime: &Counting<R>, config: &Config) -> Result<u64, Error> {
    let before = runtime.counts();
    let mut connection = Connection::connect_on(runtime.clone(), config).await?;
    let user = ask(&mut connection, "select current_user").await;
    assert!(user.contains(|c: char| c.is_ascii_alphanumeric()));
    Ok((runtime.counts() - before).unblocks)
}

async fn a_password_is_stretched_once_per_config<R: Runtime>(rt: R) -> Result<(), Error> {
    let Some((server, _)) = server() else { return Ok(()) };
    let runtime = Counting::new(rt);
    let config = role(server, "scramuser").password("secret");
    let usual = unblocks(&runtime, &role(server, "trustuser")).await?;
    assert_eq!(unblocks(&runtime, &config).await?, usual + 1);
    for _ in 0..2 {
        assert_eq!(unblocks(&runtime, &config).await?, usual);
    }
    assert_eq!(unblocks(&runtime, &config.clone()).await?, usual, "a clone shares it");
    let before = runtime.counts();
    let error = Connection::connect_on(runtime.clone(), config.password("wrong")).await;
    assert_eq!(error.unwrap_err().sqlstate(), Some(SqlState::INVALID_PASSWORD));
    let cost = runtime.counts() - before;
    assert_eq!(cost.unblocks, usual + 1, "another password is stretched anew");
    Ok(())
}

async fn a_password_that_was_changed_is_stretched_again<R: Runtime>(rt: R) -> Result<(), Error> {
    let Some((server, _)) = server() else { return Ok(()) };
    let runtime = Counting::new(rt);
    let mut owner = session::open(runtime.clone()).await;
    let name = server.fresh_schema();
    let password = "set password_encryption = 'scram-sha-256'";
    owner.batch_execute(&format!("{password}; create role {name} login password 'a'")).await?;
    let config = role(server, &name).password("a");
    let stretched = unblocks(&runtime, &config).await?;
    // The same password has another salt now.
    owner.batch_execute(&format!("alter role {name} password 'a'")).await?;
    assert_eq!(unblocks(&runtime, &config).await?, stretched);
    assert_eq!(unblocks(&runtime, &config).await?, stretched - 1);
    owner.batch_execute(&format!("drop role {name}")).await
}

on_every_runtime!(
    every_method_is_passed_over_both_kinds_of_socket,
    a_wrong_password_is_refused_once,
    a_password_that_is_asked_for_and_missing_is_named,
    a_role_that_is_rejected_or_unknown_is_refused,
    no_password_leaves_in_the_clear_but_where_it_must,
    a_password_is_stretched_once_per_config,
    a_password_that_was_changed_is_stretched_again,
);
