//! Passwords that are asked for when they are needed, and the work that SCRAM makes of them.

use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aiopg::{Config, Connection, Error, Kind, Runtime, SqlState, SslMode};
use aiopg_tests::counting::Counting;
use aiopg_tests::on_every_runtime;
use aiopg_tests::relay::Plan;
use aiopg_tests::session::{self, open_with};

use crate::listener::Listener;
use crate::place::{Place, plain_config, story, try_session};

/// `config` with a provider that counts how often it is asked.
fn counted(config: Config) -> (Config, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let config = config.password_provider(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, io::Error>("secret") }
    });
    (config, asked)
}

async fn a_provider_is_asked_once_for_each_connection<R: Runtime>(rt: R) -> Result<(), Error> {
    let place = Place::shared();
    for role in ["scramuser", "md5user", "pwuser"] {
        let (config, asked) = counted(place.config(role).password("wrong"));
        for expected in 1..=3 {
            assert!(try_session(&rt, &config).await?, "{role}");
            assert_eq!(asked.load(Ordering::SeqCst), expected, "{role}");
        }
    }
    // Two ways of protection are two connections.
    let (config, asked) = counted(place.config("ssluser").sslmode(SslMode::Allow));
    assert!(try_session(&rt, &config).await?);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // Nobody is asked for a host that is not there, and TLS that is declined is the same connection.
    let (closed, _) = session::relayed(&place.server, Plan::default());
    closed.refuse();
    let declining = aiopg_tests::Server::shared();
    let (relay, _) = session::relayed(declining, Plan::default());
    let text = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=scramuser dbname=postgres sslmode=prefer",
        closed.address().port(),
        relay.address().port(),
    );
    let (config, asked) = counted(text.parse()?);
    assert!(!try_session(&rt, &config).await?);
    assert_eq!((asked.load(Ordering::SeqCst), relay.traffic().connections), (1, 1));
    Ok(())
}

async fn the_error_of_a_provider_is_the_source<R: Runtime>(rt: R) {
    let listener = Listener::trusting();
    let config = listener.config().sslmode(SslMode::Disable);
    let config = config.password_provider(|| async { Err::<String, _>("the vault is sealed") });
    let error = Connection::connect_on(rt, &config).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Authentication, "{}", story(&error));
    assert_eq!(error.source().unwrap().to_string(), "the vault is sealed");
    assert!(!error.to_string().contains("sealed"), "the source is not repeated");
    assert!(error.is_retryable(), "nothing was sent");
}

async fn a_password_that_has_changed_is_used_by_the_next_connect<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let place = Place::shared();
    let owner = plain_config(&place.server, "postgres").sslmode(SslMode::Disable);
    let mut owner = open_with(rt.clone(), &owner).await;
    let role = place.server.fresh_schema();
    let scram = "set password_encryption = 'scram-sha-256'";
    owner.batch_execute(&format!("{scram}; create role {role} login password 'first'")).await?;
    let current = Arc::new(Mutex::new("first"));
    let issued = Arc::clone(&current);
    let config = place.config(&role).password_provider(move || {
        let password = *issued.lock().unwrap();
        async move { Ok::<_, io::Error>(password) }
    });
    assert!(try_session(&rt, &config).await?);
    owner.batch_execute(&format!("alter role {role} password 'second'")).await?;
    let error = try_session(&rt, &config).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::INVALID_PASSWORD), "{}", story(&error));
    *current.lock().unwrap() = "second";
    assert!(try_session(&rt, &config).await?);
    owner.batch_execute(&format!("drop role {role}")).await
}

async fn a_password_is_stretched_for_the_first_connect_alone<R: Runtime>(
    rt: R,
) -> Result<(), Error> {
    let place = Place::shared();
    let given = place.config("scramuser").password("secret");
    let (provided, _) = counted(place.config("scramuser"));
    for config in [given, provided] {
        let runtime = Counting::new(rt.clone());
        let mut before = runtime.counts();
        let mut spent = Vec::new();
        for _ in 0..3 {
            assert!(try_session(&runtime, &config).await?);
            let counts = runtime.counts();
            spent.push((counts - before).unblocks);
            before = counts;
        }
        // Whatever else blocks, such as reading files, does so every time.
        assert_eq!(spent[0], spent[1] + 1, "stretching");
        assert_eq!(spent[1], spent[2]);
    }
    Ok(())
}

on_every_runtime!(
    a_provider_is_asked_once_for_each_connection,
    the_error_of_a_provider_is_the_source,
    a_password_that_has_changed_is_used_by_the_next_connect,
    a_password_is_stretched_for_the_first_connect_alone,
);
