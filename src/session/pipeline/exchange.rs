//! One request with many steps, and what its reply means for each of them.

use std::num::NonZeroU32;

use aiopg_runtime::Runtime;

use crate::connection::Cancellable;
use crate::error::{Error, Kind};
use crate::flow::{Protocol, Request, Steps};
use crate::message::{Encode, Sync};
use crate::session::connection::Connection;
use crate::session::exchange::Exchange;
use crate::session::pipeline::prepared::{Step, write_step};
use crate::session::pipeline::reply::Outcome;

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
        let ends = |step: &Step<'_>| step.cancellable == Cancellable::No;
        let cancellable = if steps.iter().any(ends) { Cancellable::No } else { Cancellable::Yes };
        let request = Request { ready, steps: Steps::Many, ..Request::new(Protocol::Extended) };
        let mut faulty = None;
        let written = self.write_request(request, cancellable, |out| {
            for index in 0..steps.len() {
                write_step(out, &steps, index).inspect_err(|_| faulty = Some(index))?;
                if syncs == Syncs::Each {
                    Sync.encode(out)?;
                }
            }
            if syncs == Syncs::One { Sync.encode(out) } else { Ok(()) }
        });
        match (written.await, faulty) {
            (Ok(()), _) => {}
            (Err(error), Some(faulty)) => {
                let error = match steps.get(faulty) {
                    Some(step) => self.statements.misfit(step.sql, error),
                    None => error,
                };
                let told =
                    |index| if index == faulty { error.clone() } else { skipped(faulty, None) };
                return (0..steps.len()).map(|index| Err(told(index).unsent())).collect();
            }
            (Err(error), None) => return steps.iter().map(|_| Err(error.clone())).collect(),
        }
        let mut exchange = Exchange::new(self);
        match syncs {
            Syncs::One => exchange.read_as_one(steps).await,
            Syncs::Each => exchange.read_each(steps).await,
        }
    }
}

impl<R: Runtime> Exchange<'_, R> {
    /// Reads the replies to steps of which each has a Sync.
    async fn read_each(&mut self, steps: Vec<Step<'_>>) -> Vec<Outcome> {
        let total = steps.len();
        let (mut outcomes, mut made) = (Vec::with_capacity(total), Vec::new());
        for step in steps {
            let read = match self.read_step(step, &mut made).await {
                // What a statement leaves to its commit fails there.
                Ok(outcome) => match self.finish().await {
                    Ok(refused) => Ok(refused.map_or(outcome, Err)),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            };
            match read {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    let rest = (outcomes.len() + 1..total).map(|_| Err(unheard(&error)));
                    let rest: Vec<_> = rest.collect();
                    outcomes.push(Err(error));
                    outcomes.extend(rest);
                    break;
                }
            }
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
                Ok(Ok(kept)) => outcomes.push(Ok(kept)),
                Ok(Err(error)) | Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let finished = self.finish().await;
        let (done, lost) = (outcomes.len(), self.connection.is_closed());
        let undo = |error: &Error| -> Vec<_> {
            let undone = if lost { unheard(error) } else { undone(error) };
            (0..done).map(|_| Err(undone.clone())).collect()
        };
        match (failure, finished) {
            (None, Ok(None)) => outcomes,
            // What the statements leave to the commit fails there.
            (None, Ok(Some(error)) | Err(error)) => undo(&error),
            (Some(error), _) => {
                let mut outcomes = undo(&error);
                let rest = if lost || error.is_unsent() {
                    unheard(&error)
                } else {
                    skipped(done, Some(&error))
                };
                outcomes.push(Err(error));
                outcomes.extend((done + 1..total).map(|_| Err(rest.clone())));
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
fn undone(cause: &Error) -> Error {
    let text = "it was undone, since the pipeline failed";
    Error::new(Kind::RolledBack, text).with_source(cause.clone())
}

/// What an item is told whose answer never came, or came before the end of what it is a part of.
fn unheard(cause: &Error) -> Error {
    if cause.is_unsent() {
        return cause.clone();
    }
    let text =
        "the connection was lost before the pipeline was complete: it may have taken effect or not";
    Error::new(Kind::OutcomeUnknown, text).with_source(cause.clone())
}

/// How many ReadyForQuery there will be; `None` if there is nothing to be sent.
pub(crate) fn count(requests: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(requests).unwrap_or(u32::MAX))
}
