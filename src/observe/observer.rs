//! `Observer`: what a session tells of its statements, as its configuration says.

use aiopg_runtime::Runtime;

use crate::config::{Config, Echo, Event};
use crate::observe::parameters::shown;
use crate::observe::slow::Slow;
use crate::types::Params;

/// What a session tells of its statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observer<'c>(pub(crate) &'c Config);

impl Observer<'_> {
    /// Whether nothing is told of a statement that succeeds, however long it takes.
    #[inline]
    pub(crate) fn is_idle(self) -> bool {
        !self.echoes() && self.0.slow_statement.is_none()
    }

    /// Whether statements are told before they are sent.
    pub(crate) fn echoes(self) -> bool {
        self.0.echo != Echo::Off
    }

    /// Tells a statement that is about to be sent.
    #[cold]
    pub(crate) fn echo(self, process_id: Option<i32>, sql: &str, params: &dyn Params) {
        let parameters = match self.0.echo {
            Echo::Off => return,
            Echo::Statements => None,
            Echo::StatementsAndParameters => Some(shown(params).into_boxed_str()),
        };
        self.0.events.tell(&Event::StatementEcho { process_id, sql: sql.into(), parameters });
    }

    /// What measures the time of a statement, if that is wanted. Else no clock is looked at.
    pub(crate) fn slow<R: Runtime>(
        self,
        runtime: &R,
        process_id: Option<i32>,
        sql: impl FnOnce() -> Box<str>,
    ) -> Option<Slow<R>> {
        let limit = self.0.slow_statement?;
        Some(Slow::new(runtime, &self.0.events, process_id, sql(), limit))
    }
}
