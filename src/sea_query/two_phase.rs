//! `TwoPhaseTransaction`: a transaction of an engine's session that is prepared before it is committed.

use std::fmt;
use std::ops::{Deref, DerefMut};

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::sea_query::engine_connection::EngineConnection;
use crate::sea_query::transaction::EngineTransaction;
use crate::session::{TransactionOptions, check_xid};

impl<R: Runtime> EngineConnection<R> {
    /// Begins a transaction that is to be prepared, so that several databases commit it together or not at all.
    ///
    /// `xid` identifies it once it is prepared, across all sessions and databases of the server; without one it is
    /// `_sa_` with 32 hexadecimal digits behind it. The server must allow it: `max_prepared_transactions` is 0 by
    /// default.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(
    /// #     here: &mut aiopg::sea_query::EngineConnection,
    /// #     there: &mut aiopg::sea_query::EngineConnection,
    /// # ) -> Result<(), aiopg::Error> {
    /// let mut debit = here.begin_twophase(Some("payment 4711, debit")).await?;
    /// debit.execute("update account set cents = cents - 100 where id = 1", ()).await?;
    /// let mut credit = there.begin_twophase(Some("payment 4711, credit")).await?;
    /// credit.execute("update account set cents = cents + 100 where id = 2", ()).await?;
    /// let debit = debit.prepare().await?;
    /// let credit = match credit.prepare().await {
    ///     Ok(credit) => credit,
    ///     Err(error) => {
    ///         debit.rollback().await?;
    ///         return Err(error);
    ///     }
    /// };
    /// debit.commit().await?;
    /// credit.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: BEGIN rides with the first statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, nothing has begun.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if a transaction is open already, or `xid` is empty, longer than 199 bytes,
    /// or holds a NUL.
    ///
    /// # Source
    ///
    /// [PREPARE TRANSACTION](https://www.postgresql.org/docs/18/sql-prepare-transaction.html)
    pub async fn begin_twophase(
        &mut self,
        xid: Option<&str>,
    ) -> Result<TwoPhaseTransaction<'_, R>, Error> {
        let (nesting, session) = self.nested();
        let xid = match xid {
            Some(xid) => xid.to_owned(),
            None => drawn(session.runtime()),
        };
        check_xid(&xid)?;
        let place = nesting.begin_root(session, &TransactionOptions::new()).await?;
        Ok(TwoPhaseTransaction { transaction: EngineTransaction { connection: self, place }, xid })
    }

    /// Returns the identifiers of the transactions that are prepared in this database, the oldest first.
    ///
    /// # Messages
    ///
    /// As [`Connection::recover_prepared`](crate::Connection::recover_prepared).
    ///
    /// # Errors
    ///
    /// As [`Connection::recover_prepared`](crate::Connection::recover_prepared).
    pub async fn recover_twophase(&mut self) -> Result<Vec<String>, Error> {
        self.connection().recover_prepared().await
    }

    /// Commits a transaction that was prepared under the identifier `xid`, by whatever session.
    ///
    /// # Messages
    ///
    /// COMMIT PREPARED: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Once sent, it is not cancelled.
    ///
    /// # Errors
    ///
    /// As [`Connection::commit_prepared`](crate::Connection::commit_prepared), and [`Kind::Usage`](crate::Kind::Usage) if a transaction is open here,
    /// whoever has opened it: the server would refuse, and that transaction would fail.
    pub async fn commit_prepared(&mut self, xid: &str) -> Result<(), Error> {
        self.must_be_outside().await?;
        self.connection().commit_prepared(xid).await
    }

    /// Undoes a transaction that was prepared under the identifier `xid`, by whatever session.
    ///
    /// # Messages
    ///
    /// ROLLBACK PREPARED: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Once sent, it is not cancelled.
    ///
    /// # Errors
    ///
    /// As [`commit_prepared`](Self::commit_prepared).
    pub async fn rollback_prepared(&mut self, xid: &str) -> Result<(), Error> {
        self.must_be_outside().await?;
        self.connection().rollback_prepared(xid).await
    }

    async fn must_be_outside(&mut self) -> Result<(), Error> {
        let (nesting, session) = self.nested();
        nesting.must_be_outside(session).await
    }
}

/// An identifier that nobody else has.
fn drawn(runtime: &impl Runtime) -> String {
    format!("_sa_{:016x}{:016x}", runtime.random(), runtime.random())
}

/// A transaction of an [`EngineConnection`] that is to be prepared before it is committed.
///
/// It stands for the connection like any other [`EngineTransaction`](crate::sea_query::EngineTransaction).
///
/// # Cancel safety
///
/// Dropped without its end, it is rolled back before the session's next statement.
#[must_use = "dropped, it is rolled back"]
pub struct TwoPhaseTransaction<'c, R: Runtime = AnyRuntime> {
    transaction: EngineTransaction<'c, R>,
    xid: String,
}

impl<'c, R: Runtime> TwoPhaseTransaction<'c, R> {
    /// Returns the identifier under which it will be prepared.
    pub fn xid(&self) -> &str {
        &self.xid
    }

