//! What time does to sessions: they are worn out, fall silent, or are held for too long.

use std::time::{Duration, Instant};

use crate::pool::slot::{Holder, SlotId, State};
use crate::pool::slots::Slots;
use crate::pool::stats::CloseReason;

impl<C, W: Clone> Slots<C, W> {
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
