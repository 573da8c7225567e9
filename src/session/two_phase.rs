//! Two-phase commit: transactions that are prepared here and ended anywhere.

use aiopg_runtime::Runtime;

use crate::error::{Error, Kind};
use crate::observe::Operation;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::open_transaction::OpenTransaction;
use crate::session::source::TimeLimit;
use crate::session::transaction::Transaction;
use crate::types::quote_literal;

/// What PostgreSQL allows for the identifier of a prepared transaction, in bytes.
const MOST_XID_BYTES: usize = 199;

impl<C: Client> Transaction<C> {
    /// Prepares the transaction under the identifier `xid`: it leaves this session, survives a crash of the server,
    /// and waits for [`commit_prepared`](Connection::commit_prepared) or
    /// [`rollback_prepared`](Connection::rollback_prepared) from any session.
    ///
    /// A prepared transaction keeps its locks until it is ended. The server must allow it:
    /// `max_prepared_transactions` is 0 by default.
    ///
    /// # Messages
    ///
    /// PREPARE TRANSACTION: one round trip, and one more if the transaction has run no statement yet.
    ///
    /// # Cancel safety
    ///
    /// As [`commit`](Self::commit): once sent, it is not cancelled.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit), and [`Kind::Usage`] if `xid` is empty, longer than 199 bytes, or holds a NUL; the
    /// transaction is rolled back then.
    ///
    /// # Source
    ///
    /// [PREPARE TRANSACTION](https://www.postgresql.org/docs/18/sql-prepare-transaction.html)
    pub async fn prepare_transaction(mut self, xid: &str) -> Result<(), Error> {
        self.open.prepare(self.client.connection(), xid).await
    }
}

impl OpenTransaction {
    /// Prepares the transaction under the identifier `xid`.
    pub(crate) async fn prepare<R: Runtime>(
        &mut self,
        connection: &mut Connection<R>,
        xid: &str,
    ) -> Result<(), Error> {
        let sql = format!("prepare transaction {}", literal(xid)?);
        // A transaction that has not begun could not be found by its identifier later.
        connection.limit(TimeLimit::AsConfigured);
        connection.open_now().await?;
        self.end(connection, Operation::PrepareTransaction, &sql).await
    }
}

impl<R: Runtime> Connection<R> {
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
    /// [`Kind::Server`] if there is no such transaction, or a transaction is open in this session;
    /// [`Kind::OutcomeUnknown`] if the connection was lost before the answer came.
    ///
    /// # Source
    ///
    /// [COMMIT PREPARED](https://www.postgresql.org/docs/18/sql-commit-prepared.html)
    pub async fn commit_prepared(&mut self, xid: &str) -> Result<(), Error> {
        let sql = format!("commit prepared {}", literal(xid)?);
        self.end_observed(Operation::CommitPrepared, &sql).await.map_err(Error::or_outcome_unknown)
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
    ///
    /// # Source
    ///
    /// [ROLLBACK PREPARED](https://www.postgresql.org/docs/18/sql-rollback-prepared.html)
    pub async fn rollback_prepared(&mut self, xid: &str) -> Result<(), Error> {
        let sql = format!("rollback prepared {}", literal(xid)?);
        self.end_observed(Operation::RollbackPrepared, &sql)
            .await
            .map_err(Error::or_outcome_unknown)
    }

    /// Returns the identifiers of the transactions that are prepared in this database, the oldest first.
    ///
    /// # Messages
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    ///
    /// # Source
    ///
    /// [pg_prepared_xacts](https://www.postgresql.org/docs/18/view-pg-prepared-xacts.html)
    pub async fn recover_prepared(&mut self) -> Result<Vec<String>, Error> {
        let sql = "select gid from pg_catalog.pg_prepared_xacts \
                   where database = pg_catalog.current_database() order by prepared, gid";
        let found = self.query_as::<(String,)>(sql, ()).await?;
        Ok(found.into_iter().map(|(xid,)| xid).collect())
    }
}

/// Refuses what the server would refuse as the identifier of a prepared transaction.
#[cfg(feature = "sea-query")]
pub(crate) fn check_xid(xid: &str) -> Result<(), Error> {
    literal(xid).map(drop)
}

fn literal(xid: &str) -> Result<String, Error> {
    if xid.is_empty() || xid.len() > MOST_XID_BYTES {
        let text = format!(
            "the identifier of a prepared transaction has 1 to {MOST_XID_BYTES} bytes, not {}",
            xid.len()
        );
        return Err(Error::new(Kind::Usage, text).unsent());
    }
    quote_literal(xid)
}
