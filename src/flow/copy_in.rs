//! `CopyIn`: whether a request has data for a copy, and how far that has come.

use bytes::BytesMut;

use crate::error::Error;
use crate::flow::output::Output;
use crate::message::{CopyDone, CopyFail, Encode};

/// What becomes of a CopyInResponse within a request, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CopyIn {
    /// The request has no data: a copy is refused.
    #[default]
    Refuse,
    /// A copy was refused within this request. After that the request has failed: a second one is no
    /// PostgreSQL's, and another refusal would only make the output grow.
    Refused,
    /// The request has data, and waits to be asked for it.
    Expect,
    /// The server takes data.
    Open,
    /// The data is complete, or was given up.
    Ended,
    /// The server has reported an error: it takes no more data, and has nothing more to ask for.
    Failed,
}

/// What to do about a CopyInResponse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Pass it on: somebody has data.
    Pass,
    /// Answer with CopyFail.
    Refuse,
}

impl CopyIn {
    /// Notes that the server asks for data.
    pub(crate) fn asked(&mut self) -> Result<Asked, Error> {
        match *self {
            Self::Expect => {
                *self = Self::Open;
                Ok(Asked::Pass)
            }
            // A text can hold several copies; only the first gets data.
            Self::Refuse | Self::Ended => {
                *self = Self::Refused;
                Ok(Asked::Refuse)
            }
            Self::Refused | Self::Open | Self::Failed => Err(Error::unexpected("CopyInResponse")),
        }
    }

    /// Notes that the server has reported an error: it takes no more data.
    pub(crate) fn failed(&mut self) {
        if self.was_open() {
            *self = Self::Failed;
        }
    }

    /// Whether the server takes data, or did so within the request.
    pub(crate) fn was_open(self) -> bool {
        matches!(self, Self::Open | Self::Ended | Self::Failed)
    }

    /// Whether unsent bytes may be left when the request is answered: data, or a refusal, that the server had no
    /// need to read.
    pub(crate) fn may_leave_unsent(self) -> bool {
        self.was_open() || self == Self::Refused
    }
}

/// The data of a copy, and where it is written to.
#[derive(Debug)]
pub(crate) struct CopyInData<'m> {
    state: &'m mut CopyIn,
    output: &'m mut Output,
}

impl<'m> CopyInData<'m> {
    pub(crate) fn new(state: &'m mut CopyIn, output: &'m mut Output) -> Self {
        Self { state, output }
    }

    /// Lets the request that was just made have the data of its first copy.
    pub(crate) fn expect(self) {
        *self.state = CopyIn::Expect;
    }

    /// Adds what `write` writes; nothing, if the server takes no data.
    pub(crate) fn add(
        self,
        write: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if *self.state == CopyIn::Open { self.output.copy_data(write) } else { Ok(()) }
    }

    /// Says that the data is complete, if the server takes data.
    pub(crate) fn end(self) -> Result<(), Error> {
        if *self.state == CopyIn::Open {
            *self.state = CopyIn::Ended;
            CopyDone.encode(self.output.answer())?;
        }
        Ok(())
    }

    /// Gives the copy up, or the wish for one: none of its data counts. Tells whether the server was taking data.
    pub(crate) fn fail(self, reason: &str) -> bool {
        let was = *self.state;
        match was {
            CopyIn::Expect => *self.state = CopyIn::Refuse,
            CopyIn::Open => {
                *self.state = CopyIn::Ended;
                let out = self.output.answer();
                if (CopyFail { message: reason }).encode(out).is_err() {
                    // A text with a NUL in it. That the copy fails is what counts.
                    drop(CopyFail { message: "" }.encode(out));
                }
            }
            CopyIn::Refuse | CopyIn::Refused | CopyIn::Ended | CopyIn::Failed => {}
        }
        was == CopyIn::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_copy_of_a_request_that_has_data_gets_it() {
        let mut copy = CopyIn::Expect;
        assert_eq!(copy.asked().unwrap(), Asked::Pass);
        assert!(copy.asked().is_err(), "it is open");
        let mut failed = copy;
        failed.failed();
        assert_eq!(failed, CopyIn::Failed);
        assert!(failed.asked().is_err(), "the request has failed");
        CopyInData::new(&mut copy, &mut Output::default()).end().unwrap();
        assert_eq!(copy.asked().unwrap(), Asked::Refuse);
        assert!(copy.asked().is_err(), "the request has failed");
    }

    #[test]
    fn a_copy_that_nobody_has_data_for_is_refused_once() {
        let mut copy = CopyIn::default();
        copy.failed();
        assert!(!copy.may_leave_unsent());
        assert_eq!(copy.asked().unwrap(), Asked::Refuse);
        assert!(copy.may_leave_unsent());
        assert!(copy.asked().is_err());
    }
}
