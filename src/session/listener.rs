//! `Listener`: hears notifications for as long as it lives, on one session after the other.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;
use futures_util::stream::unfold;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::flow::{Notification, Queued};
use crate::session::connection::Connection;
use crate::session::heartbeat::Heartbeat;
use crate::session::notifications::quoted;
use crate::session::reconnect::{Backoff, Reconnect};

/// How often an idle session is asked for a sign of life: often enough for routers that forget idle connections.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Hears notifications for as long as it lives: when its session is lost, it opens another, listens again on all its
/// channels, and says that there was a gap.
///
/// It has a session of its own, which does nothing else. No task runs in the background: it reads, and reconnects,
/// while somebody awaits [`recv`](Self::recv).
///
/// A session that is lost without a word, such as behind a router that forgets it, is found by a heartbeat: an empty
/// query every 30 seconds, which must be answered before the next is due.
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::{Heard, Listener};
///
/// let mut listener = Listener::connect(runtime, "postgresql://ada:secret@localhost/shop").await?;
/// listener.listen("prices").await?;
/// loop {
///     match listener.recv().await? {
///         Heard::Notification(notification) => println!("{} changed", notification.payload()),
///         // Whatever was sent meanwhile is lost: read everything anew.
///         Heard::Lagged(_) | Heard::Reconnected(_) => println!("anything may have changed"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Listener<R: Runtime = AnyRuntime> {
    runtime: R,
    config: Config,
    channels: BTreeSet<Box<str>>,
    backoff: Backoff,
    heartbeat: Heartbeat<R>,
    /// None while it is lost.
    connection: Option<Connection<R>>,
    /// When that was opened.
    opened_at: Instant,
    /// Whether the session listens on exactly these channels. A call that was dropped leaves that open.
    in_step: bool,
    lost: Option<Lost<R>>,
    /// Attempts to connect since a session last held.
    attempts: u32,
}

/// A session that was lost, until that is told.
struct Lost<R: Runtime> {
    since: Instant,
    reason: Error,
    attempts: u32,
    /// None when there is another session.
    reconnect: Option<Reconnect<R>>,
}

/// What a [`Listener`] hears.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Heard {
    /// A notification.
    Notification(Notification),
    /// So many notifications were dropped here, since more came than are kept.
    Lagged(u64),
    /// The session was lost, and there is another one, which listens on the same channels. Notifications that were
    /// sent meanwhile are lost.
    Reconnected(Gap),
}

/// A time in which a [`Listener`] had no session.
#[derive(Clone, Debug)]
pub struct Gap {
    reason: Error,
    lasted: Duration,
    attempts: u32,
}

impl Gap {
    /// Returns why the session was lost.
    pub fn reason(&self) -> &Error {
        &self.reason
    }

    /// Returns how long there was none, as far as that is known: from when the loss was noticed until the new session
    /// listened.
    pub fn lasted(&self) -> Duration {
        self.lasted
    }

    /// Returns how many attempts to connect it took.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl Listener {
    /// Connects. `config` is a [`Config`], or a connection string.
    ///
    /// # Examples
    ///
    /// See [`Listener`].
    ///
    /// # Messages
    ///
    /// As [`Connection::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`]: this first time nothing is tried again.
    pub async fn connect<C>(runtime: impl Runtime, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        Self::connect_on(runtime.erase(), config).await
    }
}

impl<R: Runtime> Listener<R> {
    /// Connects, and keeps the type of the runtime.
    ///
    /// # Errors
    ///
    /// As [`connect`](Listener::connect).
    pub async fn connect_on<C>(runtime: R, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        let connection = Connection::connect_on(runtime.clone(), config.clone()).await?;
        Ok(Self {
            channels: BTreeSet::new(),
            backoff: Backoff::default(),
            heartbeat: Heartbeat::new(&runtime, Some(HEARTBEAT)),
            connection: Some(connection),
            opened_at: runtime.now(),
            in_step: true,
            lost: None,
            attempts: 0,
            runtime,
            config,
        })
    }

