//! Drops a future after every number of polls that it takes: the proof that dropping is safe.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that polls another at most so many times, then drops it.
///
/// Between two polls it waits for the real wake-up, so the inner future makes progress as it would in a
/// program. It ends with the inner output, or with `None` right after the last poll that was allowed.
#[derive(Debug)]
pub struct PollLimit<F> {
    inner: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> PollLimit<F> {
    /// Allows `inner` that many `polls`; with none it is dropped without having run.
    pub fn new(inner: F, polls: usize) -> Self {
        Self { inner: Some(Box::pin(inner)), left: polls }
    }
}

impl<F: Future> Future for PollLimit<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut inner) = self.inner.take() else { return Poll::Ready(None) };
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        if let Poll::Ready(output) = inner.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.inner = Some(inner);
        Poll::Pending
    }
}

/// How a run of the operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was dropped after so many polls.
    DroppedAfter(usize),
    /// It ran to its end.
    Completed(T),
}

/// Runs `operation` and drops it after 0, 1, 2, … polls, until a run completes; returns how many polls that
/// run was allowed.
///
/// Each run works on a subject of its own, made by `setup` and handed to `check` afterwards: there the test
/// asks the same session for something, and accepts the right answer or a closed session, nothing else.
///
/// # Examples
///
/// ```
/// use aiopg_tests::cancel::{Outcome, at_every_poll, yield_now};
///
/// let polls = futures::executor::block_on(at_every_poll(
///     async || Vec::new(),
///     async |list: &mut Vec<u8>| {
///         list.push(1);
///         yield_now().await;
///         list.push(2);
///     },
///     async |list, outcome| match outcome {
///         Outcome::DroppedAfter(_) => assert!(list.len() < 2),
///         Outcome::Completed(()) => assert_eq!(list, [1, 2]),
///     },
/// ));
/// assert_eq!(polls, 2);
/// ```
pub async fn at_every_poll<S, T>(
    mut setup: impl AsyncFnMut() -> S,
    mut operation: impl AsyncFnMut(&mut S) -> T,
    mut check: impl AsyncFnMut(S, Outcome<T>),
) -> usize {
    for polls in 0..MOST_POLLS {
        let mut subject = setup().await;
        match PollLimit::new(operation(&mut subject), polls).await {
            None => check(subject, Outcome::DroppedAfter(polls)).await,
            Some(output) => {
                check(subject, Outcome::Completed(output)).await;
                return polls;
            }
        }
    }
    panic!("the operation is not done after {MOST_POLLS} polls: it spins");
}

/// Like [`at_every_poll`], with one subject for all runs: state left behind by one drop meets the next.
pub async fn at_every_poll_of_one<S, T>(
    subject: &mut S,
    mut operation: impl AsyncFnMut(&mut S) -> T,
    mut check: impl AsyncFnMut(&mut S, Outcome<T>),
) -> usize {
    for polls in 0..MOST_POLLS {
        match PollLimit::new(operation(subject), polls).await {
            None => check(subject, Outcome::DroppedAfter(polls)).await,
            Some(output) => {
                check(subject, Outcome::Completed(output)).await;
                return polls;
            }
        }
    }
    panic!("the operation is not done after {MOST_POLLS} polls: it spins");
}

/// Waits once without an event: polls of the same task run in between.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if !yielded {
            yielded = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Far above what any operation on loopback takes; a future that needs more is busy-polling.
const MOST_POLLS: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures::executor::block_on;

    use super::*;

    struct OnDrop<'a>(&'a Cell<usize>);

    impl Drop for OnDrop<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn limit_drops_the_inner_future_at_once() {
        let dropped = Cell::new(0);
        let inner = async {
            let _mark = OnDrop(&dropped);
            std::future::pending::<()>().await;
        };
        assert_eq!(block_on(PollLimit::new(inner, 1)), None);
        assert_eq!(dropped.get(), 1);
    }

    #[test]
    fn limit_of_none_never_runs_the_future() {
        assert_eq!(block_on(PollLimit::new(async { panic!("it ran") }, 0)), None::<()>);
    }

    #[test]
    fn every_poll_is_dropped_once() {
        let seen = RefCell::new(Vec::new());
        let polls = block_on(at_every_poll(
            async || 0,
            async |steps: &mut u32| {
                for _ in 0..3 {
                    *steps += 1;
                    yield_now().await;
                }
                *steps
            },
            async |steps, outcome| seen.borrow_mut().push((steps, outcome)),
        ));
        assert_eq!(polls, 4);
        assert_eq!(
            seen.into_inner(),
            [
                (0, Outcome::DroppedAfter(0)),
                (1, Outcome::DroppedAfter(1)),
                (2, Outcome::DroppedAfter(2)),
                (3, Outcome::DroppedAfter(3)),
                (3, Outcome::Completed(3)),
            ]
        );
    }

    #[test]
    fn one_subject_keeps_what_drops_left_behind() {
        let mut steps = 0;
        let polls = block_on(at_every_poll_of_one(
            &mut steps,
            async |steps| {
                *steps += 1;
                yield_now().await;
            },
            async |_, _| {},
        ));
        assert_eq!((polls, steps), (2, 2));
    }
}
