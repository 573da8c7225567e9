//! `Attempt`: one pass of refinery through the migrations, which stops where another session was faster.

use std::error::Error as StdError;
use std::fmt;

use aiopg::{Client, Connection, Error, Runtime, SqlState};
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration};

use crate::history::{self, Extent};
use crate::transact::{Borrowed, run, transact, undo};

/// A session that refinery takes one pass through its migrations on.
///
/// refinery creates the history table, reads it, decides, and applies. In between others may do the same. So each
/// migration locks the table first, and is not begun unless the table is as it was when refinery decided.
pub(crate) struct Attempt<'c, R: Runtime> {
    connection: &'c mut Connection<R>,
    table: &'c str,
    /// The history table when it was last looked at.
    seen: Option<Extent>,
    stop: Option<Stop>,
}

/// Why a pass did not come to its end.
pub(crate) enum Stop {
    /// Another session has applied migrations since refinery read the history.
    Overtaken,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What refinery is told in the place of a [`Stop`], which the attempt keeps: refinery would not give it back.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt was stopped")
    }
}

impl StdError for Stopped {}

impl<'c, R: Runtime> Attempt<'c, R> {
    /// Nothing is known about the history table `table` yet.
    pub(crate) fn new(connection: &'c mut Connection<R>, table: &'c str) -> Self {
        Self { connection, table, seen: None, stop: None }
    }

    /// Why refinery ended in an error; `None` if that was a decision of its own.
    pub(crate) fn into_stop(self) -> Option<Stop> {
        self.stop
    }

    fn stopped(&mut self, stop: impl Into<Stop>) -> Stopped {
        self.stop = Some(stop.into());
        Stopped
    }

    /// Creates the history table where there is none.
    async fn create_table(&mut self, queries: &[&str]) -> Result<(), Stop> {
        match transact(self.connection, queries).await {
            // Another session is creating it: IF NOT EXISTS does not see that. By now it is there.
            Err(error) if is_duplicate(&error) => Ok(transact(self.connection, queries).await?),
            done => Ok(done?),
        }
    }

    /// Applies migrations in a transaction, unless the history is no longer the one that was `seen`.
    async fn apply(&mut self, seen: Extent, queries: &[&str]) -> Result<(), Stop> {
        let mut transaction = self.connection.begin().await?;
        match apply_in(&mut transaction, self.table, seen, queries).await {
            Ok(extent) => {
                transaction.commit().await?;
                self.seen = Some(extent);
                Ok(())
            }
            Err(stop) => Err(undo(transaction, stop).await),
        }
    }
}

async fn apply_in<R: Runtime>(
    transaction: &mut Borrowed<'_, R>,
    table: &str,
    seen: Extent,
    queries: &[&str],
) -> Result<Extent, Stop> {
    // Held until the transaction ends, however it does; behind a pooler, too, where an advisory lock of the session
    // would go astray. It keeps out every other refinery, since all of them insert, and lets everybody read. As the
    // first statement it comes before the snapshot of any isolation level.
    let lock = format!("lock table {table} in share row exclusive mode");
    // By the extended protocol, since BEGIN rides with that only.
    transaction.query_typed(&lock, &[]).await?;
    if Extent::look(transaction, table).await? != seen {
        return Err(Stop::Overtaken);
    }
    run(transaction, queries).await?;
    Ok(Extent::look(transaction, table).await?)
}

/// Whether the server has found what was to be created, or an entry for it in one of its catalogs.
fn is_duplicate(error: &Error) -> bool {
    let states =
        [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    error.sqlstate().is_some_and(|state| states.contains(&state))
}

impl<R: Runtime> AsyncTransaction for Attempt<'_, R> {
    type Error = Stopped;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Stopped> {
        let queries: Vec<_> = queries.collect();
        let done = match self.seen {
            // A group without a member.
            _ if queries.is_empty() => Ok(()),
            // What refinery begins with.
            None => self.create_table(&queries).await,
            Some(seen) => self.apply(seen, &queries).await,
        };
        done.map(|()| queries.len()).map_err(|stop| self.stopped(stop))
    }
}

impl<R: Runtime> AsyncQuery<Vec<Migration>> for Attempt<'_, R> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Stopped> {
        match history::read(self.connection, query).await {
            Ok(applied) => {
                self.seen = Some(Extent::of(&applied));
                Ok(applied)
            }
            Err(error) => Err(self.stopped(error)),
        }
    }
}

impl<R: Runtime> AsyncMigrate for Attempt<'_, R> {}
