//! `Slots`: who has which session, who waits, who is next. Pure: instants and chance are arguments, nothing is awaited.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::pool::backoff::pause;
use crate::pool::slot::{
    AfterFailure, Demand, Granted, Holder, IdleOrder, Lease, Limits, Put, Slot, SlotId, State,
    Taken, is_passing,
};
use crate::pool::stats::{CloseReason, PoolStats};
use crate::pool::waiters::{Site, Ticket, Waiters};

/// The slots of a pool. `C` is a session, `W` wakes a waiter.
#[derive(Debug)]
pub(crate) struct Slots<C, W> {
    pub(crate) limits: Limits,
    /// For how long after its return a session is lent without a second thought.
    pub(crate) fresh_for: Option<Duration>,
    pub(crate) all: Vec<Slot<C>>,
    free: Vec<SlotId>,
    /// Those that came back first stand first.
    pub(crate) idle: VecDeque<SlotId>,
    waiters: Waiters<Granted<C>, W>,
    /// Failures to open a session since one was opened.
    failures: u32,
    retry_at: Option<Instant>,
    last_error: Option<Error>,
    generation: u64,
    closed: bool,
    pub(crate) stats: PoolStats,
}

impl<C, W: Clone> Slots<C, W> {
    pub(crate) fn new(limits: Limits) -> Self {
        let spans = [limits.silence, limits.idle_timeout, limits.recycle];
        Self {
            limits,
            fresh_for: spans.into_iter().flatten().min(),
            all: Vec::new(),
            free: Vec::new(),
            idle: VecDeque::new(),
            waiters: Waiters::new(),
            failures: 0,
            retry_at: None,
            last_error: None,
            generation: 0,
            closed: false,
            stats: PoolStats::default(),
        }
    }

    /// Takes the next idle session if nothing is to be asked of it or done to it, unless others wait for one.
    pub(crate) fn take_fresh(&mut self, now: Instant, site: Site) -> Option<(SlotId, C)> {
        let id = self.peek_idle()?;
        if !self.waiters.is_empty() || !self.is_fresh(id, now) {
            return None;
        }
        self.next_idle();
        let connection = self.lend(id, now, site)?;
        self.stats.acquired += 1;
        Some((id, connection))
    }

    /// Takes an idle session, unless others wait for one.
    pub(crate) fn take(&mut self, now: Instant, site: Site) -> Taken<C> {
        let mut expired = Vec::new();
        while self.waiters.is_empty()
            && let Some(id) = self.next_idle()
        {
            match self.worn_out(id, now) {
                Ok(silent_for) => {
                    if let Some(connection) = self.lend(id, now, site) {
                        self.stats.acquired += 1;
                        let lease = Lease { slot: id, connection, silent_for };
                        return Taken { lease: Some(lease), expired };
                    }
                }
                Err(reason) => expired.extend(self.end_idle(id, reason)),
            }
        }
        Taken { lease: None, expired }
    }

    /// Takes an idle session, or else joins the end of the queue, as somebody who has waited since `asked`. Both at
    /// once: a session that comes back in between would be idle, and nobody would give it to whoever waits.
    pub(crate) fn take_or_wait(
        &mut self,
        (now, asked): (Instant, Instant),
        site: Site,
        waker: impl FnOnce() -> W,
    ) -> (Taken<C>, Option<Ticket>) {
        let taken = self.take(now, site);
        if taken.lease.is_some() {
            return (taken, None);
        }
        if self.failures > 0 && self.last_error.as_ref().is_some_and(|error| !is_passing(error)) {
            // Whoever waits is to hear of it soon.
            self.retry_at = Some(now);
        }
        (taken, Some(self.waiters.enter(asked, site, waker())))
    }

