//! The short way of a statement: it is known to the session, and nothing else is to be done before it is sent.

use aiopg_runtime::Runtime;

use crate::config::StatementMode;
use crate::error::Error;
use crate::flow::{Protocol, Request};
use crate::session::bind::write_whole_run;
use crate::session::connection::Connection;
use crate::session::source::{Called, Source};
use crate::session::statement::Statement;
use crate::types::Params;

impl<R: Runtime> Connection<R> {
    /// Writes the request for a statement and returns it, if that is all that there is to do; nothing is awaited. `None`
    /// sends it the long way, which also tells what is wrong with a call.
    pub(crate) fn run_at_once(
        &mut self,
        called: &Called<'_>,
        params: &dyn Params,
    ) -> Result<Option<Statement>, Error> {
        self.limit(called.options.query_timeout);
        if !self.is_unburdened() || params.named().is_some() {
            return Ok(None);
        }
        let Some(statement) = self.at_hand(called) else { return Ok(None) };
        let Some(head) = statement.bind_head() else { return Ok(None) };
        if statement.params().len() != params.count() {
            return Ok(None);
        }
        let request = Request::new(Protocol::Extended);
        let written = self.channel.request(request, statement.cancellable(), |out| {
            write_whole_run(out, head, &statement, params)
        });
        match written {
            Ok(()) => Ok(Some(statement)),
            Err(error) => Err(self.statements.misfit(statement.sql(), error)),
        }
    }

    /// Whether the next request stands alone: nothing is to be read off before it, and nothing rides with it.
    fn is_unburdened(&mut self) -> bool {
        if !self.channel.is_quiet() {
            return false;
        }
        self.take_note();
        !self.statements.any_closes() && self.riders.carries_nothing()
    }

    /// The statement that is called, if the server has it under a name.
    fn at_hand(&mut self, called: &Called<'_>) -> Option<Statement> {
        match called.source {
            Source::Prepared(statement) => {
                self.statements.owns(statement).then(|| statement.clone())
            }
            Source::Text(sql) => {
                let mode = called.options.mode.unwrap_or(self.mode);
                if mode == StatementMode::Cached { self.statements.find(sql) } else { None }
            }
        }
    }
}
