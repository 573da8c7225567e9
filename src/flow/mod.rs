//! Message flow: the protocol as a machine, without I/O, clock or randomness.

mod input;
mod output;
mod reports;
mod startup;
mod machine;

pub(crate) use crate::flow::machine::{Machine, Message, Protocol};
pub(crate) use crate::flow::startup::{Startup, Step, stretch};
