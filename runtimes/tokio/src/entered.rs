//! `Entered`: polls a future inside a tokio runtime, whoever polls it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

pin_project! {
    /// Enters the runtime at every poll. Entering once would not do: the guard is bound to its thread, and an
    /// executor may poll on a different one each time.
    pub(crate) struct Entered<'a, F> {
        handle: &'a Handle,
        #[pin]
        future: F,
    }
}

impl<'a, F> Entered<'a, F> {
    pub(crate) fn new(handle: &'a Handle, future: F) -> Self {
        Self { handle, future }
    }
}

impl<F: Future> Future for Entered<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.handle.enter();
        this.future.poll(cx)
    }
}
