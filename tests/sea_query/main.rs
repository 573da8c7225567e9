//! SeaQuery's statements, engines and tables, against real servers and on every runtime.

#![expect(clippy::unwrap_used, reason = "a test stops at the line where it fails")]

mod engine;
mod transactions;
mod nested;
mod twophase;
mod defects;
mod verbs;
mod tables;
mod labels;