    /// Sets how often an idle session is asked for a sign of life, at least every 10 ms; `None`: never. The answer
    /// must come within the same time. Default: 30 seconds.
    #[must_use]
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = Heartbeat::new(&self.runtime, interval.into());
        self
    }

    /// Sets how long to wait between attempts to connect: `first` after the first one that fails, twice as long after
    /// each further one, at most `longest`, and up to a quarter less by chance. Default: 100 ms, at most 30 seconds.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest };
        self
    }

    /// Listens on a channel, now and after every reconnection. While there is no session, it takes effect with the
    /// next one.
    ///
    /// # Examples
    ///
    /// See [`Listener`].
    ///
    /// # Messages
    ///
    /// Query with LISTEN: one round trip; none while there is no session.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may take effect with the next [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] and [`Kind::Server`] as [`Connection::listen`]; the channel is not listened on then. That the
    /// session is lost is no error here: `recv` opens another.
    ///
    /// # Source
    ///
    /// [LISTEN](https://www.postgresql.org/docs/18/sql-listen.html)
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        let sql = format!("listen {}", quoted(channel)?);
        if !self.channels.insert(channel.into()) && self.in_step {
            return Ok(());
        }
        let done = self.run(&sql).await;
        if done.is_err() {
            self.channels.remove(channel);
            // An attempt to connect that is under way knows of it.
            self.in_step &= self.connection.is_some();
        }
        done
    }

    /// Listens on a channel no longer.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mut listener: aiopg::Listener) -> Result<(), aiopg::Error> {
    /// listener.unlisten("prices").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query with UNLISTEN: one round trip; none while there is no session.
    ///
    /// # Cancel safety
    ///
    /// As [`listen`](Self::listen).
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen).
    ///
    /// # Source
    ///
    /// [UNLISTEN](https://www.postgresql.org/docs/18/sql-unlisten.html)
    pub async fn unlisten(&mut self, channel: &str) -> Result<(), Error> {
        let sql = format!("unlisten {}", quoted(channel)?);
        self.channels.remove(channel);
        self.run(&sql).await
    }

    /// Waits for what comes next, and reconnects when the session is lost.
    ///
    /// # Examples
    ///
    /// See [`Listener`].
    ///
    /// # Messages
    ///
    /// NotificationResponse is awaited. Now and then an empty Query is sent as a heartbeat. After a loss: as
    /// [`Connection::connect`], then Query with a LISTEN for each channel.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing, and an attempt to connect goes on with the next call.
    ///
    /// # Errors
    ///
    /// What time does not heal: the server refuses the password, the database is gone, a channel cannot be listened
    /// on. Another call tries again, after the same pauses. A server that cannot be reached, or that starts up or
    /// shuts down, is no error: it is tried until it answers.
    pub async fn recv(&mut self) -> Result<Heard, Error> {
        self.heartbeat.resume(&self.runtime);
        loop {
            if self.lost.is_some() {
                poll_fn(|cx| self.poll_reconnected(cx)).await?;
            }
            if !self.in_step {
                self.run(&listen_again(&self.channels)).await?;
                continue;
            }
            if let Some(lost) = self.lost.take() {
                return Ok(Heard::Reconnected(self.gap(lost)));
            }
            match poll_fn(|cx| self.poll_heard(cx)).await {
                Ok(heard) => return Ok(heard),
                Err(reason) => self.lose(reason),
            }
        }
    }

    /// Makes a [`Stream`] of all that is heard. It ends never; see [`recv`](Self::recv) for its errors.
    pub fn into_stream(self) -> impl Stream<Item = Result<Heard, Error>> + Send {
        unfold(self, async |mut listener| {
            let heard = listener.recv().await;
            Some((heard, listener))
        })
    }

    /// Returns the channels, in order.
    pub fn channels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.channels.iter().map(|channel| &**channel)
    }

    /// Tells whether there is a session, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.is_closed())
    }

    /// Returns the process ID of the session's backend, while there is one.
    pub fn process_id(&self) -> Option<i32> {
        self.connection.as_ref()?.process_id()
    }

    /// Ends the session in good order.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`].
    pub async fn close(mut self) -> Result<(), Error> {
        match &mut self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    /// Runs what changes the channels, if there is a session. That it is lost is told by the next `recv`.
    async fn run(&mut self, sql: &str) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else {
            // What is under way knows only the channels of before.
            self.in_step = false;
            return Ok(());
        };
        let whole = self.in_step;
        self.in_step = false;
        let done = connection.batch_execute(sql).await;
        match done {
            Ok(()) => {
                self.in_step = whole || sql.starts_with("unlisten *");
                Ok(())
            }
            Err(error) if connection.is_closed() => {
                self.lose(error);
                Ok(())
            }
            Err(error) if whole => {
                // A single statement that is refused changes nothing.
                self.in_step = true;
                Err(error)
            }
            Err(error) => {
                self.lose(error.clone());
                Err(error)
            }
        }
    }

    fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Error>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Err(Error::closed(None)));
        };
        loop {
            if let Poll::Ready(queued) = connection.poll_notification(cx) {
                return Poll::Ready(queued.map(|queued| match queued {
                    Queued::Notification(notification) => Heard::Notification(notification),
                    Queued::Lagged(count) => Heard::Lagged(count),
                }));
            }
            // Ready when a question was sent, so that the answer is waited for.
            ready!(self.heartbeat.poll_beat(&self.runtime, &mut connection.channel, cx))?;
        }
    }

    /// Gives the session up, and begins to look for another.
    fn lose(&mut self, error: Error) {
        let now = self.runtime.now();
        let ended = self.connection.take();
        // The reason says more than that it is closed.
        let cause = ended.as_ref().and_then(|connection| connection.channel.ended().cloned());
        if now.saturating_duration_since(self.opened_at) >= self.backoff.longest {
            self.attempts = 0;
        }
        let reconnect = Some(self.reconnect());
        // If it was lost again before the first loss was told, that is one gap.
        let lost = self.lost.get_or_insert_with(|| {
            let reason = cause.unwrap_or(error);
            Lost { since: now, reason, attempts: 0, reconnect: None }
        });
        lost.attempts = lost.attempts.saturating_add(1);
        lost.reconnect = reconnect;
    }

    fn reconnect(&mut self) -> Reconnect<R> {
        self.in_step = true;
        let pause = self.backoff.pause(self.attempts, self.runtime.random());
        self.attempts = self.attempts.saturating_add(1);
        let statement = listen_again(&self.channels);
        Reconnect::new(self.runtime.clone(), self.config.clone(), pause, statement)
    }

    /// Ready when there is a session again, or with what time does not heal.
    fn poll_reconnected(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(reconnect) = self.lost.as_mut().and_then(|lost| lost.reconnect.as_mut()) {
            let opened = ready!(reconnect.poll(cx));
            let error = match opened {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.opened_at = self.runtime.now();
                    self.heartbeat.start(&self.runtime);
                    None
                }
                Err(error) => Some(error),
            };
            let next = error.is_some().then(|| self.reconnect());
            if let Some(lost) = &mut self.lost {
                lost.attempts = lost.attempts.saturating_add(u32::from(next.is_some()));
                lost.reconnect = next;
            }
            if let Some(error) = error.filter(|error| !passes(error)) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn gap(&self, lost: Lost<R>) -> Gap {
        let lasted = self.runtime.now().saturating_duration_since(lost.since);
        Gap { reason: lost.reason, lasted, attempts: lost.attempts }
    }
}

