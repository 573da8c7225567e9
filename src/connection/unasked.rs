//! What a session hears while nothing is asked of it: notifications, and its end.

use std::task::{Context, Poll, Waker};

use aiopg_runtime::Runtime;

use crate::connection::channel::Channel;
use crate::error::Error;
use crate::flow::{Machine, Queued};

impl<R: Runtime> Channel<R> {
    /// The next notification. After the end of the session: first those that had arrived, then the reason, always.
    ///
    /// Nothing is sent, but for what settles the requests of futures that were dropped.
    pub(crate) fn poll_notification(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Queued, Error>> {
        loop {
            if let Some(queued) = self.machine_mut().take_notification() {
                return Poll::Ready(Ok(queued));
            }
            if let Some(cause) = self.ended() {
                return Poll::Ready(Err(Error::closed(Some(cause))));
            }
            let owing = self.is_owing();
            let polled = if owing {
                self.abandon();
                self.poll_settled(cx)
            } else {
                self.poll_transport(cx, Machine::next_notification)
            };
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => drop(self.end(error)),
                // What is left is a cancel request, for which only the next request has to wait.
                Poll::Pending if owing && !self.is_owing() => {}
                Poll::Pending if !self.machine().reports().notifications().is_empty() => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes what has arrived, without waiting: the server may have ended the session.
    pub(crate) fn look(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // The next operation registers its own waker.
        let mut cx = Context::from_waker(Waker::noop());
        let mut polled = Poll::Ready(Ok(()));
        if self.is_owing() {
            self.abandon();
            polled = self.poll_rest(&mut cx);
        }
        if let Poll::Ready(Ok(())) = polled {
            polled = self.poll_transport(&mut cx, Machine::next_message).map_ok(drop);
        }
        if let Poll::Ready(Err(error)) = polled {
            self.end(error);
        }
    }
}
