//! `Step`: an item of a pipeline that is ready to be written.

use std::collections::HashMap;

use aiopg_runtime::Runtime;
use postgres_types::Type;

use crate::config::StatementMode;
use crate::connection::Cancellable;
use crate::error::Error;
use crate::message::{Describe, Encode, Execute, Object, Parse};
use crate::session::bind::{MOST_PARAMS, too_many, write_bound};
use crate::session::connection::Connection;
use crate::session::lexer::{cancellable, is_copy};
use crate::session::named::Bound;
use crate::session::pipeline::item::{Demand, Keep};
use crate::session::source::Source;
use crate::session::statement::{Name, Statement};
use crate::types::Params;
use crate::wire::Parts;

/// An item that is ready to be written.
pub(crate) struct Step<'i> {
    pub(crate) sql: &'i str,
    pub(crate) params: &'i dyn Params,
    pub(crate) keep: Keep,
    pub(crate) how: How,
    pub(crate) cancellable: Cancellable,
}

/// What the server is told of an item's statement.
pub(crate) enum How {
    /// It has it already.
    Known(Statement),
    /// It is parsed and described along with its first use.
    Parsed { name: Name, types: Box<[Type]> },
    /// It is the statement of an earlier step.
    Like(usize),
}

/// What an item asks for, its names replaced by numbers.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'i> {
    source: Source<'i>,
    mode: StatementMode,
    params: &'i dyn Params,
    keep: Keep,
}

/// What the server said of texts that it was asked about.
pub(crate) type Described<'i> = HashMap<(&'i str, Named), Result<Statement, Error>>;

/// Whether a text was described under a name, so that it can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    Yes,
    No,
}

impl Named {
    pub(crate) fn of(mode: StatementMode) -> Self {
        if mode == StatementMode::Cached { Self::Yes } else { Self::No }
    }
}

impl<R: Runtime> Connection<R> {
    /// What an item asks for; an error if no pipeline can do that.
    pub(crate) fn asked<'i>(
        &self,
        demand: &Demand<'i>,
        bound: Option<&'i Bound<'i>>,
    ) -> Result<Asked<'i>, Error> {
        let (source, params): (_, &dyn Params) = match bound {
            Some(bound) => (bound.source(), bound),
            None => (demand.called.source, demand.params),
        };
        let mode = demand.called.options.mode.unwrap_or(self.mode);
        let copies = match source {
            Source::Prepared(statement) => statement.is_copy(),
            Source::Text(sql) => is_copy(sql),
        };
        let fault = match source {
            _ if copies => "a pipeline takes no COPY: use `copy_in` or `copy_out`",
            Source::Prepared(statement) if self.statements.owns(statement) => "",
            Source::Prepared(_) => "the statement belongs to another connection",
            Source::Text(_) if params.count() > MOST_PARAMS => {
                return Err(too_many(params.count()));
            }
            Source::Text(_) if mode == StatementMode::Simple => {
                "a pipeline cannot be sent by the simple protocol"
            }
            Source::Text(_) => "",
        };
        if fault.is_empty() {
            Ok(Asked { source, mode, params, keep: demand.keep })
        } else {
            Err(refused(fault))
        }
    }

    /// The text that is to be described before it can be written, since nobody knows the types of its parameters.
    pub(crate) fn undescribed<'i>(
        &mut self,
        asked: &Asked<'i>,
    ) -> Option<(&'i str, StatementMode)> {
        let Source::Text(sql) = asked.source else { return None };
        let known = match asked.mode {
            StatementMode::Cached => self.statements.find_named(sql).is_some(),
            StatementMode::Described => self.statements.find(sql).is_some(),
            StatementMode::Unnamed | StatementMode::Simple => false,
        };
        (!known && asked.params.count() > 0).then_some((sql, asked.mode))
    }

    /// An item that is ready to be written; `parsed` holds the texts that earlier steps have parsed.
    pub(crate) fn step<'i>(
        &mut self,
        asked: Asked<'i>,
        described: &Described<'i>,
        parsed: &mut HashMap<&'i str, usize>,
        index: usize,
    ) -> Result<Step<'i>, Error> {
        let sql = asked.source.sql();
        let known = if described.is_empty() {
            None
        } else {
            described.get(&(sql, Named::of(asked.mode))).cloned().transpose()?
        };
        let how = match (asked.source, asked.mode) {
            (Source::Prepared(statement), _) => How::Known(statement.clone()),
            (Source::Text(_), StatementMode::Cached) => {
                let known = known.or_else(|| self.statements.find_named(sql));
                match (known, parsed.get(sql)) {
                    (Some(statement), _) => How::Known(statement),
                    (None, Some(first)) => How::Like(*first),
                    (None, None) => {
                        parsed.insert(sql, index);
                        How::Parsed { name: self.statements.next_name(), types: [].into() }
                    }
                }
            }
            (Source::Text(_), mode) => {
                let keeps = mode == StatementMode::Described;
                let known = known.or_else(|| if keeps { self.statements.find(sql) } else { None });
                let types = known.map_or_else(|| [].into(), |known| known.params().into());
                How::Parsed { name: self.statements.unnamed(), types }
            }
        };
        let cancellable = match &how {
            How::Known(statement) => statement.cancellable(),
            How::Parsed { .. } | How::Like(_) => cancellable(sql),
        };
        Ok(Step { sql, params: asked.params, keep: asked.keep, how, cancellable })
    }
}

fn refused(text: &'static str) -> Error {
    Error::usage(text).unsent()
}

/// Writes one step, without the Sync that ends a request.
pub(crate) fn write_step(out: &mut Parts, steps: &[Step<'_>], index: usize) -> Result<(), Error> {
    let Some(step) = steps.get(index) else { return Ok(()) };
    let written = match &step.how {
        How::Known(statement) => {
            write_bound(out, statement.name(), statement.params(), statement.columns(), step.params)
        }
        How::Parsed { name, types } => {
            let oids: Vec<_> = types.iter().map(Type::oid).collect();
            Parse { statement: &name.text, sql: step.sql, types: &oids }.encode(out)?;
            Describe { object: Object::Statement, name: &name.text }.encode(out)?;
            write_bound(out, &name.text, types, &[], step.params)
        }
        How::Like(first) => match steps.get(*first).map(|step| &step.how) {
            Some(How::Parsed { name, types }) => {
                write_bound(out, &name.text, types, &[], step.params)
            }
            _ => Err(refused("the statement belongs to no step")),
        },
    };
    written?;
    Execute::WHOLE.encode(out)
}
