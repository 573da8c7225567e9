//! `TransactionOptions`: how a transaction begins.

use std::borrow::Cow;
use std::time::Duration;

use crate::session::riders::Opener;

/// How much a transaction sees of others that run at the same time.
///
/// # Source
///
/// [Transaction isolation](https://www.postgresql.org/docs/18/transaction-iso.html)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the SQL standard closes the set")]
pub enum IsolationLevel {
    /// What PostgreSQL treats like [`ReadCommitted`](Self::ReadCommitted).
    ReadUncommitted,
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see what was committed before the first one began.
    RepeatableRead,
    /// As if all transactions ran one after the other.
    Serializable,
}

impl IsolationLevel {
    fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "isolation level read uncommitted",
            Self::ReadCommitted => "isolation level read committed",
            Self::RepeatableRead => "isolation level repeatable read",
            Self::Serializable => "isolation level serializable",
        }
    }
}

/// How a transaction begins: its modes, parameters for its time, and how often it is repeated.
///
/// What is not set is left to the server: without anything a bare BEGIN is sent.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use aiopg::{Client, IsolationLevel, TransactionOptions};
///
/// let options = TransactionOptions::new()
///     .isolation_level(IsolationLevel::RepeatableRead)
///     .read_only()
///     .set_local("lock_timeout", "2s");
/// let mut report = connection.begin_with(&options).await?;
/// let cities: i64 = report.query_scalar("select count(*) from city", ()).await?;
/// report.commit().await?;
/// # Ok(()) }
/// ```
///
/// # Source
///
/// [BEGIN](https://www.postgresql.org/docs/18/sql-begin.html)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionOptions {
    isolation_level: Option<IsolationLevel>,
    access: Option<&'static str>,
    deferrable: Option<&'static str>,
    settings: Vec<(String, String)>,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Option<Duration>,
}

impl TransactionOptions {
    /// Leaves everything to the server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the isolation level. Default: `default_transaction_isolation` of the session.
    #[must_use]
    pub fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.isolation_level = Some(level);
        self
    }

    /// Refuses statements that write. Default: `default_transaction_read_only` of the session.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Some("read only");
        self
    }

    /// Allows statements that write, whatever the session's default is.
    #[must_use]
    pub fn read_write(mut self) -> Self {
        self.access = Some("read write");
        self
    }

    /// Has a serializable read-only transaction wait at its start until it cannot fail. Default:
    /// `default_transaction_deferrable` of the session.
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.deferrable = Some("deferrable");
        self
    }

    /// Has the transaction start at once, whatever the session's default is.
    #[must_use]
    pub fn not_deferrable(mut self) -> Self {
        self.deferrable = Some("not deferrable");
        self
    }

    /// Sets a run-time parameter for the time of the transaction, as `SET LOCAL` does. Name and value are sent as
    /// parameters, so neither needs quoting.
    #[must_use]
    pub fn set_local(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Repeats a [`transaction`](crate::Connection::transaction_with) up to `retries` times when the server rolls it
    /// back for a reason that may have passed: SQLSTATE class 40, a failed serialization or a deadlock. Default: 0.
    ///
    /// Between the attempts it waits for a random time, up to 10 ms at first and doubling to 1 s.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets how long at most to wait before the first repetition. It doubles up to a hundredfold. Default: 10 ms.
    #[must_use]
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = Some(delay);
        self
    }

    /// BEGIN, and what sets the parameters.
    pub(crate) fn openers(&self) -> impl Iterator<Item = Opener> {
        let modes = [self.isolation_level.map(IsolationLevel::sql), self.access, self.deferrable];
        let modes: Vec<_> = modes.into_iter().flatten().collect();
        let sql = if modes.is_empty() {
            Cow::Borrowed(BEGIN)
        } else {
            Cow::Owned(format!("{BEGIN} {}", modes.join(", ")))
        };
        let setting = |(name, value): &(String, String)| Opener {
            sql: Cow::Borrowed("select pg_catalog.set_config($1::text, $2::text, true)"),
            params: vec![name.clone(), value.clone()],
            undo: None,
        };
        std::iter::once(Opener { sql, params: Vec::new(), undo: None })
            .chain(self.settings.iter().map(setting))
    }
}

/// How a transaction begins that leaves everything to the server.
const BEGIN: &str = "begin";

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(options: &TransactionOptions) -> String {
        options.openers().next().unwrap().sql.into_owned()
    }

    #[test]
    fn only_what_is_set_is_said() {
        assert_eq!(begin(&TransactionOptions::new()), "begin");
        let options = TransactionOptions::new()
            .isolation_level(IsolationLevel::Serializable)
            .read_only()
            .deferrable();
        assert_eq!(begin(&options), "begin isolation level serializable, read only, deferrable");
        let options = options.read_write().not_deferrable();
        assert_eq!(
            begin(&options),
            "begin isolation level serializable, read write, not deferrable"
        );
    }

    #[test]
    fn settings_are_parameters() {
        let options = TransactionOptions::new().set_local("app.user", "o'neill");
        let openers: Vec<_> = options.openers().collect();
        assert_eq!(openers.len(), 2);
        assert_eq!(openers[1].params, ["app.user", "o'neill"]);
    }
}
