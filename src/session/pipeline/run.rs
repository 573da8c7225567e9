//! `pipeline` and `pipeline_each`: how items are sent, and what each of them is told.

use std::collections::HashMap;
use std::pin::pin;

use aiopg_runtime::Runtime;

use crate::config::StatementMode;
use crate::connection::Cancellable;
use crate::error::Error;
use crate::flow::{Protocol, Request, Steps};
use crate::message::{Encode, Sync};
use crate::observe::{Counted, Operation};
use crate::session::connection::Connection;
use crate::session::lexer::Backslash;
use crate::session::named::Bound;
use crate::session::pipeline::exchange::{Syncs, count, skipped};
use crate::session::pipeline::item::Demand;
use crate::session::pipeline::items::{Demands, Pipeline, Replies};
use crate::session::pipeline::prepared::{Asked, Described, How, Named, Step};
use crate::session::pipeline::reply::Outcome;
use crate::session::prepare::write_parse;
use crate::session::source::TimeLimit;
use crate::session::statement::Name;

impl<R: Runtime> Connection<R> {
    /// Runs several statements in one round trip, all or nothing.
    ///
    /// Outside a transaction they are one of their own: if an item fails, those behind it are not run, and those
    /// before it are undone. Each gets a result of its own that says so; [`all`](crate::AllResults::all) makes one of
    /// them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::{AllResults, Item};
    ///
    /// let (city, inserted) = connection
    ///     .pipeline((
    ///         Item::query_one("select name from city where id = $1", (1,)),
    ///         Item::execute("insert into visit (city) values ($1)", (1,)),
    ///     ))
    ///     .await
    ///     .all()?;
    /// println!("{} has {inserted} visit more", city.get::<&str>("name"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// What a [`Call`](crate::Call) says of time and portions does not count for an item.
    ///
    /// Bind and Execute for each item and one Sync: one round trip. Texts with parameters that the connection does not
    /// know yet take one more, for all of them together. While it is written, the replies are read: neither side waits
    /// for the other, however large they are.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query): dropped, it is cancelled, and undone if it was one transaction.
    ///
    /// # Errors
    ///
    /// Each item has its own, with its number in [`Error::item`]: what the verb of its constructor says;
    /// [`Kind::Skipped`](crate::Kind::Skipped) if it was not run, since an earlier one failed;
    /// [`Kind::RolledBack`](crate::Kind::RolledBack) if it was undone, since a later one failed, or the server could
    /// not commit. If an item cannot even be written, nothing is sent. A statement that the server has forgotten, or
    /// whose result has changed since, fails as well (26000, 0A000) and is prepared anew the next time: a pipeline is
    /// never repeated by itself, since what its items do outside of transactions would be done twice.
    ///
    /// # Source
    ///
    /// [Pipelining](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING)
    pub async fn pipeline<P: Pipeline>(&mut self, items: P) -> P::Results {
        let outcomes = self.run_items(&items.demands(), Syncs::One).await;
        items.results(Replies(outcomes.into_iter()))
    }

