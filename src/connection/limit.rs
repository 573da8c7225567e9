//! `Limit`: how long an operation may take, and what is due when that time has passed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aiopg_runtime::{Runtime, Sleep};
use sync_wrapper::SyncWrapper;

use crate::error::{Error, Kind};

/// How long the server may take to end a statement after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// The limit of the operation that is under way. Without one it costs nothing.
pub(crate) struct Limit<R: Runtime> {
    most: Option<Duration>,
    /// When it has passed; `None` if it starts with the next wait.
    deadline: Option<Instant>,
    timer: Option<SyncWrapper<Pin<Box<R::Sleep>>>>,
    /// The timer waits for the deadline.
    armed: bool,
    overdue: bool,
}

/// What is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The limit has passed: the statement is to be cancelled.
    Cancel,
    /// It was cancelled, and has not ended: the session is to be given up.
    GiveUp,
}

impl<R: Runtime> Limit<R> {
    pub(crate) fn new() -> Self {
        Self { most: None, deadline: None, timer: None, armed: false, overdue: false }
    }

    /// An operation begins.
    pub(crate) fn start(&mut self, runtime: &R, most: Option<Duration>) {
        self.deadline = most.and_then(|most| runtime.now().checked_add(most));
        (self.most, self.armed, self.overdue) = (most, false, false);
    }

    /// Something has come that the caller now looks at: the time starts anew with the next wait.
    pub(crate) fn rest(&mut self) {
        if self.most.is_some() && !self.overdue {
            (self.deadline, self.armed) = (None, false);
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.most.is_some()
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// Ready when something is due; polled again, it waits for what is due after that.
    pub(crate) fn poll_due(&mut self, runtime: &R, cx: &mut Context<'_>) -> Poll<Due> {
        let Some(most) = self.most else { return Poll::Pending };
        // A limit beyond what the clock can tell is none.
        let fallback = || runtime.now().checked_add(most);
        let Some(deadline) = self.deadline.or_else(fallback) else { return Poll::Pending };
        self.deadline = Some(deadline);
        if !std::mem::replace(&mut self.armed, true) {
            let timer = self
                .timer
                .get_or_insert_with(|| SyncWrapper::new(Box::pin(runtime.sleep_until(deadline))));
            timer.get_mut().as_mut().reset(deadline);
        }
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        ready!(timer.get_mut().as_mut().poll(cx));
        let due = if self.overdue { Due::GiveUp } else { Due::Cancel };
        (self.deadline, self.armed, self.overdue) = (Some(runtime.now() + GRACE), false, true);
        Poll::Ready(due)
    }

    /// What the caller hears when the limit has passed.
    pub(crate) fn error(&self) -> Error {
        let most = self.most.unwrap_or_default();
        Error::new(Kind::Timeout, format!("it took longer than its \"query_timeout\" of {most:?}"))
    }
}

impl<R: Runtime> fmt::Debug for Limit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("most", &self.most)
            .field("overdue", &self.overdue)
            .finish_non_exhaustive()
    }
}
