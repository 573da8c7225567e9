//! What aiopg asks of an async runtime: connect, wait, spawn, and nothing else.
//!
//! A runtime is a *value* that the caller passes in. It is never guessed from the thread, and never chosen
//! by a Cargo feature. This crate knows no PostgreSQL; an adapter depends on it alone.
//!
//! # Examples
//!
//! Code that waits on whatever runtime it is given:
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use aiopg_runtime::{Runtime, TcpOptions};
//!
//! async fn connect<R: Runtime>(runtime: &R, host: &str) -> io::Result<R::TcpStream> {
//!     let options = TcpOptions::default();
//!     for address in runtime.resolve(host, 5432).await? {
//!         let connect = runtime.connect_tcp(address, &options);
//!         if let Ok(stream) = runtime.timeout(Duration::from_secs(5), connect).await {
//!             return stream;
//!         }
//!     }
//!     Err(io::ErrorKind::TimedOut.into())
//! }
//! ```

mod stream;
mod options;
mod runtime;
mod any;
mod timeout;
mod spawn_queue;
mod random;
#[cfg(all(feature = "socket", any(unix, windows)))]
pub mod socket;
#[cfg(feature = "conformance")]
pub mod conformance;

pub use crate::any::{AnyRuntime, BoxSleep};
pub use crate::options::{Keepalive, TcpOptions};
pub use crate::random::random;
pub use crate::runtime::{Runtime, Sleep};
pub use crate::spawn_queue::{SpawnQueue, Spawner};
pub use crate::stream::{BoxStream, ByteStream, NoStream};
pub use crate::timeout::{Elapsed, Timeout};
