//! A pool of sessions: fair, honest, safe to cancel, and without a round trip of its own.

mod waiters;
mod backoff;
mod stats;
mod slot;
mod slots;
mod aging;
mod options;
mod alarm;
mod core;
mod dial;
mod restore;
mod guard;
mod acquire;
#[cfg(feature = "metrics")]
mod metrics;
mod upkeep;
mod handle;
mod verbs;
mod split;
#[cfg(test)]
mod slots_tests;

pub use crate::pool::guard::PooledConnection;
pub use crate::pool::handle::Pool;
pub use crate::pool::options::{Liveness, PoolOptions, Reset, Verdict, WhenDown};
pub use crate::pool::slot::IdleOrder;
pub use crate::pool::split::SplitPool;
pub use crate::pool::stats::{CloseReason, PoolStats, WAIT_BOUNDS};
