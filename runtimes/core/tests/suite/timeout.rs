//! What `Timeout` asks of the clock and of the timers, and when.

use std::future::{pending, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aiopg_runtime::{Elapsed, Runtime};

use crate::fake::{Fake, poll_once};

const SECOND: Duration = Duration::from_secs(1);

fn elapsed<T>(poll: &Poll<Result<T, Elapsed>>) -> bool {
    matches!(poll, Poll::Ready(Err(_)))
}

#[test]
fn a_ready_call_makes_no_timer() {
    let fake = Fake::default();
    let outcome = poll_once(pin!(fake.timeout(SECOND, ready(7))));
    assert_eq!(outcome, Poll::Ready(Ok(7)));
    assert_eq!(fake.timers_made(), 0);
}

#[test]
fn a_waiting_call_makes_one_timer() {
    let fake = Fake::default();
    let mut call = pin!(fake.timeout(SECOND, pending::<()>()));
    for _ in 0..10 {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    assert_eq!(fake.timers_made(), 1);
}

#[test]
fn a_call_without_a_deadline_makes_no_timer() {
    let fake = Fake::default();
    for mut call in [fake.timeout_at(None, pending::<()>()), fake.timeout(Duration::MAX, pending())]
    {
        fake.advance(1_000_000);
        assert!(poll_once(pin!(&mut call)).is_pending());
    }
    assert_eq!(fake.timers_made(), 0);
}

#[test]
fn the_clock_counts_even_if_the_timer_is_starved() {
    let fake = Fake::default();
    let mut call = pin!(fake.timeout(SECOND, pending::<()>()));
    assert!(poll_once(call.as_mut()).is_pending());
    fake.advance(1);
    assert!(elapsed(&poll_once(call.as_mut())));
}

#[test]
fn a_result_wins_over_a_deadline_that_has_passed() {
    let fake = Fake::default();
    let call = fake.timeout(SECOND, ready(7));
    fake.advance(2);
    assert_eq!(poll_once(pin!(call)), Poll::Ready(Ok(7)));
}

#[test]
fn a_deadline_in_the_past_needs_no_timer() {
    let fake = Fake::default();
    let now = fake.now();
    assert!(elapsed(&poll_once(pin!(fake.timeout_at(Some(now), pending::<()>())))));
    assert!(elapsed(&poll_once(pin!(fake.timeout(Duration::ZERO, pending::<()>())))));
    assert_eq!(fake.timers_made(), 0);
}

#[test]
fn elapsed_is_an_error_that_says_so() {
    let fake = Fake::default();
    let outcome = poll_once(pin!(fake.timeout(Duration::ZERO, pending::<()>())));
    let Poll::Ready(Err(error)) = outcome else { panic!("{outcome:?}") };
    let error: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert_eq!(error.to_string(), "deadline has elapsed");
}
