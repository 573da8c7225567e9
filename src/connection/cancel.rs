//! "Canceling Requests in Progress": a cancel request on a connection of its own.
//!
//! # Source
//!
//! [Canceling requests in progress](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS)

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aiopg_runtime::{AnyRuntime, Runtime};
use bytes::BytesMut;
use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::connection::target::Target;
use crate::error::{Error, Kind};
use crate::message::CancelRequest;
use crate::observe::{About, Counted, Observation, Operation};

/// How long a cancel request may take. It is a courtesy: whoever waits for it waits for this long at most.
const LIMIT: Duration = Duration::from_secs(10);

/// A cancel request that several may wait for: whoever polls it carries it on.
type Cancelling = Shared<Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>>;

/// The cancel requests of one session that are under way.
#[derive(Clone, Default)]
pub(crate) struct CancelRequests(Arc<UnderWay>);

#[derive(Default)]
struct UnderWay {
    /// Whether there may be any: asked before every statement, so it takes no lock.
    any: AtomicBool,
    requests: Mutex<Vec<Cancelling>>,
    /// How many were sent that the server has not confirmed: their signals may still come.
    in_doubt: Arc<AtomicUsize>,
}

impl CancelRequests {
    /// Whether none is under way, and each that was sent was confirmed.
    pub(crate) fn is_empty(&self) -> bool {
        !self.0.any.load(Ordering::Acquire) || self.are_done()
    }

    /// The same, asked where there were some: whoever carried them on may have come to their ends since.
    #[cold]
    fn are_done(&self) -> bool {
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|request| request.peek().is_none());
        let done = requests.is_empty() && self.0.in_doubt.load(Ordering::Acquire) == 0;
        if done {
            self.0.any.store(false, Ordering::Release);
        }
        done
    }

    /// Ready when none is under way any more. Until the server has closed the connection of a cancel request, its
    /// signal could hit the next statement.
    ///
    /// An error says that one was sent and never confirmed: then nothing can be sent on this session any more.
    pub(crate) fn poll_done(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Polled where they are kept: a clone that is dropped takes its waker along.
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain_mut(|request| request.poll_unpin(cx).is_pending());
        if !requests.is_empty() {
            return Poll::Pending;
        }
        if self.0.in_doubt.load(Ordering::Acquire) > 0 {
            let text =
                "a cancel request was sent and not confirmed: it could hit the next statement";
            return Poll::Ready(Err(Error::new(Kind::Io, text)));
        }
        self.0.any.store(false, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    /// The request that is under way, or else the one that `make` makes: one at a time serves everybody, since no
    /// statement is started meanwhile.
    fn join<F>(&self, make: impl FnOnce(Arc<AtomicUsize>) -> F) -> Cancelling
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let mut requests = self.0.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|request| request.peek().is_none());
        if let Some(under_way) = requests.first() {
            return under_way.clone();
        }
        let request = AssertUnwindSafe(make(Arc::clone(&self.0.in_doubt))).catch_unwind();
        // Whoever asks for one that has panicked would panic too, even where a session is dropped.
        let request = request.map(|done| done.unwrap_or_else(|_| Err(panicked()))).boxed().shared();
        requests.push(request.clone());
        self.0.any.store(true, Ordering::Release);
        request
    }
}

impl fmt::Debug for CancelRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelRequests(..)")
    }
}

/// Cancels what a session is doing, from anywhere.
///
/// It is made by [`Connection::cancel_token`](crate::Connection::cancel_token), and goes to the same server, with
/// the same TLS settings and the session's own key.
#[derive(Clone)]
pub struct CancelToken<R: Runtime = AnyRuntime> {
    runtime: R,
    target: Target,
    process_id: i32,
    secret_key: Arc<[u8]>,
    requests: CancelRequests,
}

impl<R: Runtime> CancelToken<R> {
    pub(crate) fn new(
        runtime: R,
        target: Target,
        process_id: i32,
        secret_key: &[u8],
        requests: CancelRequests,
    ) -> Self {
        Self { runtime, target, process_id, secret_key: secret_key.into(), requests }
    }

    /// Asks the server to cancel the statement that the session is running, if it is running one.
    ///
    /// That the request was delivered does not say that there was something to cancel: the statement itself
    /// tells, with SQLSTATE 57014.
    ///
    /// # Examples
    ///
    /// See [`Connection::cancel_token`](crate::Connection::cancel_token).
    ///
    /// # Messages
    ///
    /// CancelRequest on a connection of its own; waits until the server has closed that. The session's next
    /// operation waits for it too, so that it is never hit by a signal that was meant for the one before; and if the
    /// server has not confirmed it within 10 seconds, that operation ends the session instead. Behind a pooler
    /// there is no such promise.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the session's next operation carries the request on. While one is under way, others that
    /// are asked for join it.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the server could not be reached, [`Kind::Timeout`] if it did not answer within 10 seconds.
    ///
    /// # Source
    ///
    /// [Canceling requests](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS)
    pub async fn cancel(&self) -> Result<(), Error> {
        self.start().await
    }

