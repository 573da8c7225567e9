//! The conformance suite on every kind of tokio runtime, and from outside of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aiopg_runtime::conformance::{Loopback, refuses_to_spawn, run_all};
use aiopg_runtime::{Runtime, TcpOptions};
use aiopg_tokio::Tokio;
use futures::channel::oneshot;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use tokio::runtime::Builder;

fn multi_thread() -> tokio::runtime::Runtime {
    built(Builder::new_multi_thread().worker_threads(2).enable_all())
}

fn current_thread() -> tokio::runtime::Runtime {
    built(Builder::new_current_thread().enable_all())
}

#[expect(clippy::unwrap_used, reason = "only tests call it")]
fn built(builder: &mut Builder) -> tokio::runtime::Runtime {
    builder.build().unwrap()
}

#[test]
fn a_current_thread_runtime_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    current_thread().block_on(async { run_all(Tokio::current(), loopback.peers()).await });
}

#[test]
fn a_multi_thread_runtime_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    multi_thread().block_on(async { run_all(Tokio::current(), loopback.peers()).await });
}

#[test]
fn a_task_of_a_multi_thread_runtime_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    let tokio = multi_thread();
    let runtime = Tokio::from_handle(tokio.handle().clone());
    let suite = tokio.spawn(async move { run_all(runtime, loopback.peers()).await });
    tokio.block_on(suite).unwrap();
}

#[test]
fn a_foreign_executor_keeps_the_contract() {
    let loopback = Loopback::start().unwrap();
    let tokio = multi_thread();
    let runtime = Tokio::from_handle(tokio.handle().clone());
    futures::executor::block_on(run_all(runtime, loopback.peers()));
}

#[test]
fn a_foreign_executor_keeps_the_contract_while_another_thread_drives_the_runtime() {
    let loopback = Loopback::start().unwrap();
    let tokio = current_thread();
    let runtime = Tokio::from_handle(tokio.handle().clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let driver = thread::spawn(move || tokio.block_on(stopped));
    futures::executor::block_on(run_all(runtime, loopback.peers()));
    drop(stop);
    driver.join().unwrap().unwrap_err();
}

#[test]
fn a_runtime_that_was_shut_down_refuses_to_spawn() {
    for tokio in [multi_thread(), current_thread()] {
        let runtime = Tokio::from_handle(tokio.handle().clone());
        assert!(runtime.spawn(async {}));
        drop(tokio);
        refuses_to_spawn(&runtime);
        // The answer must not depend on where the question is asked.
        current_thread().block_on(async { refuses_to_spawn(&runtime) });
    }
}

#[test]
fn a_caller_without_budget_still_learns_that_the_executor_is_gone() {
    let gone = current_thread();
    let runtime = Tokio::from_handle(gone.handle().clone());
    drop(gone);
    current_thread().block_on(async {
        tokio::spawn(async move {
            let mut spent = 0;
            while spent < 10_000 && tokio::task::consume_budget().now_or_never().is_some() {
                spent += 1;
            }
            assert!(spent < 10_000);
            refuses_to_spawn(&runtime);
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_task_that_is_over_at_once_counts_as_taken() {
    let tokio = multi_thread();
    let runtime = Tokio::from_handle(tokio.handle().clone());
    for _ in 0..1000 {
        assert!(runtime.spawn(async {}));
    }
}

#[test]
fn a_runtime_that_was_shut_down_reports_errors() {
    let loopback = Loopback::start().unwrap();
    let options = TcpOptions::default();
    let echo = loopback.peers().echo;
    for tokio in [multi_thread(), current_thread()] {
        let runtime = Tokio::from_handle(tokio.handle().clone());
        let mut open = tokio.block_on(runtime.connect_tcp(echo, &options)).unwrap();
        drop(tokio);
        futures::executor::block_on(async {
            runtime.unblock(|| ()).await.unwrap_err();
            runtime.resolve("127.0.0.1", 1).await.unwrap_err();
            runtime.connect_tcp(echo, &options).await.unwrap_err();
            open.read(&mut [0; 8]).await.unwrap_err();
            runtime.sleep_until(runtime.now()).await;
        });
    }
}

#[test]
fn a_stream_and_a_timer_may_be_dropped_on_a_plain_thread() {
    let loopback = Loopback::start().unwrap();
    for tokio in [multi_thread(), current_thread()] {
        let runtime = Tokio::from_handle(tokio.handle().clone());
        let held = runtime.clone();
        let echo = loopback.peers().echo;
        let (stream, sleep) = tokio.block_on(async {
            let mut stream = runtime.connect_tcp(echo, &TcpOptions::default()).await.unwrap();
            stream.write_all(b"bye").await.unwrap();
            let mut sleep = Box::pin(runtime.sleep_until(runtime.now() + Duration::from_secs(60)));
            assert!(sleep.as_mut().now_or_never().is_none());
            (stream, sleep)
        });
        thread::spawn(move || drop((stream, sleep, held))).join().unwrap();
    }
}

#[test]
fn a_paused_clock_is_the_clock_of_now_and_of_the_timers() {
    let tokio = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio.block_on(async {
        let runtime = Tokio::current();
        let hour = Duration::from_secs(3600);
        let started = std::time::Instant::now();
        let before = runtime.now();
        runtime.sleep_until(before + hour).await;
        assert!(runtime.now() >= before + hour);
        runtime.timeout(hour, std::future::pending::<()>()).await.unwrap_err();
        assert!(runtime.now() >= before + 2 * hour);
        assert!(started.elapsed() < hour);
    });
}

#[test]
fn a_busy_task_does_not_hold_a_timer_back() {
    current_thread().block_on(async {
        tokio::spawn(async {
            let runtime = Tokio::current();
            // Always ready inside, never done: every poll uses the whole budget up.
            let busy = async {
                loop {
                    tokio::task::consume_budget().await;
                }
            };
            runtime.timeout(Duration::from_millis(5), busy).await.unwrap_err();
        })
        .await
        .unwrap();
    });
}

#[test]
fn current_is_none_outside_a_runtime() {
    assert!(Tokio::try_current().is_none());
    assert!(current_thread().block_on(async { Tokio::try_current() }).is_some());
}

#[test]
#[should_panic(expected = "`Tokio::current()` was called outside a tokio runtime")]
fn current_says_what_is_wrong_outside_a_runtime() {
    drop(Tokio::current());
}

#[test]
fn a_task_may_spawn_while_its_runtime_shuts_down() {
    struct SpawnOnDrop(Tokio, Arc<AtomicBool>);

    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            self.1.store(!self.0.spawn(async {}), Ordering::SeqCst);
        }
    }

    for tokio in [multi_thread(), current_thread()] {
        let runtime = Tokio::from_handle(tokio.handle().clone());
        let refused = Arc::new(AtomicBool::new(false));
        let guard = SpawnOnDrop(runtime.clone(), Arc::clone(&refused));
        assert!(runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(guard);
        }));
        drop(tokio);
        assert!(refused.load(Ordering::SeqCst));
    }
}
