//! `Sleep`: tokio's timer, exact about deadlines that have passed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::time;

pin_project! {
    /// Tokio's timer, made by [`sleep_until`](aiopg_runtime::Runtime::sleep_until).
    ///
    /// Unlike tokio's own it is ready at the first poll when its deadline has passed, also when the task has
    /// used up its budget or the timer wheel has not turned.
    ///
    /// # Panics
    ///
    /// When it is polled before its deadline after the runtime was shut down.
    #[derive(Debug)]
    pub struct Sleep {
        handle: Handle,
        #[pin]
        timer: time::Sleep,
    }
}

impl Sleep {
    pub(crate) fn new(handle: &Handle, deadline: Instant) -> Self {
        let _entered = handle.enter();
        Self { handle: handle.clone(), timer: time::sleep_until(deadline.into()) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let _entered = this.handle.enter();
        // The wheel counts whole milliseconds and turns only when the driver does; the clock is exact.
        if time::Instant::now() >= this.timer.deadline() {
            return Poll::Ready(());
        }
        this.timer.poll(cx)
    }
}

impl aiopg_runtime::Sleep for Sleep {
    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        let _entered = this.handle.enter();
        this.timer.reset(deadline.into());
    }
}
