//! Tests of the parts that need no real runtime.

mod fake;
mod any;
#[cfg(feature = "socket")]
mod socket;
mod spawn_queue;
mod timeout;
