//! Work that may block: here a task that runs it in one go, later than the caller.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use crate::sleep::SimSleep;
use crate::world::Shared;

/// What came of the work.
enum Outcome<T> {
    Running(Option<Waker>),
    Done(Result<T, Box<dyn Any + Send>>),
    /// The work was never run.
    Dropped,
}

type Cell<T> = Arc<Mutex<Outcome<T>>>;

fn store<T>(cell: &Cell<T>, outcome: Outcome<T>) -> Outcome<T> {
    std::mem::replace(&mut *cell.lock().unwrap_or_else(PoisonError::into_inner), outcome)
}

/// The duty to say what came of the work.
struct Promise<T>(Cell<T>);

impl<T> Promise<T> {
    fn fulfil(&self, outcome: Outcome<T>) {
        if let Outcome::Running(Some(waker)) = store(&self.0, outcome) {
            waker.wake();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Outcome::Running(waker) = &mut *outcome {
            let waker = waker.take();
            *outcome = Outcome::Dropped;
            drop(outcome);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// Runs `work` as a task of its own after some latency, whether or not its result is waited for.
pub(crate) fn unblock<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> + Send + 'static {
    let cell: Cell<T> = Arc::new(Mutex::new(Outcome::Running(None)));
    let promise = Promise(Arc::clone(&cell));
    let delay = SimSleep::latency(Arc::clone(shared));
    let task = async move {
        delay.await;
        promise.fulfil(Outcome::Done(catch_unwind(AssertUnwindSafe(work))));
    };
    // A task that is refused is dropped, and with it the promise.
    drop(shared.add_task(Some(Box::pin(task))));
    async move {
        let outcome = poll_fn(|context| {
            let mut outcome = cell.lock().unwrap_or_else(PoisonError::into_inner);
            if let Outcome::Running(waker) = &mut *outcome {
                *waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(std::mem::replace(&mut *outcome, Outcome::Dropped))
        });
        match outcome.await {
            Outcome::Done(Ok(value)) => Ok(value),
            Outcome::Done(Err(panic)) => resume_unwind(panic),
            Outcome::Running(_) | Outcome::Dropped => {
                Err(io::Error::other("the simulation is gone"))
            }
        }
    }
}
