//! The short way through a reply: its messages that mean nothing but to the request that is being answered.

use crate::flow::machine::{BIND_COMPLETE, Machine, SHORT_LIMIT};
use crate::flow::message::Message;
use crate::message::{CommandComplete, CopyData, DataRow, Decode};
use crate::wire::HEADER_LENGTH;

impl Machine {
    /// Takes the next message if it is there whole and means nothing but to the request that is being answered: what
    /// most replies are made of. Of all others, and of what is wrong, [`next_message`](Self::next_message) knows more.
    #[inline]
    pub(crate) fn next_plain(&mut self) -> Option<Message> {
        let owed = self.owed.as_ref()?;
        let filled = self.input.filled();
        let [tag, length @ ..] = *filled.first_chunk::<HEADER_LENGTH>()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        let body = length.checked_sub(size_of::<u32>())?;
        let is_plain = match tag {
            DataRow::TAG | CopyData::TAG => true,
            BIND_COMPLETE => body == 0,
            // Those that say that something was forgotten begin with "D".
            CommandComplete::TAG => {
                body < SHORT_LIMIT && filled.get(HEADER_LENGTH).is_some_and(|byte| *byte != b'D')
            }
            _ => false,
        };
        if !is_plain || owed.riders > 0 || owed.openers > 0 || body > self.message_limit {
            return None;
        }
        let (start, end) = self.input.take_whole(length + 1)?;
        Some(Message { tag, start: start + HEADER_LENGTH, end })
    }
}
