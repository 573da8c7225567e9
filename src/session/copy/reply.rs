//! `Reply`: what the server answers to COPY, and what of it may come when.

use crate::error::{Error, ServerError};
use crate::message::{Backend, CommandTag, CopyLayout};

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// How far the reply has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Requested,
    /// Data is sent, this way or that.
    Open,
    /// The data is complete.
    Copied,
    /// CommandComplete has come; only ReadyForQuery may follow.
    Complete,
}

/// What a message means to whoever copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing to do.
    None,
    /// The copy begins.
    Opened(CopyLayout),
    /// A piece of data.
    Data,
    /// The reply is complete: see [`Reply::outcome`].
    Ready,
}

/// The reply to a COPY that was sent as a Query.
#[derive(Debug)]
pub(crate) struct Reply {
    direction: Direction,
    progress: Progress,
    sql: Box<str>,
    tag: CommandTag,
    /// The text was not one COPY of this direction.
    misused: bool,
    failure: Option<Error>,
    outcome: Option<Result<CommandTag, Error>>,
}

impl Reply {
    pub(crate) fn new(direction: Direction, sql: &str) -> Self {
        Self {
            direction,
            progress: Progress::Requested,
            sql: sql.into(),
            tag: CommandTag::EMPTY,
            misused: false,
            failure: None,
            outcome: None,
        }
    }

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// How it ended, if it has.
    pub(crate) fn outcome(&self) -> Option<&Result<CommandTag, Error>> {
        self.outcome.as_ref()
    }

    /// Ends it with an error of this side, whatever the server says.
    pub(crate) fn end(&mut self, error: Error) -> Error {
        let error = error.or_statement(&self.sql);
        self.outcome = Some(Err(error.clone()));
        error
    }

    /// Whether CopyData from the server is data that somebody waits for.
    pub(crate) fn is_data_due(&self) -> bool {
        self.direction == Direction::Out && self.progress == Progress::Open && !self.has_failed()
    }

