//! What time does to sessions: they are worn out, fall silent, or are held for too long.

use std::time::{Duration, Instant};

use crate::pool::slot::{Holder, SlotId, State};
use crate::pool::slots::Slots;
use crate::pool::stats::CloseReason;

impl<C, W: Clone> Slots<C, W> {
    /// Whether an idle session is neither worn out nor silent for so long that it is to be looked at.
    pub(crate) fn is_fresh(&self, id: SlotId, now: Instant) -> bool {
        let Some(slot) = self.all.get(id.0) else { return false };
        let State::Idle { since, .. } = slot.state else { return false };
        let last = since.min(slot.heard);
        // The clock may have been read before the session came back.
        let later = |limit: Instant| last.max(now) < limit;
        let until = self.fresh_for.and_then(|span| last.checked_add(span));
        slot.expires.is_none_or(later) && until.is_none_or(later)
    }

    /// How long ago an idle session was heard of, or why it must not be lent any more.
    pub(crate) fn worn_out(&self, id: SlotId, now: Instant) -> Result<Duration, CloseReason> {
        let Some((slot, since)) = self.all.get(id.0).zip(self.idle_since(id)) else {
            return Ok(Duration::ZERO);
        };
        let idle_for = now.saturating_duration_since(since);
        let past = |limit: Option<Duration>| limit.is_some_and(|limit| idle_for >= limit);
        if slot.expires.is_some_and(|expires| expires <= now) {
            Err(CloseReason::Lifetime)
        } else if past(self.limits.idle_timeout) {
            Err(CloseReason::IdleTimeout)
        } else if past(self.limits.recycle) {
            Err(CloseReason::Recycled)
        } else if slot.heard == since {
            // Mostly, and the difference of two instants is not for nothing.
            Ok(idle_for)
        } else {
            Ok(now.saturating_duration_since(slot.heard))
        }
    }

