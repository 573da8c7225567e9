//! Checks of the clock and the timers.

use std::pin::pin;
use std::time::Duration;

use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::peers::Peers;
use crate::conformance::probe::poll_once;
use crate::runtime::{Runtime, Sleep};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

pub(super) async fn the_clock_never_goes_back<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let mut last = runtime.now();
    for round in 0..1000 {
        let now = runtime.now();
        ensure!(now >= last, "it went back by {:?}", last - now);
        last = now;
        if round % 250 == 0 {
            runtime.sleep_until(now + Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

pub(super) async fn a_past_deadline_is_ready_at_the_first_poll<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    for age in [Duration::ZERO, Duration::from_micros(10), Duration::from_millis(2)] {
        // Waiting first, so that there is a past to speak of.
        let deadline = runtime.now();
        if !age.is_zero() {
            runtime.sleep_until(deadline + age).await;
        }
        let sleep = pin!(runtime.sleep_until(deadline));
        ensure!(poll_once(sleep).is_ready(), "a deadline {age:?} ago was pending");
    }
    Ok(())
}

pub(super) async fn a_timer_is_never_early<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    for micros in [1, 50, 999, 1000, 1001, 2500, 10_000] {
        let deadline = runtime.now() + Duration::from_micros(micros);
        runtime.sleep_until(deadline).await;
        let now = runtime.now();
        ensure!(now >= deadline, "{micros} us ended {:?} early", deadline - now);
    }
    Ok(())
}

pub(super) async fn a_timer_can_be_set_earlier<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let start = runtime.now();
    let mut sleep = pin!(runtime.sleep_until(start + LONG));
    ensure!(poll_once(sleep.as_mut()).is_pending(), "an hour was over at once");
    let deadline = runtime.now() + SHORT;
    sleep.as_mut().reset(deadline);
    sleep.await;
    ensure!(runtime.now() >= deadline, "the new deadline was not kept");
    ensure!(runtime.now() < start + LONG, "the old deadline was kept");
    Ok(())
}

pub(super) async fn a_timer_can_be_set_later<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let first = runtime.now() + SHORT;
    let mut sleep = pin!(runtime.sleep_until(first));
    let _ = poll_once(sleep.as_mut());
    let second = first + 4 * SHORT;
    sleep.as_mut().reset(second);
    sleep.await;
    ensure!(runtime.now() >= second, "the old deadline was kept");
    Ok(())
}

pub(super) async fn a_timer_can_be_set_into_the_past<R: Runtime>(runtime: R, _: Peers) -> Outcome {
    let past = runtime.now();
    let mut sleep = pin!(runtime.sleep_until(past + LONG));
    ensure!(poll_once(sleep.as_mut()).is_pending(), "an hour was over at once");
    sleep.as_mut().reset(past);
    ensure!(poll_once(sleep.as_mut()).is_ready(), "a deadline that has passed was pending");
    Ok(())
}

pub(super) async fn a_timer_can_be_set_before_its_first_poll<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let start = runtime.now();
    let mut sleep = pin!(runtime.sleep_until(start + LONG));
    sleep.as_mut().reset(start + SHORT);
    sleep.await;
    ensure!(runtime.now() >= start + SHORT, "the new deadline was not kept");
    Ok(())
}

pub(super) async fn a_timer_can_be_set_after_it_completed<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let mut sleep = pin!(runtime.sleep_until(runtime.now() + SHORT));
    sleep.as_mut().await;
    for _ in 0..3 {
        sleep.as_mut().reset(runtime.now() + LONG);
        ensure!(poll_once(sleep.as_mut()).is_pending(), "it was still complete");
        let deadline = runtime.now() + SHORT;
        sleep.as_mut().reset(deadline);
        sleep.as_mut().await;
        ensure!(runtime.now() >= deadline, "the new deadline was not kept");
    }
    Ok(())
}

pub(super) async fn a_timer_wakes_whoever_polled_it_last<R: Runtime>(
    runtime: R,
    _: Peers,
) -> Outcome {
    let mut sleep = pin!(runtime.sleep_until(runtime.now() + SHORT));
    // For a task that nobody can wake; then for this one.
    let _ = poll_once(sleep.as_mut());
    sleep.await;
    Ok(())
}
