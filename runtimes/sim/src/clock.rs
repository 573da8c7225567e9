//! Virtual time, and the agenda of what happens when.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Virtual time: what has passed since the simulation began.
pub(crate) type Time = Duration;

/// The one look at the real clock: `Instant` has no other way to be made. It is shared by all simulations
/// of the process, and only differences from it are ever used.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// The instant that stands for `time`.
pub(crate) fn instant(time: Time) -> Instant {
    epoch() + time
}

/// The time that `instant` stands for, zero if it lies before the start.
pub(crate) fn time(instant: Instant) -> Time {
    instant.saturating_duration_since(epoch())
}

/// The place of an event in an [`Agenda`]: its time, then the order of entry.
pub(crate) type Key = (Time, u64);

/// Events by time. Those of the same time keep the order in which they were entered.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    events: BTreeMap<Key, E>,
    entered: u64,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { events: BTreeMap::new(), entered: 0 }
    }

    pub(crate) fn insert(&mut self, time: Time, event: E) -> Key {
        self.entered += 1;
        let key = (time, self.entered);
        self.events.insert(key, event);
        key
    }

    pub(crate) fn find(&mut self, key: Key) -> Option<&mut E> {
        self.events.get_mut(&key)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<E> {
        self.events.remove(&key)
    }

    pub(crate) fn next_time(&self) -> Option<Time> {
        self.events.first_key_value().map(|(&(time, _), _)| time)
    }

    /// Takes the first event that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<E> {
        let first = self.events.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
