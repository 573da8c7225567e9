//! `Request`: what is asked of the server, as far as its reply depends on it.

use std::num::NonZeroU32;

/// Which of the two query protocols a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// None yet: the session is being opened.
    Startup,
    Simple,
    Extended,
}

/// What a request is made of, so that its reply can be told from what comes before and behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) protocol: Protocol,
    /// Queries in front of it, each with a ReadyForQuery of its own, whose replies nobody reads.
    pub(crate) riders: u32,
    /// Statements at its start, before the same Sync, whose replies nobody reads: BEGIN and what belongs to it.
    pub(crate) openers: u32,
    /// How many ReadyForQuery it is answered with, those of the riders not counted.
    pub(crate) ready: NonZeroU32,
    /// Whether the server may work at it before all of it is sent.
    pub(crate) steps: Steps,
    /// Whether its last Sync is written already.
    pub(crate) end: End,
}

impl Request {
    /// A request of its own, with one Sync at its end.
    pub(crate) const fn new(protocol: Protocol) -> Self {
        let (ready, steps, end) = (NonZeroU32::MIN, Steps::One, End::Written);
        Self { protocol, riders: 0, openers: 0, ready, steps, end }
    }

    /// Whether all of it is written, and the next ReadyForQuery ends its reply.
    #[inline]
    pub(in crate::flow) fn is_last(&self) -> bool {
        self.riders == 0
            && self.openers == 0
            && self.ready == NonZeroU32::MIN
            && self.end == End::Written
    }
}

/// How many statements of the caller a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    One,
    Many,
}

/// Whether the last Sync of a request has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Written,
    /// More is to be written; given up before that, the server can go on as if nothing were missing.
    Open,
    /// More is to be written; given up before that, the server must undo what it has done of it.
    OpenAndWhole,
}
