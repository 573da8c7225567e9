//! `EngineTransaction`: a transaction of an engine's session, the outermost, one within, or a savepoint.

use std::fmt;
use std::ops::{Deref, DerefMut};

use aiopg_runtime::{AnyRuntime, Runtime};

use crate::error::Error;
use crate::sea_query::engine_connection::EngineConnection;
use crate::sea_query::nesting::Place;
use crate::session::TransactionOptions;

impl<R: Runtime> EngineConnection<R> {
    /// Begins a transaction, or one within the transaction that is open.
    ///
    /// A function can begin a transaction without knowing whether its caller did: within another, the server learns
    /// nothing of it. To commit it then only says that it ended well, and what it did lasts when the outermost is
    /// committed. To roll it back rolls back what it is a part of, the savepoint or the whole: that is inactive then, and
    /// refuses every statement until it has ended. For one that can be undone alone see
    /// [`begin_nested`](Self::begin_nested).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use aiopg::sea_query::EngineConnection;
    ///
    /// async fn rename(connection: &mut EngineConnection, id: i32, name: &str) -> Result<(), aiopg::Error> {
    ///     let mut transaction = connection.begin().await?;
    ///     transaction.execute("update city set name = $2 where id = $1", (id, name)).await?;
    ///     transaction.execute("insert into journal (city) values ($1)", (id,)).await?;
    ///     transaction.commit().await
    /// }
    ///
    /// let mut both = connection.begin().await?;
    /// rename(&mut both, 1, "Wien").await?;
    /// rename(&mut both, 2, "Graz").await?;
    /// both.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: BEGIN rides with the first statement, so that it costs no round trip. An error in it is that statement's
    /// error. A transaction that runs no statement sends nothing at all.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, nothing has begun.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if a statement such as `begin` has opened a transaction, or one such as
    /// `rollback` has ended the one that is open;
    /// [`Kind::RolledBack`](crate::Kind::RolledBack) if the transaction that is open is inactive.
    ///
    /// # Source
    ///
    /// [BEGIN](https://www.postgresql.org/docs/18/sql-begin.html)
    pub async fn begin(&mut self) -> Result<EngineTransaction<'_, R>, Error> {
        self.begin_with(&TransactionOptions::new()).await
    }

    /// Begins a transaction with modes of its own; see [`begin`](Self::begin). Repetitions belong to the closure form:
    /// `retries` and `retry_delay` mean nothing here; see [`transaction_with`](Self::transaction_with).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use aiopg::{IsolationLevel, TransactionOptions};
    ///
    /// let options = TransactionOptions::new().isolation_level(IsolationLevel::Serializable).read_only();
    /// let mut report = connection.begin_with(&options).await?;
    /// let cities: Option<i64> = report.scalar("select count(*) from city", ()).await?;
    /// report.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin), and [`Kind::Usage`](crate::Kind::Usage) if a transaction is open already and
    /// `options` sets anything: one within another has none of its own.
    pub async fn begin_with(
        &mut self,
        options: &TransactionOptions,
    ) -> Result<EngineTransaction<'_, R>, Error> {
        let (nesting, session) = self.nested();
        let place = nesting.begin(session, options).await?;
        Ok(EngineTransaction { connection: self, place })
    }

    /// Begins a transaction that can be undone alone: a savepoint, to any depth, or a transaction if none is open.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// let mut transaction = connection.begin().await?;
    /// transaction.execute("insert into journal (text) values ('began')", ()).await?;
    /// let mut attempt = transaction.begin_nested().await?;
    /// match attempt.execute("insert into city (name) values ($1)", ("Wien",)).await {
    ///     Ok(_) => attempt.commit().await?,
    ///     Err(_) => attempt.rollback().await?,
    /// }
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None: SAVEPOINT, or BEGIN, rides with the first statement.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, nothing has begun.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin), and [`Kind::RolledBack`](crate::Kind::RolledBack), with the failure of the
    /// transaction, if it has failed already.
    ///
    /// # Source
    ///
    /// [SAVEPOINT](https://www.postgresql.org/docs/18/sql-savepoint.html)
    pub async fn begin_nested(&mut self) -> Result<EngineTransaction<'_, R>, Error> {
        let (nesting, session) = self.nested();
        let place = nesting.begin_nested(session).await?;
        Ok(EngineTransaction { connection: self, place })
    }

    /// Tells whether a transaction is open, and active: one that was rolled back by one within it is not, nor is one
    /// that a statement such as `rollback` has ended. One in which a statement has failed is active until it ends.
    pub fn in_transaction(&self) -> bool {
        self.nesting.is_active(&self.session) && !self.is_closed()
    }

    /// Runs `body` in a transaction: committed if it returns `Ok`, rolled back if it returns `Err` or panics. Within
    /// another it is a part of that; see [`begin`](Self::begin).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use aiopg::Error;
    ///
    /// connection
    ///     .transaction(async |transaction| {
    ///         transaction.execute("update account set cents = cents - 100 where id = 1", ()).await?;
    ///         transaction.execute("update account set cents = cents + 100 where id = 2", ()).await?;
    ///         Ok::<_, Error>(())
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// BEGIN with the first statement, COMMIT or ROLLBACK with a round trip of its own.
    ///
    /// # Cancel safety
    ///
    /// Dropped before COMMIT is sent, the transaction is rolled back.
    ///
    /// # Errors
    ///
    /// What `body` returns; otherwise as [`begin`](Self::begin) and [`EngineTransaction::commit`].
    pub async fn transaction<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut EngineTransaction<'_, R>) -> Result<T, E>,
    {
        let transaction = self.begin().await?;
        run(transaction, body).await
    }

    /// Runs `body` in a transaction with options of its own, and as often as they allow when the server rolls it back
    /// for a reason that may have passed; see [`transaction`](Self::transaction).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
    /// use aiopg::{IsolationLevel, TransactionOptions};
    ///
    /// let options =
    ///     TransactionOptions::new().isolation_level(IsolationLevel::Serializable).retries(5);
    /// connection
    ///     .transaction_with(&options, async |transaction| {
    ///         transaction.execute("update counter set n = n + 1", ()).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`transaction`](Self::transaction), once for each attempt.
    ///
    /// # Cancel safety
    ///
    /// As [`transaction`](Self::transaction).
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction), with the error of the last attempt, and [`begin_with`](Self::begin_with).
    pub async fn transaction_with<T, E, F>(
        &mut self,
        options: &TransactionOptions,
        mut body: F,
    ) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnMut(&mut EngineTransaction<'_, R>) -> Result<T, E>,
    {
        let mut attempt = 0;
        loop {
            let mut transaction = self.begin_with(options).await?;
            if options.retries > 0 {
                // What was rolled back before does not count.
                transaction.connection().forget_what_was_rolled_back();
            }
            let done = run(transaction, &mut body).await;
            if done.is_ok() || !self.connection().waited_to_repeat(options, attempt).await {
                return done;
            }
            attempt += 1;
        }
    }
}

