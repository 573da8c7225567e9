//! The reading of a stream, which is observed up to its end.

use std::mem;
use std::task::{Context, Poll, ready};

use aiopg_runtime::Runtime;

use crate::error::Error;
use crate::flow::Message;
use crate::observe::{Counted, Observation};
use crate::session::row_stream::RowStream;

impl<R: Runtime> RowStream<'_, R> {
    /// Has its reading observed, up to its end.
    pub(crate) fn observed(mut self, observation: Observation<R>) -> Self {
        self.observation = observation;
        self
    }

    /// The next DataRow, for a caller that takes his time before he asks for more.
    pub(crate) fn poll_row(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        let message = if self.observation.is_watched() {
            self.poll_observed(cx)
        } else {
            self.poll_message(cx)
        };
        let message = ready!(message);
        self.exchange.connection.channel.rest();
        Poll::Ready(message)
    }

    /// Looks for the next message, and is watched.
    #[cold]
    fn poll_observed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        // Apart from `self`, which its poll changes.
        let mut observation = mem::replace(&mut self.observation, Observation::none());
        let message = observation.scope(|| self.poll_message(cx));
        match &message {
            Poll::Ready(Ok(None)) => observation.finish(Ok(Counted::Returned(self.count))),
            Poll::Ready(Err(error)) => observation.finish(Err(error)),
            Poll::Ready(Ok(Some(_))) | Poll::Pending => {}
        }
        self.observation = observation;
        message
    }
}
