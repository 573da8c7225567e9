//! What is known of a session, and how it is brought back to where it began.

use std::borrow::Cow;
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::config::{Config, ProtocolVersion};
use crate::error::Error;
use crate::message::TransactionStatus;
use crate::session::connection::Connection;

impl<R: Runtime> Connection<R> {
    /// Looks whether the session has ended meanwhile: the server may have shut down, or the network failed.
    ///
    /// [`is_closed`](Self::is_closed) says what is known; this reads what has arrived, as far as the runtime has
    /// noticed it, and does not wait. Notifications and notices that are read are kept.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// if connection.check_closed() {
    ///     // Something else than a query can be tried first: another server, a word to the user.
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// None is sent, and none is awaited.
    pub fn check_closed(&mut self) -> bool {
        self.channel.look();
        self.is_closed()
    }

    /// Brings the session back to where it was when it was opened.
    ///
    /// A transaction is rolled back. Run-time parameters, temporary tables, held cursors, advisory locks, channels
    /// and prepared statements are gone on the server; notifications that nobody has received are forgotten. A
    /// [`Statement`](crate::Statement) that was made before is no longer known; texts are prepared anew.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection.batch_execute("set search_path = archive; begin").await?;
    /// connection.reset().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query with DISCARD ALL, and within a transaction Query with ROLLBACK before it, in one write: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query): dropped later than the first byte was sent, it may or may not have been done.
    ///
    /// # Errors
    ///
    /// As [`batch_execute`](Self::batch_execute).
    ///
    /// # Source
    ///
    /// [DISCARD](https://www.postgresql.org/docs/18/sql-discard.html)
    pub async fn reset(&mut self) -> Result<(), Error> {
        self.settle().await?;
        self.riders.check_bar()?;
        if self.transaction_status() != TransactionStatus::Idle {
            self.riders.ride(Cow::Borrowed("rollback"));
        }
        self.batch_execute("discard all").await?;
        self.channel.machine_mut().forget_notifications();
        Ok(())
    }

    /// Tells whether something is still to come from the server for an operation whose future was dropped. The next
    /// operation reads it off first.
    pub fn is_busy(&self) -> bool {
        !self.is_closed() && self.channel.is_owing()
    }

    /// Returns the configuration that the session was opened with: what was set, without what the environment added.
    ///
    /// It prints itself as a connection string without its secrets.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the version of the protocol that both sides speak.
    ///
    /// # Source
    ///
    /// [Protocol versions](https://www.postgresql.org/docs/18/protocol-overview.html#PROTOCOL-VERSIONS)
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.channel.protocol_version
    }

    /// Returns how long a statement may take, as it was configured.
    pub fn query_timeout(&self) -> Option<Duration> {
        self.query_timeout
    }

    /// Returns the character set that texts have on their way, as the server reports it: `UTF8`, always.
    pub fn encoding(&self) -> Option<&str> {
        self.parameter("client_encoding")
    }
}
