//! A lost wake-up cannot hide.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use aiopg_runtime::Runtime;
use aiopg_sim::{Faults, Sim, SimRuntime};

use crate::support::{panic_of, sleep};

/// A queue of waiters for one slot, as a pool has it.
#[derive(Default)]
struct Slot {
    taken: bool,
    waiters: VecDeque<Waker>,
}

#[derive(Clone, Default)]
struct Pool {
    slot: Arc<Mutex<Slot>>,
    /// The mistake: whoever gives the slot back wakes nobody.
    forgets: bool,
}

impl Pool {
    async fn take(&self) {
        poll_fn(|context| {
            let mut slot = self.slot.lock().unwrap();
            if slot.taken {
                slot.waiters.push_back(context.waker().clone());
                return Poll::Pending;
            }
            slot.taken = true;
            Poll::Ready(())
        })
        .await;
    }

    fn give_back(&self) {
        let mut slot = self.slot.lock().unwrap();
        slot.taken = false;
        let waiter = slot.waiters.pop_front();
        drop(slot);
        if let Some(waiter) = waiter.filter(|_| !self.forgets) {
            waiter.wake();
        }
    }
}

/// Holds the slot for a millisecond while the main future asks for it.
fn contend(sim: &Sim, pool: &Pool) {
    async fn hold(runtime: SimRuntime, pool: Pool) {
        sleep(&runtime, Duration::from_millis(1)).await;
        pool.give_back();
    }
    pool.slot.lock().unwrap().taken = true;
    sim.spawn(hold(sim.runtime(), pool.clone()));
}

#[test]
fn a_lost_wake_up_that_nothing_else_hides_stalls() {
    for (forgets, faults) in [true, false]
        .into_iter()
        .flat_map(|forgets| [Faults::none(), Faults::default()].map(|faults| (forgets, faults)))
    {
        let sim = Sim::new(1).with_faults(faults);
        let pool = Pool { forgets, ..Pool::default() };
        contend(&sim, &pool);
        if forgets {
            let message = panic_of(|| sim.block_on(pool.take()));
            assert!(message.contains("simulation stalled"), "{message}");
        } else {
            sim.block_on(pool.take());
        }
    }
}

#[test]
fn a_lost_wake_up_that_a_timeout_hides_shows_in_the_timers_and_in_the_time() {
    for forgets in [true, false] {
        let sim = Sim::new(1);
        let pool = Pool { forgets, ..Pool::default() };
        contend(&sim, &pool);
        let runtime = sim.runtime();
        // The timeout polls the inner future once more when it goes off, and that succeeds.
        let taken = sim.block_on(runtime.timeout(Duration::from_secs(30), pool.take()));
        assert!(taken.is_ok());
        // One timer is the other task's.
        assert_eq!(sim.timers_fired(), if forgets { 2 } else { 1 });
        assert_eq!(sim.elapsed() > Duration::from_millis(2), forgets);
    }
}

#[test]
fn a_wake_up_takes_a_microsecond_for_each_ready_task() {
    for seed in 0..50 {
        let sim = Sim::new(seed);
        for _ in 0..10 {
            let runtime = sim.runtime();
            sim.spawn(async move { sleep(&runtime, Duration::from_secs(1)).await });
        }
        let runtime = sim.runtime();
        sim.block_on(sleep(&runtime, Duration::from_secs(2)));
        assert!(sim.longest_wake_up() <= Duration::from_micros(10), "{:?}", sim.longest_wake_up());
        assert_eq!(sim.timers_fired(), 11);
    }
}
