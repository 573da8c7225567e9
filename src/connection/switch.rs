//! `Switch`: ends a session from outside, whoever is using it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures_util::task::AtomicWaker;

use crate::error::{Error, Kind};

/// Ends a session from outside. Whoever polls the session is woken, notices, and closes the socket.
///
/// In one line of the processor's cache, since every wait for the server looks at it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Switch {
    off: AtomicBool,
    waker: AtomicWaker,
}

impl Switch {
    pub(crate) fn turn_off(&self) {
        self.off.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// As [`is_off`](Self::is_off), and wakes the task when that changes.
    pub(crate) fn poll_off(&self, cx: &Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.is_off()
    }
}

/// Why a session ends that was ended from outside.
pub(crate) fn turned_off() -> Error {
    Error::new(Kind::Closed, "the session was terminated by its pool")
}
