//! `Scene`: a session behind PgBouncer whose statements move from one session of the server to the other.

use std::collections::BTreeSet;

use aiopg::{Client, Config, Connection, Error, Runtime, StatementMode};
use aiopg_tests::pgbouncer::{Lent, PgBouncer, SERVERS};
use aiopg_tests::session;

/// The modes that send statements by the extended protocol, and leave nothing behind.
pub(crate) const EXTENDED: &[StatementMode] = &[StatementMode::Described, StatementMode::Unnamed];

/// All modes that work behind PgBouncer, whatever its version.
pub(crate) const ALL: &[StatementMode] =
    &[StatementMode::Described, StatementMode::Unnamed, StatementMode::Simple];

/// A session of PgBouncer's, which has as many sessions of the server as it may, and a schema.
pub(crate) struct Scene<R: Runtime> {
    pub(crate) connection: Connection<R>,
    pub(crate) schema: String,
    lent: Lent,
}

impl<R: Runtime> Scene<R> {
    pub(crate) async fn open(rt: R, mode: StatementMode) -> Self {
        let bouncer = PgBouncer::shared();
        let lent = bouncer.lend(mode);
        let config = lent.config();
        let mut connection = session::open_with(rt.clone(), &config).await;
        // PgBouncer opens a session when none is free.
        let mut others = Vec::new();
        for _ in 1..SERVERS {
            others.push(session::open_with(rt.clone(), &config).await);
        }
        let mut open = vec![connection.begin().await.unwrap()];
        for other in &mut others {
            open.push(other.begin().await.unwrap());
        }
        let mut seen = BTreeSet::new();
        for transaction in &mut open {
            seen.insert(process_id(transaction).await);
        }
        assert_eq!(seen.len(), SERVERS);
        for transaction in open {
            transaction.rollback().await.unwrap();
        }
        let schema = bouncer.server().fresh_schema();
        connection.batch_execute(&format!("create schema {schema}")).await.unwrap();
        Self { connection, schema, lent }
    }

    /// A further session of PgBouncer's, over the same sessions of the server.
    pub(crate) async fn another(&self) -> Connection<R> {
        session::open_with(self.connection.runtime().clone(), &self.config()).await
    }

    pub(crate) fn config(&self) -> Config {
        self.lent.config()
    }

    /// A table of this schema.
    pub(crate) async fn table(&mut self, columns: &str) -> Result<String, Error> {
        let name = format!("{}.t", self.schema);
        self.connection.batch_execute(&format!("create table {name} ({columns})")).await?;
        Ok(name)
    }
}

/// Plays a scene in each of these modes.
pub(crate) async fn in_modes<R: Runtime>(
    rt: R,
    modes: &[StatementMode],
    play: impl AsyncFn(&mut Scene<R>) -> Result<(), Error>,
) {
    for mode in modes {
        let mut scene = Scene::open(rt.clone(), *mode).await;
        let played = play(&mut scene).await;
        played.unwrap_or_else(|error| panic!("{mode:?}: {error}, {:?}", error.statement()));
    }
}

/// Which session of the server answers.
pub(crate) async fn process_id(client: &mut impl Client) -> i32 {
    client.query_scalar("select pg_backend_pid()", ()).await.unwrap()
}
