//! Random numbers for adapters that have no source of their own.

use std::hash::{BuildHasher, RandomState};

/// A number for jitter and shuffling: what an adapter without a source of its own returns from
/// [`Runtime::random`](crate::Runtime::random).
///
/// It is drawn from the seed that the standard library keeps for its hash maps. Never use it for secrets.
///
/// # Examples
///
/// ```
/// assert_ne!(aiopg_runtime::random(), aiopg_runtime::random());
/// ```
pub fn random() -> u64 {
    // Every `RandomState` of a thread has other keys, so hashing nothing gives another number each time.
    RandomState::new().hash_one(())
}
