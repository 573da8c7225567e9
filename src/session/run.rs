//! How a call is run: prepared or not, in one trip or two, whole or in portions.

use std::pin::Pin;

use aiopg_runtime::Runtime;
use postgres_types::FromSql;

use crate::config::StatementMode;
use crate::error::{Error, Kind};
use crate::message::{CommandTag, TransactionStatus};
use crate::session::bind::{MOST_PARAMS, Until, too_many, write_run, wrong_count};
use crate::session::collect::Scalar;
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::fetch::Fetch;
use crate::session::named::Bound;
use crate::session::numbered::highest;
use crate::session::owned_row::OwnedRow;
use crate::session::row_stream::RowStream;
use crate::session::rows::Rows;
use crate::session::source::{Called, Source};
use crate::session::staleness::lacks_binary_form;
use crate::types::Params;

/// How the rows are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// When all have come: then there is still time to look up types that are not known.
    Whole,
    /// At once, so that all types have to be known before; maybe in portions.
    AsTheyCome(Option<Fetch>),
}

impl Taken {
    fn fetch(self) -> Option<Fetch> {
        match self {
            Self::Whole => None,
            Self::AsTheyCome(fetch) => fetch,
        }
    }
}

/// The four are alike, and written out: a future around what they share would take some 90 instructions of each call.
impl<R: Runtime> Connection<R> {
    /// All rows.
    #[expect(clippy::manual_async_fn, reason = "the arguments of one are kept twice")]
    pub(crate) fn fetch<'a>(
        &'a mut self,
        called: &'a Called<'_>,
        params: &'a dyn Params,
    ) -> impl Future<Output = Result<Rows, Error>> {
        async move {
            let mut rows = match self.run_at_once(called, params)? {
                Some(statement) => {
                    let mut exchange = Exchange::new(self);
                    if let Some(reply) = exchange.short(&statement).await? {
                        return exchange.take_short(&statement, reply, |row, outcome| {
                            Rows::of_one(statement.shared_columns(), row, sound_tag(outcome))
                        });
                    }
                    RowStream::new(exchange, statement, None)
                }
                None => self.run_until(called, params, Taken::Whole).await?,
            };
            let collected = match rows.collect().await {
                Err(error) if rows.is_stale(&error) => {
                    drop(rows);
                    let again = async {
                        let taken = self.may_repeat(called, error)?;
                        self.run_until(called, params, taken).await?.collect().await
                    };
                    Box::pin(again).await
                }
                // Known of the statement, it need not be found out by each of its columns.
                done if !rows.statement().has_unknown() => return done,
                done => {
                    drop(rows);
                    done
                }
            };
            let mut collected = collected?;
            Box::pin(self.look_up_types_of_rows(&mut collected)).await;
            Ok(collected)
        }
    }

    /// The only row.
    #[expect(clippy::manual_async_fn, reason = "the arguments of one are kept twice")]
    pub(crate) fn fetch_opt<'a>(
        &'a mut self,
        called: &'a Called<'_>,
        params: &'a dyn Params,
    ) -> impl Future<Output = Result<Option<OwnedRow>, Error>> {
        async move {
            let mut rows = match self.run_at_once(called, params)? {
                Some(statement) => {
                    let mut exchange = Exchange::new(self);
                    if let Some(reply) = exchange.short(&statement).await? {
                        return exchange.take_short(&statement, reply, |row, _| {
                            row.map(|row| OwnedRow::new(row, statement.shared_columns()))
                                .transpose()
                        });
                    }
                    RowStream::new(exchange, statement, None)
                }
                None => self.run_until(called, params, Taken::Whole).await?,
            };
            let row = match rows.row().await {
                Err(error) if rows.is_stale(&error) => {
                    drop(rows);
                    let again = async {
                        let taken = self.may_repeat(called, error)?;
                        self.run_until(called, params, taken).await?.row().await
                    };
                    Box::pin(again).await
                }
                done if !rows.statement().has_unknown() => return done,
                done => {
                    drop(rows);
                    done
                }
            };
            let mut row = row?;
            if let Some(row) = &mut row {
                Box::pin(self.look_up_types_of_row(row)).await;
            }
            Ok(row)
        }
    }

    /// The value in the only column of the only row.
    #[expect(clippy::manual_async_fn, reason = "the arguments of one are kept twice")]
    pub(crate) fn fetch_scalar<'a, T: for<'r> FromSql<'r>>(
        &'a mut self,
        called: &'a Called<'_>,
        params: &'a dyn Params,
    ) -> impl Future<Output = Result<T, Error>> {
        async move {
            let mut rows = match self.run_at_once(called, params)? {
                Some(statement) => {
                    let mut exchange = Exchange::new(self);
                    if let Some(reply) = exchange.short(&statement).await? {
                        let row = exchange.take_short(&statement, reply, |row, _| {
                            row.map(|row| Scalar::of(statement.columns(), row)).transpose()
                        });
                        return row?.ok_or_else(|| no_row(called))?;
                    }
                    RowStream::new(exchange, statement, None)
                }
                None => self.run_until(called, params, Taken::Whole).await?,
            };
            let scalar = match rows.scalar().await {
                Err(error) if rows.is_stale(&error) => {
                    drop(rows);
                    let again = async {
                        let taken = self.may_repeat(called, error)?;
                        self.run_until(called, params, taken).await?.scalar().await
                    };
                    Box::pin(again).await
                }
                done => {
                    drop(rows);
                    done
                }
            };
            match scalar?.ok_or_else(|| no_row(called))? {
                Scalar::Value(value) => Ok(value),
                Scalar::Unread(mut row) => {
                    Box::pin(self.look_up_types_of_row(&mut row)).await;
                    Scalar::read(&row)
                }
            }
        }
    }

    /// Runs a statement whose rows nobody wants, and tells how many it touched.
    #[expect(clippy::manual_async_fn, reason = "the arguments of one are kept twice")]
    pub(crate) fn pass_over<'a>(
        &'a mut self,
        called: &'a Called<'_>,
        params: &'a dyn Params,
    ) -> impl Future<Output = Result<u64, Error>> {
        async move {
            let mut rows = match self.run_at_once(called, params)? {
                Some(statement) => {
                    let mut exchange = Exchange::new(self);
                    if let Some(reply) = exchange.short(&statement).await? {
                        return exchange.take_short(&statement, reply, |_, outcome| {
                            Ok(sound_tag(outcome).rows())
                        });
                    }
                    RowStream::new(exchange, statement, None)
                }
                None => self.run_until(called, params, Taken::Whole).await?,
            };
            match rows.skip().await {
                Err(error) if rows.is_stale(&error) => {
                    drop(rows);
                    let again = async {
                        let taken = self.may_repeat(called, error)?;
                        self.run_until(called, params, taken).await?.skip().await
                    };
                    Box::pin(again).await
                }
                done => done,
            }
        }
    }

    /// Returns the error of a stale statement, unless it can be prepared anew without asking: one that the caller
    /// has prepared is his own, and a failed transaction takes nothing more. One that began with the statement has done
    /// nothing else, and begins again.
    ///
    /// Where a column turned out to have no binary form, all are known before the statement is run again.
    pub(crate) fn may_repeat(&mut self, called: &Called<'_>, error: Error) -> Result<Taken, Error> {
        self.take_note();
        let repeatable = matches!(called.source, Source::Text(_))
            && (self.transaction_status() == TransactionStatus::Idle || self.riders.open_again());
        match repeatable {
            true if lacks_binary_form(&error) => Ok(Taken::AsTheyCome(None)),
            true => Ok(Taken::Whole),
            false => Err(error),
        }
    }

    /// Sends a statement whose rows are fetched in portions, if that is asked for.
    pub(crate) async fn run_in_portions(
        &mut self,
        called: &Called<'_>,
        params: &dyn Params,
    ) -> Result<RowStream<'_, R>, Error> {
        let fetch = called.options.fetch;
        if fetch.is_none()
            && let Some(statement) = self.run_at_once(called, params)?
        {
            return Ok(RowStream::new(Exchange::new(self), statement, None));
        }
        self.run_until(called, params, Taken::AsTheyCome(fetch)).await
    }

    /// Sends a statement the long way, where [`run_at_once`](Self::run_at_once) does not: one that is to be prepared
    /// first, or has no name, types that are to be looked up, what rides with a request. It is allocated, so that it
    /// takes no room in the futures of all others.
    pub(crate) fn run_until(
        &mut self,
        called: &Called<'_>,
        params: &dyn Params,
        taken: Taken,
    ) -> Pin<Box<impl Future<Output = Result<RowStream<'_, R>, Error>>>> {
        Box::pin(self.run_in_any_case(called, params, taken))
    }

    async fn run_in_any_case(
        &mut self,
        called: &Called<'_>,
        params: &dyn Params,
        taken: Taken,
    ) -> Result<RowStream<'_, R>, Error> {
        self.limit(called.options.query_timeout);
        // First, so that the name of a statement is not used up each time that this is tried in vain.
        self.settle_in_time().await?;
        let bound;
        let (source, params) = match params.named() {
            None => (called.source, params),
            Some(named) => {
                bound = Bound::new(called.source, named, self.backslash())?;
                (bound.source(), &bound as &dyn Params)
            }
        };
        let statement = match source {
            Source::Prepared(statement) if self.statements.owns(statement) => statement.clone(),
            Source::Prepared(_) => {
                return Err(Error::usage("the statement belongs to another connection").unsent());
            }
            // The server could not even describe such a statement: it counts with 16 bits.
            Source::Text(_) if params.count() > MOST_PARAMS => {
                return Err(too_many(params.count()));
            }
            Source::Text(sql) => match called.options.mode.unwrap_or(self.mode) {
                StatementMode::Cached => {
                    let known = self.statements.find_named(sql);
                    if known.is_none() {
                        self.check_count(sql, params)?;
                    }
                    match known {
                        Some(statement) => statement,
                        None if params.count() == 0 && taken == Taken::Whole => {
                            let name = self.statements.next_name();
                            return self.parse_and_run(name, sql, &[], &[], params, None).await;
                        }
                        None => self.prepare_text(sql).await?,
                    }
                }
                StatementMode::Simple => return self.run_simply(sql, params).await,
                mode @ (StatementMode::Described | StatementMode::Unnamed) => {
                    return self.run_unnamed(mode, sql, params, taken).await;
                }
            },
        };
        self.look_up_types_of(&statement).await;
        let fetch = taken.fetch();
        let until = Until::of(fetch);
        let written = self.write_request(until.request(), statement.cancellable(), |out| {
            let (name, types, columns) =
                (statement.name(), statement.params(), statement.columns());
            write_run(out, name, types, columns, params, until)
        });
        written.await.map_err(|error| self.statements.misfit(statement.sql(), error))?;
        Ok(RowStream::new(Exchange::new(self), statement, fetch))
    }

    /// Refuses parameters of which the text alone tells that there are too few or too many.
    fn check_count(&self, sql: &str, params: &dyn Params) -> Result<(), Error> {
        let given = params.count();
        match highest(sql, self.backslash()) {
            Some(expected) if expected != given => {
                Err(wrong_count(expected, given).with_statement(sql).unsent())
            }
            _ => Ok(()),
        }
    }

    /// Runs a text without leaving anything on the server. Only the types of its parameters may be kept, here.
    async fn run_unnamed(
        &mut self,
        mode: StatementMode,
        sql: &str,
        params: &dyn Params,
        taken: Taken,
    ) -> Result<RowStream<'_, R>, Error> {
        self.check_count(sql, params)?;
        let unnamed = self.statements.unnamed();
        // Without parameters there are no types to ask for.
        if params.count() == 0 && taken == Taken::Whole {
            return self.parse_and_run(unnamed, sql, &[], &[], params, None).await;
        }
        let kept = if mode == StatementMode::Described { self.statements.find(sql) } else { None };
        let described = if let Some(described) = kept {
            self.look_up_types_of(&described).await;
            described
        } else {
            let described = self.describe(self.statements.unnamed(), sql).await?;
            if mode == StatementMode::Described {
                self.statements.keep(described.clone());
            }
            described
        };
        let (types, columns) = (described.params(), described.columns());
        self.parse_and_run(unnamed, sql, types, columns, params, taken.fetch()).await
    }
}

/// The tag in the body of a CommandComplete that has been found sound.
fn sound_tag(outcome: &[u8]) -> CommandTag {
    CommandTag::in_body(outcome).unwrap_or(CommandTag::EMPTY)
}

pub(crate) fn no_row(called: &Called<'_>) -> Error {
    let text = "one row was expected, but there is none";
    Error::new(Kind::RowCount, text).with_statement(called.source.sql())
}