    /// Takes what a waiter was granted.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<Granted<C>> {
        let granted = self.waiters.collect(ticket);
        self.stats.acquired += u64::from(matches!(granted, Some(Granted::Session(_))));
        granted
    }

    /// Gives a place in the queue up; what was granted goes to the next. Returns also the waker that is not needed any
    /// more, to be dropped outside any lock.
    pub(crate) fn leave(&mut self, ticket: Ticket, now: Instant) -> (Put<C, W>, Option<W>) {
        let (granted, waker) = self.waiters.leave(ticket);
        let put = match granted {
            Some(Granted::Session(lease)) => self.put(lease.slot, lease.connection, now),
            Some(Granted::Failed(_)) | None => Put { refused: None, wake: None },
        };
        (put, waker)
    }

    pub(crate) fn waiters(&mut self) -> &mut Waiters<Granted<C>, W> {
        &mut self.waiters
    }

    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Whether there can be no more sessions.
    pub(crate) fn is_full(&self) -> bool {
        self.stats.size >= self.limits.max
    }

    /// Reserves a place for a session that is wanted, if there is one: whoever asked opens it then.
    pub(crate) fn reserve(&mut self, demand: Demand, now: Instant) -> Option<SlotId> {
        if self.closed || self.is_full() {
            return None;
        }
        // One after the other as long as the server seems to be down.
        let most = if self.failures > 0 { 1 } else { self.limits.connecting };
        let coming = self.stats.connecting + self.stats.returning;
        let short = self.waiters.len() > coming
            || (demand == Demand::Minimum && self.stats.size < self.limits.min);
        if !short || self.stats.connecting >= most {
            return None;
        }
        self.stats.size += 1;
        self.stats.connecting += 1;
        let slot = Slot {
            state: State::Connecting,
            expires: None,
            generation: self.generation,
            watched: false,
            heard: now,
        };
        let Some(id) = self.free.pop() else {
            self.all.push(slot);
            return Some(SlotId(self.all.len() - 1));
        };
        if let Some(place) = self.all.get_mut(id.0) {
            *place = slot;
        }
        Some(id)
    }

    /// A session was opened in its reserved place.
    pub(crate) fn opened(
        &mut self,
        id: SlotId,
        connection: C,
        now: Instant,
        expires: Option<Instant>,
    ) -> Put<C, W> {
        self.failures = 0;
        self.retry_at = None;
        self.last_error = None;
        self.stats.connects += 1;
        if let Some(slot) = self.all.get_mut(id.0) {
            slot.expires = expires;
            slot.heard = now;
        }
        self.put(id, connection, now)
    }

    /// A session could not be opened in its reserved place.
    ///
    /// If the reason may pass, waiters go on waiting, and one attempt at a time is made again. Else the first waiter
    /// is told.
    pub(crate) fn failed(
        &mut self,
        id: SlotId,
        error: Error,
        passing: bool,
        (now, random): (Instant, u64),
    ) -> AfterFailure<W> {
        self.failures = self.failures.saturating_add(1);
        self.stats.connect_failures += 1;
        self.last_error = Some(error.clone());
        if !passing && let Some(waiter) = self.waiters.serve() {
            self.waiters.grant(waiter.ticket, Granted::Failed(error));
            self.failures = 0;
            self.free_slot(id);
            return AfterFailure::GiveUp(Some(waiter.waker));
        }
        self.retry_at = now.checked_add(pause(self.failures, random));
        let wanted = !self.waiters.is_empty() || self.stats.size <= self.limits.min;
        if self.closed || self.stats.connecting > 1 || !wanted {
            self.free_slot(id);
            return AfterFailure::GiveUp(None);
        }
        AfterFailure::Retry
    }

    /// When the next attempt may be made to open a session, after one has failed.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.failures > 0)
    }

    /// Gives a reserved place back, without an attempt.
    pub(crate) fn unreserve(&mut self, id: SlotId) {
        self.free_slot(id);
    }

    /// Gives a session back that is in order: to the first waiter, or to those that are idle.
    pub(crate) fn put(&mut self, id: SlotId, connection: C, now: Instant) -> Put<C, W> {
        if let Some(reason) = self.refusal(id, now) {
            self.end(id, reason);
            return Put { refused: Some(connection), wake: None };
        }
        let Some(slot) = self.all.get_mut(id.0) else {
            return Put { refused: Some(connection), wake: None };
        };
        let (since, silent_for) = if let State::Apart { idle_since: Some(since) } = slot.state {
            (since, now.saturating_duration_since(slot.heard))
        } else {
            (slot.watched, slot.heard) = (false, now);
            (now, Duration::ZERO)
        };
        let Some(waiter) = self.waiters.serve() else {
            self.rest(id, connection, since, now);
            return Put { refused: None, wake: None };
        };
        self.stats.has_waited(now.saturating_duration_since(waiter.since));
        if let State::InUse { since, site, reported } = &mut slot.state {
            (*since, *site, *reported) = (now, waiter.site, false);
        } else {
            self.set(id, State::InUse { since: now, site: waiter.site, reported: false });
        }
        let lease = Lease { slot: id, connection, silent_for };
        self.waiters.grant(waiter.ticket, Granted::Session(lease));
        Put { refused: None, wake: Some(waiter.waker) }
    }

    /// Keeps a session that is idle since `since`.
    fn rest(&mut self, id: SlotId, connection: C, since: Instant, now: Instant) {
        self.set(id, State::Idle { since, connection });
        if since == now {
            self.idle.push_back(id);
        } else {
            let place = self.idle.partition_point(|other| self.idle_since(*other) < Some(since));
            self.idle.insert(place, id);
        }
    }

    /// Sets a session that is lent apart: it is nobody's until it is put back or has ended.
    pub(crate) fn set_apart(&mut self, id: SlotId) {
        self.set(id, State::Apart { idle_since: None });
    }

    /// A session is gone.
    pub(crate) fn end(&mut self, id: SlotId, reason: CloseReason) {
        if self.free_slot(id) {
            self.stats.closed(reason);
        }
    }

    /// Refuses everybody from now on. Returns the idle sessions, which are to be closed, and what wakes the waiters.
    pub(crate) fn close(&mut self) -> (Vec<C>, Vec<W>) {
        self.closed = true;
        (self.end_all_idle(CloseReason::PoolClosed), self.waiters.wakers().collect())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Lets no session live on that was opened before. Returns the idle ones, which are to be closed.
    pub(crate) fn clear(&mut self) -> Vec<C> {
        self.generation += 1;
        self.end_all_idle(CloseReason::Cleared)
    }

    /// Sets how many sessions there may be. Returns idle ones that are too many; those in use go when they come back.
    pub(crate) fn resize(&mut self, min: usize, max: usize) -> Vec<C> {
        (self.limits.min, self.limits.max) = (min, max);
        let mut surplus = Vec::new();
        while self.stats.size > max
            && let Some(id) = self.idle.pop_front()
        {
            surplus.extend(self.end_idle(id, CloseReason::Resized));
        }
        surplus
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let (idle, waiting) = (self.idle.len(), self.waiters.len());
        PoolStats { idle, waiting, ..self.stats.clone() }
    }

    pub(crate) fn timed_out(&mut self) {
        self.stats.timeouts += 1;
    }

    /// Whether no session is open or being opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.stats.size == 0
    }

    /// Whether as many sessions are open as there should be at least.
    pub(crate) fn is_ready(&self) -> bool {
        self.stats.size - self.stats.connecting >= self.limits.min.min(self.limits.max)
    }

    /// Where a session is in use, and since when.
    pub(crate) fn holder(&self, id: SlotId, now: Instant) -> Option<Holder> {
        match self.all.get(id.0)?.state {
            State::InUse { since, site, .. } => {
                Some(Holder { site, held: now.saturating_duration_since(since) })
            }
            State::Free | State::Connecting | State::Idle { .. } | State::Apart { .. } => None,
        }
    }

    /// Who has held a session for longest.
    pub(crate) fn longest_holder(&self, now: Instant) -> Option<Holder> {
        let ids = (0..self.all.len()).map(SlotId);
        ids.filter_map(|id| self.holder(id, now)).max_by_key(|holder| holder.held)
    }
}

