//! `Core`: what all handles of a pool share: the slots behind one short lock, and the work that is under way.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use aiopg_runtime::Runtime;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use futures_util::task::AtomicWaker;

use crate::config::{Config, Event};
use crate::connection::Switch;
use crate::error::{Error, Kind};
use crate::pool::alarm::Alarm;
use crate::pool::options::PoolOptions;
use crate::pool::slot::{Put, SlotId};
use crate::pool::slots::Slots;
use crate::pool::stats::CloseReason;
use crate::pool::waiters::Ticket;
use crate::session::{Catalog, Connection};

/// What all handles of a pool share.
pub(crate) struct Core<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    pub(crate) options: PoolOptions<R>,
    /// The types that are not built in, which one session looks up for all.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) bell: Arc<Bell>,
    terminated: AtomicBool,
    alarm: Alarm<R>,
    /// Held for some moves of pointers: nothing is awaited, closed, polled or called back under it.
    state: Mutex<State<R>>,
}

pub(crate) type Slotted<R> = Slots<Box<Connection<R>>, Waker>;

pub(crate) struct State<R: Runtime> {
    pub(crate) slots: Slotted<R>,
    /// Work that nobody but the background carries on, if that does: whoever has to wait takes some of it over.
    jobs: Vec<Job>,
    /// Callers that carry on all work, but wait for no session.
    attendants: usize,
    /// Those who want to know when a session was opened or closed.
    watchers: Vec<Waker>,
    /// What ends the sessions from outside.
    pub(crate) switches: BTreeMap<SlotId, Arc<Switch>>,
    /// Whether there seems to be a background.
    pub(crate) background: bool,
    /// When those who wait are woken, to see whether their time is over.
    alarm: Option<Instant>,
}

/// Work that makes a session ready to be lent: whoever polls it carries it on.
#[derive(Clone)]
pub(crate) struct Job {
    work: Shared<BoxFuture<'static, ()>>,
    /// The background has it, too.
    spawned: bool,
}

impl Job {
    pub(crate) fn is_done(&self) -> bool {
        self.work.peek().is_some()
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_done() { Poll::Ready(()) } else { self.work.poll_unpin(cx) }
    }
}

impl<R: Runtime> Core<R> {
    pub(crate) fn new(
        runtime: R,
        config: Config,
        options: PoolOptions<R>,
    ) -> Result<Arc<Self>, Error> {
        let state = State {
            slots: Slots::new(options.limits()?),
            jobs: Vec::new(),
            attendants: 0,
            watchers: Vec::new(),
            switches: BTreeMap::new(),
            background: true,
            alarm: None,
        };
        Ok(Arc::new_cyclic(|core| Self {
            runtime,
            config,
            options,
            catalog: Arc::default(),
            bell: Arc::default(),
            terminated: AtomicBool::new(false),
            alarm: Alarm::new(Waker::from(Arc::new(Ringer(Weak::clone(core))))),
            state: Mutex::new(state),
        }))
    }

