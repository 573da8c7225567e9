//! What a program can see of its operations: spans, echo, slow statements. Without the feature `tracing` spans are nothing.

mod operation;
#[cfg(feature = "tracing")]
mod live;
#[cfg(not(feature = "tracing"))]
mod silent;
mod slow;
mod observation;
mod parameters;
mod observer;

#[cfg(feature = "tracing")]
pub(crate) use crate::observe::live::{Server, attempt_failed};
pub(crate) use crate::observe::observation::{Counted, Observation};
pub(crate) use crate::observe::observer::Observer;
pub(crate) use crate::observe::operation::{About, Operation};
#[cfg(not(feature = "tracing"))]
pub(crate) use crate::observe::silent::{Server, attempt_failed};
