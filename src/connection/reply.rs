//! What whoever waits for a reply takes of it.

use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;

use crate::connection::channel::{Attendance, Channel};
use crate::error::Error;
use crate::flow::{Machine, Message};

impl<R: Runtime> Channel<R> {
    /// The next message of the reply. Writes what is unsent and reads, in whatever order the transport allows.
    #[inline]
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        match self.arrived(Machine::next_plain) {
            Some(message) => Poll::Ready(Ok(message)),
            None => self.poll_any(cx, Machine::next_message),
        }
    }

    /// The next message if it is a row and has arrived already. Only while rows are due.
    #[inline]
    pub(crate) fn arrived_row(&mut self) -> Option<Message> {
        self.arrived(Machine::next_row)
    }

    /// What has arrived already and `next` takes, unless something keeps it from being taken.
    #[inline]
    fn arrived(&mut self, next: fn(&mut Machine) -> Option<Message>) -> Option<Message> {
        let off = self.switch.as_ref().is_some_and(|switch| switch.is_off());
        if off || self.ended.is_some() { None } else { next(&mut self.machine) }
    }

    /// Ready when the header of the next message is there, whatever it is; it is not taken.
    pub(crate) fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_any(cx, |machine| Ok(machine.has_header().then_some(())))
    }

    /// Apart, so that the short way has no more to save and restore than it needs.
    #[inline(never)]
    fn poll_any<T>(
        &mut self,
        cx: &mut Context<'_>,
        next: fn(&mut Machine) -> Result<Option<T>, Error>,
    ) -> Poll<Result<T, Error>> {
        if let Some(cause) = &self.ended {
            return Poll::Ready(Err(Error::closed(Some(cause))));
        }
        let polled = self.poll_transport(cx, next);
        if polled.is_pending() && self.limit.is_set() && self.attendance == Attendance::Attended {
            let due = ready!(self.poll_limit(cx));
            return Poll::Ready(Err(due));
        }
        polled.map_err(|error| self.end(error))
    }

    /// Ready without a message when everything is written. What the server says meanwhile is read and returned, so
    /// that an error is told before all of a copy is sent, and so that neither side waits for the other.
    pub(crate) fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        if let Some(cause) = &self.ended {
            return Poll::Ready(Err(Error::closed(Some(cause))));
        }
        let polled = self.poll_transport(cx, Machine::next_message);
        if polled.is_pending() && self.machine.unsent().is_empty() {
            // Nobody waits for the server any more.
            self.limit.rest();
            return Poll::Ready(Ok(None));
        }
        if polled.is_pending() && self.limit.is_set() {
            let due = ready!(self.poll_limit(cx));
            return Poll::Ready(Err(due));
        }
        polled.map_ok(Some).map_err(|error| self.end(error))
    }
}