impl<R: Runtime> fmt::Debug for Listener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("channels", &self.channels)
            .field("connection", &self.connection)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// What makes a session listen on these channels and no others. It is one transaction, so nothing is missed.
fn listen_again(channels: &BTreeSet<Box<str>>) -> String {
    let mut sql = String::from("unlisten *");
    for channel in channels.iter().filter_map(|channel| quoted(channel).ok()) {
        sql.push_str("; listen ");
        sql.push_str(&channel);
    }
    sql
}

/// Whether the same attempt may succeed a little later.
fn passes(error: &Error) -> bool {
    let kinds = [Kind::Io, Kind::Timeout, Kind::Closed, Kind::TargetSessionAttrs];
    // Too many connections; starting up, shutting down, recovering.
    let classes = ["08", "53", "57"];
    kinds.contains(&error.kind())
        || error.sqlstate().is_some_and(|state| classes.contains(&state.class()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_channels_are_listened_on_in_one_text() {
        let channels = ["b", "a\"c"].map(Box::from).into();
        assert_eq!(listen_again(&channels), "unlisten *; listen \"a\"\"c\"; listen \"b\"");
        assert_eq!(listen_again(&BTreeSet::new()), "unlisten *");
    }

    #[test]
    fn listeners_are_send_and_sync() {
        fn shareable<T: Send + Sync + 'static>() {}
        shareable::<Listener>();
    }
}
