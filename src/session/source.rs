//! `ToStatement`: what the verbs run, a text or a statement that is prepared.

use std::time::Duration;

use crate::config::StatementMode;
use crate::session::fetch::Fetch;
use crate::session::statement::Statement;

/// A text or a prepared [`Statement`]: what the verbs run.
///
/// A text is prepared at its first use and kept by the connection, so that the next use costs one message each way.
pub trait ToStatement: Sync {
    /// Returns what is set for this call alone; nothing, but for a [`Call`](crate::Call).
    fn options(&self) -> CallOptions {
        CallOptions::default()
    }

    /// Returns what is to be run.
    fn source(&self) -> Source<'_>;
}

/// What is set for one call alone; made by [`Call`](crate::Call).
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    pub(crate) mode: Option<StatementMode>,
    pub(crate) query_timeout: TimeLimit,
    pub(crate) fetch: Option<Fetch>,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum TimeLimit {
    #[default]
    AsConfigured,
    Never,
    After(Duration),
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Source<'s> {
    /// A text, with `$1`, `$2` and so on for its parameters.
    Text(&'s str),
    /// A statement that is prepared.
    Prepared(&'s Statement),
}

impl<'s> Source<'s> {
    /// The text, prepared or not.
    pub(crate) fn sql(self) -> &'s str {
        match self {
            Self::Text(sql) => sql,
            Self::Prepared(statement) => statement.sql(),
        }
    }
}

impl ToStatement for str {
    fn source(&self) -> Source<'_> {
        Source::Text(self)
    }
}

impl ToStatement for String {
    fn source(&self) -> Source<'_> {
        Source::Text(self)
    }
}

impl ToStatement for Statement {
    fn source(&self) -> Source<'_> {
        Source::Prepared(self)
    }
}

impl<S: ToStatement + ?Sized> ToStatement for &S {
    fn options(&self) -> CallOptions {
        (**self).options()
    }

    fn source(&self) -> Source<'_> {
        (**self).source()
    }
}

/// A call: what is to be run, and what is set for this time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called<'s> {
    pub(crate) source: Source<'s>,
    pub(crate) options: CallOptions,
}

impl ToStatement for Called<'_> {
    fn source(&self) -> Source<'_> {
        self.source
    }

    fn options(&self) -> CallOptions {
        self.options
    }
}

impl<'s> Called<'s> {
    pub(crate) fn new<S: ToStatement + ?Sized>(statement: &'s S) -> Self {
        Self { source: statement.source(), options: statement.options() }
    }
}
