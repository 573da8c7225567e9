//! `Transaction`: BEGIN with the first statement, COMMIT at the end, ROLLBACK otherwise.

use std::borrow::Cow;
use std::fmt;
use std::pin::pin;

use aiopg_runtime::Runtime;

use crate::error::{Error, ServerError};
use crate::message::TransactionStatus;
use crate::observe::{Counted, Operation};
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::riders::GivenUp;
use crate::session::savepoint::Savepoint;
use crate::session::transaction_options::TransactionOptions;

impl<R: Runtime> Connection<R> {
    /// Begins a transaction, which borrows the connection until it ends.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::Client;
    ///
    /// let mut transaction = connection.begin().await?;
    /// transaction.execute("update account set cents = cents - $1 where id = $2", (100, 1)).await?;
    /// transaction.execute("update account set cents = cents + $1 where id = $2", (100, 2)).await?;
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: BEGIN rides with the first statement, so that it costs no round trip. An error in it is that
    /// statement's error. A transaction that runs no statement sends nothing at all.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, nothing has begun.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if a transaction is open already, which a statement such as `begin` has
    /// opened.
    ///
    /// # Source
    ///
    /// [BEGIN](https://www.postgresql.org/docs/18/sql-begin.html)
    pub async fn begin(&mut self) -> Result<Transaction<&mut Self>, Error> {
        self.begin_with(&TransactionOptions::new()).await
    }

    /// Begins a transaction with modes of its own; see [`begin`](Self::begin).
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub async fn begin_with(
        &mut self,
        options: &TransactionOptions,
    ) -> Result<Transaction<&mut Self>, Error> {
        Transaction::begin_on(self, options).await
    }

    /// Begins a transaction that owns the connection, so that both can be moved as one.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin); the connection is dropped then.
    pub async fn begin_owned(
        self,
        options: &TransactionOptions,
    ) -> Result<Transaction<Self>, Error> {
        Transaction::begin_on(self, options).await
    }

    /// Ends a transaction that nobody ended, and tells whether there was anything to undo. What has not been sent is
    /// taken back.
    fn give_up_transaction(&mut self, begin: &str) -> bool {
        self.take_note();
        if self.channel.ended().is_some() {
            return false;
        }
        let undo = Cow::Borrowed("rollback");
        match self.riders.give_up(begin, undo.clone(), self.channel.machine()) {
            GivenUp::Unsent => false,
            GivenUp::UnderWay => true,
            GivenUp::Done => {
                let free = self.channel.machine().is_free();
                let ended = free && self.transaction_status() == TransactionStatus::Idle;
                if !ended {
                    self.roll_back_soon(undo);
                }
                !ended
            }
        }
    }

    /// Sends `sql`, as far as that takes no waiting; else with the next request.
    pub(crate) fn roll_back_soon(&mut self, sql: Cow<'static, str>) {
        let free = self.channel.machine().is_free() && !self.riders.any_queries();
        if free && self.observer().echoes() {
            self.echo(&sql, &());
        }
        let sent = free && self.channel.send_unattended(&sql).is_ok();
        if !sent {
            self.riders.ride(sql);
        }
    }
}

/// A transaction on whatever lends a session: a borrowed [`Connection`], an owned one, a pool's guard.
///
/// All verbs of [`Client`] are its own. [`begin`](Self::begin) opens a savepoint.
///
/// # Cancel safety
///
/// Dropped without [`commit`](Self::commit), the transaction is rolled back: at once, as far as that takes no
/// waiting, and in any case before the session's next statement. That is told as an event, since it is seldom meant.
pub struct Transaction<C: Client> {
    client: C,
    begin: Cow<'static, str>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// What ends it is under way: if it was sent, the transaction ends with it.
    Ending,
    Ended,
}

impl<C: Client> Transaction<C> {
    /// Begins a transaction on `client`, which lends its session until the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if a transaction is open already.
    pub async fn begin_on(mut client: C, options: &TransactionOptions) -> Result<Self, Error> {
        let connection = client.connection();
        connection.settle().await?;
        let free = connection.transaction_status() == TransactionStatus::Idle
            || connection.riders.any_queries();
        if !free || connection.riders.any_openers() {
            let text =
                "a transaction is open already: end it, or open a savepoint by `begin` on it";
            return Err(Error::usage(text).unsent());
        }
        connection.riders.take_refused();
        let mut begin = None;
        for opener in options.openers() {
            begin.get_or_insert_with(|| opener.sql.clone());
            connection.riders.open(opener);
        }
        let begin = begin.unwrap_or_default();
        Ok(Self { client, begin, state: State::Open })
    }