impl<C, W: Clone> Slots<C, W> {
    /// The session that [`next_idle`](Self::next_idle) takes.
    fn peek_idle(&self) -> Option<SlotId> {
        match self.limits.order {
            IdleOrder::Fifo => self.idle.front().copied(),
            IdleOrder::Lifo => self.idle.back().copied(),
        }
    }

    fn next_idle(&mut self) -> Option<SlotId> {
        match self.limits.order {
            IdleOrder::Fifo => self.idle.pop_front(),
            IdleOrder::Lifo => self.idle.pop_back(),
        }
    }

    fn lend(&mut self, id: SlotId, now: Instant, site: Site) -> Option<C> {
        match self.set(id, State::InUse { since: now, site, reported: false })? {
            State::Idle { connection, .. } => Some(connection),
            State::Free | State::Connecting | State::InUse { .. } | State::Apart { .. } => None,
        }
    }

    /// Why a session that comes back is not kept.
    fn refusal(&self, id: SlotId, now: Instant) -> Option<CloseReason> {
        let slot = self.all.get(id.0)?;
        if self.closed {
            Some(CloseReason::PoolClosed)
        } else if slot.generation != self.generation {
            Some(CloseReason::Cleared)
        } else if self.stats.size > self.limits.max {
            Some(CloseReason::Resized)
        } else if slot.expires.is_some_and(|expires| expires <= now) {
            Some(CloseReason::Lifetime)
        } else {
            None
        }
    }

