//! `Canceller`: asks the server to stop the session's statement, and asks again.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aiopg_runtime::Runtime;
use sync_wrapper::SyncWrapper;

use crate::connection::cancel::{CancelRequests, CancelToken};
use crate::connection::target::Target;
use crate::error::Error;
use crate::flow::Machine;

/// How long a statement may go on after it was cancelled before that is done again: longer than a server takes to
/// stop one. It doubles each time up to [`MOST_PATIENCE`], as each costs the server a process.
const PATIENCE: Duration = Duration::from_millis(250);
const MOST_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a request may be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancellable {
    Yes,
    /// It ends a transaction: cancelled, its outcome would be unknown.
    No,
}

/// Whoever cancels the statements of one session.
pub(crate) struct Canceller<R: Runtime> {
    /// Where cancel requests go; none for a stream that the caller brought.
    target: Option<Box<Target>>,
    cancellable: Cancellable,
    requests: CancelRequests,
    /// A cancel request was made for the statement.
    cancelled: bool,
    /// How long the statement may go on after that, and the timer for it.
    patience: Duration,
    again: Option<SyncWrapper<Pin<Box<R::Sleep>>>>,
}

impl<R: Runtime> Canceller<R> {
    pub(crate) fn new(target: Option<Target>) -> Self {
        Self {
            target: target.map(Box::new),
            cancellable: Cancellable::No,
            requests: CancelRequests::default(),
            cancelled: false,
            patience: PATIENCE,
            again: None,
        }
    }

    /// A request was made, which may be cancelled or not.
    #[inline]
    pub(crate) fn begin(&mut self, cancellable: Cancellable) {
        self.cancellable = cancellable;
        self.cancelled = false;
        self.patience = PATIENCE;
        self.again = None;
    }

    /// Whether no cancel request is under way, and each that was sent was confirmed.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Has the statement cancelled, if it may be, is on the server and was not.
    pub(crate) fn cancel(&mut self, runtime: &R, machine: &Machine) {
        // What takes the data of a copy is on the server, however much of the data is not.
        let running =
            machine.unsent().is_empty() || machine.has_copied_in() || machine.has_many_steps();
        let due = self.cancellable == Cancellable::Yes && !self.cancelled && running;
        if due && let Some(token) = self.token(runtime, machine) {
            self.cancelled = true;
            token.cancel_detached();
        }
    }

    /// Has the statement cancelled only if it goes on for a while, as if that had been asked for already.
    pub(crate) fn postpone(&mut self) {
        self.cancelled = true;
    }

    /// Ready when no cancel request is under way. An error says that one was sent and that nobody confirmed it.
    pub(crate) fn poll_done(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.requests.poll_done(cx)
    }

    /// Ready when the statement has gone on for a while after it was cancelled: the server forgets a cancel request
    /// that reaches the session before the statement does, so it is to be made again.
    pub(crate) fn poll_patience(&mut self, runtime: &R, cx: &mut Context<'_>) -> Poll<()> {
        if !self.cancelled {
            return Poll::Pending;
        }
        let patience = self.patience;
        let timer = self.again.get_or_insert_with(|| {
            SyncWrapper::new(Box::pin(runtime.sleep_until(runtime.now() + patience)))
        });
        ready!(timer.get_mut().as_mut().poll(cx));
        self.again = None;
        self.patience = patience.saturating_mul(2).min(MOST_PATIENCE);
        self.cancelled = false;
        Poll::Ready(())
    }

    /// What cancels the session's statement from outside; `None` where nobody knows how to reach the server.
    pub(crate) fn token(&self, runtime: &R, machine: &Machine) -> Option<CancelToken<R>> {
        let (process_id, secret_key) = machine.key()?;
        let (target, requests) = (self.target.as_deref()?.clone(), self.requests.clone());
        Some(CancelToken::new(runtime.clone(), target, process_id, secret_key, requests))
    }
}

impl<R: Runtime> fmt::Debug for Canceller<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("target", &self.target)
            .field("cancelled", &self.cancelled)
            .finish_non_exhaustive()
    }
}
