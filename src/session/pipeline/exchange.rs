//! One request with many steps, and what its reply means for each of them.

use std::num::NonZeroU32;

use aiopg_runtime::Runtime;

use crate::connection::Cancellable;
use crate::error::{Error, Kind};
use crate::flow::{Protocol, Request};
use crate::message::{Encode, Sync};
use crate::session::connection::{Connection, Exchange};
use crate::session::lexer::cancellable;
use crate::session::pipeline::prepared::{Step, write_step};
use crate::session::rows::Rows;

pub(crate) type Outcome = Result<Rows, Error>;

/// Where the items of a pipeline have their Sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syncs {
    /// One at the end: outside a transaction, all items are one.
    One,
    /// One behind each item: each stands for itself.
    Each,
}

impl<R: Runtime> Connection<R> {
    /// Sends steps and reads their replies.
    pub(crate) async fn exchange_steps(
        &mut self,
        steps: Vec<Step<'_>>,
        syncs: Syncs,
    ) -> Vec<Outcome> {
        let ready = match syncs {
            Syncs::One => count(steps.len().min(1)),
            Syncs::Each => count(steps.len()),
        };
        let Some(ready) = ready else { return Vec::new() };
        let ends = |step: &Step<'_>| cancellable(step.sql) == Cancellable::No;
        let cancellable = if steps.iter().any(ends) { Cancellable::No } else { Cancellable::Yes };
        let request = Request { ready, ..Request::new(Protocol::Extended) };
        let mut faulty = None;
        let exchange = self
            .request_as(request, cancellable, |out| {
                for index in 0..steps.len() {
                    write_step(out, &steps, index).inspect_err(|_| faulty = Some(index))?;
                    if syncs == Syncs::Each {
                        Sync.encode(out)?;
                    }
                }
                if syncs == Syncs::One { Sync.encode(out) } else { Ok(()) }
            })
            .await;
        let mut exchange = match (exchange, faulty) {
            (Ok(exchange), _) => exchange,
            (Err(error), Some(faulty)) => {
                let told =
                    |index| if index == faulty { error.clone() } else { skipped(faulty, None) };
                return (0..steps.len()).map(|index| Err(told(index).unsent())).collect();
            }
            (Err(error), None) => return steps.iter().map(|_| Err(error.clone())).collect(),
        };
        match syncs {
            Syncs::One => exchange.read_as_one(steps).await,
            Syncs::Each => exchange.read_each(steps).await,
        }
    }
}

impl<R: Runtime> Exchange<'_, R> {
    /// Reads the replies to steps of which each has a Sync.
    async fn read_each(&mut self, steps: Vec<Step<'_>>) -> Vec<Outcome> {
        let (mut outcomes, mut made) = (Vec::with_capacity(steps.len()), Vec::new());
        for step in steps {
            let read = self.read_step(step, &mut made).await;
            let outcome = match read {
                Ok(outcome) => match self.finish().await {
                    Ok(None) => outcome,
                    // What a statement leaves to its commit fails there.
                    Ok(Some(error)) | Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Reads the replies to steps that share one Sync.
    async fn read_as_one(&mut self, steps: Vec<Step<'_>>) -> Vec<Outcome> {
        let total = steps.len();
        let (mut outcomes, mut made) = (Vec::with_capacity(total), Vec::new());
        let mut failure = None;
        for step in steps {
            match self.read_step(step, &mut made).await {
                Ok(Ok(rows)) => outcomes.push(Ok(rows)),
                Ok(Err(error)) | Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let finished = self.finish().await;
        let done = outcomes.len();
        let undo = |error: &Error| -> Vec<_> {
            let lost = self.connection.is_closed();
            (0..done).map(|_| Err(undone(error, lost))).collect()
        };
        match (failure, finished) {
            (None, Ok(None)) => outcomes,
            // What the statements leave to the commit fails there.
            (None, Ok(Some(error)) | Err(error)) => undo(&error),
            (Some(error), _) => {
                let mut outcomes = undo(&error);
                outcomes.push(Err(error.clone()));
                outcomes.extend((done + 1..total).map(|_| Err(skipped(done, Some(&error)))));
                outcomes
            }
        }
    }
}

/// What an item is told that was not run, since `item` failed.
pub(crate) fn skipped(item: usize, cause: Option<&Error>) -> Error {
    let text = format!("it was not run, since item {item} of the pipeline failed");
    let error = Error::new(Kind::Skipped, text);
    match cause {
        Some(cause) => error.with_source(cause.clone()),
        None => error.unsent(),
    }
}

/// What an item is told that was done before the pipeline failed.
fn undone(cause: &Error, lost: bool) -> Error {
    let error = if lost {
        let text = "the connection was lost before the pipeline was complete: it may have taken effect or not";
        Error::new(Kind::OutcomeUnknown, text)
    } else {
        Error::new(Kind::RolledBack, "it was undone, since the pipeline failed")
    };
    error.with_source(cause.clone())
}

/// How many ReadyForQuery there will be; `None` if there is nothing to be sent.
pub(crate) fn count(requests: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(requests).unwrap_or(u32::MAX))
}
