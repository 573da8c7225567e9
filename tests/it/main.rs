//! What a user sees, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the line where it fails"
)]

mod reach;
mod abstract_sockets;
mod connect;
mod authentication;
mod hosts;
mod routing;
mod hosting;
mod verbs;
mod stream;
mod parameters;
mod rows;
mod statements;
mod stale;
mod simple;
mod modes;
mod limits;
mod large;
mod errors;
mod lost;
mod state;
mod dropped;
mod on_drop;
mod raced;