/// Runs `body` in a transaction and ends it.
async fn run<R, T, E, F>(mut transaction: EngineTransaction<'_, R>, body: F) -> Result<T, E>
where
    R: Runtime,
    E: From<Error>,
    F: AsyncFnOnce(&mut EngineTransaction<'_, R>) -> Result<T, E>,
{
    match body(&mut transaction).await {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // What went wrong first is what the caller is to hear.
            let _: Result<(), Error> = transaction.rollback().await;
            Err(error)
        }
    }
}

/// A transaction of an [`EngineConnection`]: the outermost, one within another, or a savepoint.
///
/// It borrows the connection until it ends and stands for it meanwhile: statements, further transactions and
/// [`in_transaction`](EngineConnection::in_transaction) are the connection's own. A function that takes `&mut impl Client`
/// takes `&mut *transaction`.
///
/// What it stands for can be exchanged, by [`mem::swap`](std::mem::swap) for one. Then the transaction is where its
/// session is, and ends with that; nothing is run by this in the other one, and no error is hidden:
/// [`Kind::Usage`](crate::Kind::Usage). Exchanged back, the other may refuse statements until it was given back.
///
/// It ends once, since what ends it takes it:
///
/// ```compile_fail,E0382
/// # async fn example(connection: &mut aiopg::sea_query::EngineConnection) -> Result<(), aiopg::Error> {
/// let transaction = connection.begin().await?;
/// transaction.commit().await?;
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// Dropped without [`commit`](Self::commit), it is rolled back: at once, as far as that takes no waiting, and in any
/// case before the session's next statement. That is told as an event, since it is seldom meant.
#[must_use = "dropped, it is rolled back"]
pub struct EngineTransaction<'c, R: Runtime = AnyRuntime> {
    pub(crate) connection: &'c mut EngineConnection<R>,
    pub(crate) place: Place,
}

