//! The reply to one item of a pipeline.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use aiopg_runtime::Runtime;

use crate::error::{Error, SqlState};
use crate::flow::Message;
use crate::message::{Backend, CommandComplete, DataRow, Decode};
use crate::session::catalog::Catalog;
use crate::session::column::{Described, columns};
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::owned_row::OwnedRow;
use crate::session::pipeline::item::{Keep, Kept};
use crate::session::pipeline::prepared::{How, Step};
use crate::session::statement::Statement;

/// What became of one item.
pub(crate) type Outcome = Result<Kept, Error>;

/// The reply to one item, as far as it has come.
struct Reply {
    phase: Phase,
    keep: Keep,
    kept: Kept,
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
    ) -> Result<Outcome, Error> {
        let mut reply = Reply::to(&step, made);
        let reading = poll_fn(|cx| {
            loop {
                let message = ready!(self.connection.channel.poll_message(cx))?;
                match self.take(message, &mut reply) {
                    Ok(Come::More) => {}
                    Ok(Come::Complete) => return Poll::Ready(Ok(None)),
                    Ok(Come::Refused(error)) => return Poll::Ready(Ok(Some(error))),
                    Err(error) => return Poll::Ready(Err(self.connection.channel.end(error))),
                }
            }
        });
        let refused = reading.await?;
        made.push(self.keep_statement(step, &reply, refused.as_ref()));
        Ok(refused.map_or(Ok(reply.kept), Err))
    }

    fn take(&mut self, message: Message, reply: &mut Reply) -> Result<Come, Error> {
        let Connection { channel, catalog, .. } = &mut *self.connection;
        let machine = channel.machine();
        // What most replies are made of goes by its tag: to tell all messages apart takes longer.
        match (message.tag, reply.phase) {
            (DataRow::TAG, Phase::Bound) => reply.add_row(machine.body(message))?,
            (CommandComplete::TAG, Phase::Bound) => {
                reply.kept.rows.set_tag(CommandComplete::decode(machine.body(message))?.tag);
                return Ok(Come::Complete);
            }
            _ => {
                let message = machine.decode(message)?;
                if let Backend::ErrorResponse(error) = message {
                    return Ok(Come::Refused(channel.refusal(error.0)));
                }
                return reply.add(message, catalog);
            }
        }
        Ok(Come::More)
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
                let (named, columns) = (!name.text.is_empty(), reply.kept.rows.shared_columns());
                let statement = Statement::new(name, step.sql, types, Arc::clone(columns));
                if named {
                    statements.keep(statement.clone());
                }
                Some(statement)
            }
        }
    }
}

impl Reply {
    /// Nothing has come yet.
    fn to(step: &Step<'_>, made: &[Option<Statement>]) -> Self {
        let (phase, columns) = match &step.how {
            How::Known(statement) => (Phase::Unbound, statement.shared_columns()),
            How::Like(first) => {
                let first = made.get(*first).and_then(Option::as_ref);
                (Phase::Unbound, first.map_or_else(|| [].into(), Statement::shared_columns))
            }
            How::Parsed { .. } => (Phase::Unparsed, [].into()),
        };
        Self { phase, keep: step.keep, kept: Kept::new(columns) }
    }

    fn add_row(&mut self, body: &[u8]) -> Result<(), Error> {
        match self.keep {
            Keep::All => self.kept.rows.push(body)?,
            Keep::First if self.kept.count == 0 => {
                let columns = Arc::clone(self.kept.rows.shared_columns());
                self.kept.first = Some(OwnedRow::new(body, columns)?);
            }
            Keep::First => {}
            Keep::None => return Ok(()),
        }
        self.kept.count += 1;
        Ok(())
    }

    fn add(&mut self, message: Backend<'_>, catalog: &Catalog) -> Result<Come, Error> {
        match (message, self.phase) {
            (Backend::CloseComplete, _) => {}
            (Backend::ParseComplete, Phase::Unparsed) => self.phase = Phase::Undescribed,
            (Backend::ParameterDescription(description), Phase::Undescribed) => {
                // They were given, or there are none: a text that takes others is refused when they are bound.
                drop(description);
                self.phase = Phase::UndescribedRows;
            }
            (Backend::RowDescription(description), Phase::UndescribedRows) => {
                let columns = columns(description, catalog, Described::Statement);
                self.kept = Kept::new(columns.into());
                self.phase = Phase::Unbound;
            }
            (Backend::NoData, Phase::UndescribedRows) => self.phase = Phase::Unbound,
            (Backend::BindComplete, Phase::Unbound) => self.phase = Phase::Bound,
            (Backend::EmptyQueryResponse, Phase::Bound) => return Ok(Come::Complete),
            (other, _) => return Err(Error::unexpected(other.name())),
        }
        Ok(Come::More)
    }
}
