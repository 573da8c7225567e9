//! LISTEN and NOTIFY: `listen`, `unlisten`, `notify`, and `Notifications`, which receives.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use aiopg_runtime::{AnyRuntime, Runtime};
use futures_core::Stream;

use crate::error::{Error, Kind};
use crate::flow::{Notification, Queued};
use crate::session::connection::Connection;
use crate::types::quote_identifier;

/// The longest name of a channel: the server cuts longer identifiers off, and then others are meant.
const MOST_CHANNEL_BYTES: usize = 63;

/// The longest payload that the server takes.
const MOST_PAYLOAD_BYTES: usize = 7_999;

impl<R: Runtime> Connection<R> {
    /// Listens on a channel: from now on its notifications come to this session.
    ///
    /// The name is quoted, so it means exactly itself: `Jobs` and `jobs` are two channels. To listen twice is no
    /// error. In a transaction it takes effect with COMMIT. [`notifications`](Self::notifications) receives.
    ///
    /// # Examples
    ///
    /// See [`Notifications`].
    ///
    /// # Messages
    ///
    /// Query with LISTEN: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query): dropped later than the first byte was sent, the session may listen or not.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the name is empty, has more than 63 bytes or holds a NUL; nothing was sent then. Else as
    /// [`batch_execute`](Self::batch_execute): a standby, for one, cannot listen.
    ///
    /// # Source
    ///
    /// [LISTEN](https://www.postgresql.org/docs/18/sql-listen.html)
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        let sql = format!("listen {}", quoted(channel)?);
        self.listens = true;
        self.batch_execute(&sql).await
    }

    /// Listens on a channel no longer. Notifications that have arrived are still received.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection.listen("jobs").await?;
    /// connection.unlisten("jobs").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query with UNLISTEN: one round trip.
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
        self.batch_execute(&sql).await
    }

    /// Listens on no channel any more. Notifications that have arrived are still received.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection.unlisten_all().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Query with UNLISTEN: one round trip.
    ///
    /// # Cancel safety
    ///
    /// As [`listen`](Self::listen).
    ///
    /// # Errors
    ///
    /// As [`batch_execute`](Self::batch_execute).
    ///
    /// # Source
    ///
    /// [UNLISTEN](https://www.postgresql.org/docs/18/sql-unlisten.html)
    pub async fn unlisten_all(&mut self) -> Result<(), Error> {
        self.batch_execute("unlisten *").await
    }

    /// Notifies everybody who listens on a channel, this session too. The payload may be empty.
    ///
    /// In a transaction nothing is heard before COMMIT, and equal notifications are heard once.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection.notify("jobs", "42").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`execute`](Self::execute), of `select pg_notify($1, $2)`.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the name is empty, has more than 63 bytes or holds a NUL, or if the payload has more than
    /// 7,999 bytes or holds a NUL; nothing was sent then. Else as [`query`](Self::query).
    ///
    /// # Source
    ///
    /// [NOTIFY](https://www.postgresql.org/docs/18/sql-notify.html)
    pub async fn notify(&mut self, channel: &str, payload: &str) -> Result<(), Error> {
        check_channel(channel)?;
        if payload.len() > MOST_PAYLOAD_BYTES {
            let text = format!(
                "the payload has {} bytes: a notification takes at most {MOST_PAYLOAD_BYTES}",
                payload.len()
            );
            return Err(Error::usage(text).unsent());
        }
        if payload.contains('\0') {
            return Err(Error::usage("the payload holds a NUL character").unsent());
        }
        self.execute("select pg_notify($1, $2)", (channel, payload)).await.map(drop)
    }

    /// Returns what receives the notifications of this session.
    ///
    /// Notifications that arrive during other calls wait there: at most 8,192 of them, and 4 MiB.
    ///
    /// # Examples
    ///
    /// See [`Notifications`].
    pub fn notifications(&mut self) -> Notifications<'_, R> {
        Notifications { connection: self, ended: false }
    }

    /// The next notification. A transaction that was dropped is rolled back first, since in one nothing is heard.
    pub(crate) fn poll_notification(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Queued, Error>> {
        loop {
            let polled = self.channel.poll_notification(cx);
            if polled.is_ready() || !self.channel.machine().is_free() {
                return polled;
            }
            self.take_note();
            if !self.riders.any_queries() {
                return polled;
            }
            // A cancel request that is under way could hit what is sent now.
            let settled = ready!(self.channel.poll_settled(cx));
            if settled.is_ok()
                && let Some(sql) = self.riders.take_query()
            {
                self.send_order(&sql)?;
            }
        }
    }
}

