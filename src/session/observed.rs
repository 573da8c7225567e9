//! How a session's operations are observed: each by a span, statements by echo and clock, too.

use aiopg_runtime::Runtime;

use crate::observe::{About, Observation, Observer, Operation};
use crate::session::connection::Connection;
use crate::types::Params;

impl<R: Runtime> Connection<R> {
    /// Begins an operation that runs one statement.
    #[inline]
    pub(crate) fn observe(
        &self,
        operation: Operation,
        sql: &str,
        params: &dyn Params,
    ) -> Observation<R> {
        if !self.observed && !Observation::<R>::is_wanted() {
            return Observation::none();
        }
        self.observe_closely(operation, sql, params)
    }

    #[cold]
    fn observe_closely(
        &self,
        operation: Operation,
        sql: &str,
        params: &dyn Params,
    ) -> Observation<R> {
        let observation = self.observe_quietly(operation, sql);
        if self.observer().echoes() {
            observation.scope(|| {
                self.echo_riders();
                self.echo(sql, params);
            });
        }
        self.measured(observation, || sql.into())
    }

    /// Begins an operation that runs several.
    pub(crate) fn observe_batch<'s>(
        &self,
        operation: Operation,
        batch: impl ExactSizeIterator<Item = (&'s str, &'s dyn Params)> + Clone,
    ) -> Observation<R> {
        let texts = batch.clone().map(|(sql, _)| sql);
        let joined = || texts.clone().collect::<Vec<_>>().join("; ");
        let size = Some(batch.len());
        let about = About { batch: size, process_id: self.process_id(), ..About::default() };
        let observation = Observation::new(operation, &self.channel.server, about);
        observation.text(joined);
        if self.observer().echoes() {
            observation.scope(|| {
                self.echo_riders();
                batch.for_each(|(sql, params)| self.echo(sql, params));
            });
        }
        self.measured(observation, || joined().into())
    }

    /// Begins an operation that runs nothing, though it has to do with a statement.
    pub(crate) fn observe_quietly(&self, operation: Operation, sql: &str) -> Observation<R> {
        let about = About { process_id: self.process_id(), sql: Some(sql), ..About::default() };
        Observation::new(operation, &self.channel.server, about)
    }

    pub(crate) fn observer(&self) -> Observer<'_> {
        Observer(&self.config)
    }

    fn measured(
        &self,
        observation: Observation<R>,
        sql: impl FnOnce() -> Box<str>,
    ) -> Observation<R> {
        match self.observer().slow(self.runtime(), self.process_id(), sql) {
            Some(slow) => observation.measured(slow),
            None => observation,
        }
    }

    /// Tells a statement before it is sent, if that is wanted.
    pub(crate) fn echo(&self, sql: &str, params: &dyn Params) {
        self.observer().echo(self.process_id(), sql, params);
    }

    /// What goes out with the next request goes out before it.
    fn echo_riders(&self) {
        self.riders.texts().for_each(|(sql, params)| self.echo(sql, params));
    }
}
