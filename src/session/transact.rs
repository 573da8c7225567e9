//! `transaction`: a transaction around an async closure, repeated where that helps.

use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::session::client::Client;
use crate::session::connection::Connection;
use crate::session::transaction::Transaction;
use crate::session::transaction_options::TransactionOptions;

/// How long at most is waited before the first repetition, and how far that grows.
const DELAY: Duration = Duration::from_millis(10);
const MOST_DELAYS: u32 = 100;

impl<R: Runtime> Connection<R> {
    /// Runs `body` in a transaction: committed if it returns `Ok`, rolled back if it returns `Err` or panics.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::{Client, Error};
    ///
    /// let moved: u64 = connection
    ///     .transaction(async |transaction| {
    ///         transaction.execute("update account set cents = cents - 100 where id = 1", ()).await?;
    ///         let sql = "update account set cents = cents + 100 where id = 2";
    ///         transaction.execute(sql, ()).await
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
    /// What `body` returns; otherwise as [`begin`](Self::begin) and [`Transaction::commit`]. If `body` fails since
    /// the connection was lost, that first error is returned.
    pub async fn transaction<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Transaction<&mut Self>) -> Result<T, E>,
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
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::{Client, Error, IsolationLevel, TransactionOptions};
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
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction), with the error of the last attempt.
    pub async fn transaction_with<T, E, F>(
        &mut self,
        options: &TransactionOptions,
        mut body: F,
    ) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnMut(&mut Transaction<&mut Self>) -> Result<T, E>,
    {
        let mut attempt = 0;
        loop {
            let mut transaction = self.begin_with(options).await?;
            // What was rolled back before does not count.
            transaction.connection().forget_what_was_rolled_back();
            let done = run(transaction, &mut body).await;
            if done.is_ok() || !self.waited_to_repeat(options, attempt).await {
                return done;
            }
            attempt += 1;
        }
    }

    /// Forgets that a transaction was rolled back for a reason that may have passed.
    pub(crate) fn forget_what_was_rolled_back(&mut self) {
        self.channel.machine_mut().asides_mut().take_rolled_back();
    }

    /// Waits before a transaction that has failed is repeated, and tells whether it is to be.
    pub(crate) async fn waited_to_repeat(
        &mut self,
        options: &TransactionOptions,
        attempt: u32,
    ) -> bool {
        // Where nothing is repeated, the reason is left to whoever repeats what this is a part of.
        if attempt >= options.retries || !self.channel.machine_mut().asides_mut().take_rolled_back()
        {
            return false;
        }
        self.pause(options, attempt).await;
        true
    }

    /// Waits before a transaction is repeated: for a random time, so that those that met do not meet again.
    async fn pause(&self, options: &TransactionOptions, attempt: u32) {
        let runtime = self.runtime();
        let longest = options
            .retry_delay
            .unwrap_or(DELAY)
            .saturating_mul(2_u32.saturating_pow(attempt).min(MOST_DELAYS));
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        let wait = Duration::from_nanos(runtime.random().checked_rem(nanos).unwrap_or(0));
        runtime.sleep_until(runtime.now() + wait).await;
    }
}

/// Runs `body` in a transaction and ends it.
async fn run<C, T, E, F>(mut transaction: Transaction<C>, body: F) -> Result<T, E>
where
    C: Client,
    E: From<Error>,
    F: AsyncFnOnce(&mut Transaction<C>) -> Result<T, E>,
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
