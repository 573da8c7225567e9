//! The runtimes: each adapter under its own feature, and what an adapter of your own needs.
//!
//! | feature | name | runs on |
//! |---|---|---|
//! | `tokio` | `Tokio` | tokio, `current_thread` and `multi_thread` |
//! | `smol` | `Smol` | smol: the global executor, one of your own, or none |
//! | `async-std` | `AsyncStd` | async-std |
//!
//! A feature adds its name and changes nothing else, so all of them may be on at once. The runtime is a value
//! that is passed to [`Connection::connect`](crate::Connection::connect); nothing is guessed from the thread.

#[cfg(feature = "async-std")]
pub use aiopg_async_std::AsyncStd;
pub use aiopg_runtime::{
    AnyRuntime, BoxSleep, BoxStream, ByteStream, Elapsed, Keepalive, NoStream, Runtime, Sleep,
    SpawnQueue, Spawner, TcpOptions, Timeout,
};
#[cfg(feature = "smol")]
pub use aiopg_smol::Smol;
#[cfg(feature = "tokio")]
pub use aiopg_tokio::Tokio;
