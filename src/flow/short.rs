//! The short way through a whole reply: a statement was run to its end, returned one row or none, and all of that has
//! arrived.

use crate::flow::input::OUTSIZED;
use crate::flow::machine::{BIND_COMPLETE, FORGETS, Machine};
use crate::flow::message::Message;
use crate::flow::plain::header;
use crate::flow::request::Request;
use crate::message::{
    CommandComplete, CommandTag, DataRow, Decode, ReadyForQuery, TransactionStatus,
};
use crate::wire::HEADER_LENGTH;

/// A reply that stands whole in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortReply {
    pub(crate) row: Option<Message>,
    /// CommandComplete.
    pub(crate) outcome: Message,
    status: TransactionStatus,
    length: usize,
}

impl Machine {
    /// Whether the header of the next message is there.
    pub(crate) fn has_header(&self) -> bool {
        self.input.filled().len() >= HEADER_LENGTH
    }

    /// The reply that is awaited, if it is there whole and holds nothing but BindComplete, one row at most, which is not
    /// outsized, CommandComplete with a sound tag, and ReadyForQuery. It is not taken: [`take_short`](Self::take_short)
    /// does that. Of all others, and of what is wrong, [`next_message`](Self::next_message) knows more.
    #[inline]
    pub(crate) fn short_reply(&self) -> Option<ShortReply> {
        if !self.owed.as_ref().is_some_and(Request::is_last) || !self.output.is_empty() {
            return None;
        }
        let filled = self.input.filled();
        let mut rest = filled.strip_prefix(&[BIND_COMPLETE, 0, 0, 0, 4])?;
        let (mut row, base) = (None, self.input.start());
        let outcome = loop {
            let (tag, length) = header(rest)?;
            let (start, end) =
                (base + (filled.len() - rest.len()), HEADER_LENGTH.checked_add(length)?);
            let body = rest.get(HEADER_LENGTH..end)?;
            if length > self.message_limit {
                return None;
            }
            let message = Message { tag, start: start + HEADER_LENGTH, end: start + end };
            rest = rest.get(end..)?;
            match tag {
                DataRow::TAG if row.is_none() => row = Some(message),
                CommandComplete::TAG
                    if CommandTag::is_in_body(body) && !FORGETS.contains(&body) =>
                {
                    break message;
                }
                _ => return None,
            }
        };
        let ([ReadyForQuery::TAG, 0, 0, 0, 5, code], rest) = rest.split_first_chunk()? else {
            return None;
        };
        let status = TransactionStatus::from_code(*code)?;
        let length = filled.len() - rest.len();
        // The memory of an outsized row is given away, by whoever reads messages one by one.
        (length < OUTSIZED).then_some(ShortReply { row, outcome, status, length })
    }

    /// Takes the reply that [`short_reply`](Self::short_reply) has told.
    #[inline]
    pub(crate) fn take_short(&mut self, reply: ShortReply) {
        self.input.take(reply.length);
        self.answered(reply.status);
    }
}
