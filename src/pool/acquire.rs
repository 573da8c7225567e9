//! Acquiring a session: an idle one at once, else a place in the queue.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aiopg_runtime::Runtime;

use crate::error::{Error, Kind};
use crate::pool::core::{Core, Job, pool_closed};
use crate::pool::guard::PooledConnection;
use crate::pool::options::{Liveness, Verdict};
use crate::pool::restore::is_in_order;
use crate::pool::slot::Lease;
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
    /// Takes an idle session of which nothing is to be asked before it is lent.
    pub(crate) fn take_fresh(
        self: &Arc<Self>,
        now: Instant,
        site: Site,
    ) -> Option<PooledConnection<R>> {
        if self.options.before_acquire.is_some() {
            return None;
        }
        let (slot, connection) = self.with(|state| state.slots.take_fresh(now, site))?;
        Some(PooledConnection::new(self, slot, connection))
    }

    /// Takes an idle session that lives, without waiting.
    pub(crate) fn take_idle(self: &Arc<Self>, now: Instant, site: Site) -> Option<Idle<R>> {
        loop {
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

    /// Whether there is nothing to do with a session before it is lent.
    fn needs_nothing(&self, lease: &Lent<R>) -> bool {
        self.options.before_acquire.is_none() && self.is_sure_of(lease)
    }

    /// Whether a session was heard of so lately that it need not be looked at.
    fn is_sure_of(&self, lease: &Lent<R>) -> bool {
        let silence = self.options.liveness.silence();
        silence.is_none_or(|silence| lease.silent_for < silence)
    }

    /// Looks at a session that was lent; `None` if it is dead.
    #[inline(never)]
    fn examine(self: &Arc<Self>, lease: Lent<R>) -> Option<Idle<R>> {
        let sure = self.is_sure_of(&lease);
        let mut session = PooledConnection::new(self, lease.slot, lease.connection);
        if sure {
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
    async fn prepare(
        self: &Arc<Self>,
        idle: Idle<R>,
    ) -> Result<Option<PooledConnection<R>>, Error> {
        // Dropped half-way, its state is unknown.
        let mut held = idle.session.hold(CloseReason::Hook);
        let Some(session) = held.connection() else { return Ok(None) };
        if idle.unproven {
            let asked = self.runtime.timeout(QUERY_LIMIT, session.batch_execute("")).await;
            if !matches!(asked, Ok(Ok(()))) {
                held.reason = CloseReason::Lost;
                return Ok(None);
            }
        }
        if let Some(hook) = &self.options.before_acquire {
            if hook(session).await? == Verdict::Close {
                return Ok(None);
            }
            is_in_order(session, "before_acquire")?;
        }
        Ok(held.lend().map(|(slot, connection)| PooledConnection::new(self, slot, connection)))
    }

    /// Lends a session, within the time that the options allow. `now` somebody has asked.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        now: Instant,
        site: Site,
    ) -> Result<PooledConnection<R>, Error> {
        let mut waiting = Waiting::new(self, now, site);
        loop {
            let lent = (&mut waiting).await?;
            if self.needs_nothing(&lent) {
                return Ok(PooledConnection::new(self, lent.slot, lent.connection));
            }
            let Some(taken) = self.examine(lent) else { continue };
            if taken.is_ready(self) {
                return Ok(taken.session);
            }
            // Allocated, so that the future stays small where no more is to be done.
            if let Some(session) = Box::pin(self.prepare_until(waiting.due(), taken)).await? {
                return Ok(session);
            }
        }
    }

    async fn prepare_until(
        self: &Arc<Self>,
        due: Option<Instant>,
        idle: Idle<R>,
    ) -> Result<Option<PooledConnection<R>>, Error> {
        match self.runtime.timeout_at(due, self.prepare(idle)).await {
            Ok(prepared) => prepared,
            Err(_) => Err(self.timed_out()),
        }
    }

    /// What a caller is told whose time is over.
    #[cold]
    fn timed_out(&self) -> Error {
        let (now, limit) = (self.now(), self.options.acquire_timeout.unwrap_or_default());
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

/// Takes an idle session, or a place in the queue. Dropped, that is given up, and what was granted goes to the next.
///
/// It may be awaited again, if the session is dead: as somebody who has waited since the beginning, but at the end of
/// the queue.
struct Waiting<'c, R: Runtime> {
    core: &'c Arc<Core<R>>,
    site: Site,
    asked: Instant,
    /// It has not looked at the clock itself.
    fresh: bool,
    ticket: Option<Ticket>,
    /// Work that it carries on, since its own polls may be all that moves it.
    job: Option<Job>,
}

impl<'c, R: Runtime> Waiting<'c, R> {
    fn new(core: &'c Arc<Core<R>>, now: Instant, site: Site) -> Self {
        Self { core, site, asked: now, fresh: true, ticket: None, job: None }
    }

    /// When its time is over.
    fn due(&self) -> Option<Instant> {
        self.asked.checked_add(self.core.options.acquire_timeout?)
    }

    /// Joins the queue if no session is idle and there is nothing to do but to wait. If there is more, that is for
    /// [`enter`](Self::enter).
    fn queue_up(&mut self, cx: &Context<'_>) -> Poll<()> {
        let due = self.due();
        self.ticket = self.core.with(|state| {
            let waits = state.slots.idle.is_empty() && state.is_quiet(due);
            let waiters = state.slots.waiters();
            waits.then(|| waiters.enter(self.asked, self.site, cx.waker().clone()))
        });
        if self.ticket.is_none() {
            return Poll::Ready(());
        }
        self.fresh = false;
        Poll::Pending
    }

    /// Takes an idle session, or joins the queue.
    #[inline(never)]
    fn enter(&mut self, cx: &Context<'_>) -> Option<Lent<R>> {
        let asked = self.asked;
        let now = if std::mem::take(&mut self.fresh) { asked } else { self.core.now() };
        let taken = self.core.with(|state| {
            let waker = || cx.waker().clone();
            let (taken, ticket) = state.slots.take_or_wait((now, asked), self.site, waker);
            self.ticket = ticket;
            taken
        });
        if taken.lease.is_none() || !taken.expired.is_empty() {
            self.arrive(taken.expired, now);
        }
        taken.lease
    }

    /// Does what there is to do when somebody begins to wait, or has found sessions that are worn out.
    #[cold]
    fn arrive(&self, expired: Vec<Box<Connection<R>>>, now: Instant) {
        let hurry = self.core.with(|state| state.slots.retry_at().is_some());
        if hurry || !expired.is_empty() {
            drop(expired);
            self.core.wake_watchers();
        }
        self.core.fill();
        self.core.set_alarm(now);
    }

    /// What was granted, if anything was and there is nothing else to do.
    fn receive(&mut self) -> Option<Result<Lent<R>, Error>> {
        let ticket = self.ticket.filter(|_| self.job.is_none())?;
        let granted = self.core.with(|state| {
            let alone = !state.has_jobs() && !state.slots.is_closed();
            if alone { state.slots.collect(ticket) } else { None }
        })?;
        self.ticket = None;
        Some(granted.into_result())
    }

    /// What was granted, if anything was.
    fn collect(&mut self, cx: &Context<'_>, ticket: Ticket) -> Option<Result<Lent<R>, Error>> {
        let (closed, granted, busy, old) = self.core.with(|state| {
            let closed = state.slots.is_closed();
            let granted = if closed { None } else { state.slots.collect(ticket) };
            let waiting = granted.is_none();
            let waker = if waiting { state.slots.waiters().waker(ticket) } else { None };
            let stale = waker.filter(|waker| !waker.will_wake(cx.waker()));
            let old = stale.map(|waker| std::mem::replace(waker, cx.waker().clone()));
            (closed, granted, state.has_jobs(), old)
        });
        drop(old);
        let granted = match granted {
            Some(granted) => granted.into_result(),
            None if closed => return Some(Err(pool_closed())),
            None => return None,
        };
        self.ticket = None;
        if busy || self.job.is_some() {
            self.core.hand_on(self.job.take());
        }
        Some(granted)
    }

    /// Gives up when the time is over, and sees to it that the task is woken then.
    fn look_at_clock(&self) -> Poll<()> {
        let Some(due) = self.due() else { return Poll::Pending };
        let now = self.core.now();
        if now >= due {
            return Poll::Ready(());
        }
        if self.core.with(|state| state.is_late_for(Some(due))) {
            self.core.set_alarm(now);
        }
        Poll::Pending
    }

    /// Waits in the queue, and meanwhile carries on work that is to be done.
    #[inline(never)]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<Lent<R>, Error>> {
        while let Some(ticket) = self.ticket {
            if let Some(granted) = self.collect(cx, ticket) {
                return Poll::Ready(granted);
            }
            if self.job.is_none() {
                self.job = self.core.adopt(ticket);
            }
            if self.job.as_mut().is_some_and(|job| job.poll(cx).is_ready()) {
                self.job = None;
                continue;
            }
            ready!(self.look_at_clock());
            self.give_up(ticket);
            return Poll::Ready(Err(self.core.timed_out()));
        }
        Poll::Pending
    }

    #[inline(never)]
    fn give_up(&mut self, ticket: Ticket) {
        self.ticket = None;
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

type Lent<R> = Lease<Box<Connection<R>>>;

impl<R: Runtime> Future for Waiting<'_, R> {
    type Output = Result<Lent<R>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let lent = if self.ticket.is_some() {
            self.receive()
        } else {
            ready!(self.queue_up(cx));
            self.enter(cx).map(Ok)
        };
        match lent {
            Some(lent) => Poll::Ready(lent),
            None => self.wait(cx),
        }
    }
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.give_up(ticket);
        }
    }
}
