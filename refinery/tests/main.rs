//! Migrations on real servers, on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the line where it fails"
)]

mod scene;
mod runs;
mod choices;
mod failures;
mod together;
mod dropped;

/// Where there is no PgBouncer, `cargo test -- --skip pgbouncer::` leaves out these tests, and no others.
mod pgbouncer;
