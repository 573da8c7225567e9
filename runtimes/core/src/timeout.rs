//! `Timeout`: a future with a deadline.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::runtime::Runtime;

pin_project! {
    /// A future with a deadline: made by [`Runtime::timeout`] and [`Runtime::timeout_at`].
    ///
    /// The inner future goes first, so its result wins even if the deadline has passed. The timer is made
    /// only once the inner future has to wait: a call that is ready at once costs no timer.
    ///
    /// # Errors
    ///
    /// Resolves to [`Elapsed`] when the deadline passes before the inner future is ready. The inner future
    /// is dropped together with the `Timeout`, not before.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the inner future.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use aiopg_runtime::{Elapsed, Runtime};
    ///
    /// async fn within_a_second<R: Runtime>(runtime: &R, call: impl Future<Output = u32>) -> Result<u32, Elapsed> {
    ///     runtime.timeout(Duration::from_secs(1), call).await
    /// }
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Timeout<F, R: Runtime> {
        #[pin]
        future: F,
        #[pin]
        sleep: Option<R::Sleep>,
        runtime: R,
        deadline: Option<Instant>,
    }
}

impl<F, R: Runtime> Timeout<F, R> {
    pub(crate) fn new(runtime: R, deadline: Option<Instant>, future: F) -> Self {
        Self { future, sleep: None, runtime, deadline }
    }
}

impl<F: Future, R: Runtime> Future for Timeout<F, R> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        // The clock is asked before the timer: a busy inner future can use up a task's budget on every
        // poll, and tokio's timers then stay pending after they are due.
        if this.runtime.now() >= deadline {
            return Poll::Ready(Err(Elapsed(())));
        }
        if this.sleep.is_none() {
            this.sleep.set(Some(this.runtime.sleep_until(deadline)));
        }
        if let Some(sleep) = this.sleep.as_pin_mut() {
            ready!(sleep.poll(cx));
            return Poll::Ready(Err(Elapsed(())));
        }
        Poll::Pending
    }
}

impl<F: fmt::Debug, R: Runtime> fmt::Debug for Timeout<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("future", &self.future)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The deadline passed before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}
