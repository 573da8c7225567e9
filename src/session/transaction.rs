//! `Transaction`: BEGIN with the first statement, COMMIT at the end, ROLLBACK otherwise.

use std::fmt;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::observe::Operation;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::open_transaction::OpenTransaction;
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
}

/// A transaction on whatever lends a session: a borrowed [`Connection`], an owned one, a pool's guard.
///
/// All verbs of [`Client`] are its own. [`begin`](Self::begin) opens a savepoint.
///
/// # Cancel safety
///
/// Dropped without [`commit`](Self::commit), the transaction is rolled back: at once, as far as that takes no
/// waiting, and in any case before the session's next statement. That is told as an event, since it is seldom meant.
/// If the server refuses to, because a cancel request hits ROLLBACK, the session ends.
pub struct Transaction<C: Client> {
    pub(crate) client: C,
    pub(crate) open: OpenTransaction,
}

impl<C: Client> Transaction<C> {
    /// Begins a transaction on `client`, which lends its session until the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if a transaction is open already.
    pub async fn begin_on(mut client: C, options: &TransactionOptions) -> Result<Self, Error> {
        let open = OpenTransaction::begin(client.connection(), options).await?;
        Ok(Self { client, open })
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
    /// [`Kind::RolledBack`](crate::Kind::RolledBack), with the failure of the transaction, if it has failed already.
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
        self.open.end(self.client.connection(), Operation::Commit, "commit").await
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
        self.open.end(self.client.connection(), Operation::Rollback, "rollback").await
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
}

impl<C: Client> Client for Transaction<C> {
    type Runtime = C::Runtime;

    fn connection(&mut self) -> &mut Connection<C::Runtime> {
        self.client.connection()
    }
}

impl<C: Client> Drop for Transaction<C> {
    fn drop(&mut self) {
        self.open.give_up(self.client.connection());
    }
}

impl<C: Client> fmt::Debug for Transaction<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("open", &self.open).finish_non_exhaustive()
    }
}
