//! `SpawnQueue`: tasks for a host that has no executor to spawn on.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::stream::{FuturesUnordered, StreamExt};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// So many tasks may finish in one poll of the queue before its host gets a turn: a chain of tasks that
/// spawn one another must not hold the thread for ever.
const FINISHED_PER_POLL: usize = 128;

/// Tasks for a host that has no executor: one more future to poll, next to the host's own.
///
/// The queue never finishes. A task runs only while the queue is polled, and only when it was woken: a poll
/// costs as much as there are woken tasks, not as there are tasks. Dropping the queue drops its tasks.
///
/// # Panics
///
/// When a task does: the panic is passed on to whoever polls the queue. The task is lost, the queue may be
/// polled again.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::sync::Arc;
///
/// use aiopg_runtime::SpawnQueue;
/// use futures::executor::block_on;
/// use futures::future::{select, Either};
///
/// let (spawner, queue) = SpawnQueue::new();
/// let done = Arc::new(AtomicBool::new(false));
/// let flag = Arc::clone(&done);
/// assert!(spawner.spawn(async move { flag.store(true, Ordering::Relaxed) }));
///
/// let work = std::pin::pin!(async { "the host's own work" });
/// match block_on(select(queue, work)) {
///     Either::Right((answer, _queue)) => assert_eq!(answer, "the host's own work"),
///     Either::Left((never, _)) => match never {},
/// }
/// assert!(done.load(Ordering::Relaxed));
/// ```
#[must_use = "the tasks run only while the queue is polled"]
pub struct SpawnQueue {
    shared: Arc<Shared>,
    tasks: FuturesUnordered<Task>,
}

/// Hands tasks to a [`SpawnQueue`], from any thread. Cheap to clone.
#[derive(Clone)]
pub struct Spawner {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared(Mutex<Inbox>);

/// What was spawned and not yet seen by the queue.
#[derive(Default)]
struct Inbox {
    arrived: Vec<Task>,
    /// Wakes whoever polled the queue last.
    waker: Option<Waker>,
    /// The queue was dropped.
    closed: bool,
}

impl Shared {
    /// Nothing of a task's or of a waker's runs under this lock, so it is never poisoned half-way.
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpawnQueue {
    /// Makes an empty queue and the handle that feeds it.
    pub fn new() -> (Spawner, Self) {
        let shared = Arc::new(Shared::default());
        let queue = Self { shared: Arc::clone(&shared), tasks: FuturesUnordered::new() };
        (Spawner { shared }, queue)
    }

    /// Takes over what was spawned, and leaves word whom to wake for the next task.
    fn receive(&self, waker: &Waker) {
        let mut inbox = self.shared.lock();
        let arrived = mem::take(&mut inbox.arrived);
        let stale = match &inbox.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => inbox.waker.replace(waker.clone()),
        };
        drop(inbox);
        drop(stale);
        for task in arrived {
            self.tasks.push(task);
        }
    }
}

impl Future for SpawnQueue {
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        for _ in 0..FINISHED_PER_POLL {
            self.receive(cx.waker());
            let finished = self.tasks.poll_next_unpin(cx);
            // A task that ran may have spawned another; going on here spares the host a round.
            let idle = matches!(finished, Poll::Pending | Poll::Ready(None));
            if idle && self.shared.lock().arrived.is_empty() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for SpawnQueue {
    fn drop(&mut self) {
        let mut inbox = self.shared.lock();
        inbox.closed = true;
        let orphans = mem::take(&mut inbox.arrived);
        let waker = inbox.waker.take();
        drop(inbox);
        // The destructor of a task may spawn, so the lock is gone by now.
        drop((orphans, waker));
    }
}

impl fmt::Debug for SpawnQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnQueue").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Spawner {
    /// Puts `task` into the queue and wakes the host; the task first runs when the queue is next polled.
    /// Returns `false`, and drops the task, when the queue is gone.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let task: Task = Box::pin(task);
        let mut inbox = self.shared.lock();
        if inbox.closed {
            // The destructor of the task may spawn, so the lock goes first.
            drop(inbox);
            drop(task);
            return false;
        }
        inbox.arrived.push(task);
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner")
            .field("closed", &self.shared.lock().closed)
            .finish_non_exhaustive()
    }
}
