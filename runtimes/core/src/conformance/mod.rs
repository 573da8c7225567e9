//! The conformance suite: what every adapter must do, as checks that any adapter can run.
//!
//! [`run_all`] runs every check on a runtime, and then once more on its erased form. It panics with the name
//! of the first check that fails. The other end of the network is a parameter, [`Peers`]: [`Loopback`] serves
//! real runtimes, a simulator brings its own.
//!
//! What needs the runtime to be gone cannot be part of that run: shut it down and call [`refuses_to_spawn`].
//!
//! # Examples
//!
//! The whole test of an adapter:
//!
//! ```
//! # use aiopg_runtime::{conformance, Runtime};
//! # fn block_on<F: Future>(future: F) -> F::Output { unimplemented!() }
//! # fn example(my_runtime: impl Runtime) -> std::io::Result<()> {
//! let loopback = conformance::Loopback::start()?;
//! block_on(conformance::run_all(my_runtime, loopback.peers()));
//! # Ok(())
//! # }
//! ```

mod failure;
mod peers;
mod loopback;
mod probe;
mod timers;
mod timeouts;
mod tasks;
mod names;
mod streams;
mod cancellation;

use std::any::{Any, type_name};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;

use crate::any::AnyRuntime;
use crate::conformance::failure::{Failure, Outcome};
pub use crate::conformance::loopback::Loopback;
pub use crate::conformance::peers::Peers;
pub use crate::conformance::tasks::refuses_to_spawn;
use crate::runtime::Runtime;

/// A check that hangs is stopped after so long, by the timer of the runtime under test. Far more than a
/// slow machine needs.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs every check on `runtime`, then every check on its erased form.
///
/// A runtime whose [`spawn`](Runtime::spawn) only queues must be driven at the same time.
///
/// # Panics
///
/// With the name of the first check that fails, hangs or panics.
pub async fn run_all<R: Runtime>(runtime: R, peers: &Peers) {
    for check in checks::<R>() {
        check.run(&runtime, peers).await;
    }
    let erased = runtime.erase();
    for check in checks::<AnyRuntime>() {
        check.run(&erased, peers).await;
    }
}

/// Every check, in the order in which [`run_all`] runs them: what the later ones rely on comes first.
///
/// For suites that want each check by itself, such as a simulator that runs it with many seeds.
pub fn checks<R: Runtime>() -> Vec<Check<R>> {
    macro_rules! list {
        ($($module:ident: $($name:ident),+;)+) => {
            vec![$($(Check {
                name: stringify!($name),
                body: |runtime, peers| Box::pin($module::$name(runtime, peers)),
            },)+)+]
        };
    }
    list! {
        timers:
            the_clock_never_goes_back, a_past_deadline_is_ready_at_the_first_poll, a_timer_is_never_early,
            a_timer_can_be_set_earlier, a_timer_can_be_set_later, a_timer_can_be_set_into_the_past,
            a_timer_can_be_set_before_its_first_poll, a_timer_can_be_set_after_it_completed,
            a_timer_wakes_whoever_polled_it_last;
        timeouts:
            a_ready_call_beats_a_passed_deadline, a_call_in_time_gives_its_result,
            a_call_that_waits_too_long_elapses, without_a_deadline_nothing_elapses;
        tasks:
            a_spawned_task_runs, a_spawned_task_does_not_run_inline, a_spawned_task_outlives_its_spawner,
            unblock_returns_the_value, unblock_passes_a_panic_on, spawning_works_from_any_thread,
            random_numbers_differ;
        names:
            a_known_name_resolves_with_its_port, an_address_resolves_to_itself, an_unknown_name_is_an_error;
        streams:
            bytes_go_both_ways, much_data_goes_both_ways_at_once, vectored_writes_keep_their_order,
            closing_is_seen_by_the_peer_after_the_data, a_stream_can_move_to_another_task,
            every_tcp_option_is_accepted, a_refused_connection_says_so, a_missing_unix_socket_is_an_error;
        cancellation:
            a_dropped_read_consumes_nothing, a_silent_peer_can_be_given_up,
            a_dropped_stream_closes_its_socket, a_dropped_connect_closes_its_socket,
            a_dropped_timer_is_harmless, a_dropped_unblock_is_harmless, a_dropped_look_up_is_harmless;
    }
}

type Body<R> = fn(R, Peers) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One check of the suite.
#[non_exhaustive]
pub struct Check<R> {
    name: &'static str,
    body: Body<R>,
}

impl<R: Runtime> Check<R> {
    /// What is checked, as a sentence.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check.
    ///
    /// # Panics
    ///
    /// With the name of the check, when it fails, hangs or panics.
    #[expect(clippy::panic, reason = "it is how a test fails")]
    pub async fn run(&self, runtime: &R, peers: &Peers) {
        let body = AssertUnwindSafe((self.body)(runtime.clone(), peers.clone())).catch_unwind();
        let outcome = match runtime.timeout(LIMIT, body).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(payload)) => {
                Err(Failure::new(format!("panicked: {}", message(payload.as_ref()))))
            }
            Err(_) => Err(Failure::new("hangs")),
        };
        if let Err(failure) = outcome {
            panic!("conformance check `{}` of {}: {failure}", self.name, type_name::<R>());
        }
    }
}

impl<R> fmt::Debug for Check<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The text of a panic, if it has one.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
