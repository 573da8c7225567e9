//! What goes wrong: by chance on every connection, and by plan on a chosen one.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Default share of reads that return less than has arrived, in percent.
pub const SHORT_READ_PERCENT: u8 = 30;
/// Default share of writes that take less than there is room for, in percent.
pub const SHORT_WRITE_PERCENT: u8 = 30;
/// Default share of polls of a stream, connect or accept that answer `Pending` for no reason, in percent.
pub const SPURIOUS_PENDING_PERCENT: u8 = 10;
/// The highest accepted percentage: above it a loop that waits for progress would take too long.
pub const HIGHEST_PERCENT: u8 = 90;
/// Default time in which bytes cross the network: a data centre, with some variation.
pub const LATENCY: RangeInclusive<Duration> = Duration::from_micros(50)..=Duration::from_millis(2);
/// Default number of bytes that fit between a writer and its reader.
pub const WINDOW: usize = 64 * 1024;

/// What happens by chance on every connection, drawn from the seed.
///
/// ```
/// use aiopg_sim::{Faults, Sim};
///
/// // One byte at a time, and a peer that blocks after 16.
/// let sim = Sim::new(1).with_faults(Faults::default().short_reads(90).window(16));
/// # drop(sim);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    pub(crate) short_reads: u8,
    pub(crate) short_writes: u8,
    pub(crate) spurious_pending: u8,
    pub(crate) latency: RangeInclusive<Duration>,
    pub(crate) window: usize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            short_reads: SHORT_READ_PERCENT,
            short_writes: SHORT_WRITE_PERCENT,
            spurious_pending: SPURIOUS_PENDING_PERCENT,
            latency: LATENCY,
            window: WINDOW,
        }
    }
}

impl Faults {
    /// A perfect network without latency. Its window is still [`WINDOW`]: a full socket is no fault.
    pub fn none() -> Self {
        Self {
            short_reads: 0,
            short_writes: 0,
            spurious_pending: 0,
            latency: Duration::ZERO..=Duration::ZERO,
            window: WINDOW,
        }
    }

    /// Share of reads that return less than has arrived, at most [`HIGHEST_PERCENT`].
    #[must_use]
    pub fn short_reads(mut self, percent: u8) -> Self {
        self.short_reads = percent.min(HIGHEST_PERCENT);
        self
    }

    /// Share of writes that take less than there is room for, at most [`HIGHEST_PERCENT`].
    #[must_use]
    pub fn short_writes(mut self, percent: u8) -> Self {
        self.short_writes = percent.min(HIGHEST_PERCENT);
        self
    }

    /// Share of polls that answer `Pending` for no reason and wake the task at once, at most
    /// [`HIGHEST_PERCENT`].
    #[must_use]
    pub fn spurious_pending(mut self, percent: u8) -> Self {
        self.spurious_pending = percent.min(HIGHEST_PERCENT);
        self
    }

    /// How long it takes: bytes one way, a connect, a lookup, the start of blocking work. Drawn each time,
    /// in whole microseconds; bytes of one direction never overtake each other.
    #[must_use]
    pub fn latency(mut self, range: RangeInclusive<Duration>) -> Self {
        self.latency = range;
        self
    }

    /// How many bytes of one direction fit between writer and reader, at least 1. A writer that finds no
    /// room waits.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }
}

/// What happens for certain on one connection, given to [`Sim::on_connect`](crate::Sim::on_connect).
///
/// Directions are the connecting side's: *sent* is what it wrote, *received* is what it read. Of several
/// limits the first that is reached applies, and only that.
///
/// ```
/// use aiopg_sim::FaultPlan;
///
/// let plan = FaultPlan::new().reset_after_received(17);
/// # drop(plan);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    pub(crate) answer: Answer,
    reset_after_sent: Option<u64>,
    reset_after_received: Option<u64>,
    black_hole_after_sent: Option<u64>,
    black_hole_after_received: Option<u64>,
}

/// How a connect is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    #[default]
    Listener,
    Refusal,
    Silence,
}

/// A direction of a connection as its connecting side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Sent,
    Received,
}

/// What cuts a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Reset,
    BlackHole,
}

impl FaultPlan {
    /// A plan without any fault.
    pub fn new() -> Self {
        Self::default()
    }

    /// The connect is refused, even if somebody listens.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.answer = Answer::Refusal;
        self
    }

    /// The connect is never answered.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.answer = Answer::Silence;
        self
    }

    /// Both sides are reset once the connecting side has written `bytes`. The peer still reads those; what
    /// is on its way back is lost. 0 resets right after the connect.
    #[must_use]
    pub fn reset_after_sent(mut self, bytes: u64) -> Self {
        self.reset_after_sent = Some(bytes);
        self
    }

    /// Both sides are reset once the connecting side has read `bytes`. 0 resets right after the connect.
    #[must_use]
    pub fn reset_after_received(mut self, bytes: u64) -> Self {
        self.reset_after_received = Some(bytes);
        self
    }

    /// Nothing passes in either direction, and neither side is told, once the connecting side has written
    /// `bytes`. The peer still reads those.
    #[must_use]
    pub fn black_hole_after_sent(mut self, bytes: u64) -> Self {
        self.black_hole_after_sent = Some(bytes);
        self
    }

    /// Nothing passes in either direction, and neither side is told, once the connecting side has read
    /// `bytes`.
    #[must_use]
    pub fn black_hole_after_received(mut self, bytes: u64) -> Self {
        self.black_hole_after_received = Some(bytes);
        self
    }

    /// Forgets every limit: a connection is cut once.
    pub(crate) fn use_up(&mut self) {
        *self = Self { answer: self.answer, ..Self::default() };
    }

    /// The byte count at which `direction` is cut, and how. A reset wins over a black hole at the same byte.
    pub(crate) fn limit(&self, direction: Direction) -> Option<(u64, Cut)> {
        let (reset, hole) = match direction {
            Direction::Sent => (self.reset_after_sent, self.black_hole_after_sent),
            Direction::Received => (self.reset_after_received, self.black_hole_after_received),
        };
        match (reset, hole) {
            (Some(reset), Some(hole)) if hole < reset => Some((hole, Cut::BlackHole)),
            (Some(reset), _) => Some((reset, Cut::Reset)),
            (None, Some(hole)) => Some((hole, Cut::BlackHole)),
            (None, None) => None,
        }
    }
}
