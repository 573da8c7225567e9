//! What becomes of an operation that takes longer than it may.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::connection::channel::Channel;
use crate::connection::limit::Due;
use crate::error::{Error, Kind, ServerError, SqlState};

impl<R: Runtime> Channel<R> {
    /// Ready when the operation has taken so long that it fails here. Before that the server is asked to cancel it.
    pub(in crate::connection) fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let due = self.limit.poll_due(&self.runtime, cx);
            match due {
                Poll::Ready(Due::Cancel) if self.machine.withdraw() => {
                    return Poll::Ready(self.limit.error().unsent());
                }
                Poll::Ready(Due::Cancel) => self.cancel_running(),
                Poll::Ready(Due::GiveUp) => {
                    let error = self.limit.error();
                    return Poll::Ready(self.end(error));
                }
                Poll::Pending if self.limit.is_overdue() => {
                    // If there is no background, they are carried on here. The next operation learns what became of them.
                    let _: Poll<Result<(), Error>> = self.canceller.poll_done(cx);
                    self.cancel_running();
                    ready!(self.canceller.poll_patience(&self.runtime, cx));
                    self.cancel_running();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Sets how long the operation that begins now may take.
    pub(crate) fn limit(&mut self, limit: Option<Duration>) {
        self.limit.start(&self.runtime, limit);
    }

    /// Reads off what is owed to futures that were dropped, as [`settle`](Self::settle), but waits no longer than the
    /// operation may take that comes next. Nothing of it was sent then.
    pub(crate) async fn settle_in_time(&mut self) -> Result<(), Error> {
        if self.limit.is_set() && self.ended().is_none() && !self.is_settled() {
            self.abandon();
            poll_fn(|cx| {
                if self.poll_settled(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                self.limit.poll_due(&self.runtime, cx).map(|_| Err(self.limit.error().unsent()))
            })
            .await?;
        }
        self.settle().await
    }

    /// Whether the operation has taken longer than it may.
    pub(crate) fn is_overdue(&self) -> bool {
        self.limit.is_overdue()
    }

    /// What the caller is told instead of `error`, if that came of the limit.
    pub(crate) fn late(&self, error: Error) -> Error {
        let late = self.limit.is_overdue() && error.kind() == Kind::Server;
        if late { self.limit.error().with_source(error) } else { error }
    }

    /// What the caller is told if the operation has taken longer than it may.
    pub(crate) fn overdue(&self) -> Option<Error> {
        self.limit.is_overdue().then(|| self.limit.error())
    }

    /// The caller looks at what has come: the time that this takes is his.
    pub(crate) fn rest(&mut self) {
        self.limit.rest();
    }

    /// The server's refusal of a request, as its caller hears it.
    pub(crate) fn refusal(&self, refusal: ServerError) -> Error {
        let timed_out = self.limit.is_overdue() && refusal.sqlstate == SqlState::QUERY_CANCELED;
        let error = Error::from_server(refusal);
        if timed_out { self.limit.error().with_source(error) } else { error }
    }
}
