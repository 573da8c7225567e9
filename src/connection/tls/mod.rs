//! TLS over any stream, by rustls.

mod end_point;
mod verifier;
mod material;
mod key_log;
mod client;

pub(crate) use crate::connection::tls::client::{Alpn, Client};
