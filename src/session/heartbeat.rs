//! `Heartbeat`: asks an idle session for a sign of life, since a link can be lost without a word.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aiopg_runtime::{Runtime, Sleep};
use sync_wrapper::SyncWrapper;

use crate::connection::Channel;
use crate::error::{Error, Kind};

/// The shortest interval: below it a session would do nothing else.
const SHORTEST: Duration = Duration::from_millis(10);

/// When a session is asked, and whether the answer is awaited.
pub(crate) struct Heartbeat<R: Runtime> {
    interval: Option<Duration>,
    /// When the next question, or the answer to the last, is due.
    due: Instant,
    /// When the timer fires.
    set_for: Option<Instant>,
    timer: Option<SyncWrapper<Pin<Box<R::Sleep>>>>,
    awaited: bool,
}

/// Longer than anybody waits for a sign of life.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl<R: Runtime> Heartbeat<R> {
    pub(crate) fn new(runtime: &R, interval: Option<Duration>) -> Self {
        let interval = interval.map(|interval| interval.max(SHORTEST));
        let due = runtime.now();
        let mut heartbeat = Self { interval, due, set_for: None, timer: None, awaited: false };
        heartbeat.start(runtime);
        heartbeat
    }

    /// Starts anew: with a new session, or when there was an answer.
    pub(crate) fn start(&mut self, runtime: &R) {
        self.awaited = false;
        self.wait(runtime);
    }

    /// Allows for time in which nobody looked: the answer may be there.
    pub(crate) fn resume(&mut self, runtime: &R) {
        if self.awaited && self.due <= runtime.now() {
            self.wait(runtime);
        }
    }

    fn wait(&mut self, runtime: &R) {
        if let Some(interval) = self.interval {
            // An interval beyond what the clock can tell is none.
            let now = runtime.now();
            self.due = now.checked_add(interval).unwrap_or(now + A_YEAR);
        }
    }

    /// Ready when a question was sent; an error if the last one was not answered in time.
    pub(crate) fn poll_beat(
        &mut self,
        runtime: &R,
        channel: &mut Channel<R>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let Some(interval) = self.interval else { return Poll::Pending };
        if self.awaited && channel.machine().is_free() {
            self.start(runtime);
        }
        ready!(self.poll_due(runtime, cx));
        if self.awaited {
            let text = format!("the server gave no sign of life within {interval:?}");
            return Poll::Ready(Err(Error::new(Kind::Timeout, text)));
        }
        // Where a reply is owed anyway, that is the sign.
        if channel.machine().is_free() {
            channel.send_unattended("")?;
        }
        self.awaited = true;
        self.wait(runtime);
        Poll::Ready(Ok(()))
    }

    fn poll_due(&mut self, runtime: &R, cx: &mut Context<'_>) -> Poll<()> {
        if runtime.now() >= self.due {
            return Poll::Ready(());
        }
        let due = self.due;
        let timer = self
            .timer
            .get_or_insert_with(|| SyncWrapper::new(Box::pin(runtime.sleep_until(due))))
            .get_mut();
        if self.set_for.replace(due) != Some(due) {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}
