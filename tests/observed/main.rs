//! Spans, echo and slow statements, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the line where it fails"
)]

mod subscriber;
mod spans;
mod connecting;
mod streams;
mod statements;