/// Receives the notifications of a session.
///
/// It borrows the connection, and keeps nothing itself: what was not received waits in the connection for the next
/// one that is made. Notifications end only when the session does; the error of a statement changes nothing.
/// For a session that is opened again when it is lost, see [`Listener`](crate::Listener).
///
/// # Examples
///
/// ```no_run
/// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
/// connection.listen("jobs").await?;
/// let mut notifications = connection.notifications();
/// loop {
///     let notification = notifications.recv().await?;
///     println!("{}: {}", notification.channel(), notification.payload());
/// }
/// # }
/// ```
///
/// # Source
///
/// [Asynchronous operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC)
pub struct Notifications<'c, R: Runtime = AnyRuntime> {
    connection: &'c mut Connection<R>,
    /// The stream has told why it ends.
    ended: bool,
}

impl<R: Runtime> Notifications<'_, R> {
    /// Waits for the next notification.
    ///
    /// # Examples
    ///
    /// A notification or a tick, whichever comes first:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example<R: aiopg::Runtime>(runtime: R, connection: &mut aiopg::Connection<R>) -> Result<(), aiopg::Error> {
    /// let mut notifications = connection.notifications();
    /// loop {
    ///     match runtime.timeout(Duration::from_secs(60), notifications.recv()).await {
    ///         Ok(notification) => println!("{}", notification?.payload()),
    ///         Err(_) => println!("a quiet minute"),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Messages
    ///
    /// NotificationResponse is awaited. Nothing is sent but what brings the session into order after what was dropped:
    /// cancel requests, and ROLLBACK.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken nothing: no notification is lost.
    ///
    /// # Errors
    ///
    /// [`Kind::Lagged`] with how many notifications were dropped, since more came than are kept: in their place, once,
    /// and then it goes on. [`Kind::Closed`] when the session has ended, after all that had arrived, on this and
    /// every later call; the reason is its [`source`](std::error::Error::source).
    ///
    /// # Source
    ///
    /// [Asynchronous operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC)
    pub async fn recv(&mut self) -> Result<Notification, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns a notification that has arrived, or `None` if there is none now. Does not wait.
    ///
    /// It reads the socket as far as the runtime has noticed that something is there.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// while let Some(notification) = connection.notifications().try_recv()? {
    ///     println!("{}", notification.payload());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Source
    ///
    /// [Asynchronous operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC)
    pub fn try_recv(&mut self) -> Result<Option<Notification>, Error> {
        // Whoever waits next registers a waker of its own.
        match self.poll_recv(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => received.map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Returns how many notifications have been read and wait to be received. More may be on their way.
    pub fn len(&self) -> usize {
        self.connection.channel.machine().reports().notifications().len()
    }

    /// Tells whether no notification that has been read waits to be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Notification, Error>> {
        Poll::Ready(match ready!(self.connection.poll_notification(cx))? {
            Queued::Notification(notification) => Ok(notification),
            Queued::Lagged(count) => Err(lagged(count)),
        })
    }
}

impl<R: Runtime> Stream for Notifications<'_, R> {
    type Item = Result<Notification, Error>;

    /// As [`recv`](Notifications::recv); after the error with which the session ended the stream is at its end.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let received = ready!(self.poll_recv(cx));
        self.ended = received.as_ref().is_err_and(|error| error.kind() == Kind::Closed);
        Poll::Ready(Some(received))
    }
}

impl<R: Runtime> fmt::Debug for Notifications<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("len", &self.len()).finish_non_exhaustive()
    }
}

fn lagged(count: u64) -> Error {
    let text = format!("{count} notifications were dropped, since nobody received them");
    Error::new(Kind::Lagged(count), text)
}

/// The channel as it stands in a statement.
pub(crate) fn quoted(channel: &str) -> Result<String, Error> {
    check_channel(channel)?;
    quote_identifier(channel)
}

fn check_channel(channel: &str) -> Result<(), Error> {
    let what = match channel.len() {
        0 => "is empty".to_owned(),
        length if length > MOST_CHANNEL_BYTES => {
            format!("has {length} bytes: the server would take the first {MOST_CHANNEL_BYTES}")
        }
        _ if channel.contains('\0') => "holds a NUL character".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::usage(format!("the name of the channel {what}")).unsent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_quoted_and_checked() {
        assert_eq!(quoted("jobs").unwrap(), "\"jobs\"");
        assert_eq!(quoted("Jobs; \"x\"").unwrap(), "\"Jobs; \"\"x\"\"\"");
        assert!(quoted(&"x".repeat(63)).is_ok());
        for (channel, text) in [
            ("", "the name of the channel is empty"),
            ("a\0b", "the name of the channel holds a NUL character"),
            (
                &*"ä".repeat(32),
                "the name of the channel has 64 bytes: the server would take the first 63",
            ),
        ] {
            let error = quoted(channel).unwrap_err();
            assert_eq!((error.kind(), &*error.to_string()), (Kind::Usage, text));
            assert!(error.is_unsent());
        }
    }
}
