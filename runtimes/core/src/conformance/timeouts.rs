//! Checks of `Timeout` on the runtime's own clock and timers.

use std::future::{pending, ready};
use std::time::Duration;

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::runtime::Runtime;

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

pub(super) async fn a_ready_call_beats_a_passed_deadline<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let past = runtime.now();
    ensure!(runtime.timeout_at(Some(past), ready(7)).await == Ok(7), "the result was lost");
    ensure!(runtime.timeout(Duration::ZERO, ready(7)).await == Ok(7), "the result was lost");
    Ok(())
}

pub(super) async fn a_call_in_time_gives_its_result<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let call = runtime.sleep_until(runtime.now() + SHORT);
    runtime.timeout(LONG, call).await?;
    Ok(())
}

pub(super) async fn a_call_that_waits_too_long_elapses<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    for limit in [Duration::ZERO, SHORT] {
        let deadline = runtime.now() + limit;
        let outcome = runtime.timeout_at(Some(deadline), pending::<()>()).await;
        ensure!(outcome.is_err(), "a call that never ends gave a result");
        ensure!(runtime.now() >= deadline, "a limit of {limit:?} ended early");
    }
    Ok(())
}

pub(super) async fn without_a_deadline_nothing_elapses<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let call = runtime.sleep_until(runtime.now() + SHORT);
    runtime.timeout_at(None, call).await?;
    // So long that the clock cannot name its end.
    let call = runtime.sleep_until(runtime.now() + SHORT);
    runtime.timeout(Duration::MAX, call).await?;
    Ok(())
}
