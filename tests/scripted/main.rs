//! The core against a scripted server: exact dialogues, cuts, hostile servers, dropped futures, simulation.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the line where it fails"
)]

mod converse;
mod streams;
mod cases;
mod dialogues;
mod cuts;
mod parts;
mod hostile_startup;
mod hostile_session;
mod hostile_rows;
mod floods;
mod drops;
mod every_poll;
mod nested_drops;
mod refused_begins;
mod cancels;
mod copies;
mod copy_drops;
mod copy_hostile;
mod bounds;
mod wakes;
mod notified;
mod own_streams;
mod distant;
mod dialing;
mod failing_over;
mod choosing;
mod simulated;
mod workload;
mod background;
mod pooled;
