//! What happened: a rolling hash of every event, and the last of them as text.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::random::mix;

/// How many events the log keeps: enough to see several round trips of several tasks.
const KEPT_EVENTS: usize = 400;

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Spawn,
    Poll,
    Finish,
    Jump,
    Timer,
    Resolve,
    Connect,
    Refuse,
    Establish,
    Accept,
    Read,
    Write,
    Swallow,
    Full,
    Spurious,
    EndOfFile,
    Close,
    Drop,
    Reset,
    BlackHole,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Poll => "poll",
            Self::Finish => "finish",
            Self::Jump => "jump",
            Self::Timer => "timer",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Refuse => "refuse",
            Self::Establish => "establish",
            Self::Accept => "accept",
            Self::Read => "read",
            Self::Write => "write",
            Self::Swallow => "swallow",
            Self::Full => "full",
            Self::Spurious => "spurious pending",
            Self::EndOfFile => "end of file",
            Self::Close => "close",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::BlackHole => "black hole",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Virtual time since the start.
    pub(crate) time: Duration,
    /// The task that was running, 0 for none.
    pub(crate) task: u64,
    pub(crate) kind: Kind,
    /// The connection, task or lookup that the event is about, 0 for none.
    pub(crate) subject: u64,
    pub(crate) bytes: usize,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.time.as_secs(), self.time.subsec_micros());
        write!(f, "{seconds:>5}.{micros:06} task {:<3} {}", self.task, self.kind.name())?;
        if self.subject != 0 {
            write!(f, " #{}", self.subject)?;
        }
        if self.bytes != 0 {
            write!(f, ", {} bytes", self.bytes)?;
        }
        Ok(())
    }
}

/// The hash of all events and the last [`KEPT_EVENTS`] of them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: u64,
    tail: VecDeque<Entry>,
}

impl Trace {
    pub(crate) fn record(&mut self, entry: Entry) {
        let time = u64::try_from(entry.time.as_nanos()).unwrap_or(u64::MAX);
        let bytes = u64::try_from(entry.bytes).unwrap_or(u64::MAX);
        for part in [time, entry.task, entry.kind as u64, entry.subject, bytes] {
            self.hash = mix(self.hash.rotate_left(5) ^ part).wrapping_add(1);
        }
        if self.tail.len() == KEPT_EVENTS {
            self.tail.pop_front();
        }
        self.tail.push_back(entry);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.tail.iter().map(ToString::to_string).collect()
    }
}