impl<R: Runtime> EngineTransaction<'_, R> {
    /// Tells whether it is open still. If one within it was rolled back that was not a savepoint, a statement such as
    /// `rollback` has ended it, or the connection was lost, nothing remains but to end it.
    pub fn is_active(&self) -> bool {
        let EngineConnection { nesting, session } = &*self.connection;
        nesting.is_active_at(session, self.place) && !session.is_closed()
    }

    /// Makes what the transaction has done last. Within another it only says that it ended well; of a savepoint it
    /// makes a part of what that stands in.
    ///
    /// # Messages
    ///
    /// COMMIT or RELEASE SAVEPOINT: one round trip. None within another, and if no statement was run in it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first byte of COMMIT was sent, the transaction is rolled back. Dropped after that, COMMIT
    /// is not cancelled: whether it took effect is for the caller to find out.
    ///
    /// # Errors
    ///
    /// As [`Transaction::commit`](crate::Transaction::commit) and [`Savepoint::commit`](crate::Savepoint::commit), and
    /// [`Kind::RolledBack`](crate::Kind::RolledBack) if it is inactive, since one within it was rolled back. Within
    /// another, too: it is [`Kind::RolledBack`](crate::Kind::RolledBack) if a statement has failed, so that the whole
    /// can only be rolled back.
    ///
    /// # Source
    ///
    /// [COMMIT](https://www.postgresql.org/docs/18/sql-commit.html)
    pub async fn commit(self) -> Result<(), Error> {
        let place = self.place;
        let (nesting, session) = self.connection.nested();
        nesting.commit(session, place).await
    }

    /// Undoes what the transaction has done. Within another it undoes all that it is a part of, a savepoint or the
    /// whole, which is inactive then.
    ///
    /// # Messages
    ///
    /// ROLLBACK or ROLLBACK TO SAVEPOINT: one round trip. None if it is inactive, and if no statement was run in it.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the transaction is rolled back all the same.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) or [`Kind::Closed`](crate::Kind::Closed) if the connection was lost: then, too,
    /// nothing remains of the transaction. [`Kind::Usage`](crate::Kind::Usage) if it is not in the session that this
    /// stands for now.
    ///
    /// # Source
    ///
    /// [ROLLBACK](https://www.postgresql.org/docs/18/sql-rollback.html)
    pub async fn rollback(self) -> Result<(), Error> {
        let place = self.place;
        let (nesting, session) = self.connection.nested();
        nesting.roll_back(session, place).await
    }

    /// Ends the transaction without touching what it stands in: what it did is undone, but within another that is no
    /// savepoint, where it remains a part of that.
    ///
    /// # Messages
    ///
    /// As [`rollback`](Self::rollback); none within another.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it has ended all the same.
    ///
    /// # Errors
    ///
    /// As [`rollback`](Self::rollback).
    pub async fn close(self) -> Result<(), Error> {
        let place = self.place;
        let (nesting, session) = self.connection.nested();
        nesting.close(session, place).await
    }
}

impl<R: Runtime> Drop for EngineTransaction<'_, R> {
    fn drop(&mut self) {
        let (nesting, session) = self.connection.nested();
        nesting.leave(session, self.place);
    }
}

impl<R: Runtime> Deref for EngineTransaction<'_, R> {
    type Target = EngineConnection<R>;

    fn deref(&self) -> &EngineConnection<R> {
        self.connection
    }
}

impl<R: Runtime> DerefMut for EngineTransaction<'_, R> {
    fn deref_mut(&mut self) -> &mut EngineConnection<R> {
        let (nesting, session) = self.connection.nested();
        nesting.enter(session, &mut self.place);
        self.connection
    }
}

impl<R: Runtime> fmt::Debug for EngineTransaction<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineTransaction")
            .field("level", &self.place.level)
            .field("is_active", &self.is_active())
            .finish_non_exhaustive()
    }
}
