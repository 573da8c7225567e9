//! Checks of `spawn`, `unblock` and `random`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::conformance::probe::eventually;
use crate::runtime::Runtime;

/// Checks that a runtime whose executor is gone refuses tasks: [`spawn`](Runtime::spawn) says `false`, drops
/// the task and does not panic. Shut the executor down before the call; a runtime that cannot be shut down
/// has nothing to check here.
///
/// # Panics
///
/// When the runtime took the task, or kept it.
pub fn refuses_to_spawn<R: Runtime>(runtime: &R) {
    const CHECK: &str = "conformance check `refuses_to_spawn`";
    let dropped = Flag::default();
    let guard = SetOnDrop(dropped.clone());
    let taken = runtime.spawn(async move { drop(guard) });
    assert!(!taken, "{CHECK}: `spawn` said that the task was taken");
    assert!(dropped.is_set(), "{CHECK}: the refused task was not dropped");
    let taken = runtime.clone().erase().spawn(async {});
    assert!(!taken, "{CHECK}: the erased `spawn` said that the task was taken");
}

#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct SetOnDrop(Flag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

pub(super) async fn a_spawned_task_runs<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let ran = Flag::default();
    let flag = ran.clone();
    ensure!(runtime.spawn(async move { flag.set() }), "`spawn` said that the executor is gone");
    eventually(&runtime, "the task ran", || ran.is_set()).await
}

pub(super) async fn a_spawned_task_does_not_run_inline<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    thread_local! {
        /// Set while this thread is inside `spawn`: a task that sees it runs on the caller's stack.
        static SPAWNING: Cell<bool> = const { Cell::new(false) };
    }
    let ran = Flag::default();
    let inline = Flag::default();
    let (ran_flag, inline_flag) = (ran.clone(), inline.clone());
    SPAWNING.set(true);
    let taken = runtime.spawn(async move {
        if SPAWNING.get() {
            inline_flag.set();
        }
        ran_flag.set();
    });
    SPAWNING.set(false);
    ensure!(taken, "`spawn` said that the executor is gone");
    eventually(&runtime, "the task ran", || ran.is_set()).await?;
    ensure!(!inline.is_set(), "the task ran within `spawn`");
    Ok(())
}

pub(super) async fn a_spawned_task_outlives_its_spawner<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let done = Flag::default();
    let flag = done.clone();
    let inner = runtime.clone();
    let taken = runtime.spawn(async move {
        let clock = inner.clone();
        inner.spawn(async move {
            clock.sleep_until(clock.now() + Duration::from_millis(5)).await;
            flag.set();
        });
    });
    ensure!(taken, "`spawn` said that the executor is gone");
    eventually(&runtime, "the task of a task went on to its end", || done.is_set()).await
}

pub(super) async fn unblock_returns_the_value<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let text = runtime.unblock(|| String::from("worked")).await?;
    ensure!(text == "worked", "it returned {text:?}");
    Ok(())
}

pub(super) async fn unblock_passes_a_panic_on<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    // Resumed, not raised: the hook that prints panics has no part in this.
    let work = runtime.unblock(|| resume_unwind(Box::new("on purpose")));
    let outcome: Result<std::io::Result<()>, _> = AssertUnwindSafe(work).catch_unwind().await;
    let Err(payload) = outcome else {
        ensure!(false, "a closure that panicked gave {outcome:?}");
        return Ok(());
    };
    ensure!(payload.downcast_ref() == Some(&"on purpose"), "it was another panic");
    ensure!(runtime.unblock(|| 1).await? == 1, "work after a panic failed");
    Ok(())
}

pub(super) async fn spawning_works_from_any_thread<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let ran = Flag::default();
    let flag = ran.clone();
    let inner = runtime.clone();
    let taken = runtime.unblock(move || inner.spawn(async move { flag.set() })).await?;
    ensure!(taken, "`spawn` said that the executor is gone");
    eventually(&runtime, "the task ran", || ran.is_set()).await
}

pub(super) async fn random_numbers_differ<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let first = runtime.random();
    ensure!((0..4).any(|_| runtime.random() != first), "five numbers were {first}");
    Ok(())
}