    /// Looks at the state, or changes it. Whatever is to be dropped or woken is returned, and left to the caller.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State<R>) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// The one place through which a pool's warnings go.
    pub(crate) fn tell(&self, event: &Event) {
        self.config.events.tell(event);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.with(|state| state.slots.is_closed())
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Acquire)
    }

    /// Refuses everybody from now on, and closes what is idle.
    pub(crate) fn close(&self) {
        let (idle, waiters) = self.with(|state| state.slots.close());
        drop(idle);
        waiters.into_iter().for_each(Waker::wake);
        self.wake_watchers();
        self.hand_on([]);
        self.bell.ring();
    }

    /// Ends every session, whoever uses it.
    pub(crate) fn terminate(&self) {
        self.terminated.store(true, Ordering::Release);
        let switches = self.with(|state| std::mem::take(&mut state.switches));
        for switch in switches.values() {
            switch.turn_off();
        }
        self.wake_watchers();
    }

    /// Has those woken who wait, when the time of the first of them is over.
    pub(crate) fn set_alarm(&self, now: Instant) {
        let Some(limit) = self.options.acquire_timeout else { return };
        let choose = || {
            self.with(|state| {
                // Whoever is too late knows it, or does not care.
                let since = state.slots.waiters().eldest_since(now.checked_sub(limit))?;
                let due = since.checked_add(limit)?;
                state.alarm.is_none_or(|at| due < at).then(|| *state.alarm.insert(due))
            })
        };
        if self.alarm.set(&self.runtime, choose).is_ready() {
            self.alarm_rang();
        }
    }

    /// Wakes all who wait: whose time is not over sets the alarm again. One of them alone might not be polled.
    fn alarm_rang(&self) {
        let waiters: Vec<Waker> = self.with(|state| {
            state.alarm = None;
            state.slots.waiters().wakers().collect()
        });
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Gives a session back that is in order. Tells whether it was kept.
    pub(crate) fn put(&self, slot: SlotId, connection: Box<Connection<R>>) -> bool {
        let now = self.now();
        let put = self.with(|state| state.slots.put(slot, connection, now));
        self.finish(put)
    }

    /// Does what must not be done under the lock. Tells whether the session was kept.
    pub(crate) fn finish(&self, put: Put<Box<Connection<R>>, Waker>) -> bool {
        if let Some(waker) = put.wake {
            waker.wake();
        }
        let kept = put.refused.is_none();
        if !kept {
            // Said good-bye as far as that takes no waiting.
            drop(put.refused);
            self.wake_watchers();
        }
        kept
    }

    /// Closes a session that is not to be lent again, and gives its place free.
    pub(crate) fn discard(
        &self,
        slot: SlotId,
        connection: Box<Connection<R>>,
        reason: CloseReason,
    ) {
        drop(connection);
        let silence = self.options.liveness.silence();
        let long_ago = silence.and_then(|silence| self.now().checked_sub(silence));
        let switch = self.with(|state| {
            state.slots.end(slot, reason);
            if reason == CloseReason::Lost {
                // What has ended one session may have ended others.
                state.slots.suspect_idle(long_ago);
            }
            state.switches.remove(&slot)
        });
        // It may hold the last waker of a task, and with that whatever the task holds.
        drop(switch);
        if reason == CloseReason::Lost {
            self.bell.ring();
        }
        self.wake_watchers();
    }

    /// Gives the place of a session free that is not the pool's any more.
    pub(crate) fn release_slot(&self, slot: SlotId, reason: CloseReason) {
        let switch = self.with(|state| {
            state.slots.end(slot, reason);
            state.switches.remove(&slot)
        });
        drop(switch);
        self.wake_watchers();
    }

    /// Wakes those who want to know that a session was opened or closed.
    pub(crate) fn wake_watchers(&self) {
        let watchers = self.with(|state| std::mem::take(&mut state.watchers));
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Has the task woken at the next opening or closing of a session.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        self.with(|state| {
            if !state.watchers.iter().any(|watcher| watcher.will_wake(cx.waker())) {
                state.watchers.push(cx.waker().clone());
            }
        });
    }

    /// Starts work in the background, and has one of those who wait take part in it, since the background may be gone.
    /// Where there is neither, the work is dropped.
    pub(crate) fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> Job {
        // A panic in a hook ends with the work, whose sessions are closed.
        let work = AssertUnwindSafe(work).catch_unwind().map(drop).boxed().shared();
        let spawned = self.runtime.spawn(work.clone());
        let job = Job { work, spawned };
        let employed = self.with(|state| {
            state.background = spawned;
            state.jobs.retain(|job| !job.is_done());
            if spawned || state.is_attended() {
                state.jobs.push(job.clone());
            }
            state.employ()
        });
        employed.into_iter().for_each(Waker::wake);
        job
    }

    /// Takes over some work that is under way.
    pub(crate) fn adopt(&self, ticket: Ticket) -> Option<Job> {
        self.with(|state| {
            state.jobs.retain(|job| !job.is_done());
            let job = state.jobs.pop();
            state.slots.waiters().set_working(ticket, job.is_some());
            job
        })
    }

    /// Gives up work that was taken over: another takes it, if there is one.
    pub(crate) fn hand_on(&self, jobs: impl IntoIterator<Item = Job>) {
        let (dropped, employed) = self.with(|state| {
            state.jobs.extend(jobs.into_iter().filter(|job| !job.is_done()));
            (state.unattended(), state.employ())
        });
        drop(dropped);
        employed.into_iter().for_each(Waker::wake);
    }

    /// Says that the caller carries on all work until what is returned is dropped.
    pub(crate) fn attend(self: &Arc<Self>) -> Attendance<R> {
        self.with(|state| state.attendants += 1);
        Attendance { core: Arc::clone(self), jobs: Vec::new() }
    }
}

