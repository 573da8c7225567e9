//! `Span` without the feature `tracing`: nothing at all, with the same calls.

#![expect(clippy::unused_self, reason = "the calls are those of a span that is there")]

use std::net::SocketAddr;

use crate::error::Error;
use crate::flow::Encryption;
use crate::observe::operation::{About, Operation};

/// Nothing is told of a session's server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Server;

impl Server {
    pub(crate) fn of_nothing() -> &'static Self {
        &Self
    }

    pub(crate) fn of_database(_: &str) -> Self {
        Self
    }

    pub(crate) fn at(self, _: &impl ToString, _: u16, _: Option<SocketAddr>) -> Self {
        self
    }

    pub(crate) fn protected_by(self, _: Encryption) -> Self {
        self
    }

    pub(crate) fn found_after(&mut self, _: usize) {
        *self = Self;
    }
}

/// No span.
pub(crate) struct Span;

impl Span {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn is_wanted() -> bool {
        false
    }

    pub(crate) fn open(_: Operation, _: &Server, _: About<'_>) -> Self {
        Self
    }

    pub(crate) fn is_seen(&self) -> bool {
        false
    }

    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        poll()
    }

    pub(crate) fn text(&self, _: &str) {}

    pub(crate) fn namespace(&self, _: &str) {}

    pub(crate) fn connected(&self, _: &Server) {}

    pub(crate) fn session(&self, _: Option<i32>) {}

    pub(crate) fn returned_rows(&self, _: u64) {}

    pub(crate) fn affected_rows(&self, _: u64) {}

    pub(crate) fn failed(&self, _: &Error) {}

    pub(crate) fn abandoned(&self) {}
}

pub(crate) fn attempt_failed(_: &str, _: &Error) {}
