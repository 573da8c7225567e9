//! `PoolStats`: what a pool is doing and has done.

use std::time::Duration;

/// The bounds of the buckets in [`PoolStats::waits`]; the last bucket has none.
pub const WAIT_BOUNDS: [Duration; 8] = [
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(16),
    Duration::from_millis(64),
    Duration::from_millis(256),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
];

/// Why a pool closed a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CloseReason {
    /// The connection was lost, or the server ended the session.
    Lost,
    /// It reached its `max_lifetime`.
    Lifetime,
    /// It was idle for longer than `idle_timeout`.
    IdleTimeout,
    /// It was idle for longer than `recycle`.
    Recycled,
    /// [`Pool::clear`](crate::Pool::clear) was called after it was opened.
    Cleared,
    /// [`Pool::resize`](crate::Pool::resize) left no place for it.
    Resized,
    /// It came back busy or in a transaction, and could not be put in order in time.
    Unclean,
    /// A hook refused it, failed, or left a transaction open.
    Hook,
    /// The server has become one of another kind than `target_session_attrs` asks for.
    Role,
    /// [`PooledConnection::detach`](crate::PooledConnection::detach) took it out.
    Detached,
    /// The pool was closed.
    PoolClosed,
}

impl CloseReason {
    /// Every reason, in the order in which they are counted.
    pub const ALL: [Self; 11] = [
        Self::Lost,
        Self::Lifetime,
        Self::IdleTimeout,
        Self::Recycled,
        Self::Cleared,
        Self::Resized,
        Self::Unclean,
        Self::Hook,
        Self::Role,
        Self::Detached,
        Self::PoolClosed,
    ];

    /// Returns the reason as a word, for figures and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Lifetime => "lifetime",
            Self::IdleTimeout => "idle_timeout",
            Self::Recycled => "recycled",
            Self::Cleared => "cleared",
            Self::Resized => "resized",
            Self::Unclean => "unclean",
            Self::Hook => "hook",
            Self::Role => "role",
            Self::Detached => "detached",
            Self::PoolClosed => "pool_closed",
        }
    }
}

/// What a pool is doing and has done, at one moment.
///
/// # Examples
///
/// ```no_run
/// # fn example(pool: &aiopg::Pool) {
/// let stats = pool.stats();
/// println!("{} of {} sessions are in use, {} callers wait", stats.in_use, stats.size, stats.waiting);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Sessions that are open or being opened.
    pub size: usize,
    /// Sessions that are ready to be lent.
    pub idle: usize,
    /// Sessions that are lent.
    pub in_use: usize,
    /// Sessions that are being opened, or that wait to be tried again.
    pub connecting: usize,
    /// Sessions that are being put in order before they are lent again.
    pub returning: usize,
    /// Callers that wait for a session.
    pub waiting: usize,
    /// How often a session was lent.
    pub acquired: u64,
    /// How often `acquire_timeout` passed.
    pub timeouts: u64,
    /// How many callers had to wait, sorted by how long, as [`WAIT_BOUNDS`] says.
    pub waits: [u64; WAIT_BOUNDS.len() + 1],
    /// How long callers have waited, together.
    pub waited: Duration,
    /// Sessions that were opened.
    pub connects: u64,
    /// Attempts to open one that failed.
    pub connect_failures: u64,
    pub(crate) closes: [u64; CloseReason::ALL.len()],
}

impl PoolStats {
    /// Returns how many sessions were closed for this reason.
    pub fn closes(&self, reason: CloseReason) -> u64 {
        let place = CloseReason::ALL.iter().position(|other| *other == reason);
        place.and_then(|place| self.closes.get(place)).copied().unwrap_or(0)
    }

    pub(crate) fn closed(&mut self, reason: CloseReason) {
        let place = CloseReason::ALL.iter().position(|other| *other == reason);
        if let Some(count) = place.and_then(|place| self.closes.get_mut(place)) {
            *count += 1;
        }
    }

    pub(crate) fn has_waited(&mut self, wait: Duration) {
        let place = WAIT_BOUNDS.iter().position(|bound| wait < *bound).unwrap_or(WAIT_BOUNDS.len());
        if let Some(count) = self.waits.get_mut(place) {
            *count += 1;
        }
        self.waited = self.waited.saturating_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_count_of_its_own() {
        let mut stats = PoolStats::default();
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            (0..=index).for_each(|_| stats.closed(reason));
        }
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(usize::try_from(stats.closes(reason)).unwrap(), index + 1, "{reason:?}");
        }
    }

    #[test]
    fn waits_are_sorted_by_their_length() {
        let mut stats = PoolStats::default();
        for wait in [0, 1, 3, 15, 63, 255, 999, 3_999, 15_999, 16_000, 1_000_000] {
            stats.has_waited(Duration::from_millis(wait));
        }
        assert_eq!(stats.waits, [1, 2, 1, 1, 1, 1, 1, 1, 2]);
    }
}
