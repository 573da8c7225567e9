//! Warnings of leaks and misuse: a test that is warned and did not expect it fails.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use aiopg::Event;

/// What each test was warned of. A test is known by its thread, since the runner gives it one of its own.
static WARNINGS: LazyLock<Mutex<HashMap<ThreadId, Vec<String>>>> = LazyLock::new(Mutex::default);

/// A hook for [`Config::on_event`](aiopg::Config::on_event) that keeps warnings for the test that makes it, on
/// whatever thread they come.
pub fn hook() -> impl Fn(&Event) + Send + Sync + 'static {
    let test = thread::current().id();
    move |event| {
        if event.is_warning() {
            let mut warnings = WARNINGS.lock().unwrap_or_else(PoisonError::into_inner);
            warnings.entry(test).or_default().push(event.to_string());
        }
    }
}

/// Takes what the test on this thread was warned of.
pub fn take() -> Vec<String> {
    let mut warnings = WARNINGS.lock().unwrap_or_else(PoisonError::into_inner);
    warnings.remove(&thread::current().id()).unwrap_or_default()
}

/// Fails the test on this thread if it was warned.
///
/// # Panics
///
/// That is what it is for.
pub fn refuse() {
    let warnings = take();
    assert!(warnings.is_empty(), "the test was warned: {warnings:?}");
}
