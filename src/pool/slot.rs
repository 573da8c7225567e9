//! What a place for a session holds, and what passes between those who lend and those who borrow.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, SqlState};
use crate::pool::waiters::Site;

/// In which order idle sessions are lent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdleOrder {
    /// The one that came back first: all are used alike.
    #[default]
    Fifo,
    /// The one that came back last: those that are not needed stay idle, and `idle_timeout` closes them.
    Lifo,
}

/// The limits that a pool keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) min: usize,
    /// `usize::MAX` for as many as are wanted.
    pub(crate) max: usize,
    /// How many may be opened at the same time.
    pub(crate) connecting: usize,
    pub(crate) order: IdleOrder,
    pub(crate) recycle: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    /// A session that was not heard of for so long is looked at before it is lent.
    pub(crate) silence: Option<Duration>,
}

/// A place for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotId(pub(crate) usize);

#[derive(Debug)]
pub(crate) struct Slot<C> {
    pub(crate) state: State<C>,
    /// When the session has lived long enough.
    pub(crate) expires: Option<Instant>,
    /// How often the pool had been cleared when the session was opened.
    pub(crate) generation: u64,
    /// Somebody is told when something arrives for the idle session.
    pub(crate) watched: bool,
    /// When the session was last heard of.
    pub(crate) heard: Instant,
}

#[derive(Debug)]
pub(crate) enum State<C> {
    Free,
    Connecting,
    Idle {
        since: Instant,
        connection: C,
    },
    InUse {
        since: Instant,
        site: Site,
        reported: bool,
    },
    /// Nobody's: it is looked at, or put in order. With an instant it is idle since then in truth.
    Apart {
        idle_since: Option<Instant>,
    },
}

/// A session that is lent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lease<C> {
    pub(crate) slot: SlotId,
    pub(crate) connection: C,
    /// How long ago it was heard of.
    pub(crate) silent_for: Duration,
}

/// What a waiter was granted.
#[derive(Debug)]
pub(crate) enum Granted<C> {
    Session(Lease<C>),
    /// The session that was opened for it could not be opened.
    Failed(Error),
}

impl<C> Granted<C> {
    pub(crate) fn into_result(self) -> Result<Lease<C>, Error> {
        match self {
            Self::Session(lease) => Ok(lease),
            Self::Failed(error) => Err(error),
        }
    }
}

/// What came of asking for an idle session.
#[derive(Debug)]
pub(crate) struct Taken<C> {
    pub(crate) lease: Option<Lease<C>>,
    /// Sessions that are to be closed, outside any lock.
    pub(crate) expired: Vec<C>,
}

/// What came of giving a session back.
#[derive(Debug)]
pub(crate) struct Put<C, W> {
    /// It is not kept: it is to be closed, outside any lock.
    pub(crate) refused: Option<C>,
    /// It went to this waiter.
    pub(crate) wake: Option<W>,
}

/// What whoever failed to open a session does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AfterFailure<W> {
    /// Try again when [`Slots::retry_at`] says so; the slot stays reserved.
    Retry,
    /// Give up; this waiter was told the error.
    GiveUp(Option<W>),
}

/// Whose wish a new session would fulfil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    Waiters,
    /// The waiters', and the minimum.
    Minimum,
}

/// A session that has been lent for long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) site: Site,
    pub(crate) held: Duration,
}

/// Whether an error of connecting may pass by itself: the server is down, starts, is full, or changes its role.
pub(crate) fn is_passing(error: &Error) -> bool {
    // Where every host was tried in vain, each says why.
    passes(error) || error.attempts().iter().any(|attempt| passes(attempt.error()))
}

fn passes(error: &Error) -> bool {
    let passing = [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS];
    matches!(error.kind(), Kind::Io | Kind::Timeout | Kind::TargetSessionAttrs)
        || error.sqlstate().is_some_and(|state| passing.contains(&state) || state.class() == "57")
}
