//! `Alarm`: one timer for all who wait for a session. A timer each would cost more than their places in the queue.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use aiopg_runtime::{Runtime, Sleep};

/// A timer that whoever waits may set, and that wakes `waker`, whoever has polled it.
pub(crate) struct Alarm<R: Runtime> {
    waker: Waker,
    timer: Mutex<Option<Pin<Box<R::Sleep>>>>,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { waker, timer: Mutex::new(None) }
    }

    /// Sets it to ring at the instant that `choose` gives, if it gives one. Ready when that has passed already.
    ///
    /// Nobody else sets it in between.
    pub(crate) fn set(&self, runtime: &R, choose: impl FnOnce() -> Option<Instant>) -> Poll<()> {
        let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = choose() else { return Poll::Pending };
        if let Some(timer) = &mut *timer {
            timer.as_mut().reset(at);
        }
        let timer = timer.get_or_insert_with(|| Box::pin(runtime.sleep_until(at)));
        timer.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

impl<R: Runtime> fmt::Debug for Alarm<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").finish_non_exhaustive()
    }
}
