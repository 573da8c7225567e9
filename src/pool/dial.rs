//! Opening sessions: a place is reserved first, then the server is called outside any lock.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Instant;

use aiopg_runtime::Runtime;
use futures_util::FutureExt;
use futures_util::future::{Either, select};

use crate::config::Event;
use crate::connection::Switch;
use crate::error::{Error, Kind};
use crate::pool::backoff::jittered;
use crate::pool::core::{Core, pool_closed};
use crate::pool::options::WhenDown;
use crate::pool::slot::{AfterFailure, Demand, SlotId, is_passing};
use crate::session::Connection;

/// A reserved place. Dropped before a session is in it, it is given back.
struct Seat<R: Runtime> {
    core: Weak<Core<R>>,
    slot: Option<SlotId>,
}

impl<R: Runtime> Drop for Seat<R> {
    fn drop(&mut self) {
        if let (Some(slot), Some(core)) = (self.slot.take(), self.core.upgrade()) {
            core.with(|state| state.slots.unreserve(slot));
            core.wake_watchers();
            core.fill();
        }
    }
}

impl<R: Runtime> Core<R> {
    /// Begins to open the sessions that are wanted and may be had.
    pub(crate) fn fill(self: &Arc<Self>) {
        let now = self.now();
        while let Some(slot) = self.with(|state| {
            // Without a background nobody opens what nobody waits for.
            let demand = if state.has_background() { Demand::Minimum } else { Demand::Waiters };
            state.slots.reserve(demand, now)
        }) {
            self.start(dial(Seat { core: Arc::downgrade(self), slot: Some(slot) }));
        }
    }

    /// Opens a session, as the options want it.
    async fn connect(&self) -> Result<Box<Connection<R>>, Error> {
        let opening = AssertUnwindSafe(self.open()).catch_unwind();
        let limit = self.options.connect_timeout;
        let deadline = limit.and_then(|limit| self.now().checked_add(limit));
        match self.runtime.timeout_at(deadline, opening).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) => Err(Error::usage("the hook \"on_connect\" panicked").unsent()),
            Err(_) => {
                let limit = limit.unwrap_or_default();
                let text = format!("the pool could not open a session within {limit:?}");
                Err(Error::new(Kind::Timeout, text).unsent())
            }
        }
    }

    async fn open(&self) -> Result<Box<Connection<R>>, Error> {
        let opened = Connection::connect_on(self.runtime.clone(), self.config.clone()).await;
        let mut connection = Box::new(opened?);
        // From here on the session is the pool's, and nobody is warned when it is dropped.
        connection.obey(Some(Arc::default()));
        connection.catalog = Arc::clone(&self.catalog);
        if let Some(hook) = &self.options.on_connect {
            hook(&mut connection).await?;
            if !connection.is_at_rest(None) {
                let text = "the hook \"on_connect\" left the session busy or in a transaction";
                return Err(Error::usage(text).unsent());
            }
        }
        Ok(connection)
    }

    /// Takes a session in that was opened in this place.
    fn welcome(self: &Arc<Self>, slot: SlotId, mut connection: Box<Connection<R>>) {
        let now = self.now();
        let lifetime = self.options.max_lifetime;
        let lifetime = lifetime.map(|span| jittered(span, self.runtime.random()));
        let expires = lifetime.and_then(|span| now.checked_add(span));
        let switch = Arc::<Switch>::default();
        connection.obey(Some(Arc::clone(&switch)));
        let (put, old) = self.with(|state| {
            let old = state.switches.insert(slot, switch);
            (state.slots.opened(slot, connection, now, expires), old)
        });
        drop(old);
        self.finish(put);
        self.wake_watchers();
        self.fill();
    }

    /// Tells whether the place is kept for another attempt.
    fn failed(self: &Arc<Self>, slot: SlotId, error: Error) -> bool {
        self.tell(&Event::ConnectFailed { reason: error.to_string() });
        let passing = self.options.when_down == WhenDown::Wait && is_passing(&error);
        let (now, random) = (self.now(), self.runtime.random());
        let after = self.with(|state| state.slots.failed(slot, error, passing, (now, random)));
        self.wake_watchers();
        match after {
            AfterFailure::Retry => true,
            AfterFailure::GiveUp(waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
                self.fill();
                false
            }
        }
    }

    /// Completes when another attempt may be made, or with an error when the pool is closed.
    async fn pause(&self) -> Result<(), Error> {
        let mut sleep: Option<(Instant, std::pin::Pin<Box<R::Sleep>>)> = None;
        poll_fn(|cx| {
            self.watch(cx);
            let (closed, retry_at) =
                self.with(|state| (state.slots.is_closed(), state.slots.retry_at()));
            if closed {
                return Poll::Ready(Err(pool_closed()));
            }
            let Some(at) = retry_at.filter(|at| self.now() < *at) else {
                return Poll::Ready(Ok(()));
            };
            if sleep.as_ref().is_none_or(|(set, _)| *set != at) {
                sleep = Some((at, Box::pin(self.runtime.sleep_until(at))));
            }
            let due = sleep.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
            if due { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    /// Completes when the pool is closed.
    async fn closed(&self) {
        poll_fn(|cx| {
            self.watch(cx);
            if self.is_closed() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Opens a session in a reserved place, and tries again as long as that may help.
async fn dial<R: Runtime>(mut seat: Seat<R>) {
    loop {
        // Held while the server is called: a pool that nobody has any more is dropped at the next pause.
        let Some(core) = seat.core.upgrade() else { return };
        if core.pause().await.is_err() {
            return;
        }
        let opened = match select(pin!(core.connect()), pin!(core.closed())).await {
            Either::Left((opened, _)) => opened,
            Either::Right(((), _)) => return,
        };
        let Some(slot) = seat.slot else { return };
        match opened {
            Ok(connection) => {
                seat.slot = None;
                return core.welcome(slot, connection);
            }
            Err(error) => {
                if !core.failed(slot, error) {
                    // The place is free already.
                    seat.slot = None;
                    return;
                }
            }
        }
    }
}
