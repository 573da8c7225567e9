//! `Migrations`: a session as refinery takes it.

use std::error::Error as StdError;
use std::fmt;

use aiopg::{AnyRuntime, Client, Connection, Error, Runtime};
use refinery_core::error::{Kind, WrapMigrationError};
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Report, Target};

use crate::attempt::{Attempt, Stop};
use crate::history;
use crate::transact::transact;

/// A session on which refinery can run migrations: it goes where refinery asks for a connection.
///
/// To run them, [`RunOn`](crate::RunOn) is shorter.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg_refinery::Error> {
/// # mod embedded { refinery::embed_migrations!("migrations"); }
/// use aiopg_refinery::Migrations;
///
/// let runner = embedded::migrations::runner();
/// let mut migrations = Migrations::new(connection);
/// runner.run_async(&mut migrations).await?;
/// for migration in runner.get_applied_migrations_async(&mut migrations).await? {
///     println!("{migration}: {:?}", migration.applied_on());
/// }
/// # Ok(()) }
/// ```
///
/// # Messages
///
/// To run migrations, the history table is created, unless it is there, and read: four round trips. Then each
/// migration, or all of them if they are grouped, is a transaction of six: a lock on the history table, which BEGIN
/// rides with; a look at it; the text of the migration, sent as it is; its row; another look; COMMIT.
///
/// # Several at once
///
/// The lock, in `SHARE ROW EXCLUSIVE` mode, lasts as long as the transaction. Who wants to migrate meanwhile waits for
/// it, as long as `lock_timeout` and the like allow. If the history has changed since it was read, what was planned is
/// dropped: refinery reads the history again, and goes on with what is left. So a migration is applied once, and every
/// session returns when all are applied, with a report of those that it has applied itself.
///
/// It is a lock on the table and not an advisory one because it needs no number that others might use, goes away with
/// its transaction, also behind a pooler, and makes those wait who use refinery with another driver. It takes the right
/// to update or delete rows of the history table.
///
/// # Cancel safety
///
/// Dropped half-way, the migration that was being applied is rolled back; those before it remain, with their rows.
/// Dropped while COMMIT was under way, it may have been applied; the history table tells.
///
/// # Errors
///
/// refinery's; the [`source`](StdError::source) is an [`aiopg::Error`](Error) where that was the cause, and
/// [`report`](refinery_core::Error::report) tells what was applied before. A session that is in a transaction already
/// is refused: migrations have transactions of their own.
pub struct Migrations<'c, R: Runtime = AnyRuntime> {
    connection: &'c mut Connection<R>,
}

impl<'c, R: Runtime> Migrations<'c, R> {
    /// Borrows the session of `client`: of a connection, of one that a pool has lent, of a reference to one.
    pub fn new(client: &'c mut impl Client<Runtime = R>) -> Self {
        Self { connection: client.connection() }
    }
}

impl<R: Runtime> AsyncTransaction for Migrations<'_, R> {
    type Error = Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Error> {
        let queries: Vec<_> = queries.collect();
        transact(self.connection, &queries).await?;
        Ok(queries.len())
    }
}

impl<R: Runtime> AsyncQuery<Vec<Migration>> for Migrations<'_, R> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Error> {
        history::read(self.connection, query).await
    }
}

impl<R: Runtime> AsyncMigrate for Migrations<'_, R> {
    async fn migrate<'a>(
        &'a mut self,
        migrations: &'a [Migration],
        abort_divergent: bool,
        abort_missing: bool,
        grouped: bool,
        target: Target,
        table: &'a str,
    ) -> Result<Report, refinery_core::Error> {
        let mut applied = Vec::new();
        // Who overtakes us has applied at least one of them, so that there is an end to it.
        for _ in 0..=migrations.len() {
            let mut attempt = Attempt::new(self.connection, table);
            let done = attempt
                .migrate(migrations, abort_divergent, abort_missing, grouped, target, table)
                .await;
            let stop = attempt.into_stop();
            let report = done.as_ref().map_or_else(refinery_core::Error::report, Some);
            applied.extend(report.into_iter().flat_map(Report::applied_migrations).cloned());
            match (done, stop) {
                (Ok(_), _) => return Ok(Report::new(applied)),
                (Err(_), Some(Stop::Overtaken)) => {}
                (Err(error), Some(Stop::Failed(cause))) => return failed(error, cause, &applied),
                (Err(error), None) => return Err(error),
            }
        }
        Err(Unsteady).migration_err("error applying migrations", Some(&applied))
    }
}

/// The error that refinery has made of a failure, with its `cause`, and with all that was `applied` in this run.
fn failed(
    error: refinery_core::Error,
    cause: Error,
    applied: &[Migration],
) -> Result<Report, refinery_core::Error> {
    let Kind::Connection(message, _) = error.kind() else { return Err(error) };
    let known = error.report().is_some() || !applied.is_empty();
    Err(cause).migration_err(message, known.then_some(applied))
}

/// The history is changed again and again.
#[derive(Debug)]
struct Unsteady;

impl fmt::Display for Unsteady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the history of migrations changes all the time: run them again when nobody else does",
        )
    }
}

impl StdError for Unsteady {}

impl<R: Runtime> fmt::Debug for Migrations<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrations").finish_non_exhaustive()
    }
}
