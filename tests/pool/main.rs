//! The pool, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

mod pools;
mod lending;
mod returning;
mod closing;
mod hooks;
mod cursors;
mod limits;
mod fair;
mod dropped;
mod healing;
