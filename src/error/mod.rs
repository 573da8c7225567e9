//! `Error`: one word wide, tells what failed, whose fault it is and what to do.

mod sqlstate;
mod server;
mod kind;

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::{fmt, io};

pub use crate::error::kind::Kind;
pub(crate) use crate::error::server::OneLine;
pub use crate::error::server::ServerError;
pub use crate::error::sqlstate::SqlState;

/// Anything that can fail in this crate.
///
/// `Display` prints one line, without the detail, the statement or any value: these can hold secrets and are
/// reached by accessor. The cause, if there is one, is the [`source`](StdError::source), and is not repeated
/// in the text. Cloning is cheap: the reason why a session ended is given to every later caller.
///
/// # Examples
///
/// ```
/// use aiopg::{Config, Kind};
///
/// let error = "postgresql://db:port".parse::<Config>().unwrap_err();
/// assert_eq!(error.kind(), Kind::Config);
/// assert!(!error.is_retryable());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    text: Cow<'static, str>,
    server: Option<Arc<ServerError>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    statement: Option<Arc<str>>,
    attempts: Vec<Attempt>,
    /// The number of the item that failed.
    item: Option<usize>,
    /// No byte of the request had left when it failed.
    unsent: bool,
}

/// One address that was tried for a connection, and why it failed.
#[derive(Clone, Debug)]
pub struct Attempt {
    host: String,
    error: Error,
}

impl Attempt {
    pub(crate) fn new(host: String, error: Error) -> Self {
        Self { host, error }
    }

    /// Returns the host as configured and, where it was looked up, its address and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns why this address failed.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl Error {
    /// Returns what kind of error this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the SQLSTATE code, if the server reported the error.
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.0.server.as_ref().map(|server| server.sqlstate())
    }

    /// Returns everything that the server said, if it reported the error.
    pub fn server(&self) -> Option<&ServerError> {
        self.0.server.as_deref()
    }

    /// Returns the text of the statement that failed. It may hold secrets that were written into it.
    pub fn statement(&self) -> Option<&str> {
        self.0.statement.as_deref()
    }

    /// Returns every address that was tried when connecting, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Tells whether the same request may be made again, and may do better: no byte of it reached the server and
    /// it was not wrong in itself, or the server rolled the transaction back for a reason that may have passed (class 40, such as
    /// a deadlock or a failed serialization). In that case the whole transaction is to be repeated.
    pub fn is_retryable(&self) -> bool {
        let in_vain =
            matches!(self.0.kind, Kind::Config | Kind::Conversion | Kind::RolledBack | Kind::Usage);
        (self.0.unsent && !in_vain) || self.sqlstate().is_some_and(SqlState::is_rolled_back)
    }

    /// Tells whether no byte of the request has reached the server: it has had no effect.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// Returns the number of the item that failed, counted from 0: of a pipeline's items, of the sets of parameters of
    /// `execute_many`.
    pub fn item(&self) -> Option<usize> {
        self.0.item
    }

    /// Whether this only says what another error led to.
    pub(crate) fn is_consequence(&self) -> bool {
        matches!(self.kind(), Kind::Skipped | Kind::RolledBack)
    }

    /// Adds the number of an item, unless it is there.
    #[cold]
    pub(crate) fn or_item(self, item: usize) -> Self {
        let mut error = self;
        if error.0.item.is_none() {
            error.inner().item = Some(item);
        }
        error
    }

    #[cold]
    pub(crate) fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            text: text.into(),
            server: None,
            source: None,
            statement: None,
            attempts: Vec::new(),
            item: None,
            unsent: false,
        }))
    }

    /// The server broke the protocol in `message`, one of the manual's names.
    #[cold]
    pub(crate) fn protocol(message: &str, what: &str) -> Self {
        Self::new(Kind::Protocol, format!("the server sent an invalid {message}: {what}"))
    }

    /// The server sent `message` where it has no place.
    #[cold]
    pub(crate) fn unexpected(message: &str) -> Self {
        Self::new(Kind::Protocol, format!("the server sent {message} where it has no place"))
    }

    #[cold]
    pub(crate) fn from_server(server: ServerError) -> Self {
        let mut error = Self::new(Kind::Server, "");
        error.inner().server = Some(Arc::new(server));
        error
    }

    #[cold]
    pub(crate) fn io(text: impl Into<Cow<'static, str>>, source: io::Error) -> Self {
        Self::new(Kind::Io, text).with_source(source)
    }

    #[cold]
    pub(crate) fn config(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Config, text)
    }

    #[cold]
    pub(crate) fn usage(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Usage, text)
    }

    #[cold]
    pub(crate) fn conversion(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conversion, text)
    }

    /// What every caller gets after the session ended with `cause`.
    #[cold]
    pub(crate) fn closed(cause: Option<&Self>) -> Self {
        let mut error = Self::new(Kind::Closed, "the session is closed");
        let inner = error.inner();
        inner.unsent = true;
        inner.source = cause.map(|cause| Arc::new(cause.clone()) as _);
        error
    }

    #[cold]
    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = self;
        error.inner().source = Some(Arc::from(source.into()));
        error
    }

    /// The same error with what `text` makes of its own words.
    #[cold]
    pub(crate) fn with_text(self, text: impl FnOnce(&str) -> String) -> Self {
        let mut error = self;
        let text = text(&error.0.text);
        error.inner().text = text.into();
        error
    }

    #[cold]
    pub(crate) fn with_statement(self, sql: &str) -> Self {
        let mut error = self;
        error.inner().statement = Some(sql.into());
        error
    }

    /// Adds the statement, unless it is there.
    #[cold]
    pub(crate) fn or_statement(self, sql: &str) -> Self {
        if self.0.statement.is_some() { self } else { self.with_statement(sql) }
    }

    /// A transaction, or a part of it, could only be rolled back, because of `failure`.
    #[cold]
    pub(crate) fn rolled_back(text: &'static str, failure: Option<&ServerError>) -> Self {
        let error = Self::new(Kind::RolledBack, text);
        match failure {
            Some(failure) => error.with_source(Self::from_server(failure.clone())),
            None => error,
        }
    }

    /// For the request that ends a transaction: where its answer never came, that is what is said.
    #[cold]
    pub(crate) fn or_outcome_unknown(self) -> Self {
        let fatal = self.server().is_some_and(ServerError::ends_session);
        if self.is_unsent() || (self.kind() == Kind::Server && !fatal) {
            return self;
        }
        let text = "the connection was lost before the answer came: \
                    the transaction may have been committed or not";
        Self::new(Kind::OutcomeUnknown, text).with_source(self)
    }

    #[cold]
    pub(crate) fn with_attempts(self, attempts: Vec<Attempt>) -> Self {
        let mut error = self;
        error.inner().attempts = attempts;
        error
    }

    /// Notes that no byte of the request has left.
    #[cold]
    pub(crate) fn unsent(self) -> Self {
        let mut error = self;
        error.inner().unsent = true;
        error
    }

    /// Notes that bytes of the request have left, though not those that the error is about.
    #[cold]
    pub(crate) fn sent(self) -> Self {
        let mut error = self;
        error.inner().unsent = false;
        error
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Infallible> for Error {
    /// For conversions that cannot fail, such as that of a `Config` into itself.
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.server {
            Some(server) if self.0.text.is_empty() => server.fmt(f),
            Some(server) => write!(f, "{}: {server}", self.0.text),
            None => f.write_str(&self.0.text),
        }?;
        for (index, attempt) in self.0.attempts.iter().enumerate() {
            let lead = if index == 0 { ": " } else { "; " };
            write!(f, "{lead}{}: {}", attempt.host, Chain(&attempt.error))?;
        }
        Ok(())
    }
}

