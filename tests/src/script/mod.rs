//! A scripted PostgreSQL server over any stream, written from the manual alone: an oracle that shares no code
//! with the driver.
//!
//! | module | what it gives |
//! |---|---|
//! | [`backend`] | what a server sends, as bytes |
//! | [`frontend`] | what a client sends, taken apart strictly |
//! | [`peer`] | the server's end of a stream: reads the one, writes the other |
//! | [`scram`] | the server's side of SCRAM-SHA-256, with a fixed salt |
//! | [`dialogue`] | an exact dialogue: expect this, send that |
//! | [`fake`] | a tiny server that knows a few statements, keeps a diary and can be cancelled |

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a client says or the diary holds is all the same"
)]

pub mod backend;
pub mod frontend;
pub mod peer;
pub mod scram;
pub mod dialogue;
mod plan;
mod diary;
mod session;
pub mod fake;

pub use crate::script::dialogue::Dialogue;
pub use crate::script::diary::Event;
pub use crate::script::fake::{Auth, FakeServer};
pub use crate::script::frontend::Frontend;
pub use crate::script::peer::Peer;
