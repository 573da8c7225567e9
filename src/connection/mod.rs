//! A live connection: the one place where the protocol machine meets a runtime.

mod transport;
mod target;
mod cancel;
mod channel;
mod open;

pub(crate) use crate::connection::channel::{Cancellable, Channel};
pub(crate) use crate::connection::open::{open, open_stream};
pub(crate) use crate::connection::transport::Transport;