    /// Runs several statements in one round trip, each for itself: what one does lasts, whatever becomes of the others.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// use aiopg::Item;
    ///
    /// let names = ["Wien", "Graz", "Linz"];
    /// let insert = |name| Item::execute("insert into city (name) values ($1)", (name,));
    /// for (name, result) in names.iter().zip(connection.pipeline_each(names.map(insert)).await) {
    ///     if let Err(error) = result {
    ///         println!("{name}: {error}");
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`pipeline`](Self::pipeline), with a Sync behind each item.
    ///
    /// # Cancel safety
    ///
    /// As [`pipeline`](Self::pipeline), but what has been run by then lasts.
    ///
    /// # Errors
    ///
    /// Each item has its own, with its number in [`Error::item`].
    ///
    /// # Source
    ///
    /// [Pipelining](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING)
    pub async fn pipeline_each<P: Pipeline>(&mut self, items: P) -> P::Results {
        let outcomes = self.run_items(&items.demands(), Syncs::Each).await;
        items.results(Replies(outcomes.into_iter()))
    }

    async fn run_items(&mut self, demands: &Demands<'_>, syncs: Syncs) -> Vec<Outcome> {
        let demands = &demands.0;
        let operation = match syncs {
            Syncs::One => Operation::Pipeline,
            Syncs::Each => Operation::PipelineEach,
        };
        let texts = demands.iter().map(|demand| (demand.called.source.sql(), demand.params));
        let mut observation = self.observe_batch(operation, texts);
        let mut outcomes = match observation.during(pin!(self.try_items(demands, syncs))).await {
            Ok(outcomes) => outcomes,
            Err(error) => demands.iter().map(|_| Err(error.clone())).collect(),
        };
        observation.finish(outcome_of_all(&outcomes));
        for (item, outcome) in outcomes.iter_mut().enumerate() {
            if let Err(error) = outcome {
                *error = error.clone().or_item(item);
            }
        }
        outcomes
    }

    /// An error says that the session had ended before anything was sent.
    async fn try_items(
        &mut self,
        demands: &[Demand<'_>],
        syncs: Syncs,
    ) -> Result<Vec<Outcome>, Error> {
        self.limit(TimeLimit::AsConfigured);
        self.settle_in_time().await?;
        let backslash = self.backslash();
        let bounds = bounds(demands, backslash);
        let mut asked = Vec::with_capacity(demands.len());
        for (index, demand) in demands.iter().enumerate() {
            let bound = bounds.get(index).map_or(Ok(None), |bound| match bound {
                Ok(bound) => Ok(bound.as_ref()),
                Err(error) => Err(error.clone()),
            });
            asked.push(bound.and_then(|bound| self.asked(demand, bound)));
        }
        let described = self.describe_all(asked.iter().flatten()).await?;
        for statement in described.values().flatten() {
            self.look_up_types_of(statement).await;
        }
        let (mut steps, mut parsed) = (Vec::with_capacity(demands.len()), HashMap::new());
        // A step is known by its place among those that are sent.
        let mut place = 0;
        for asked in asked {
            let step = asked.and_then(|asked| self.step(asked, &described, &mut parsed, place));
            place += usize::from(step.is_ok());
            steps.push(step);
        }
        for step in steps.iter().flatten() {
            if let How::Known(statement) = &step.how {
                self.look_up_types_of(statement).await;
            }
        }
        let mut outcomes = self.run_steps(steps, syncs).await;
        for kept in outcomes.iter_mut().flatten() {
            if kept.rows.has_unknown() {
                self.look_up_types_of_rows(&mut kept.rows).await;
                if let Some(row) = &mut kept.first {
                    self.look_up_types_of_row(row).await;
                }
            }
        }
        Ok(outcomes)
    }

    /// Asks the server about all texts that it must be asked about, in one round trip.
    async fn describe_all<'i, 'a>(
        &mut self,
        asked: impl Iterator<Item = &'a Asked<'i>>,
    ) -> Result<Described<'i>, Error>
    where
        'i: 'a,
    {
        let mut described = HashMap::new();
        let mut texts: Vec<(&str, StatementMode, Name)> = Vec::new();
        for asked in asked {
            let Some((sql, mode)) = self.undescribed(asked) else { continue };
            let alike = |text: &(&str, StatementMode, Name)| {
                text.0 == sql && Named::of(text.1) == Named::of(mode)
            };
            if !texts.iter().any(alike) {
                let cached = mode == StatementMode::Cached;
                let statements = &mut self.statements;
                let name = if cached { statements.next_name() } else { statements.unnamed() };
                texts.push((sql, mode, name));
            }
        }
        let Some(ready) = count(texts.len()) else { return Ok(described) };
        let request = Request { ready, steps: Steps::Many, ..Request::new(Protocol::Extended) };
        let mut exchange = self
            .request_as(request, Cancellable::Yes, |out| {
                texts.iter().try_for_each(|(sql, _, name)| {
                    write_parse(out, name, sql, &[])?;
                    Sync.encode(out)
                })
            })
            .await?;
        for (sql, mode, name) in texts {
            let statement = exchange.described(name, sql).await;
            match &statement {
                Ok(statement) => {
                    exchange.finish().await?;
                    if mode != StatementMode::Unnamed {
                        exchange.connection.statements.keep(statement.clone());
                    }
                }
                Err(error) if exchange.connection.is_closed() || error.is_unsent() => {
                    return Err(error.clone());
                }
                Err(_) => {}
            }
            described.insert((sql, Named::of(mode)), statement);
        }
        Ok(described)
    }

    /// Runs the steps. One that cannot be sent stands for itself, or keeps all others from being sent.
    async fn run_steps(
        &mut self,
        steps: Vec<Result<Step<'_>, Error>>,
        syncs: Syncs,
    ) -> Vec<Outcome> {
        let ends = |step: &Result<Step<'_>, Error>| {
            step.as_ref().is_ok_and(|step| step.cancellable == Cancellable::No)
        };
        if syncs == Syncs::One && steps.iter().any(ends) {
            let text = "what ends a transaction would end the pipeline's own: use `pipeline_each`";
            return steps.iter().map(|_| Err(Error::usage(text).unsent())).collect();
        }
        let faulty = steps.iter().position(Result::is_err);
        if syncs == Syncs::One
            && let Some(faulty) = faulty
        {
            let skip = |step: Result<Step<'_>, Error>| {
                Err(step.err().unwrap_or_else(|| skipped(faulty, None)))
            };
            return steps.into_iter().map(skip).collect();
        }
        if faulty.is_none() {
            return self.exchange_steps(steps.into_iter().flatten().collect(), syncs).await;
        }
        let (mut ready, mut outcomes) = (Vec::new(), Vec::with_capacity(steps.len()));
        for step in steps {
            match step {
                Ok(step) => {
                    ready.push(step);
                    outcomes.push(None);
                }
                Err(error) => outcomes.push(Some(Err(error))),
            }
        }
        let mut replies = self.exchange_steps(ready, syncs).await.into_iter();
        let mut reply = |outcome: Option<Outcome>| outcome.or_else(|| replies.next());
        let lost = || Err(Error::usage("the item has no reply"));
        outcomes.into_iter().map(|outcome| reply(outcome).unwrap_or_else(lost)).collect()
    }
}

/// How many rows there are, or what went wrong first, and not because of another item.
fn outcome_of_all(outcomes: &[Outcome]) -> Result<Counted, &Error> {
    let errors = || outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let failure = errors().find(|error| !error.is_consequence()).or_else(|| errors().next());
    match failure {
        Some(error) => Err(error),
        None => Ok(Counted::returned(outcomes.iter().flatten().map(|kept| kept.count).sum())),
    }
}

/// The texts of the items whose parameters have names, with numbers in their place; nothing at all if no item has.
fn bounds<'i>(
    demands: &[Demand<'i>],
    backslash: Option<Backslash>,
) -> Vec<Result<Option<Bound<'i>>, Error>> {
    if demands.iter().all(|demand| demand.params.named().is_none()) {
        return Vec::new();
    }
    let bound = |demand: &Demand<'i>| {
        let named = demand.params.named();
        named.map(|named| Bound::new(demand.called.source, named, backslash)).transpose()
    };
    demands.iter().map(bound).collect()
}
