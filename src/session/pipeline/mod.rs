//! Pipelines: several statements in one write, their replies in one read.

mod item;
mod items;
mod prepared;
mod reply;
mod exchange;
mod run;

pub use crate::session::pipeline::item::Item;
pub use crate::session::pipeline::items::{AllResults, Demands, Pipeline, Replies};
