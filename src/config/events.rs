//! `Events`: where events go: to the program's hook, and with the feature `tracing` to its subscriber.

use std::fmt;
use std::sync::Arc;

use crate::config::event::Event;

type EventHook = Arc<dyn Fn(&Event) + Send + Sync>;

/// What is told of events.
#[derive(Clone, Default)]
pub(crate) struct Events(Option<EventHook>);

impl Events {
    pub(crate) fn new(hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(crate) fn tell(&self, event: &Event) {
        #[cfg(feature = "tracing")]
        log(event);
        if let Some(hook) = &self.0 {
            hook(event);
        }
    }
}

/// Tells the subscriber.
#[cfg(feature = "tracing")]
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever is new is told by its text")]
fn log(event: &Event) {
    match event {
        Event::StatementEcho { process_id, sql, parameters } => tracing::info!(
            target: "aiopg::echo",
            {
                aiopg.process_id = process_id,
                db.query.text = &**sql,
                aiopg.parameters = parameters.as_deref(),
            },
            "a statement is about to be sent",
        ),
        Event::SlowStatement { process_id, sql, elapsed, rows } => tracing::warn!(
            target: "aiopg::slow",
            {
                aiopg.process_id = process_id,
                db.query.text = &**sql,
                aiopg.elapsed_seconds = elapsed.as_secs_f64(),
                aiopg.rows = rows,
            },
            "a statement took {elapsed:?}",
        ),
        _ if event.is_warning() => tracing::warn!(target: "aiopg::event", "{event}"),
        _ => tracing::debug!(target: "aiopg::event", "{event}"),
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events(..)")
    }
}
