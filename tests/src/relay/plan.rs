//! What a relay does to the bytes that pass.

use std::time::Duration;

/// How the bytes of each connection travel.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Plan {
    pub(crate) from_client: Leg,
    pub(crate) from_server: Leg,
}

impl Plan {
    /// Rules the bytes that clients send.
    pub fn from_client(mut self, leg: Leg) -> Self {
        self.from_client = leg;
        self
    }

    /// Rules the bytes that the server sends.
    pub fn from_server(mut self, leg: Leg) -> Self {
        self.from_server = leg;
        self
    }
}

/// How the bytes of a connection travel in one direction.
#[derive(Clone, Debug)]
#[must_use]
pub struct Leg {
    pub(crate) chunk: usize,
    pub(crate) delay: Duration,
    pub(crate) end: Option<(usize, Fate)>,
}

impl Leg {
    /// Passes on at most `bytes` at a time, each as a segment of its own.
    pub fn chunk(mut self, bytes: usize) -> Self {
        self.chunk = bytes.clamp(1, LARGEST_CHUNK);
        self
    }

    /// Holds each chunk for `time`.
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// After `bytes` closes the connection in good order, on both sides.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.end = Some((bytes, Fate::Cut));
        self
    }

    /// After `bytes` resets the connection, on both sides.
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.end = Some((bytes, Fate::Reset));
        self
    }

    /// After `bytes` passes nothing more on until [`Relay::resume`](crate::relay::Relay::resume).
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.end = Some((bytes, Fate::Stalled));
        self
    }
}

impl Default for Leg {
    fn default() -> Self {
        Self { chunk: LARGEST_CHUNK, delay: Duration::ZERO, end: None }
    }
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Alive,
    Stalled,
    Cut,
    Reset,
}

/// As much as is read at once.
pub(crate) const LARGEST_CHUNK: usize = 64 * 1024;
