//! Cursors, transactions, notifications and large objects, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the line where it fails"
)]

mod transactions;
mod two_phase;
mod transaction_modes;
mod transaction_ends;
mod cancel_token;
mod notifications;
mod listener;
mod parity;
mod large_objects;
mod cursor;
mod server_cursor;
mod cursor_transactions;
mod dropped_cursors;
