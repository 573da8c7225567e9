//! `now`: the clock of a tokio runtime, which tests may pause.

use tokio::runtime::{Handle, RuntimeFlavor};

/// What the clock of a runtime says.
pub(crate) fn now(handle: &Handle) -> std::time::Instant {
    // With its feature `test-util` tokio has a `pause`, which then stands before the one below.
    #[cfg_attr(
        not(test),
        expect(clippy::wildcard_imports, reason = "what is not always there cannot be named")
    )]
    use tokio::time::*;

    const PAUSABLE: bool = differ(pause, OURS);

    if !PAUSABLE || handle.runtime_flavor() == RuntimeFlavor::MultiThread {
        // It cannot be paused, and to enter the runtime takes time.
        return std::time::Instant::now();
    }
    // A paused clock is found through the runtime that the thread has entered.
    let _entered = handle.enter();
    Instant::now().into_std()
}

/// What is called where tokio has nothing of that name.
const fn pause() -> Nothing {
    Nothing
}

const OURS: fn() -> Nothing = pause;

struct Nothing;

/// What tells two functions apart by what they return.
trait Outcome {
    const IS_NOTHING: bool;
}

impl Outcome for Nothing {
    const IS_NOTHING: bool = true;
}

/// This is what tokio's `pause` returns.
impl Outcome for () {
    const IS_NOTHING: bool = false;
}

const fn differ<A: Outcome, B: Outcome>(_: fn() -> A, _: fn() -> B) -> bool {
    A::IS_NOTHING != B::IS_NOTHING
}
