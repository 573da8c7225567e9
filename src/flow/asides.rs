//! `Asides`: what replies do beside their purpose, noted until somebody asks.

use crate::error::ServerError;
use crate::message::TransactionStatus;

/// What the messages of replies said beside their purpose.
#[derive(Debug, Default)]
pub(crate) struct Asides {
    pub(crate) riders_done: u32,
    pub(crate) openers_done: u32,
    pub(crate) opener_refused: bool,
    /// Close messages that have been answered.
    pub(crate) closed: usize,
    /// The server has forgotten all prepared statements, since somebody told it to.
    pub(crate) forgotten: bool,
    /// The server rolled a transaction back for a reason that may have passed.
    pub(crate) rolled_back: bool,
    /// The error by which the transaction that is open has failed.
    failure: Option<Box<ServerError>>,
}

impl Asides {
    /// A request begins.
    pub(crate) fn begin(&mut self) {
        (self.riders_done, self.openers_done) = (0, 0);
    }

    /// The server refused something.
    pub(crate) fn refused(&mut self, error: ServerError) {
        self.rolled_back |= error.sqlstate.is_rolled_back();
        self.failure.get_or_insert_with(|| Box::new(error));
    }

    /// A request was answered: only a transaction that is still open keeps its failure.
    pub(crate) fn ready(&mut self, status: TransactionStatus) {
        if status != TransactionStatus::InError {
            self.failure = None;
        }
    }

    /// The error by which the transaction that is open has failed.
    pub(crate) fn failure(&self) -> Option<&ServerError> {
        self.failure.as_deref()
    }

    /// Whether anything waits to be asked for that a session takes note of.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.is_of_riders() || self.closed > 0 || self.forgotten
    }

    /// Whether riders or openers have been answered.
    #[inline]
    pub(crate) fn is_of_riders(&self) -> bool {
        self.riders_done > 0 || self.openers_done > 0 || self.opener_refused
    }

    /// Tells once how many riders have been answered.
    pub(crate) fn take_riders_done(&mut self) -> u32 {
        std::mem::take(&mut self.riders_done)
    }

    /// Tells once how many openers have been answered.
    pub(crate) fn take_openers_done(&mut self) -> u32 {
        std::mem::take(&mut self.openers_done)
    }

    /// Tells once that an opener was refused, and with it all that was to follow.
    pub(crate) fn take_opener_refused(&mut self) -> bool {
        std::mem::take(&mut self.opener_refused)
    }

    /// Tells once how many Close messages have been answered.
    pub(crate) fn take_closed(&mut self) -> usize {
        std::mem::take(&mut self.closed)
    }

    /// Tells once that the server has forgotten all prepared statements.
    pub(crate) fn take_forgotten(&mut self) -> bool {
        std::mem::take(&mut self.forgotten)
    }

    /// Tells once that the server rolled a transaction back for a reason that may have passed: class 40.
    pub(crate) fn take_rolled_back(&mut self) -> bool {
        std::mem::take(&mut self.rolled_back)
    }
}
