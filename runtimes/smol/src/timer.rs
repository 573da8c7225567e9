//! `Timer`: the reactor's timer as aiopg sets it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use aiopg_runtime::Sleep;

/// The reactor's timer, made by [`sleep_until`](aiopg_runtime::Runtime::sleep_until).
#[derive(Debug)]
pub struct Timer(smol::Timer);

impl Timer {
    pub(crate) fn at(deadline: Instant) -> Self {
        Self(smol::Timer::at(deadline))
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

impl Sleep for Timer {
    fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.0.set_at(deadline);
    }
}
