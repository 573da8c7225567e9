//! Tasks, time and repeatability.

use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use aiopg_runtime::{Runtime, Sleep};
use aiopg_sim::{Faults, Sim};
use futures_util::future::{join_all, select};
use futures_util::{AsyncReadExt, AsyncWriteExt, FutureExt};

use crate::support::{connect, echo_world, panic_of, sleep};

/// Five clients of an echo server, with timers, lookups, blocking work and numbers mixed in.
fn busy(seed: u64) -> Sim {
    let sim = echo_world(seed);
    let runtime = sim.runtime();
    sim.block_on(async {
        let clients = (0..5_u8).map(|number| {
            let runtime = runtime.clone();
            async move {
                let pause = Duration::from_micros(runtime.random() % 5000);
                sleep(&runtime, pause).await;
                runtime.resolve("localhost", 5432).await.unwrap();
                let mut stream = connect(&runtime).await.unwrap();
                let sent = vec![runtime.unblock(move || number).await.unwrap(); 700];
                stream.write_all(&sent).await.unwrap();
                stream.close().await.unwrap();
                let mut received = Vec::new();
                stream.read_to_end(&mut received).await.unwrap();
                assert_eq!(sent, received);
            }
        });
        join_all(clients).await;
    });
    sim
}

#[test]
fn the_same_seed_does_the_same_on_200_seeds() {
    for seed in 0..200 {
        let (first, second) = (busy(seed), busy(seed));
        assert_eq!(first.log(), second.log(), "seed {seed}");
        assert_eq!(first.trace(), second.trace(), "seed {seed}");
        assert_eq!(first.elapsed(), second.elapsed(), "seed {seed}");
        assert_eq!(first.polls(), second.polls(), "seed {seed}");
    }
}

#[test]
fn every_seed_does_something_else() {
    let traces = (0..200).map(|seed| busy(seed).trace()).collect::<BTreeSet<_>>();
    assert_eq!(traces.len(), 200);
}

#[test]
fn the_seed_decides_the_order_of_tasks() {
    let order = |seed| {
        let sim = Sim::new(seed);
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..4 {
            let order = Arc::clone(&order);
            sim.spawn(async move { order.lock().unwrap().push(number) });
        }
        let runtime = sim.runtime();
        sim.block_on(sleep(&runtime, Duration::from_millis(1)));
        let order = order.lock().unwrap();
        order.clone()
    };
    let orders = (0..500).map(order).collect::<BTreeSet<_>>();
    assert_eq!(orders.len(), 24, "all permutations of four");
}

#[test]
fn a_stalled_simulation_panics_with_its_seed_and_log() {
    let message = panic_of(|| echo_world(77).block_on(pending::<()>()));
    assert!(message.contains("simulation stalled"), "{message}");
    assert!(message.contains("seed 77"), "{message}");
    assert!(message.contains("1 other tasks"), "{message}");
    assert!(message.contains("task 1   poll"), "{message}");
}

#[test]
fn a_circle_of_timers_ends_at_the_time_limit() {
    let sim = Sim::new(1).with_time_limit(Duration::from_secs(60));
    let runtime = sim.runtime();
    let message = panic_of(|| {
        sim.block_on(async {
            loop {
                sleep(&runtime, Duration::from_secs(1)).await;
            }
        })
    });
    assert!(message.contains("time limit"), "{message}");
    assert!(sim.elapsed() < Duration::from_secs(61));
}

#[test]
fn a_task_that_wakes_itself_does_not_stop_time() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    sim.block_on(async {
        let busy = pin!(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        select(busy, pin!(sleep(&runtime, Duration::from_millis(5)))).await;
    });
    assert_eq!(sim.timers_fired(), 1);
}

#[test]
fn a_task_that_wakes_itself_forever_ends_at_the_poll_limit() {
    let sim = Sim::new(1).with_poll_limit(1000);
    let message = panic_of(|| {
        sim.block_on(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
    });
    assert!(message.contains("poll limit"), "{message}");
    assert_eq!(sim.polls(), 1000);
}

#[test]
fn a_panic_of_a_task_is_one_of_block_on_and_the_world_lives_on() {
    let sim = Sim::new(1);
    sim.spawn(async { panic!("the server is broken") });
    assert_eq!(panic_of(|| sim.block_on(pending::<()>())), "the server is broken");
    assert_eq!(sim.open_tasks(), 0);
    assert_eq!(sim.block_on(async { 7 }), 7);
}

#[test]
fn block_on_does_not_nest() {
    let sim = Sim::new(1);
    let message = panic_of(|| sim.block_on(async { sim.block_on(async {}) }));
    assert!(message.contains("from within"), "{message}");
}

#[test]
fn an_unfinished_task_goes_on_in_the_next_block_on() {
    let sim = Sim::new(1);
    let (runtime, done) = (sim.runtime(), Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&done);
    let inner = runtime.clone();
    sim.spawn(async move {
        sleep(&inner, Duration::from_secs(1)).await;
        flag.store(true, Ordering::Relaxed);
    });
    sim.block_on(async {});
    assert_eq!(sim.open_tasks(), 1);
    sim.block_on(sleep(&runtime, Duration::from_secs(2)));
    assert!(done.load(Ordering::Relaxed));
    assert_eq!(sim.open_tasks(), 0);
}

#[test]
fn what_outlives_its_simulation_says_so() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let held = Arc::new(());
    let inner = Arc::clone(&held);
    sim.spawn(async move {
        pending::<()>().await;
        drop(inner);
    });
    let before = runtime.unblock(|| 1);
    drop(sim);
    assert_eq!(Arc::strong_count(&held), 1, "the task is dropped");
    assert!(!runtime.spawn(async {}));
    assert!(before.now_or_never().unwrap().is_err());
    assert!(runtime.unblock(|| 1).now_or_never().unwrap().is_err());
}

