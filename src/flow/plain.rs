//! The short way through a reply: its messages that mean nothing but to the request that is being answered.

use crate::flow::machine::{BIND_COMPLETE, Machine, SHORT_LIMIT};
use crate::flow::message::Message;
use crate::flow::request::Request;
use crate::message::{
    CommandComplete, CopyData, DataRow, Decode, ReadyForQuery, TransactionStatus,
};
use crate::wire::HEADER_LENGTH;

/// The tag of the message at the start, and how long its body is to be.
#[inline]
pub(in crate::flow) fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let [tag, length @ ..] = *bytes.first_chunk::<HEADER_LENGTH>()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    Some((tag, length.checked_sub(size_of::<u32>())?))
}

impl Machine {
    /// Takes the next message if it is there whole and means nothing but to the request that is being answered: what
    /// most replies are made of. Of all others, and of what is wrong, [`next_message`](Self::next_message) knows more.
    #[inline]
    pub(crate) fn next_plain(&mut self) -> Option<Message> {
        let owed = self.owed.as_ref()?;
        let filled = self.input.filled();
        let (tag, body) = header(filled)?;
        let is_plain = match tag {
            DataRow::TAG | CopyData::TAG => true,
            BIND_COMPLETE => body == 0,
            // Those that say that something was forgotten begin with "D".
            CommandComplete::TAG => {
                body < SHORT_LIMIT && filled.get(HEADER_LENGTH).is_some_and(|byte| *byte != b'D')
            }
            ReadyForQuery::TAG if body == 1 => return self.ready_plainly(),
            _ => false,
        };
        if !is_plain || owed.riders > 0 || owed.openers > 0 || body > self.message_limit {
            return None;
        }
        self.take_plain(tag, body)
    }

    /// Takes the next message if it is a DataRow and there whole. Only of a request of which BindComplete has come, so
    /// that what rode with it was answered before.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Option<Message> {
        debug_assert!(self.owed.is_some_and(|owed| owed.riders == 0 && owed.openers == 0));
        let (tag, body) = header(self.input.filled())?;
        if tag == DataRow::TAG && body <= self.message_limit {
            self.take_plain(tag, body)
        } else {
            None
        }
    }

    #[inline]
    fn take_plain(&mut self, tag: u8, body: usize) -> Option<Message> {
        let (start, end) = self.input.take_whole(HEADER_LENGTH.checked_add(body)?)?;
        Some(Message { tag, start: start + HEADER_LENGTH, end })
    }

    /// Takes the ReadyForQuery that ends the reply to a request of which all was sent.
    #[inline(never)]
    fn ready_plainly(&mut self) -> Option<Message> {
        let code = *self.input.filled().get(HEADER_LENGTH)?;
        let status = TransactionStatus::from_code(code)?;
        if !self.owed.as_ref().is_some_and(Request::is_last) || !self.output.is_empty() {
            return None;
        }
        self.input.take_whole(HEADER_LENGTH + 1)?;
        self.answered(status);
        Some(Message { tag: ReadyForQuery::TAG, start: 0, end: 0 })
    }
}
