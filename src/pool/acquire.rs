//! Acquiring a session: an idle one at once, else a place in the queue.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::error::{Error, Kind};
use crate::pool::core::{Core, Job, pool_closed};
use crate::pool::guard::PooledConnection;
use crate::pool::options::{Liveness, Verdict};
use crate::pool::restore::is_in_order;
use crate::pool::slot::{Granted, Lease};
use crate::pool::stats::CloseReason;
use crate::pool::waiters::{Site, Ticket};
use crate::session::Connection;

/// How long a silent session may take for an empty query: one that takes longer is as good as dead.
const QUERY_LIMIT: Duration = Duration::from_secs(5);

/// A session that was taken, and whether it is known to be alive.
pub(crate) struct Idle<R: Runtime> {
    pub(crate) session: PooledConnection<R>,
    /// An empty query is to tell.
    unproven: bool,
}

impl<R: Runtime> Idle<R> {
    /// Whether it may be lent without waiting for anything.
    pub(crate) fn is_ready(&self, core: &Core<R>) -> bool {
        !self.unproven && core.options.before_acquire.is_none()
    }
}

impl<R: Runtime> Core<R> {
    /// Takes an idle session that lives, without waiting.
    pub(crate) fn take_idle(self: &Arc<Self>, site: Site) -> Option<Idle<R>> {
        loop {
            let now = self.now();
            let taken = self.with(|state| state.slots.take(now, site));
            if !taken.expired.is_empty() {
                drop(taken.expired);
                self.wake_watchers();
                self.fill();
            }
            if let Some(idle) = self.examine(taken.lease?) {
                return Some(idle);
            }
        }
    }

    /// Looks at a session that was lent; `None` if it is dead.
    fn examine(self: &Arc<Self>, lease: Lease<Box<Connection<R>>>) -> Option<Idle<R>> {
        let mut session = PooledConnection::new(self, lease.slot, lease.connection);
        let silence = self.options.liveness.silence();
        if silence.is_none_or(|silence| lease.silent_for < silence) {
            return Some(Idle { session, unproven: false });
        }
        if !session.is_alive() {
            session.discard(CloseReason::Lost);
            return None;
        }
        if session.is_out_of_place() {
            session.discard(CloseReason::Role);
            return None;
        }
        let unproven = matches!(self.options.liveness, Liveness::Query(_));
        Some(Idle { session, unproven })
    }

    /// Does what is to be done with a session before it is lent; `None` if it was closed.
    async fn prepare(&self, idle: Idle<R>) -> Result<Option<PooledConnection<R>>, Error> {
        let Idle { mut session, unproven } = idle;
        if unproven {
            session.set_ready(false);
            let asked = self.runtime.timeout(QUERY_LIMIT, session.batch_execute("")).await;
            if !matches!(asked, Ok(Ok(()))) {
                session.discard(CloseReason::Lost);
                return Ok(None);
            }
        }
        if let Some(hook) = &self.options.before_acquire {
            // Dropped half-way, its state is unknown.
            session.set_ready(false);
            if hook(&mut session).await? == Verdict::Close {
                session.discard(CloseReason::Hook);
                return Ok(None);
            }
            is_in_order(&mut session, "before_acquire")?;
        }
        session.set_ready(true);
        Ok(Some(session))
    }

