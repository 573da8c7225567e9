//! `Connection`: one session, used by one caller at a time.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::{AnyRuntime, ByteStream, Runtime};

use crate::config::{Config, Event, StatementMode};
use crate::connection::{CancelToken, Channel, Transport, open, open_stream};
use crate::error::{Error, ServerError};
use crate::message::{CommandTag, Offset, TransactionStatus};
use crate::observe::{About, Counted, Observation, Observer, Operation};
use crate::session::catalog::Catalog;
#[cfg(feature = "sea-query")]
use crate::session::identity::Identity;
use crate::session::lexer::Backslash;
use crate::session::riders::Riders;
use crate::session::source::TimeLimit;
use crate::session::statement_cache::StatementCache;
use crate::session::version::version_number;

/// One session with a PostgreSQL server.
///
/// Every operation takes `&mut self`: the session does one thing at a time, and the compiler keeps everybody
/// else out. Nothing runs in the background: whoever awaits an operation reads and writes the socket, so a
/// connection works under any executor and does nothing while nobody polls it.
///
/// # Examples
///
/// ```no_run
/// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
/// use aiopg::Connection;
///
/// let mut connection = Connection::connect(runtime, "postgresql://ada:secret@localhost/db").await?;
/// let answer: i32 = connection.query_scalar("select $1::int4 + 2", (40,)).await?;
/// assert_eq!(answer, 42);
/// connection.close().await?;
/// # Ok(()) }
/// ```
///
/// # Cancel safety
///
/// The future of any operation may be dropped at any point. A request of which no byte was sent never runs.
/// Of one that was sent, the reply is read off before the next operation, and the server is asked to cancel it;
/// see [`OnDrop`](crate::OnDrop). Either the session stays usable or it is closed; no reply ever reaches a
/// caller that it does not belong to.
pub struct Connection<R: Runtime = AnyRuntime> {
    pub(crate) channel: Channel<R>,
    pub(crate) statements: StatementCache,
    /// The types that are not built in; a pool has one for all its connections.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) mode: StatementMode,
    /// How long a statement may take, and whether somebody is told of those that succeed: as the configuration says,
    /// which would have to be looked up at each call.
    pub(crate) query_timeout: Option<Duration>,
    pub(crate) observed: bool,
    pub(crate) config: Box<Config>,
    /// `listen` was called, so that a pool knows.
    pub(crate) listens: bool,
    /// What goes out with the next request.
    pub(crate) riders: Riders,
    /// Where the values of the row that is lent stand: kept here so that lending allocates nothing.
    pub(crate) offsets: Vec<Offset>,
    /// How the statement of the last [`RowStream`](crate::RowStream) ended, if it has.
    pub(crate) tag: CommandTag,
    #[cfg(feature = "sea-query")]
    pub(crate) identity: Identity,
}

impl Connection {
    /// Connects. `config` is a [`Config`], or a connection string.
    ///
    /// The type of the runtime is hidden, at the cost of one virtual call per system call. Generic code uses
    /// [`connect_on`](Self::connect_on) instead.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(runtime: impl aiopg::Runtime) -> Result<(), aiopg::Error> {
    /// use std::time::Duration;
    ///
    /// use aiopg::{Config, Connection};
    ///
    /// let config: Config = "postgresql://ada@db1,db2/shop?target_session_attrs=read-write".parse()?;
    /// let config = config.connect_deadline(Duration::from_secs(10));
    /// let connection = Connection::connect(runtime, config).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// StartupMessage and what authentication demands, up to the first ReadyForQuery. No query follows, with one
    /// exception: where `target_session_attrs` is not `any`, a server before version 14, which does not report
    /// what kind it is, is asked by one query.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`](crate::Kind::Config) if the configuration is not valid, [`Kind::Server`](crate::Kind::Server)
    /// if the server refuses, [`Kind::Authentication`](crate::Kind::Authentication), and if no address answers
    /// [`Kind::Io`](crate::Kind::Io) or [`Kind::Timeout`](crate::Kind::Timeout), with every address that was tried
    /// in [`Error::attempts`].
    ///
    /// # Source
    ///
    /// [Start-up](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP)
    pub async fn connect<C>(runtime: impl Runtime, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        Self::open(runtime.erase(), &config).await
    }
}