#[test]
fn blocking_work_that_is_dropped_wakes_whoever_waits_for_it() {
    let (gone, sim) = (Sim::new(1), Sim::new(2));
    let (doomed, runtime) = (gone.runtime(), sim.runtime());
    let work = doomed.unblock(|| 1);
    sim.spawn(async move {
        sleep(&runtime, Duration::from_secs(1)).await;
        drop(gone);
    });
    assert!(sim.block_on(work).is_err());
}

#[test]
fn spawn_never_runs_a_task_inline() {
    let sim = Sim::new(1);
    let (runtime, count) = (sim.runtime(), Arc::new(AtomicU32::new(0)));
    sim.block_on(async {
        let inner = Arc::clone(&count);
        assert!(runtime.spawn(async move {
            inner.fetch_add(1, Ordering::Relaxed);
        }));
        assert_eq!(count.load(Ordering::Relaxed), 0);
        sleep(&runtime, Duration::from_millis(1)).await;
        assert_eq!(count.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn blocking_work_runs_later_and_passes_its_panic_on() {
    for seed in 0..50 {
        let sim = Sim::new(seed);
        let (runtime, count) = (sim.runtime(), Arc::new(AtomicU32::new(0)));
        sim.block_on(async {
            let inner = Arc::clone(&count);
            let work = runtime.unblock(move || inner.fetch_add(1, Ordering::Relaxed));
            assert_eq!(count.load(Ordering::Relaxed), 0, "not inline");
            assert_eq!(work.await.unwrap(), 0);
            drop(runtime.unblock(|| panic!("nobody waits for this")));
        });
        let message = panic_of(|| sim.block_on(runtime.unblock(|| panic!("too blocking"))));
        assert_eq!(message, "too blocking");
        assert_eq!(sim.timers_fired(), 0, "latency is no timer");
    }
}

#[test]
fn a_timer_is_ready_at_its_deadline_and_can_be_set_again() {
    for faults in [Faults::none(), Faults::default()] {
        let sim = Sim::new(5).with_faults(faults);
        let runtime = sim.runtime();
        sim.block_on(async {
            let start = runtime.now();
            let second = Duration::from_secs(1);
            let past = start.checked_sub(second).unwrap();
            assert!(runtime.sleep_until(start).now_or_never().is_some(), "zero");
            assert!(runtime.sleep_until(past).now_or_never().is_some(), "past");

            let mut timer = pin!(runtime.sleep_until(start + second));
            timer.as_mut().reset(start + 2 * second);
            timer.as_mut().await;
            assert!(runtime.now() >= start + 2 * second && runtime.now() < start + 3 * second);

            timer.as_mut().reset(start + 4 * second);
            assert!(timer.as_mut().now_or_never().is_none());
            timer.as_mut().reset(start + 3 * second);
            timer.as_mut().await;
            assert!(runtime.now() >= start + 3 * second && runtime.now() < start + 4 * second);
            timer.as_mut().reset(start);
            assert!(timer.as_mut().now_or_never().is_some());
        });
        assert_eq!(sim.timers_fired(), 2);
    }
}

#[test]
fn a_timer_that_is_moved_while_its_task_waits_still_wakes_it() {
    let sim = Sim::new(5);
    let runtime = sim.runtime();
    sim.block_on(async {
        let start = runtime.now();
        let timer = Mutex::new(Box::pin(runtime.sleep_until(start + Duration::from_secs(1000))));
        let wait = poll_fn(|context| timer.lock().unwrap().as_mut().poll(context));
        let move_it = async {
            sleep(&runtime, Duration::from_secs(1)).await;
            timer.lock().unwrap().as_mut().reset(start + Duration::from_secs(2));
        };
        futures_util::future::join(wait, move_it).await;
        assert!(runtime.now() < start + Duration::from_secs(3));
    });
}

#[test]
fn a_dropped_timer_leaves_nothing_to_wait_for() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let message = panic_of(|| {
        sim.block_on(async {
            let timer = runtime.sleep_until(runtime.now() + Duration::from_secs(9));
            assert!(timer.now_or_never().is_none());
            pending::<()>().await;
        });
    });
    assert!(message.contains("stalled"), "{message}");
    assert!(sim.elapsed() < Duration::from_secs(1));
}

#[test]
fn dropping_what_a_failed_run_left_behind_does_not_deadlock() {
    let sim = echo_world(3);
    let runtime = sim.runtime();
    let result = catch_unwind(AssertUnwindSafe(|| {
        sim.block_on(async {
            let _stream = connect(&runtime).await.unwrap();
            pending::<()>().await;
        });
    }));
    assert!(result.is_err());
    drop(sim);
    drop(runtime);
}
