//! A live connection: the one place where the protocol machine meets a runtime.

mod transport;
mod environment;
#[cfg(feature = "tls")]
mod security;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod files;
mod encrypt;
mod target;
mod cancel;
mod close;
mod canceller;
mod limit;
mod switch;
mod channel;
mod reply;
mod overdue;
mod unasked;
mod lent;
mod dial;
mod start;
mod route;
mod open;

pub use crate::connection::cancel::CancelToken;
pub(crate) use crate::connection::canceller::Cancellable;
pub(crate) use crate::connection::channel::{Channel, Withdrawn};
pub(crate) use crate::connection::open::{open, open_stream};
pub(crate) use crate::connection::switch::Switch;
pub(crate) use crate::connection::transport::Transport;