impl<R: Runtime> Connection<R> {
    /// Connects, and keeps the type of the runtime. For generic code and tests: there is no speed to gain.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use aiopg::{Connection, Error, Runtime};
    /// async fn connect<R: Runtime>(runtime: R) -> Result<Connection<R>, Error> {
    ///     Connection::connect_on(runtime, "postgresql://ada@localhost/shop").await
    /// }
    /// ```
    ///
    /// # Messages
    ///
    /// As [`connect`](Connection::connect).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    ///
    /// As [`connect`](Connection::connect).
    ///
    /// # Source
    ///
    /// [Start-up](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP)
    pub async fn connect_on<C>(runtime: R, config: C) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        Self::open(runtime, &config).await
    }

    /// Opens a session on a stream that is connected already: a tunnel, a proxy, a pipe in memory.
    ///
    /// The hosts of `config` do not count, nor does `target_session_attrs`. Nothing is added to the stream: where
    /// TLS is wanted, the caller puts it around the stream before, and `sslmode` require and stricter are refused.
    /// Without an address there is nowhere to send a cancel request, so a statement whose future is dropped runs
    /// to its end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example<S: aiopg::ByteStream>(
    /// #     runtime: impl aiopg::Runtime,
    /// #     tunnel: S,
    /// # ) -> Result<(), aiopg::Error> {
    /// use aiopg::Connection;
    ///
    /// // `tunnel` reads and writes: it implements `AsyncRead` and `AsyncWrite` of `futures`.
    /// let url = "postgresql://ada:secret@/shop?sslmode=disable";
    /// let connection = Connection::connect_stream(runtime, tunnel, url).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// StartupMessage and what authentication demands, up to the first ReadyForQuery; no SSLRequest, no query.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    ///
    /// # Errors
    ///
    /// As [`connect`](Connection::connect), and [`Kind::Config`](crate::Kind::Config) if `sslmode` demands TLS.
    ///
    /// # Source
    ///
    /// [Start-up](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP)
    pub async fn connect_stream<C>(
        runtime: R,
        stream: impl ByteStream,
        config: C,
    ) -> Result<Self, Error>
    where
        C: TryInto<Config, Error: Into<Error>>,
    {
        let config = config.try_into().map_err(Into::into)?;
        let transport = Transport::Custom(Box::new(stream));
        let observation = Observation::of_unknown(Operation::Connect);
        let opened = observation.during(pin!(open_stream(runtime, transport, &config))).await;
        Self::opened(opened, &config, observation)
    }

    async fn open(runtime: R, config: &Config) -> Result<Self, Error> {
        let observation = Observation::of_unknown(Operation::Connect);
        let opened = observation.during(pin!(open(runtime, config, &observation))).await;
        Self::opened(opened, config, observation)
    }

    fn opened(
        opened: Result<Channel<R>, Error>,
        config: &Config,
        mut observation: Observation<R>,
    ) -> Result<Self, Error> {
        let opened = opened.map(|channel| Self::new(channel, config));
        if let Ok(connection) = &opened {
            observation.connected(&connection.channel.server);
            observation.session(connection.process_id());
        }
        observation.finish(opened.as_ref().map(|_| Counted::Nothing));
        opened
    }

    fn new(channel: Channel<R>, config: &Config) -> Self {
        let process_id = channel.machine().key().map(|(process_id, _)| process_id);
        Self {
            channel,
            statements: StatementCache::new(config.statement_cache_capacity, process_id),
            catalog: Arc::default(),
            mode: config.statement_mode,
            query_timeout: config.query_timeout,
            observed: !Observer(config).is_idle(),
            config: Box::new(config.clone()),
            listens: false,
            riders: Riders::default(),
            offsets: Vec::new(),
            tag: CommandTag::EMPTY,
            #[cfg(feature = "sea-query")]
            identity: Identity::new(),
        }
    }

    /// Ends the session in good order: the server is told, and the connection closed. Later operations fail.
    ///
    /// Dropping a connection does the same as far as it takes no waiting.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mut connection: aiopg::Connection) -> Result<(), aiopg::Error> {
    /// connection.close().await?;
    /// assert!(connection.is_closed());
    /// # Ok(()) }
    /// ```
    ///
    /// # Messages
    ///
    /// Terminate; no answer is awaited. A server that does not take it within 5 seconds is left to find out.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, the session is closed all the same.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the connection was lost; it is closed then too.
    ///
    /// # Source
    ///
    /// [Termination](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-TERMINATION)
    pub async fn close(&mut self) -> Result<(), Error> {
        let about = About { process_id: self.process_id(), ..About::default() };
        let observation = Observation::<R>::new(Operation::Close, &self.channel.server, about);
        observation.over(pin!(self.channel.close()), |()| Counted::Nothing).await
    }

    /// Tells whether the session has ended, as far as is known without asking.
    pub fn is_closed(&self) -> bool {
        self.channel.ended().is_some()
    }

    /// Returns the runtime.
    pub fn runtime(&self) -> &R {
        self.channel.runtime()
    }

    /// Returns the process ID of the session's backend, if the server told it.
    pub fn process_id(&self) -> Option<i32> {
        self.channel.machine().key().map(|(process_id, _)| process_id)
    }

    /// Returns what cancels this session's statement from elsewhere, while its future is being awaited.
    ///
    /// `None` for a session on a stream that the caller brought, since nobody knows how to reach its server, and if
    /// the server gave no key.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let token = connection.cancel_token().expect("a server that can be reached");
    /// let sleeping = connection.execute("select pg_sleep(3600)", ());
    /// let (slept, cancelled) = futures_util::future::join(sleeping, token.cancel()).await;
    /// assert!(slept.is_err() && cancelled.is_ok());
    /// # Ok(()) }
    /// ```
    pub fn cancel_token(&self) -> Option<CancelToken<R>> {
        self.channel.cancel_token()
    }

    /// Returns a run-time parameter that the server reports, such as `TimeZone`, with its latest value.
    ///
    /// # Source
    ///
    /// [Asynchronous operations](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC)
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.channel.machine().reports().parameter(name)
    }

    /// Returns the server's version as a number, as `server_version_num` has it: 180004 for 18.4.
    pub fn server_version(&self) -> Option<u32> {
        self.parameter("server_version").and_then(version_number)
    }

    /// Returns what the session's transaction is doing, as the last reply said.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.channel.machine().reports().transaction_status()
    }

    /// Returns what was odd about the configuration, though no reason to stop: such as a password file that was
    /// passed over because others can read it.
    pub fn warnings(&self) -> &[String] {
        &self.channel.warnings
    }

    /// Returns the last notices, oldest first: at most 50 of them, and 256 KiB.
    pub fn notices(&self) -> impl ExactSizeIterator<Item = &ServerError> {
        self.channel.machine().reports().notices()
    }

    /// How the session reads a backslash in a literal; `None` if the server does not tell.
    pub(crate) fn backslash(&self) -> Option<Backslash> {
        match self.parameter("standard_conforming_strings")? {
            "on" => Some(Backslash::Plain),
            "off" => Some(Backslash::Escapes),
            _ => None,
        }
    }

    /// Sets how long the operation that begins now may take: `limit`, or what the configuration says.
    pub(crate) fn limit(&mut self, limit: TimeLimit) {
        let most = match limit {
            TimeLimit::AsConfigured => self.query_timeout,
            TimeLimit::Never => None,
            TimeLimit::After(most) => Some(most),
        };
        self.channel.limit(most);
    }

    /// Reads off what is owed to futures that were dropped, and takes note of what the replies said.
    pub(crate) async fn settle(&mut self) -> Result<(), Error> {
        self.channel.settle().await?;
        self.take_note();
        Ok(())
    }

    /// As [`settle`](Self::settle), for an operation whose time has begun: it waits no longer than that.
    pub(crate) async fn settle_in_time(&mut self) -> Result<(), Error> {
        // Most often there is nothing to wait for.
        if !self.channel.is_quiet() {
            self.channel.settle_in_time().await?;
        }
        self.take_note();
        Ok(())
    }

    /// Takes note of what the replies that have been read did beside their purpose.
    #[inline]
    pub(crate) fn take_note(&mut self) {
        // Before each request, and mostly there is nothing.
        if self.channel.machine().asides().is_any() || self.riders.any_waiting() {
            self.take_notes();
        }
    }

    fn take_notes(&mut self) {
        let machine = self.channel.machine_mut();
        self.riders.settle(machine);
        let closed = machine.asides_mut().take_closed();
        if closed > 0 {
            self.statements.closes_done(closed);
        }
        if machine.asides_mut().take_forgotten() {
            self.statements.forget_all();
        }
    }

    /// Tells that a transaction or a savepoint was dropped without its end.
    pub(crate) fn tell_dropped(&self, depth: u32) {
        let process_id = self.process_id();
        self.channel.tell(&Event::TransactionDropped { process_id, depth });
    }
}

impl<R: Runtime> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("process_id", &self.process_id())
            .field("server_version", &self.parameter("server_version"))
            .field("transaction_status", &self.transaction_status())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_send_and_sync() {
        fn shareable<T: Send + Sync + 'static>() {}
        shareable::<Connection>();
    }
}