    /// Tells whether statements can be run in it; see
    /// [`EngineTransaction::is_active`](crate::sea_query::EngineTransaction::is_active).
    pub fn is_active(&self) -> bool {
        self.transaction.is_active()
    }

    /// Prepares the transaction: it leaves the session, survives a crash of the server, and keeps its locks until it is
    /// ended, by this session or another.
    ///
    /// # Examples
    ///
    /// See [`EngineConnection::begin_twophase`].
    ///
    /// # Messages
    ///
    /// PREPARE TRANSACTION: one round trip, and one more if the transaction has run no statement yet.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte was sent, it is rolled back. Dropped after that, it is not cancelled:
    /// [`recover_twophase`](EngineConnection::recover_twophase) tells whether it is prepared.
    ///
    /// # Errors
    ///
    /// As [`Transaction::prepare_transaction`](crate::Transaction::prepare_transaction), and
    /// [`Kind::RolledBack`](crate::Kind::RolledBack) if it is inactive, since one within it was rolled back. It is
    /// rolled back in any case.
    ///
    /// # Source
    ///
    /// [PREPARE TRANSACTION](https://www.postgresql.org/docs/18/sql-prepare-transaction.html)
    pub async fn prepare(self) -> Result<PreparedTransaction<'c, R>, Error> {
        let Self { transaction, xid } = self;
        let place = transaction.place;
        let (nesting, session) = transaction.connection.nested();
        nesting.prepare(session, place, &xid).await?;
        Ok(PreparedTransaction { transaction, xid })
    }

    /// Commits the transaction without preparing it; see
    /// [`EngineTransaction::commit`](crate::sea_query::EngineTransaction::commit).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    /// Undoes what the transaction has done; see
    /// [`EngineTransaction::rollback`](crate::sea_query::EngineTransaction::rollback).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }

    /// Undoes what the transaction has done, as [`rollback`](Self::rollback) does.
    ///
    /// # Errors
    ///
    /// As [`rollback`](Self::rollback).
    pub async fn close(self) -> Result<(), Error> {
        self.transaction.close().await
    }
}

impl<R: Runtime> Deref for TwoPhaseTransaction<'_, R> {
    type Target = EngineConnection<R>;

    fn deref(&self) -> &EngineConnection<R> {
        &self.transaction
    }
}

impl<R: Runtime> DerefMut for TwoPhaseTransaction<'_, R> {
    fn deref_mut(&mut self) -> &mut EngineConnection<R> {
        &mut self.transaction
    }
}

impl<R: Runtime> fmt::Debug for TwoPhaseTransaction<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwoPhaseTransaction")
            .field("xid", &self.xid)
            .field("is_active", &self.is_active())
            .finish_non_exhaustive()
    }
}

/// A transaction that is prepared, and waits for its end.
///
/// It has left the session, and any other may end it by [`commit_prepared`](EngineConnection::commit_prepared) or
/// [`rollback_prepared`](EngineConnection::rollback_prepared).
///
/// # Cancel safety
///
/// Dropped without its end, it stays prepared, with all its locks, until somebody ends it.
#[must_use = "dropped, it stays prepared and keeps its locks"]
pub struct PreparedTransaction<'c, R: Runtime = AnyRuntime> {
    transaction: EngineTransaction<'c, R>,
    xid: String,
}

impl<R: Runtime> PreparedTransaction<'_, R> {
    /// Returns the identifier under which it is prepared.
    pub fn xid(&self) -> &str {
        &self.xid
    }

    /// Leaves the transaction to whoever knows its identifier.
    pub fn into_xid(self) -> String {
        self.xid
    }

    /// Makes what the transaction has done last.
    ///
    /// # Messages
    ///
    /// COMMIT PREPARED: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Once sent, it is not cancelled.
    ///
    /// # Errors
    ///
    /// [`Kind::Server`](crate::Kind::Server) if another session has ended it;
    /// [`Kind::OutcomeUnknown`](crate::Kind::OutcomeUnknown) if the connection was lost before the answer came. It may
    /// be prepared still: [`recover_twophase`](EngineConnection::recover_twophase) tells.
    ///
    /// # Source
    ///
    /// [COMMIT PREPARED](https://www.postgresql.org/docs/18/sql-commit-prepared.html)
    pub async fn commit(mut self) -> Result<(), Error> {
        self.transaction.connection().commit_prepared(&self.xid).await
    }

    /// Undoes what the transaction has done.
    ///
    /// # Messages
    ///
    /// ROLLBACK PREPARED: one round trip.
    ///
    /// # Cancel safety
    ///
    /// Once sent, it is not cancelled.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    ///
    /// # Source
    ///
    /// [ROLLBACK PREPARED](https://www.postgresql.org/docs/18/sql-rollback-prepared.html)
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.transaction.connection().rollback_prepared(&self.xid).await
    }
}

impl<R: Runtime> fmt::Debug for PreparedTransaction<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedTransaction").field("xid", &self.xid).finish_non_exhaustive()
    }
}
