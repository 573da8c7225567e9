//! `ToStatement`: what the verbs run, a text or a statement that is prepared.

use crate::session::statement::Statement;

/// A text or a prepared [`Statement`]: what the verbs run.
///
/// A text is prepared at its first use and kept by the connection, so that the next use costs one message each way.
pub trait ToStatement: Sync {
    /// Returns what is to be run.
    fn source(&self) -> Source<'_>;
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
    fn source(&self) -> Source<'_> {
        (**self).source()
    }
}
