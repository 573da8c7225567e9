//! `Slow`: looks at the clock for a statement, and tells if it took long.

use std::time::{Duration, Instant};

use aiopg_runtime::Runtime;

use crate::config::{Event, Events};

/// A statement whose time is measured.
pub(crate) struct Slow<R: Runtime> {
    runtime: R,
    events: Events,
    process_id: Option<i32>,
    sql: Box<str>,
    limit: Duration,
    begun: Instant,
}

impl<R: Runtime> Slow<R> {
    pub(crate) fn new(
        runtime: &R,
        events: &Events,
        process_id: Option<i32>,
        sql: Box<str>,
        limit: Duration,
    ) -> Self {
        let (runtime, events) = (runtime.clone(), events.clone());
        let begun = runtime.now();
        Self { runtime, events, process_id, sql, limit, begun }
    }

    /// Tells, if it took long. `rows` is not known where it failed, or was abandoned.
    pub(crate) fn end(self, rows: Option<u64>) {
        let elapsed = self.runtime.now().saturating_duration_since(self.begun);
        if elapsed >= self.limit {
            let Self { process_id, sql, .. } = self;
            self.events.tell(&Event::SlowStatement { process_id, sql, elapsed, rows });
        }
    }
}
