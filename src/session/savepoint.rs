//! `Savepoint`: a part of a transaction that can be undone without the rest.

use std::fmt;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::open_savepoint::OpenSavepoint;

/// A part of a [`Transaction`](crate::Transaction) that can be undone without the rest.
///
/// It borrows what it was opened on, so that savepoints end in order. All verbs of [`Client`] are its own;
/// [`begin`](Self::begin) opens one within it, to any depth.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::Client;
///
/// let mut transaction = connection.begin().await?;
/// transaction.execute("insert into journal (text) values ('began')", ()).await?;
/// let mut attempt = transaction.begin().await?;
/// match attempt.execute("insert into city (name) values ($1)", ("Wien",)).await {
///     Ok(_) => attempt.commit().await?,
///     Err(_) => attempt.rollback().await?,
/// }
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// Dropped without [`commit`](Self::commit), it is rolled back before the session's next statement.
pub struct Savepoint<'c, R: Runtime = AnyRuntime> {
    connection: &'c mut Connection<R>,
    open: OpenSavepoint,
}

impl<'c, R: Runtime> Savepoint<'c, R> {
    /// Opens a savepoint within a transaction.
    pub(crate) async fn open(connection: &'c mut Connection<R>, depth: u32) -> Result<Self, Error> {
        let open = OpenSavepoint::open(connection, depth).await?;
        Ok(Self { connection, open })
    }

    /// Opens a savepoint within this one; see [`Transaction::begin`](crate::Transaction::begin).
    ///
    /// # Errors
    ///
    /// As [`Transaction::begin`](crate::Transaction::begin).
    pub async fn begin(&mut self) -> Result<Savepoint<'_, R>, Error> {
        Savepoint::open(self.connection, self.open.depth + 1).await
    }

    /// Keeps what was done since the savepoint, as a part of what it stands in.
    ///
    /// # Messages
    ///
    /// RELEASE SAVEPOINT: one round trip; none if no statement was run in it.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, either it was kept, or it is rolled back before the session's next statement.
    ///
    /// # Errors
    ///
    /// [`Kind::RolledBack`](crate::Kind::RolledBack) if a statement in it has failed; the source is that failure.
    ///
    /// # Source
    ///
    /// [RELEASE SAVEPOINT](https://www.postgresql.org/docs/18/sql-release-savepoint.html)
    pub async fn commit(mut self) -> Result<(), Error> {
        self.open.release(self.connection).await
    }

    /// Undoes what was done since the savepoint.
    ///
    /// # Messages
    ///
    /// ROLLBACK TO SAVEPOINT and RELEASE SAVEPOINT in one Query: one round trip; none if no statement was run in it.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it is rolled back all the same, before the session's next statement.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) or [`Kind::Closed`](crate::Kind::Closed) if the connection was lost.
    ///
    /// # Source
    ///
    /// [ROLLBACK TO SAVEPOINT](https://www.postgresql.org/docs/18/sql-rollback-to.html)
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.open.roll_back(self.connection).await
    }
}

impl<R: Runtime> Client for Savepoint<'_, R> {
    type Runtime = R;

    fn connection(&mut self) -> &mut Connection<R> {
        self.connection
    }
}

impl<R: Runtime> Drop for Savepoint<'_, R> {
    fn drop(&mut self) {
        self.open.give_up(self.connection);
    }
}

impl<R: Runtime> fmt::Debug for Savepoint<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Savepoint").field("depth", &self.open.depth).finish_non_exhaustive()
    }
}