/// An error and its causes on one line; for the list of hosts, which has no place for a chain of its own.
struct Chain<'a>(&'a Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, " ({})", OneLine(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("text", &format_args!("{self}"));
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish_non_exhaustive()
    }
}

impl SqlState {
    /// Whether the whole transaction was rolled back, so that it may be repeated: class 40, but for the state that says
    /// that nobody knows.
    pub(crate) fn is_rolled_back(self) -> bool {
        self.class() == "40" && self != Self::STATEMENT_COMPLETION_UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const _: () = {
        const fn shareable<T: Send + Sync + 'static>() {}
        shareable::<Error>();
        assert!(size_of::<Error>() == size_of::<usize>(), "an error is one word wide");
    };

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::io("could not connect to \"db\"", io::Error::other("no route"));
        assert_eq!(error.to_string(), "could not connect to \"db\"");
        assert_eq!(error.source().map(ToString::to_string), Some("no route".to_owned()));
    }

    #[test]
    fn closed_keeps_the_first_cause_and_was_not_sent() {
        let error = Error::closed(Some(&Error::protocol("DataRow", "it is short")));
        assert_eq!(error.kind(), Kind::Closed);
        assert!(error.is_retryable());
        let cause = error.source().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("the server sent an invalid DataRow: it is short"));
    }

    #[test]
    fn every_address_that_was_tried_is_told_with_its_reason() {
        let refused = Error::io("could not connect", io::ErrorKind::ConnectionRefused.into());
        let silent = Error::new(Kind::Timeout, "no answer within 2 s");
        let attempts =
            vec![Attempt::new("\"a\"".into(), refused), Attempt::new("\"b\"".into(), silent)];
        let error = Error::new(Kind::Io, "could not connect to any host").with_attempts(attempts);
        assert_eq!(
            error.to_string(),
            "could not connect to any host: \"a\": could not connect (connection refused); \
             \"b\": no answer within 2 s"
        );
        assert_eq!(error.attempts().len(), 2);
    }

    #[test]
    fn debug_hides_the_statement() {
        let error = Error::usage("no").with_statement("alter role a password 'secret'");
        assert!(!format!("{error:?} {error}").contains("secret"));
        assert_eq!(error.statement(), Some("alter role a password 'secret'"));
    }
}
