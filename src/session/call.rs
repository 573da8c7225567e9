//! `Call`: a statement with settings for this call alone.

use std::time::Duration;

use crate::config::StatementMode;
use crate::session::fetch::Fetch;
use crate::session::source::{CallOptions, Source, TimeLimit, ToStatement};

/// A statement with settings for this call alone: it stands wherever a text or a
/// [`Statement`](crate::Statement) stands.
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// use std::time::Duration;
///
/// use aiopg::{Call, StatementMode};
///
/// let report = Call::new("select * from report where day = current_date")
///     .query_timeout(Duration::from_secs(60))
///     .statement_mode(StatementMode::Unnamed);
/// let rows = connection.query(report, ()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Call<S> {
    statement: S,
    options: CallOptions,
}

impl<S: ToStatement> Call<S> {
    /// Takes a text or a statement; nothing is set.
    #[must_use]
    pub fn new(statement: S) -> Self {
        let options = statement.options();
        Self { statement, options }
    }

    /// Sets how long this call may take; `None` is for ever, and zero is at once. Default: what
    /// [`Config::query_timeout`](crate::Config::query_timeout) says.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.query_timeout = limit.into().map_or(TimeLimit::Never, TimeLimit::After);
        self
    }

    /// Sets how the text reaches the server. A prepared [`Statement`](crate::Statement) has been sent already: there
    /// it changes nothing. Default: what [`Config::statement_mode`](crate::Config::statement_mode) says.
    #[must_use]
    pub fn statement_mode(mut self, mode: StatementMode) -> Self {
        self.options.mode = Some(mode);
        self
    }

    /// Has [`stream`](crate::Connection::stream) fetch the rows in portions; other verbs take the whole result anyway.
    #[must_use]
    pub fn fetch(mut self, fetch: Fetch) -> Self {
        self.options.fetch = Some(fetch);
        self
    }
}

impl<S: ToStatement> ToStatement for Call<S> {
    fn source(&self) -> Source<'_> {
        self.statement.source()
    }

    fn options(&self) -> CallOptions {
        self.options
    }
}
