//! The short way of a reply: one that has come whole, with one row at most, is read at once.

use std::future::poll_fn;
use std::task::{Poll, ready};

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::flow::ShortReply;
use crate::session::exchange::Exchange;
use crate::session::statement::Statement;

impl<R: Runtime> Exchange<'_, R> {
    /// Waits for the reply to a statement that was sent by itself, and tells it if all of it is there and it is short. Else
    /// its messages are to be read one by one; none has been taken.
    ///
    /// A statement that is sent by itself has no types that are to be looked up.
    pub(crate) fn short(
        &mut self,
        statement: &Statement,
    ) -> impl Future<Output = Result<Option<ShortReply>, Error>> {
        debug_assert!(!statement.has_unknown());
        poll_fn(|cx| {
            let channel = &mut self.connection.channel;
            if let Err(error) = ready!(channel.poll_arrival(cx)) {
                return Poll::Ready(Err(error.with_statement(statement.sql())));
            }
            Poll::Ready(Ok(channel.machine().short_reply()))
        })
    }

    /// Takes the reply, of which `read` makes something: of the bodies of its row and of CommandComplete. An error of
    /// `read` says that the server broke the protocol.
    pub(crate) fn take_short<T>(
        self,
        statement: &Statement,
        reply: ShortReply,
        read: impl FnOnce(Option<&[u8]>, &[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let channel = &mut self.connection.channel;
        let machine = channel.machine();
        match read(reply.row.map(|row| machine.body(row)), machine.body(reply.outcome)) {
            Ok(value) => {
                channel.machine_mut().take_short(reply);
                Ok(value)
            }
            Err(error) => Err(channel.end(error).with_statement(statement.sql())),
        }
    }
}
