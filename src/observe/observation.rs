//! `Observation`: an operation from its beginning to its end, for whoever looks on.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;

use aiopg_runtime::Runtime;

use crate::error::Error;
#[cfg(feature = "tracing")]
use crate::observe::live::{Server, Span};
use crate::observe::operation::{About, Operation};
#[cfg(not(feature = "tracing"))]
use crate::observe::silent::{Server, Span};
use crate::observe::slow::Slow;

/// An operation that is under way. Dropped before [`finish`](Self::finish), it was abandoned.
pub(crate) struct Observation<R: Runtime> {
    span: Span,
    slow: Option<Box<Slow<R>>>,
    done: bool,
}

/// The rows of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It has none, or nobody counts them.
    Nothing,
    Returned(u64),
    Affected(u64),
}

impl Counted {
    pub(crate) fn returned(rows: usize) -> Self {
        Self::Returned(u64::try_from(rows).unwrap_or(u64::MAX))
    }
}

impl<R: Runtime> Observation<R> {
    /// What nobody looks at.
    pub(crate) fn none() -> Self {
        Self { span: Span::none(), slow: None, done: true }
    }

    /// Begins an operation.
    pub(crate) fn new(operation: Operation, server: &Server, about: About<'_>) -> Self {
        Self { span: Span::open(operation, server, about), slow: None, done: false }
    }

    /// Begins to borrow a session: nothing is known of it yet.
    pub(crate) fn acquiring() -> Self {
        Self::new(Operation::Acquire, &Server::default(), About::default())
    }

    /// Begins to connect: nothing is known yet of the server that is going to be found.
    pub(crate) fn connecting() -> Self {
        Self::new(Operation::Connect, &Server::default(), About::default())
    }

    /// Whether somebody looks on.
    pub(crate) fn is_watched(&self) -> bool {
        self.span.is_seen() || self.slow.is_some()
    }

    /// Measures the time, too.
    pub(crate) fn measured(mut self, slow: Slow<R>) -> Self {
        self.slow = Some(Box::new(slow));
        self
    }

    /// Runs `poll` as part of the operation.
    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.span.scope(poll)
    }

    /// Awaits a part of the operation.
    pub(crate) async fn during<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        poll_fn(|cx| self.scope(|| future.as_mut().poll(cx))).await
    }

    /// Awaits the operation to its end.
    pub(crate) async fn over<T>(
        mut self,
        future: Pin<&mut impl Future<Output = Result<T, Error>>>,
        count: impl FnOnce(&T) -> Counted,
    ) -> Result<T, Error> {
        let outcome = self.during(future).await;
        self.finish(outcome.as_ref().map(count));
        outcome
    }

    /// Tells the text, if somebody looks.
    pub(crate) fn text(&self, sql: impl FnOnce() -> String) {
        if self.span.is_seen() {
            self.span.text(&sql());
        }
    }

    /// Tells the database.
    pub(crate) fn namespace(&self, dbname: &str) {
        self.span.namespace(dbname);
    }

    /// Tells how a session was found.
    pub(crate) fn connected(&self, server: &Server) {
        self.span.connected(server);
    }

    /// Tells whose session it is.
    pub(crate) fn session(&self, process_id: Option<i32>) {
        self.span.session(process_id);
    }

    /// Ends it, whatever happens to `self` later.
    pub(crate) fn finish(&mut self, outcome: Result<Counted, &Error>) {
        if mem::replace(&mut self.done, true) {
            return;
        }
        let span = mem::replace(&mut self.span, Span::none());
        let rows = match outcome {
            Ok(Counted::Nothing) => None,
            Ok(Counted::Returned(rows)) => {
                span.returned_rows(rows);
                Some(rows)
            }
            Ok(Counted::Affected(rows)) => {
                span.affected_rows(rows);
                Some(rows)
            }
            Err(error) => {
                span.failed(error);
                None
            }
        };
        if let Some(slow) = self.slow.take() {
            span.scope(|| slow.end(rows));
        }
    }
}

impl<R: Runtime> Drop for Observation<R> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.span.abandoned();
        if let Some(slow) = self.slow.take() {
            self.span.scope(|| slow.end(None));
        }
    }
}
