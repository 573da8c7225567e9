//! Message flow: the protocol as a machine, without I/O, clock or randomness.

mod message;
mod input;
mod output;
mod notification;
mod reports;
mod encryption;
mod startup;
mod request;
mod asides;
mod copy_in;
mod machine;
mod plain;
mod short;

#[cfg(test)]
mod machine_tests;
#[cfg(test)]
mod startup_tests;

pub(crate) use crate::flow::encryption::{Ability, Answer, Encryption, choices};
pub(crate) use crate::flow::machine::Machine;
pub(crate) use crate::flow::message::Message;
pub use crate::flow::notification::Notification;
pub(crate) use crate::flow::notification::Queued;
pub(crate) use crate::flow::request::{End, Protocol, Request, Steps};
pub(crate) use crate::flow::short::ShortReply;
pub(crate) use crate::flow::startup::{Credentials, Startup, Step, stretch};
