//! What a host may rely on when it polls a `SpawnQueue`.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use aiopg_runtime::{SpawnQueue, Spawner};

use crate::fake::poll_once;

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn value(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.add();
    }
}

/// Counts when it is dropped, and spawns on the way.
struct OnDrop(Arc<Count>, Spawner);

impl Drop for OnDrop {
    fn drop(&mut self) {
        assert!(!self.1.spawn(async {}));
        self.0.add();
    }
}

fn poll(queue: &mut SpawnQueue) {
    assert!(poll_once(Pin::new(queue)).is_pending());
}

#[test]
fn a_task_runs_when_the_queue_is_polled_and_not_before() {
    let (spawner, mut queue) = SpawnQueue::new();
    let ran = Arc::new(Count::default());
    let count = Arc::clone(&ran);
    assert!(spawner.spawn(async move { count.add() }));
    assert_eq!(ran.value(), 0);
    poll(&mut queue);
    assert_eq!(ran.value(), 1);
    poll(&mut queue);
    assert_eq!(ran.value(), 1);
}

#[test]
fn only_woken_tasks_are_polled() {
    let (spawner, mut queue) = SpawnQueue::new();
    let polls = Arc::new(Count::default());
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    for _ in 0..1000 {
        let (polls, wakers) = (Arc::clone(&polls), Arc::clone(&wakers));
        spawner.spawn(poll_fn(move |cx| {
            polls.add();
            wakers.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        }));
    }
    // More often than needed: the queue may take its work in portions.
    for _ in 0..10 {
        poll(&mut queue);
    }
    assert_eq!(polls.value(), 1000);
    let waker = wakers.lock().unwrap()[500].clone();
    waker.wake();
    for _ in 0..10 {
        poll(&mut queue);
    }
    assert_eq!(polls.value(), 1001);
}

#[test]
fn a_task_may_spawn_tasks() {
    let (spawner, mut queue) = SpawnQueue::new();
    let ran = Arc::new(Count::default());
    let (count, inner) = (Arc::clone(&ran), spawner.clone());
    spawner.spawn(async move {
        for _ in 0..3 {
            let count = Arc::clone(&count);
            assert!(inner.spawn(async move { count.add() }));
        }
    });
    poll(&mut queue);
    assert_eq!(ran.value(), 3);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the point is to spawn from another thread")]
fn spawning_wakes_whoever_polled_the_queue_last() {
    let (spawner, mut queue) = SpawnQueue::new();
    let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
    for count in [&first, &last] {
        let waker = Waker::from(Arc::clone(count));
        assert!(pin!(&mut queue).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    let elsewhere = spawner.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(elsewhere.spawn(async {})));
    });
    assert_eq!((first.value(), last.value()), (0, 1));
    // Woken once is enough until the queue is polled again.
    spawner.spawn(async {});
    assert_eq!((first.value(), last.value()), (0, 1));
}

#[test]
fn dropping_the_queue_drops_its_tasks_and_refuses_new_ones() {
    let (spawner, mut queue) = SpawnQueue::new();
    let dropped = Arc::new(Count::default());
    let task = || {
        let guard = OnDrop(Arc::clone(&dropped), spawner.clone());
        async move {
            pending::<()>().await;
            drop(guard);
        }
    };
    assert!(spawner.spawn(task()));
    poll(&mut queue);
    assert!(spawner.spawn(task()));
    assert_eq!(dropped.value(), 0);
    drop(queue);
    assert_eq!(dropped.value(), 2);
    assert!(!spawner.spawn(task()));
    assert_eq!(dropped.value(), 3);
}

#[test]
fn tasks_that_spawn_one_another_for_ever_leave_the_host_its_turn() {
    fn chain(spawner: Spawner, ran: Arc<Count>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            ran.add();
            spawner.spawn(chain(spawner.clone(), ran));
        })
    }
    let (spawner, mut queue) = SpawnQueue::new();
    let (ran, woken) = (Arc::new(Count::default()), Arc::new(Count::default()));
    spawner.spawn(chain(spawner.clone(), Arc::clone(&ran)));
    let waker = Waker::from(Arc::clone(&woken));
    assert!(Pin::new(&mut queue).poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(ran.value() > 1);
    assert!(woken.value() > 0);
}

#[test]
fn the_queue_outlives_a_task_that_panics() {
    let (spawner, mut queue) = SpawnQueue::new();
    let ran = Arc::new(Count::default());
    spawner.spawn(async { resume_unwind(Box::new("on purpose")) });
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut queue))).is_err());
    let count = Arc::clone(&ran);
    assert!(spawner.spawn(async move { count.add() }));
    poll(&mut queue);
    assert_eq!(ran.value(), 1);
}
