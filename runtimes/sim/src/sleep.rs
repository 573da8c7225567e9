//! The timer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use aiopg_runtime::Sleep;

use crate::clock::{Key, Time, time};
use crate::world::{Event, Shared, World};

/// A timer of the virtual clock.
#[derive(Debug)]
#[must_use = "a timer does nothing unless it is polled"]
pub struct SimSleep {
    shared: Arc<Shared>,
    deadline: Time,
    key: Option<Key>,
    event: fn(Waker) -> Event,
}

impl SimSleep {
    pub(crate) fn until(shared: Arc<Shared>, deadline: Instant) -> Self {
        Self { shared, deadline: time(deadline), key: None, event: Event::Timer }
    }

    /// A delay of the simulation itself, which does not count as a timer of the code under test.
    pub(crate) fn latency(shared: Arc<Shared>) -> Self {
        let deadline = shared.with(World::after_latency);
        Self { shared, deadline, key: None, event: Event::Delay }
    }
}

impl Future for SimSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { shared, deadline, key, event } = self.get_mut();
        if shared.with(|world| world.poll_timer(*deadline, key, *event, context.waker())) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Sleep for SimSleep {
    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.get_mut();
        this.deadline = time(deadline);
        this.shared.with(|world| world.move_timer(this.deadline, &mut this.key));
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.with(|world| world.cancel_timer(Some(key)));
        }
    }
}
