//! Queries behind PgBouncer, which lends a session of the server for one transaction at a time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

/// Where there is no PgBouncer, `cargo test -- --skip pgbouncer::` leaves out these tests, and no others.
mod pgbouncer {
    mod scene;
    mod queries;
    mod modes;
    mod many;
    mod portals;
    mod transactions;
    mod copies;
    mod limits;
    mod crowd;
}
