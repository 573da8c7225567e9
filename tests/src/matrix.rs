//! One test body, every runtime; and a watchdog, so that a hang is a failure.

use std::future::Future;
use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use aiopg_async_std::AsyncStd;
use aiopg_runtime::SpawnQueue;
use aiopg_smol::Smol;
use aiopg_tokio::Tokio;

use crate::warnings;

/// Makes a test on every runtime of each `async fn name<R: Runtime>(runtime: R)`.
///
/// The tests of `name` are called `name::tokio_current_thread` and so on, so that a part of the name picks a
/// runtime: `cargo test -- ::smol`. A body returns `()` or a `Result`.
///
/// ```text
/// async fn rows_arrive_in_order<R: Runtime>(runtime: R) { /* ... */ }
///
/// on_every_runtime!(rows_arrive_in_order);
/// ```
#[macro_export]
macro_rules! on_every_runtime {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            use super::$test as body;
            use $crate::matrix;

            #[test]
            fn tokio_current_thread() -> impl ::std::process::Termination {
                matrix::tokio_current_thread(concat!(module_path!(), "::tokio_current_thread"), body)
            }

            #[test]
            fn tokio_multi_thread() -> impl ::std::process::Termination {
                matrix::tokio_multi_thread(concat!(module_path!(), "::tokio_multi_thread"), body)
            }

            #[test]
            fn async_std() -> impl ::std::process::Termination {
                matrix::async_std(concat!(module_path!(), "::async_std"), body)
            }

            #[test]
            fn smol() -> impl ::std::process::Termination {
                matrix::smol(concat!(module_path!(), "::smol"), body)
            }

            #[test]
            fn smol_without_executor() -> impl ::std::process::Termination {
                matrix::smol_without_executor(concat!(module_path!(), "::smol_without_executor"), body)
            }
        }
    )+};
}

/// Runs `body` on a tokio runtime of one thread.
pub fn tokio_current_thread<F: Future>(
    name: &'static str,
    body: impl FnOnce(Tokio) -> F,
) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a tokio runtime");
    let _watchdog = Watchdog::watch(name, LIMIT);
    let output = runtime.block_on(async { body(Tokio::current()).await });
    warnings::refuse();
    output
}

/// Runs `body` beside a tokio runtime of two worker threads: sockets and timers wake it from there.
pub fn tokio_multi_thread<F: Future>(
    name: &'static str,
    body: impl FnOnce(Tokio) -> F,
) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a tokio runtime");
    let _watchdog = Watchdog::watch(name, LIMIT);
    let output = runtime.block_on(async { body(Tokio::current()).await });
    warnings::refuse();
    output
}

/// Runs `body` on async-std's global executor.
pub fn async_std<F: Future>(name: &'static str, body: impl FnOnce(AsyncStd) -> F) -> F::Output {
    let _watchdog = Watchdog::watch(name, LIMIT);
    let output = ::async_std::task::block_on(body(AsyncStd::new()));
    warnings::refuse();
    output
}

/// Runs `body` on smol's global executor.
pub fn smol<F: Future>(name: &'static str, body: impl FnOnce(Smol) -> F) -> F::Output {
    let _watchdog = Watchdog::watch(name, LIMIT);
    let output = ::smol::block_on(body(Smol::global()));
    warnings::refuse();
    output
}

/// Runs `body` under the plain `block_on` of the `futures` crate, with an executor that is gone: `spawn`
/// says `false`, and nothing is driven but by the caller's own polls.
pub fn smol_without_executor<F: Future>(
    name: &'static str,
    body: impl FnOnce(Smol) -> F,
) -> F::Output {
    let (spawner, queue) = SpawnQueue::new();
    drop(queue);
    let _watchdog = Watchdog::watch(name, LIMIT);
    let output = futures::executor::block_on(body(Smol::queue(spawner)));
    warnings::refuse();
    output
}

/// Aborts the process, naming the test, unless it is dropped in time. An abort is the only way to end a
/// test whose thread hangs; the servers of the process are removed by their guards.
#[derive(Debug)]
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    /// Gives the caller `limit` of real time to drop the watchdog.
    pub fn watch(name: &'static str, limit: Duration) -> Self {
        let (alive, ended) = mpsc::channel();
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || {
                if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    // Not `eprintln!`: the test runner captures that, and an abort would lose it.
                    let line = format!("\ntest {name} hangs: not done after {limit:?}; aborting\n");
                    let _ = io::stderr().write_all(line.as_bytes());
                    process::abort();
                }
            })
            .expect("a thread for the watchdog");
        Self { _alive: alive }
    }
}

/// Ten times what the slowest test takes on a loaded machine with two cores.
const LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    async fn timer_fires_on_each_runtime<R: aiopg_runtime::Runtime>(runtime: R) {
        let start = runtime.now();
        runtime.sleep_until(start + Duration::from_millis(1)).await;
        assert!(runtime.now() >= start + Duration::from_millis(1));
    }

    async fn body_may_return_a_result<R: aiopg_runtime::Runtime>(runtime: R) -> io::Result<()> {
        assert_eq!(runtime.unblock(|| 7).await?, 7);
        Ok(())
    }

    on_every_runtime!(timer_fires_on_each_runtime, body_may_return_a_result);

    #[test]
    fn watchdog_aborts_a_hanging_process() {
        const MARK: &str = "AIOPG_WATCHDOG_HANGS";
        if std::env::var_os(MARK).is_some() {
            let _watchdog = Watchdog::watch("the_hanging_test", Duration::from_millis(1));
            loop {
                thread::park();
            }
        }
        let output = process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "matrix::tests::watchdog_aborts_a_hanging_process"])
            .env(MARK, "1")
            .output()
            .unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("test the_hanging_test hangs"), "{text}");
    }
}
