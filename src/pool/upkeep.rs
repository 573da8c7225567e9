//! Upkeep: what is done in the background as long as the pool is open. Everything is correct when it never runs.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aiopg_runtime::{Runtime, Sleep};

use crate::config::Event;
use crate::pool::core::{Bell, Core};
use crate::pool::restore::Held;
use crate::pool::stats::CloseReason;

/// How often a pool is looked after that is in use.
const OFTEN: Duration = Duration::from_secs(1);

/// How often one is looked after that nobody uses, as far as nothing is due before.
const SELDOM: Duration = Duration::from_secs(30);

/// The least time between two looks: a session that is borrowed may wake those who watched it while it was idle.
const GAP: Duration = Duration::from_millis(100);

impl<R: Runtime> Core<R> {
    /// Starts upkeep, if there is a background.
    pub(crate) fn start_upkeep(self: &Arc<Self>) {
        let (core, bell) = (Arc::downgrade(self), Arc::clone(&self.bell));
        let spawned = self.runtime.spawn(upkeep(core, bell));
        self.with(|state| state.background = spawned);
    }

    /// Looks after everything once.
    fn look_after(self: &Arc<Self>, cx: &mut Context<'_>) {
        let now = self.now();
        let expired = self.with(|state| state.slots.expire(now));
        if !expired.is_empty() {
            drop(expired);
            self.wake_watchers();
        }
        self.watch_idle(cx);
        self.keep_alive(now);
        self.warn_of_leaks(now);
        #[cfg(feature = "metrics")]
        self.publish();
        self.fill();
    }

    /// Looks whether idle sessions have ended, and has upkeep woken when one does.
    fn watch_idle(self: &Arc<Self>, cx: &mut Context<'_>) {
        while let Some((slot, connection)) = self.with(|state| state.slots.take_unwatched()) {
            let mut held = Held::new(self, slot, connection);
            let lost = held.connection().is_none_or(|session| session.poll_lost(cx).is_ready());
            if lost {
                held.reason = CloseReason::Lost;
            } else {
                held.put();
            }
        }
    }

    fn keep_alive(self: &Arc<Self>, now: Instant) {
        let Some(interval) = self.options.keepalive else { return };
        while let Some((slot, connection)) =
            self.with(|state| state.slots.take_silent(now, interval))
        {
            self.start(ask(Held::new(self, slot, connection)));
        }
    }

    fn warn_of_leaks(&self, now: Instant) {
        let Some(limit) = self.options.leak_after else { return };
        for holder in self.with(|state| state.slots.leaks(now, limit)) {
            self.tell(&Event::SessionHeld { site: holder.site, held: holder.held });
        }
    }

    /// The longest time for which nothing can fall due that upkeep has not seen.
    fn interval(&self) -> Duration {
        let options = &self.options;
        let intervals =
            [options.keepalive, options.leak_after, options.idle_timeout, options.max_lifetime];
        let shortest = intervals.into_iter().flatten().min().unwrap_or(SELDOM);
        (shortest / 2).clamp(Duration::from_millis(1), SELDOM)
    }
}

/// Asks an idle session for a sign of life.
async fn ask<R: Runtime>(mut held: Held<R>) {
    let limit = Duration::from_secs(5);
    let Some(connection) = held.connection() else { return };
    let runtime = connection.runtime().clone();
    let asked = runtime.timeout(limit, connection.batch_execute("")).await;
    if matches!(asked, Ok(Ok(()))) {
        held.put();
    } else {
        held.reason = CloseReason::Lost;
    }
}

/// Looks after a pool until it is closed or nobody has it any more.
async fn upkeep<R: Runtime>(core: Weak<Core<R>>, bell: Arc<Bell>) {
    let mut sleep: Option<(Instant, Pin<Box<R::Sleep>>)> = None;
    let (mut pause, mut acquired, mut looked) = (OFTEN, 0, None);
    poll_fn(move |cx| {
        bell.register(cx);
        loop {
            let Some(core) = core.upgrade() else { return Poll::Ready(()) };
            if core.is_closed() {
                return Poll::Ready(());
            }
            let now = core.now();
            let due = sleep.as_ref().is_none_or(|(deadline, _)| *deadline <= now);
            let deadline = match looked.and_then(|looked: Instant| looked.checked_add(GAP)) {
                Some(soonest) if !due && now < soonest => soonest,
                _ => {
                    if !due {
                        // Something was heard of a session that is watched, or of one that was.
                        core.with(|state| state.slots.unwatch());
                    }
                    looked = Some(now);
                    core.look_after(cx);
                    let total = core.with(|state| state.slots.stats.acquired);
                    pause = if total == acquired { (pause * 2).min(SELDOM) } else { OFTEN };
                    acquired = total;
                    now + pause.min(core.interval())
                }
            };
            let (set, timer) = sleep
                .get_or_insert_with(|| (deadline, Box::pin(core.runtime.sleep_until(deadline))));
            if *set != deadline {
                *set = deadline;
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}