    /// Opens a savepoint: a part that can be undone without the rest. It borrows the transaction until it ends, so
    /// savepoints end in order.
    ///
    /// # Messages
    ///
    /// None: SAVEPOINT rides with the first statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, nothing has begun.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server), with the failure of the transaction, if it has failed already.
    ///
    /// # Source
    ///
    /// [SAVEPOINT](https://www.postgresql.org/docs/18/sql-savepoint.html)
    pub async fn begin(&mut self) -> Result<Savepoint<'_, C::Runtime>, Error> {
        Savepoint::open(self.client.connection(), 1).await
    }

    /// Makes what the transaction has done last.
    ///
    /// # Messages
    ///
    /// COMMIT: one round trip; none if the transaction has run no statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte of COMMIT was sent, the transaction is rolled back. Dropped after that, COMMIT
    /// is not cancelled: whether it took effect is for the caller to find out.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if the server refuses, such as for a deferred constraint: the
    /// transaction was rolled back. [`Kind::RolledBack`](crate::Kind::RolledBack) if a statement of the transaction
    /// had failed, so that COMMIT could only roll back; the source is that failure.
    /// [`Kind::OutcomeUnknown`](crate::Kind::OutcomeUnknown) if the connection was lost before the answer came.
    ///
    /// # Source
    ///
    /// [COMMIT](https://www.postgresql.org/docs/18/sql-commit.html)
    pub async fn commit(mut self) -> Result<(), Error> {
        self.end(Operation::Commit, "commit").await
    }

    /// Undoes what the transaction has done.
    ///
    /// # Messages
    ///
    /// ROLLBACK: one round trip; none if the transaction has run no statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the transaction is rolled back all the same.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) or [`Kind::Closed`](crate::Kind::Closed) if the connection was lost: then, too,
    /// nothing remains of the transaction.
    ///
    /// # Source
    ///
    /// [ROLLBACK](https://www.postgresql.org/docs/18/sql-rollback.html)
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.end(Operation::Rollback, "rollback").await
    }

    /// Sets a run-time parameter until the end of the transaction, as `SET LOCAL` does. Name and value are sent as
    /// parameters, so neither needs quoting.
    ///
    /// # Messages
    ///
    /// As [`Connection::execute`]: one round trip, two at the first use.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if there is no such parameter, or the value does not fit.
    pub async fn set_local(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let sql = "select pg_catalog.set_config($1::text, $2::text, true)";
        self.client.connection().execute(sql, (name, value)).await.map(drop)
    }

    /// Ends the transaction by `sql`, one of the words that do so, or PREPARE TRANSACTION.
    pub(crate) async fn end(&mut self, operation: Operation, sql: &str) -> Result<(), Error> {
        let connection = self.client.connection();
        let settled = connection.settle().await;
        let keeps = !sql.starts_with("rollback");
        if settled.is_ok() && connection.riders.withdraw(&self.begin) {
            self.state = State::Ended;
            let refused = connection.riders.take_refused() && keeps;
            return if refused { Err(never_begun()) } else { Ok(()) };
        }
        let gone = connection.transaction_status() == TransactionStatus::Idle;
        if settled.is_ok() && gone && !connection.riders.any_queries() {
            self.state = State::Ended;
            let text = "the transaction is gone: a statement in it has ended it";
            return if keeps { Err(Error::usage(text).unsent()) } else { Ok(()) };
        }
        let mut observation = connection.observe(operation, sql, &());
        self.state = State::Ending;
        let failure = connection.channel.machine().asides().failure().cloned();
        let ended = match settled {
            Ok(()) => observation.during(pin!(connection.end_transaction(sql))).await,
            Err(error) => Err(error),
        };
        let over =
            connection.transaction_status() == TransactionStatus::Idle || connection.is_closed();
        // What was cancelled before it was run has ended nothing: dropped, it is rolled back.
        self.state = if over { State::Ended } else { State::Open };
        let ended = match ended {
            Ok(tag) if keeps && tag.as_str() == "ROLLBACK" => Err(rolled_back(failure.as_ref())),
            Ok(_) => Ok(()),
            Err(error) if keeps => Err(error.or_outcome_unknown()),
            Err(error) => Err(error),
        };
        observation.finish(ended.as_ref().map(|()| Counted::Nothing));
        ended
    }
}

/// BEGIN was refused, and with it the statement that it went out with.
fn never_begun() -> Error {
    let text = "the transaction never began, since the server refused BEGIN: nothing in it was run";
    Error::rolled_back(text, None)
}

/// The server answered COMMIT by ROLLBACK.
fn rolled_back(failure: Option<&ServerError>) -> Error {
    let text = "the transaction was rolled back, since a statement in it had failed";
    Error::rolled_back(text, failure)
}

impl<C: Client> Client for Transaction<C> {
    type Runtime = C::Runtime;

    fn connection(&mut self) -> &mut Connection<C::Runtime> {
        self.client.connection()
    }
}

impl<C: Client> Drop for Transaction<C> {
    fn drop(&mut self) {
        let connection = self.client.connection();
        let owed = !connection.channel.machine().is_free();
        // Once sent, what ends it ends it, whatever the answer is.
        if self.state == State::Ended || (self.state == State::Ending && owed) {
            return;
        }
        if connection.give_up_transaction(&self.begin) {
            connection.tell_dropped(0);
        }
    }
}

impl<C: Client> fmt::Debug for Transaction<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("begin", &self.begin)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
