//! SeaQuery's statements, engines and tables, against real servers and on every runtime.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

mod connection;
mod engine;
mod transactions;
mod nested;
mod out_of_hand;
mod twophase;
mod defects;
mod engines;
mod params;
mod results;
mod rows;
mod verbs;
mod tables;
mod labels;
mod values;
mod binder;
mod refusals;
mod simple_mode;
mod forms;
mod definitions;
mod statements;
mod defaults;
mod types;
