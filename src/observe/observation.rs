//! `Observation`: an operation from its beginning to its end, for whoever looks on.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use aiopg_runtime::Runtime;

use crate::error::Error;
#[cfg(feature = "tracing")]
use crate::observe::live::{Server, Span};
use crate::observe::operation::{About, Operation};
#[cfg(not(feature = "tracing"))]
use crate::observe::silent::{Server, Span};
use crate::observe::slow::Slow;

/// An operation that is under way. Dropped before [`finish`](Self::finish), it was abandoned.
///
/// One word, which is empty unless somebody looks on: it is part of the future of every verb.
pub(crate) struct Observation<R: Runtime>(Option<Box<Watched<R>>>);

struct Watched<R: Runtime> {
    span: Span,
    slow: Option<Slow<R>>,
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
        Self(None)
    }

    /// Begins an operation.
    #[inline]
    pub(crate) fn new(operation: Operation, server: &Server, about: About<'_>) -> Self {
        if Self::is_wanted() { Self::open(operation, server, about) } else { Self::none() }
    }

    /// Whether anybody may look on.
    #[inline]
    pub(crate) fn is_wanted() -> bool {
        Span::is_wanted()
    }

    #[cold]
    fn open(operation: Operation, server: &Server, about: About<'_>) -> Self {
        let span = Span::open(operation, server, about);
        if span.is_seen() {
            // Moved only here: it is large, and mostly it is empty.
            Self(Some(Box::new(Watched { span, slow: None })))
        } else {
            Self(None)
        }
    }

    /// Begins to borrow a session, or to open one: nothing is known yet of the server that it is going to be on.
    pub(crate) fn of_unknown(operation: Operation) -> Self {
        Self::new(operation, Server::of_nothing(), About::default())
    }

    /// Whether somebody looks on.
    pub(crate) fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    /// Measures the time, too.
    pub(crate) fn measured(mut self, slow: Slow<R>) -> Self {
        let none = || Box::new(Watched { span: Span::none(), slow: None });
        self.0.get_or_insert_with(none).slow = Some(slow);
        self
    }

    /// Runs `poll` as part of the operation.
    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(watched) => watched.span.scope(poll),
            None => poll(),
        }
    }

    /// Awaits a part of the operation.
    pub(crate) fn during<F: Future>(
        &self,
        mut future: Pin<&mut F>,
    ) -> impl Future<Output = F::Output> {
        poll_fn(move |cx| self.scope(|| future.as_mut().poll(cx)))
    }

    /// Awaits the operation to its end.
    pub(crate) fn over<T>(
        mut self,
        mut future: Pin<&mut impl Future<Output = Result<T, Error>>>,
        count: fn(&T) -> Counted,
    ) -> impl Future<Output = Result<T, Error>> {
        poll_fn(move |cx| {
            let polled = self.scope(|| future.as_mut().poll(cx));
            if let Poll::Ready(outcome) = &polled {
                self.finish(outcome.as_ref().map(count));
            }
            polled
        })
    }

    /// Tells the text, if somebody looks.
    pub(crate) fn text(&self, sql: impl FnOnce() -> String) {
        if let Some(watched) = &self.0 {
            watched.span.text(&sql());
        }
    }

    /// Tells the database.
    pub(crate) fn namespace(&self, dbname: &str) {
        if let Some(watched) = &self.0 {
            watched.span.namespace(dbname);
        }
    }

    /// Tells how a session was found.
    pub(crate) fn connected(&self, server: &Server) {
        if let Some(watched) = &self.0 {
            watched.span.connected(server);
        }
    }

    /// Tells whose session it is.
    pub(crate) fn session(&self, process_id: Option<i32>) {
        if let Some(watched) = &self.0 {
            watched.span.session(process_id);
        }
    }

    /// Ends it, whatever happens to `self` later.
    pub(crate) fn finish(&mut self, outcome: Result<Counted, &Error>) {
        if let Some(mut watched) = self.0.take() {
            watched.finish(outcome);
        }
    }
}

impl<R: Runtime> Watched<R> {
    #[cold]
    fn finish(&mut self, outcome: Result<Counted, &Error>) {
        let rows = match outcome {
            Ok(Counted::Nothing) => None,
            Ok(Counted::Returned(rows)) => {
                self.span.returned_rows(rows);
                Some(rows)
            }
            Ok(Counted::Affected(rows)) => {
                self.span.affected_rows(rows);
                Some(rows)
            }
            Err(error) => {
                self.span.failed(error);
                None
            }
        };
        self.end(rows);
    }

    fn end(&mut self, rows: Option<u64>) {
        if let Some(slow) = self.slow.take() {
            self.span.scope(|| slow.end(rows));
        }
    }
}

impl<R: Runtime> Drop for Observation<R> {
    fn drop(&mut self) {
        if let Some(watched) = &mut self.0 {
            watched.span.abandoned();
            watched.end(None);
        }
    }
}