impl<R: Runtime> State<R> {
    /// Whether somebody opens what nobody waits for.
    pub(crate) fn has_background(&self) -> bool {
        self.background || self.attendants > 0
    }

    /// Whether there is nothing to do for one who waits but to wait until `due`.
    pub(crate) fn is_quiet(&self, due: Option<Instant>) -> bool {
        let can_open = !self.slots.is_full() || self.slots.retry_at().is_some();
        !can_open && self.jobs.is_empty() && !self.slots.is_closed() && !self.is_late_for(due)
    }

    /// Whether those who wait would not be woken by then.
    pub(crate) fn is_late_for(&self, due: Option<Instant>) -> bool {
        due.is_some_and(|due| self.alarm.is_none_or(|at| at > due))
    }

    /// Whether there is work that is to be handed on when somebody who waits has what he wants.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    fn is_attended(&self) -> bool {
        self.attendants > 0 || self.slots.has_waiters()
    }

    /// What wakes those who are to take over work, if there is any: one who waits, and whoever carries on all of it.
    fn employ(&mut self) -> Vec<Waker> {
        if self.jobs.is_empty() {
            return Vec::new();
        }
        let attend = self.attendants > 0;
        let mut wakers = if attend { std::mem::take(&mut self.watchers) } else { Vec::new() };
        wakers.extend(self.slots.waiters().employ());
        wakers
    }

    /// Work that nobody carries on any more.
    fn unattended(&mut self) -> Vec<Job> {
        if self.is_attended() {
            return Vec::new();
        }
        let jobs = std::mem::take(&mut self.jobs);
        let (spawned, rest) = jobs.into_iter().partition(|job| job.spawned);
        self.jobs = spawned;
        rest
    }
}

impl<R: Runtime> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.with(|state| state.slots.stats());
        f.debug_struct("Pool")
            .field("options", &self.options)
            .field("stats", &stats)
            .finish_non_exhaustive()
    }
}

impl<R: Runtime> Drop for Core<R> {
    fn drop(&mut self) {
        // Upkeep looks, and ends.
        self.bell.ring();
    }
}

/// A caller that carries on all work of a pool while it waits for something else.
pub(crate) struct Attendance<R: Runtime> {
    core: Arc<Core<R>>,
    /// Polled where they are kept: a clone that is dropped takes its waker along.
    jobs: Vec<Job>,
}

impl<R: Runtime> Attendance<R> {
    /// Carries on all work, and sees to it that the task is woken when there is more.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) {
        self.core.watch(cx);
        loop {
            self.jobs.extend(self.core.with(|state| std::mem::take(&mut state.jobs)));
            let before = self.jobs.len();
            self.jobs.retain_mut(|job| job.poll(cx).is_pending());
            if self.jobs.len() == before {
                // What is done may have begun more.
                break;
            }
        }
    }
}

impl<R: Runtime> Drop for Attendance<R> {
    fn drop(&mut self) {
        self.core.with(|state| state.attendants -= 1);
        self.core.hand_on(std::mem::take(&mut self.jobs));
    }
}

/// Wakes those who wait, as the alarm's task.
struct Ringer<R: Runtime>(Weak<Core<R>>);

impl<R: Runtime> Wake for Ringer<R> {
    fn wake(self: Arc<Self>) {
        if let Some(core) = self.0.upgrade() {
            core.alarm_rang();
        }
    }
}

/// What wakes upkeep before its time.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    waker: AtomicWaker,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.waker.wake();
    }

    /// Has the task woken at the next ring; to be called before the task looks.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }
}

pub(crate) fn pool_closed() -> Error {
    Error::new(Kind::PoolClosed, "the pool is closed").unsent()
}
