//! Many statements and many rows at once, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

mod pipelines;
mod portals;
mod copy_in;
mod copy_in_bytes;
mod copy_out;
mod copy_options;
mod huge;
