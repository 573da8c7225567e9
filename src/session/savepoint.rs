//! `Savepoint`: a part of a transaction that can be undone without the rest.

use std::borrow::Cow;
use std::fmt;

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::message::TransactionStatus;
use crate::observe::Operation;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::riders::{GivenUp, Opener};

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
    /// How many transactions and savepoints it stands in.
    depth: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// What ends it is under way: if it was sent, the savepoint ends with it.
    Ending,
    Ended,
}

impl<'c, R: Runtime> Savepoint<'c, R> {
    /// Opens a savepoint within a transaction.
    pub(crate) async fn open(connection: &'c mut Connection<R>, depth: u32) -> Result<Self, Error> {
        connection.settle().await?;
        let heals = connection.riders.any_queries();
        if connection.transaction_status() == TransactionStatus::InError && !heals {
            let text = "the transaction has failed: it takes no savepoint, only its end";
            let failure = connection.channel.machine().asides().failure();
            return Err(Error::rolled_back(text, failure).unsent());
        }
        let sql = Cow::Owned(savepoint(depth));
        connection.riders.open(Opener { sql, params: Vec::new(), undo: None });
        Ok(Self { connection, depth, state: State::Open })
    }

    /// Opens a savepoint within this one; see [`Transaction::begin`](crate::Transaction::begin).
    ///
    /// # Errors
    ///
    /// As [`Transaction::begin`](crate::Transaction::begin).
    pub async fn begin(&mut self) -> Result<Savepoint<'_, R>, Error> {
        Savepoint::open(self.connection, self.depth + 1).await
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
    /// [`Kind::Server`](crate::Kind::Server) if a statement in it has failed; it is rolled back then.
    ///
    /// # Source
    ///
    /// [RELEASE SAVEPOINT](https://www.postgresql.org/docs/18/sql-release-savepoint.html)
    pub async fn commit(mut self) -> Result<(), Error> {
        let depth = self.depth;
        if self.withdraw().await? {
            let refused = self.connection.riders.take_refused();
            let text = "the savepoint was refused, and with it what was to follow: nothing was run";
            return if refused { Err(Error::rolled_back(text, None)) } else { Ok(()) };
        }
        let failure = self.connection.channel.machine().asides().failure();
        // What rides with the next request may heal it.
        let heals = self.connection.riders.any_queries();
        if failure.is_some() && !heals {
            // The server would only say that the transaction has failed. What is dropped is rolled back.
            let text = "the savepoint cannot be kept, since a statement in it had failed";
            return Err(Error::rolled_back(text, failure));
        }
        let sql = format!("release savepoint {}", name(depth));
        self.end(Operation::ReleaseSavepoint, &sql).await
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
        if self.withdraw().await? {
            return Ok(());
        }
        let sql = roll_back_to(self.depth);
        self.end(Operation::RollbackToSavepoint, &sql).await
    }

    async fn end(&mut self, operation: Operation, sql: &str) -> Result<(), Error> {
        self.state = State::Ending;
        let ended = self.connection.end_observed(operation, sql).await;
        self.state = if ended.is_ok() { State::Ended } else { State::Open };
        ended
    }

    /// Takes the savepoint back if it was not sent yet, and tells whether it was so.
    async fn withdraw(&mut self) -> Result<bool, Error> {
        self.connection.settle().await?;
        let withdrawn = self.connection.riders.withdraw(&savepoint(self.depth));
        if withdrawn {
            self.state = State::Ended;
        }
        Ok(withdrawn)
    }
}

fn name(depth: u32) -> String {
    format!("aiopg_{depth}")
}

fn savepoint(depth: u32) -> String {
    format!("savepoint {}", name(depth))
}

fn roll_back_to(depth: u32) -> String {
    let name = name(depth);
    format!("rollback to savepoint {name}; release savepoint {name}")
}

impl<R: Runtime> Client for Savepoint<'_, R> {
    type Runtime = R;

    fn connection(&mut self) -> &mut Connection<R> {
        self.connection
    }
}

impl<R: Runtime> Drop for Savepoint<'_, R> {
    fn drop(&mut self) {
        let owed = !self.connection.channel.machine().is_free();
        let ends = self.state == State::Ended || (self.state == State::Ending && owed);
        if ends || self.connection.is_closed() {
            return;
        }
        let connection = &mut *self.connection;
        connection.take_note();
        let undo: Cow<'_, str> = Cow::Owned(roll_back_to(self.depth));
        let machine = connection.channel.machine();
        match connection.riders.give_up(&savepoint(self.depth), undo.clone(), machine) {
            GivenUp::Unsent => return,
            GivenUp::UnderWay => {}
            GivenUp::Done => connection.roll_back_soon(undo),
        }
        connection.tell_dropped(self.depth);
    }
}

impl<R: Runtime> fmt::Debug for Savepoint<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Savepoint").field("depth", &self.depth).finish_non_exhaustive()
    }
}