    /// Ends the idle sessions that have lived or idled too long, and returns them: they are to be closed.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<C> {
        let mut expired = Vec::new();
        for id in self.idle.clone() {
            let reason = match self.worn_out(id, now) {
                Err(CloseReason::IdleTimeout) if self.stats.size <= self.limits.min => continue,
                // That is for whoever asks for a session: while nobody does, it may stay.
                Err(CloseReason::Recycled) | Ok(_) => continue,
                Err(reason) => reason,
            };
            self.idle.retain(|other| *other != id);
            expired.extend(self.end_idle(id, reason));
        }
        expired
    }

    /// Reports who has held a session for at least `limit`, each but once.
    pub(crate) fn leaks(&mut self, now: Instant, limit: Duration) -> Vec<Holder> {
        let mut leaks = Vec::new();
        for slot in &mut self.all {
            if let State::InUse { since, site, reported } = &mut slot.state {
                let held = now.saturating_duration_since(*since);
                if held >= limit && !std::mem::replace(reported, true) {
                    leaks.push(Holder { site, held });
                }
            }
        }
        leaks
    }

    /// Tells whether a session in use was reported as held for too long.
    pub(crate) fn was_reported(&self, id: SlotId) -> bool {
        let state = self.all.get(id.0).map(|slot| &slot.state);
        matches!(state, Some(State::InUse { reported: true, .. }))
    }

    /// Takes an idle session that nobody watches, to be looked at and put back.
    pub(crate) fn take_unwatched(&mut self) -> Option<(SlotId, C)> {
        let unwatched = |id: &&SlotId| self.all.get(id.0).is_some_and(|slot| !slot.watched);
        let id = self.idle.iter().find(unwatched).copied()?;
        if let Some(slot) = self.all.get_mut(id.0) {
            slot.watched = true;
        }
        self.take_idle_apart(id)
    }

    /// Forgets who is watched, so that each is looked at again.
    pub(crate) fn unwatch(&mut self) {
        for slot in &mut self.all {
            slot.watched = false;
        }
    }

    /// Takes an idle session that was not heard of for `limit`, to be asked and put back.
    pub(crate) fn take_silent(&mut self, now: Instant, limit: Duration) -> Option<(SlotId, C)> {
        let silent = |id: &&SlotId| {
            let heard = self.all.get(id.0).map(|slot| slot.heard);
            heard.is_some_and(|heard| now.saturating_duration_since(heard) >= limit)
        };
        let id = self.idle.iter().find(silent).copied()?;
        if let Some(slot) = self.all.get_mut(id.0) {
            slot.heard = now;
        }
        self.take_idle_apart(id)
    }

    /// Has every idle session looked at before it is lent, since one of them was found dead.
    pub(crate) fn suspect_idle(&mut self, long_ago: Option<Instant>) {
        for id in &self.idle {
            if let (Some(slot), Some(long_ago)) = (self.all.get_mut(id.0), long_ago) {
                slot.heard = slot.heard.min(long_ago);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::panic::Location;

    use super::*;
    use crate::pool::slot::{IdleOrder, Lease, Limits};
    use crate::pool::slots_tests::{Test, limits};

    fn fresh(test: &mut Test) -> Option<(SlotId, u32)> {
        test.slots.take_fresh(test.now, Location::caller())
    }

    #[test]
    fn a_session_is_fresh_until_something_is_due() {
        let second = Some(Duration::from_secs(1));
        for limits in [
            Limits { silence: second, ..limits(1, 1) },
            Limits { idle_timeout: second, ..limits(1, 1) },
            Limits { recycle: second, ..limits(1, 1) },
        ] {
            let mut test = Test::filled(limits);
            let (slot, session) = fresh(&mut test).unwrap();
            assert_eq!(test.counts(), [1, 0, 1, 0, 0, 0]);
            test.slots.put(slot, session, test.now);
            test.pass(1);
            assert!(fresh(&mut test).is_none(), "{limits:?}");
            assert_eq!(test.counts(), [1, 1, 0, 0, 0, 0]);
        }
        let mut test = Test::new(limits(1, 1));
        let slot = test.reserve().unwrap();
        test.slots.opened(slot, 1, test.now, Some(test.now));
        assert!(fresh(&mut test).is_none(), "it has lived long enough");
    }

    #[test]
    fn nothing_is_fresh_that_is_always_looked_at_whenever_the_clock_was_read() {
        let mut test = Test::filled(Limits { silence: Some(Duration::ZERO), ..limits(1, 1) });
        assert!(fresh(&mut test).is_none());
        let Lease { slot, connection, .. } = test.take().unwrap();
        test.slots.put(slot, connection, test.now + Duration::from_secs(1));
        assert!(fresh(&mut test).is_none());
    }

    #[test]
    fn fresh_sessions_come_in_the_order_of_all_and_none_is_lost() {
        for order in [IdleOrder::Fifo, IdleOrder::Lifo] {
            let mut test = Test::filled(Limits { order, ..limits(3, 3) });
            let leases: Vec<_> = iter::from_fn(|| test.take()).collect();
            let mut expected: Vec<_> = leases.iter().map(|lease| lease.connection).collect();
            for lease in leases {
                test.put(lease);
            }
            if order == IdleOrder::Lifo {
                expected.reverse();
            }
            let lent: Vec<_> = iter::from_fn(|| fresh(&mut test)).collect();
            assert!(lent.iter().map(|(_, session)| *session).eq(expected), "{order:?}");
            for (slot, session) in lent {
                test.slots.put(slot, session, test.now);
            }
            assert_eq!(test.counts(), [3, 3, 0, 0, 0, 0]);
            assert_eq!(iter::from_fn(|| test.take()).count(), 3);
        }
    }

    #[test]
    fn a_suspect_is_not_fresh() {
        let silence = Duration::from_secs(1);
        let mut test = Test::filled(Limits { silence: Some(silence), ..limits(1, 1) });
        let (slot, session) = fresh(&mut test).unwrap();
        test.slots.put(slot, session, test.now);
        test.slots.suspect_idle(test.now.checked_sub(silence));
        assert!(fresh(&mut test).is_none());
    }
}