    pub(crate) fn idle_since(&self, id: SlotId) -> Option<Instant> {
        match self.all.get(id.0)?.state {
            State::Idle { since, .. } => Some(since),
            State::Free | State::Connecting | State::InUse { .. } | State::Apart { .. } => None,
        }
    }

    fn end_all_idle(&mut self, reason: CloseReason) -> Vec<C> {
        let idle = std::mem::take(&mut self.idle);
        idle.into_iter().filter_map(|id| self.end_idle(id, reason)).collect()
    }

    /// Ends an idle session that has left the list of them.
    pub(crate) fn end_idle(&mut self, id: SlotId, reason: CloseReason) -> Option<C> {
        match self.take_idle_apart(id) {
            Some((_, connection)) => {
                self.end(id, reason);
                Some(connection)
            }
            None => None,
        }
    }

    /// Takes an idle session away from those that are lent.
    pub(crate) fn take_idle_apart(&mut self, id: SlotId) -> Option<(SlotId, C)> {
        self.idle.retain(|other| *other != id);
        let since = self.idle_since(id);
        match self.set(id, State::Apart { idle_since: since })? {
            State::Idle { connection, .. } => Some((id, connection)),
            State::Free | State::Connecting | State::InUse { .. } | State::Apart { .. } => None,
        }
    }

    fn free_slot(&mut self, id: SlotId) -> bool {
        let was_taken = !matches!(self.set(id, State::Free), None | Some(State::Free));
        if was_taken {
            self.stats.size -= 1;
            self.free.push(id);
        }
        was_taken
    }

    /// Changes a state, keeps the counts, and returns the state before.
    fn set(&mut self, id: SlotId, state: State<C>) -> Option<State<C>> {
        let slot = self.all.get_mut(id.0)?;
        let mut count = |state: &State<C>, change: isize| {
            let counted = match state {
                State::Connecting => &mut self.stats.connecting,
                State::InUse { .. } => &mut self.stats.in_use,
                State::Apart { .. } => &mut self.stats.returning,
                State::Free | State::Idle { .. } => return,
            };
            *counted = counted.saturating_add_signed(change);
        };
        count(&state, 1);
        count(&slot.state, -1);
        Some(std::mem::replace(&mut slot.state, state))
    }
}
