//! TLS and authentication, against real servers and scripted ones, with certificates that are made for the run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the line where it fails"
)]

mod place;
mod listener;
mod resolving;
mod methods;
mod verification;
mod client_certificate;
mod handshake;
mod binding;
mod require_auth;
mod negotiation;
mod hostile;
mod hangs;
mod cancels;
mod drops;
mod passwords;
mod own_client;
