//! The reply to one item of a pipeline.

use std::sync::Arc;

use aiopg_runtime::Runtime;

use crate::error::{Error, SqlState};
use crate::message::Backend;
use crate::session::catalog::Catalog;
use crate::session::column::{Column, Described, columns};
use crate::session::connection::Exchange;
use crate::session::pipeline::item::Keep;
use crate::session::pipeline::prepared::{How, Step};
use crate::session::rows::Rows;
use crate::session::statement::Statement;

/// The reply to one item, as far as it has come.
struct Reply {
    phase: Phase,
    keep: Keep,
    columns: Arc<[Column]>,
    rows: Rows,
    catalog: Arc<Catalog>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// ParseComplete, ParameterDescription, and RowDescription or NoData are to come.
    Unparsed,
    Undescribed,
    UndescribedRows,
    /// BindComplete is to come.
    Unbound,
    Bound,
}

/// What a message makes of a reply.
enum Come {
    More,
    Complete,
    Refused(Error),
}

impl<R: Runtime> Exchange<'_, R> {
    /// Reads the reply to a step. `made` takes the statements that steps have made, for those that use them, too.
    ///
    /// The outer error has ended the session.
    pub(crate) async fn read_step(
        &mut self,
        step: Step<'_>,
        made: &mut Vec<Option<Statement>>,
    ) -> Result<Result<Rows, Error>, Error> {
        let (known, parses) = match &step.how {
            How::Known(statement) => (statement.shared_columns(), None),
            How::Like(first) => {
                let first = made.get(*first).and_then(Option::as_ref);
                (first.map_or_else(|| [].into(), Statement::shared_columns), None)
            }
            How::Parsed { types, .. } => ([].into(), Some(types)),
        };
        let phase = if parses.is_some() { Phase::Unparsed } else { Phase::Unbound };
        let catalog = Arc::clone(&self.connection.catalog);
        let mut reply = Reply {
            phase,
            keep: step.keep,
            columns: Arc::clone(&known),
            rows: Rows::new(known),
            catalog,
        };
        let refused = loop {
            let message = self.message().await?;
            let channel = &mut self.connection.channel;
            let come = channel.machine().decode(message).and_then(|message| {
                if let Backend::ErrorResponse(error) = message {
                    return Ok(Come::Refused(channel.refusal(error.0)));
                }
                reply.add(message)
            });
            match come {
                Ok(Come::More) => {}
                Ok(Come::Complete) => break None,
                Ok(Come::Refused(error)) => break Some(error),
                Err(error) => return Err(channel.end(error)),
            }
        };
        made.push(self.keep_statement(step, &reply, refused.as_ref()));
        Ok(refused.map_or(Ok(reply.rows), Err))
    }

    /// The statement that a step has made, which is kept if it has a name.
    fn keep_statement(
        &mut self,
        step: Step<'_>,
        reply: &Reply,
        refused: Option<&Error>,
    ) -> Option<Statement> {
        let statements = &mut self.connection.statements;
        let known = matches!(step.how, How::Known(_));
        if known && refused.and_then(Error::sqlstate) == Some(SqlState::INVALID_SQL_STATEMENT_NAME)
        {
            statements.forget_all();
        } else if refused.and_then(Error::sqlstate) == Some(SqlState::FEATURE_NOT_SUPPORTED) {
            statements.forget(step.sql);
        }
        let How::Parsed { mut name, types } = step.how else { return None };
        match reply.phase {
            Phase::Unparsed => {
                name.forget();
                None
            }
            Phase::Undescribed | Phase::UndescribedRows => None,
            Phase::Unbound | Phase::Bound => {
                let named = !name.text.is_empty();
                let statement = Statement::new(name, step.sql, types, Arc::clone(&reply.columns));
                if named {
                    statements.keep(statement.clone());
                }
                Some(statement)
            }
        }
    }
}

impl Reply {
    fn add(&mut self, message: Backend<'_>) -> Result<Come, Error> {
        match (message, self.phase) {
            (Backend::CloseComplete, _) => {}
            (Backend::ParseComplete, Phase::Unparsed) => self.phase = Phase::Undescribed,
            (Backend::ParameterDescription(description), Phase::Undescribed) => {
                // They were given, or there are none: a text that takes others is refused when they are bound.
                drop(description);
                self.phase = Phase::UndescribedRows;
            }
            (Backend::RowDescription(description), Phase::UndescribedRows) => {
                self.columns = columns(description, &self.catalog, Described::Statement).into();
                self.phase = Phase::Unbound;
            }
            (Backend::NoData, Phase::UndescribedRows) => self.phase = Phase::Unbound,
            (Backend::BindComplete, Phase::Unbound) => {
                self.rows = Rows::new(Arc::clone(&self.columns));
                self.phase = Phase::Bound;
            }
            (Backend::DataRow(row), Phase::Bound) => {
                if self.keep == Keep::Rows {
                    self.rows.push(row.body())?;
                }
            }
            (Backend::CommandComplete(complete), Phase::Bound) => {
                self.rows.set_tag(complete.tag);
                return Ok(Come::Complete);
            }
            (Backend::EmptyQueryResponse, Phase::Bound) => return Ok(Come::Complete),
            (other, _) => return Err(Error::unexpected(other.name())),
        }
        Ok(Come::More)
    }
}