    /// Whether the server has reported an error: only ReadyForQuery is to come.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(crate) fn is_misused(&self) -> bool {
        self.misused
    }

    /// Notes that this side has said that the data is complete.
    pub(crate) fn data_ended(&mut self) {
        if self.progress == Progress::Open {
            self.progress = Progress::Copied;
        }
    }

    /// An error is a breach of the protocol. `refusal` makes an error of what the server reports.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is refused by name")]
    pub(crate) fn handle(
        &mut self,
        message: Backend<'_>,
        refusal: impl FnOnce(ServerError) -> Error,
    ) -> Result<Event, Error> {
        let between = matches!(self.progress, Progress::Requested | Progress::Complete);
        match message {
            Backend::ReadyForQuery(_) => self.ready(),
            Backend::ErrorResponse(error) => {
                let error = refusal(error.0).with_statement(&self.sql);
                self.failure.get_or_insert(error);
                Ok(Event::None)
            }
            other if self.has_failed() => Err(Error::unexpected(other.name())),
            Backend::CopyInResponse(response) if self.may_open(Direction::In) => {
                self.progress = Progress::Open;
                Ok(Event::Opened(response.0))
            }
            Backend::CopyOutResponse(response) if self.may_open(Direction::Out) => {
                self.progress = Progress::Open;
                Ok(Event::Opened(response.0))
            }
            Backend::CopyData(_) if self.is_data_due() => Ok(Event::Data),
            Backend::CopyDone if self.is_data_due() => {
                self.progress = Progress::Copied;
                Ok(Event::None)
            }
            Backend::CommandComplete(complete) if self.progress == Progress::Copied => {
                self.tag = complete.tag;
                self.progress = Progress::Complete;
                Ok(Event::None)
            }
            // The results of other statements in the text.
            Backend::RowDescription(_)
            | Backend::CommandComplete(_)
            | Backend::EmptyQueryResponse
            | Backend::CopyOutResponse(_)
                if between =>
            {
                self.misused = true;
                Ok(Event::None)
            }
            Backend::DataRow(_) | Backend::CopyData(_) | Backend::CopyDone if self.misused => {
                Ok(Event::None)
            }
            other => Err(Error::unexpected(other.name())),
        }
    }

    fn may_open(&self, direction: Direction) -> bool {
        self.direction == direction && self.progress == Progress::Requested && !self.misused
    }

    fn ready(&mut self) -> Result<Event, Error> {
        let outcome = match &self.failure {
            _ if self.misused => Err(self.misuse()),
            Some(error) => Err(error.clone()),
            None if self.progress == Progress::Complete => Ok(self.tag),
            None => return Err(Error::unexpected("ReadyForQuery")),
        };
        self.outcome = Some(outcome);
        Ok(Event::Ready)
    }

    fn misuse(&self) -> Error {
        let copy = match self.direction {
            Direction::In => "COPY ... FROM STDIN",
            Direction::Out => "COPY ... TO STDOUT",
        };
        let error = match self.failure.clone() {
            Some(failure) => Error::usage(format!("the text is not one {copy}: it has failed"))
                .with_source(failure),
            None => Error::usage(format!("the text is not one {copy}: it has run all the same")),
        };
        error.with_statement(&self.sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::message::{Decode, Format};

    fn decode(tag: u8, body: &[u8]) -> Backend<'_> {
        Backend::decode(tag, body).unwrap()
    }

    /// Tags and bodies of messages.
    type Said<'a> = &'a [(u8, &'a [u8])];

    const LAYOUT: &[u8] = &[0, 0, 1, 0, 0];
    const ERROR: &[u8] = b"SERROR\0VERROR\0C22012\0Mno\0\0";

    /// What becomes of these messages, all of which have their place.
    fn outcome(direction: Direction, messages: &[(u8, &[u8])]) -> Result<CommandTag, Error> {
        let mut reply = Reply::new(direction, "copy");
        for (tag, body) in messages {
            if *tag == b'.' {
                reply.data_ended();
                continue;
            }
            assert!(reply.outcome().is_none());
            reply.handle(decode(*tag, body), Error::from_server).unwrap();
        }
        reply.outcome().unwrap().clone()
    }

    #[test]
    fn a_copy_has_its_order() {
        let open = (b'G', LAYOUT);
        let (done, complete, ready) =
            ((b'.', &b""[..]), (b'C', &b"COPY 3\0"[..]), (b'Z', &b"I"[..]));
        let tag = outcome(Direction::In, &[open, done, complete, ready]).unwrap();
        assert_eq!(tag.rows(), 3);
        let (open, data, done) = ((b'H', LAYOUT), (b'd', &b"1\n"[..]), (b'c', &b""[..]));
        let tag = outcome(Direction::Out, &[open, data, data, done, complete, ready]).unwrap();
        assert_eq!(tag.rows(), 3);
    }

    #[test]
    fn a_text_that_is_not_one_copy_is_told_so_and_whether_it_ran() {
        let (rows, complete, ready) =
            ((b'T', &b"\0\0"[..]), (b'C', &b"S\0"[..]), (b'Z', &b"I"[..]));
        for direction in [Direction::In, Direction::Out] {
            let error = outcome(direction, &[rows, (b'D', b"\0\0"), complete, ready]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().ends_with("has run all the same"), "{error}");
            assert_eq!(error.statement(), Some("copy"));
            let error = outcome(direction, &[complete, (b'E', ERROR), ready]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().ends_with("it has failed"), "{error}");
            let error = outcome(direction, &[(b'E', ERROR), ready]).unwrap_err();
            assert_eq!(error.kind(), Kind::Server);
        }
        let twice =
            [(b'H', LAYOUT), (b'c', b""), complete, (b'H', LAYOUT), (b'd', b"2"), (b'c', b"")];
        let rest = [complete, ready];
        let error = outcome(Direction::Out, &[&twice[..], &rest].concat()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }

    #[test]
    fn what_has_no_place_is_a_breach() {
        let breaches: [(Direction, Said<'_>); 11] = [
            (Direction::In, &[(b'Z', b"I")]),
            (Direction::In, &[(b'G', LAYOUT), (b'G', LAYOUT)]),
            (Direction::In, &[(b'G', LAYOUT), (b'C', b"COPY 1\0")]),
            (Direction::In, &[(b'G', LAYOUT), (b'Z', b"I")]),
            (Direction::In, &[(b'G', LAYOUT), (b'd', b"1")]),
            (Direction::In, &[(b'E', ERROR), (b'd', b"1")]),
            (Direction::In, &[(b'W', LAYOUT)]),
            (Direction::Out, &[(b'd', b"1")]),
            (Direction::Out, &[(b'H', LAYOUT), (b'c', b""), (b'c', b"")]),
            (Direction::Out, &[(b'H', LAYOUT), (b'c', b""), (b'd', b"1")]),
            (Direction::Out, &[(b'H', LAYOUT), (b'T', b"\0\0")]),
        ];
        for (direction, messages) in breaches {
            let mut reply = Reply::new(direction, "copy");
            let (last, first) = messages.split_last().unwrap();
            for (tag, body) in first {
                reply.handle(decode(*tag, body), Error::from_server).unwrap();
            }
            let error = reply.handle(decode(last.0, last.1), Error::from_server).unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol, "{messages:?}");
        }
    }

    #[test]
    fn the_layout_is_passed_on() {
        let mut reply = Reply::new(Direction::In, "copy");
        let response = crate::message::CopyInResponse::decode(LAYOUT).unwrap();
        let expected = CopyLayout { format: Format::Text, columns: vec![Format::Text] };
        let event = reply.handle(Backend::CopyInResponse(response), Error::from_server).unwrap();
        assert_eq!(event, Event::Opened(expected));
    }
}
