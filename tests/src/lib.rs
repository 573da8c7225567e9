//! The harness: throw-away servers, faulty networks, pipes in memory, and one test body on every runtime.
//!
//! | module | what it gives |
//! |---|---|
//! | [`server`] | a PostgreSQL of any major, started in about 0.1 s and gone with the process |
//! | [`matrix`] | [`on_every_runtime!`], with a watchdog against hangs |
//! | [`warnings`] | fails a test that is warned of a leak or a misuse |
//! | [`cancel`] | drops a future after every poll |
//! | [`relay`] | a TCP relay that cuts, delays, splits, stalls and resets |
//! | [`certificates`] | authorities, certificates, revocation lists |
//! | [`duplex`] | a pair of streams in memory, with chunks, bounds and cuts |
//! | [`session`] | connections to the shared server, and a look at them from outside |
//! | [`standby`] | a primary and a standby that streams from it |
//! | [`pgbouncer`] | PgBouncer in front of a server |
//! | [`script`] | a scripted PostgreSQL server over any stream |
//! | [`chance`], [`drawn`] | numbers and statements that are drawn, the same in every run |
//! | [`counting`] | a runtime that counts reads, writes, connects and tasks |

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::exhaustive_enums,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on must stop loudly, at the line where it noticed"
)]

pub mod certificates;
pub mod duplex;
pub mod cancel;
pub mod counting;
pub mod warnings;
pub mod matrix;
pub mod decoders;
pub mod chance;
pub mod drawn;
pub mod script;
pub mod relay;
mod probe;
mod binaries;
mod scratch;
mod guard;
mod template;
mod address;
mod instance;
pub mod server;
pub mod session;
pub mod standby;
pub mod pgbouncer;

pub use crate::server::{Options, Server};