    /// Asks in the background, if there is one; else whoever waits for the session next does it.
    pub(crate) fn cancel_detached(&self) {
        let request = self.start();
        self.runtime.spawn(request.map(drop));
    }

    fn start(&self) -> Cancelling {
        let Self { runtime, target, process_id, secret_key, requests } = self.clone();
        requests.join(|in_doubt| {
            let about = About { process_id: Some(process_id), ..About::default() };
            let observation = Observation::<R>::new(Operation::Cancel, &target.server, about);
            let sending = async move {
                let mut request = BytesMut::new();
                CancelRequest { process_id, secret_key: &secret_key }.encode(&mut request)?;
                let sending = send(&runtime, &target, request, &in_doubt);
                let sent = runtime.timeout(LIMIT, sending).await;
                sent.unwrap_or_else(|_| {
                    let text =
                        format!("the server did not take the cancel request within {LIMIT:?}");
                    Err(Error::new(Kind::Timeout, text))
                })
            };
            async move { observation.over(pin!(sending), |()| Counted::Nothing).await }
        })
    }
}

impl<R: Runtime> fmt::Debug for CancelToken<R> {
    /// Leaves the key out: whoever has it can cancel.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("target", &self.target)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

async fn send<R: Runtime>(
    runtime: &R,
    target: &Target,
    mut request: BytesMut,
    in_doubt: &AtomicUsize,
) -> Result<(), Error> {
    let mut transport = target.dial(runtime).await?;
    poll_fn(|cx| transport.poll_write_all(cx, &mut request)).await.map_err(failed)?;
    // It is on its way now, whatever becomes of this connection.
    in_doubt.fetch_add(1, Ordering::AcqRel);
    poll_fn(|cx| transport.poll_flush(cx)).await.map_err(failed)?;
    let mut space = [0; 64];
    let end_of_file = poll_fn(|cx| {
        while ready!(transport.poll_read(cx, &mut space))? > 0 {}
        Poll::Ready(Ok::<_, io::Error>(()))
    });
    match end_of_file.await {
        // The server hangs up without a word: on some systems with a reset, in TLS without its farewell.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Err(failed(error))
        }
        _ => {
            in_doubt.fetch_sub(1, Ordering::AcqRel);
            Ok(())
        }
    }
}

fn failed(error: io::Error) -> Error {
    Error::io("could not send a cancel request", error)
}

/// For a panic of the runtime, or of a subscriber. What it was about was told when it happened.
fn panicked() -> Error {
    Error::new(Kind::Io, "the cancel request ended in a panic")
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::task::Waker;

    use super::*;

    fn poll_done(requests: &CancelRequests) -> Poll<Result<(), Error>> {
        requests.poll_done(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_ends_in_the_background_is_not_under_way_any_more() {
        let requests = CancelRequests::default();
        assert!(requests.is_empty());
        let done = requests.join(|_| ready(Ok(())));
        assert!(!requests.is_empty());
        assert!(done.now_or_never().unwrap().is_ok());
        assert!(requests.is_empty());
    }

    #[test]
    fn one_that_is_in_doubt_is_never_forgotten() {
        let requests = CancelRequests::default();
        drop(requests.join(|in_doubt| {
            in_doubt.fetch_add(1, Ordering::AcqRel);
            ready(Err(panicked()))
        }));
        for _ in 0..3 {
            assert!(matches!(poll_done(&requests), Poll::Ready(Err(_))));
            assert!(!requests.is_empty());
        }
    }

    #[test]
    fn one_that_panics_is_an_error_for_whoever_waits() {
        let requests = CancelRequests::default();
        let panicking = requests.join(|_| async { panic!("on purpose") });
        assert!(panicking.now_or_never().unwrap().is_err());
        assert!(matches!(poll_done(&requests), Poll::Ready(Ok(()))), "nothing was sent");
        assert!(requests.is_empty());
    }

    #[test]
    fn others_join_the_one_that_is_under_way() {
        let requests = CancelRequests::default();
        let first = requests.join(|_| pending());
        let second = requests.join(|_| ready(Ok(())));
        assert!(first.ptr_eq(&second));
        assert!(poll_done(&requests).is_pending());
    }
}