    /// Lends a session, within the time that the options allow. `idle` was taken already.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        idle: Option<Idle<R>>,
        site: Site,
    ) -> Result<PooledConnection<R>, Error> {
        let limit = self.options.acquire_timeout;
        let deadline = limit.and_then(|limit| self.now().checked_add(limit));
        match self.runtime.timeout_at(deadline, self.wait(idle, site)).await {
            Ok(acquired) => acquired,
            Err(_) => Err(self.timed_out(limit.unwrap_or_default())),
        }
    }

    async fn wait(
        self: &Arc<Self>,
        mut idle: Option<Idle<R>>,
        site: Site,
    ) -> Result<PooledConnection<R>, Error> {
        loop {
            let taken = match idle.take().or_else(|| self.take_idle(site)) {
                Some(taken) => Some(taken),
                None => self.examine(Waiting::new(self, site).await?),
            };
            if let Some(taken) = taken
                && let Some(session) = self.prepare(taken).await?
            {
                return Ok(session);
            }
        }
    }

    /// What a caller is told whose time is over.
    #[cold]
    fn timed_out(&self, limit: Duration) -> Error {
        let now = self.now();
        let (stats, max, longest, last_error) = self.with(|state| {
            state.slots.timed_out();
            let slots = &state.slots;
            let last_error = slots.last_error().cloned();
            (slots.stats(), slots.limits().max, slots.longest_holder(now), last_error)
        });
        let most = if max == usize::MAX { String::new() } else { format!(" of {max}") };
        let mut text = format!(
            "the pool could not lend a session within {limit:?}: {}{most} in use, {} idle, {} connecting, \
             {} returning, {} others waiting",
            stats.in_use, stats.idle, stats.connecting, stats.returning, stats.waiting,
        );
        if let Some(holder) = longest {
            // Writing to a text does not fail.
            let _ = write!(text, "; held longest, for {:?}, at {}", holder.held, holder.site);
        }
        let error = Error::new(Kind::Timeout, text).unsent();
        match last_error {
            Some(last_error) => error.with_source(last_error),
            None => error,
        }
    }
}

/// A place in the queue. Dropped, it is given up, and what was granted goes to the next.
struct Waiting<'c, R: Runtime> {
    core: &'c Arc<Core<R>>,
    site: Site,
    ticket: Option<Ticket>,
    /// Work that it carries on, since its own polls may be all that moves it.
    job: Option<Job>,
}

impl<'c, R: Runtime> Waiting<'c, R> {
    fn new(core: &'c Arc<Core<R>>, site: Site) -> Self {
        Self { core, site, ticket: None, job: None }
    }

    fn enter(&mut self, cx: &Context<'_>) -> Ticket {
        let now = self.core.now();
        let (ticket, hurry) = self.core.with(|state| {
            let ticket = state.slots.wait(now, self.site, cx.waker().clone());
            (ticket, state.slots.retry_at().is_some())
        });
        self.ticket = Some(ticket);
        if hurry {
            self.core.wake_watchers();
        }
        self.core.fill();
        ticket
    }
}

impl<R: Runtime> Future for Waiting<'_, R> {
    type Output = Result<Lease<Box<Connection<R>>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let ticket = match this.ticket {
            Some(ticket) => ticket,
            None => this.enter(cx),
        };
        loop {
            let (closed, granted, old) = this.core.with(|state| {
                let closed = state.slots.is_closed();
                let granted = if closed { None } else { state.slots.collect(ticket) };
                let waker = state.slots.waiters().waker(ticket);
                let stale = waker.filter(|waker| !waker.will_wake(cx.waker()));
                let old = stale.map(|waker| std::mem::replace(waker, cx.waker().clone()));
                (closed, granted, old)
            });
            drop(old);
            match granted {
                Some(Granted::Session(lease)) => return Poll::Ready(Ok(lease)),
                Some(Granted::Failed(error)) => return Poll::Ready(Err(error)),
                None if closed => return Poll::Ready(Err(pool_closed())),
                None => {}
            }
            if this.job.is_none() {
                this.job = this.core.adopt(ticket);
            }
            if this.job.as_mut().is_none_or(|job| job.poll(cx).is_pending()) {
                return Poll::Pending;
            }
            this.job = None;
        }
    }
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let now = self.core.now();
        let (put, waker) = self.core.with(|state| state.slots.leave(ticket, now));
        drop(waker);
        let kept = self.core.finish(put);
        self.core.hand_on(self.job.take());
        if !kept {
            self.core.fill();
        }
    }
}
