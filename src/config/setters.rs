//! The setters of `Config`: where to connect, as whom, and how the session behaves.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::TcpOptions;

use crate::config::builder::{Config, OnDrop, UseEnvironment};
use crate::config::choice::{Keepalives, LoadBalanceHosts, ProtocolVersion, TargetSessionAttrs};
use crate::config::echo::Echo;
use crate::config::event::Event;
use crate::config::events::Events;
use crate::config::keyword::KeyWord;
use crate::config::provider::PasswordProvider;
use crate::config::statement_mode::StatementMode;
use crate::error::ServerError;

/// Where to connect.
impl Config {
    /// Sets the host: a name, an IP address, or the directory of a Unix-domain socket, absolute or, in the
    /// abstract namespace, starting with `@`. Several, separated by commas, are tried in order; an empty one is
    /// the default.
    ///
    /// Default: `PGHOST`, else the directory of the machine's socket, else `localhost`.
    ///
    /// # Source
    ///
    /// [`host`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-HOST)
    #[must_use]
    pub fn host(self, host: impl AsRef<str>) -> Self {
        self.with(KeyWord::Host, host.as_ref())
    }

    /// Sets the IP address, so that the name is not looked up; `host` is still what a certificate must name, and
    /// the key to the password file. As many as hosts, separated by commas.
    ///
    /// Default: `PGHOSTADDR`, else none.
    ///
    /// # Source
    ///
    /// [`hostaddr`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-HOSTADDR)
    #[must_use]
    pub fn hostaddr(self, hostaddr: impl AsRef<str>) -> Self {
        self.with(KeyWord::Hostaddr, hostaddr.as_ref())
    }

    /// Sets the port of every host; on a Unix-domain socket, the end of the file's name. A port for each host
    /// is given in a connection string.
    ///
    /// Default: `PGPORT`, else 5432.
    ///
    /// # Source
    ///
    /// [`port`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-PORT)
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.with(KeyWord::Port, port.to_string())
    }

    /// Sets in which order the hosts are tried. Default: `PGLOADBALANCEHOSTS`, else in the order given.
    ///
    /// # Source
    ///
    /// [`load_balance_hosts`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-LOAD-BALANCE-HOSTS)
    #[must_use]
    pub fn load_balance_hosts(self, order: LoadBalanceHosts) -> Self {
        self.with(KeyWord::LoadBalanceHosts, order.as_str())
    }

    /// Sets what a server must be like to be chosen. Default: `PGTARGETSESSIONATTRS`, else any will do.
    ///
    /// # Source
    ///
    /// [`target_session_attrs`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS)
    #[must_use]
    pub fn target_session_attrs(self, attrs: TargetSessionAttrs) -> Self {
        self.with(KeyWord::TargetSessionAttrs, attrs.as_str())
    }

    /// Limits the time for each address: from dialing to the end of start-up. As in libpq, zero is never; unlike
    /// there, parts of a second count.
    ///
    /// Default: `PGCONNECT_TIMEOUT`, else never. In a connection string: whole seconds.
    ///
    /// # Source
    ///
    /// [`connect_timeout`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-CONNECT-TIMEOUT)
    #[must_use]
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        let mut config = self.with(KeyWord::ConnectTimeout, seconds(connect_timeout));
        config.exact_connect_timeout = Some(connect_timeout);
        config
    }

    /// Limits the time for connecting as a whole: looking up names and every host together. `None` is never,
    /// zero is at once. Default: `None`. Not one of libpq's key words.
    #[must_use]
    pub fn connect_deadline(mut self, connect_deadline: impl Into<Option<Duration>>) -> Self {
        self.connect_deadline = connect_deadline.into();
        self
    }

    /// Sets the options of a TCP socket, which the five key words on TCP then change one by one.
    ///
    /// Default: `TCP_NODELAY`, and keepalive probes at the system's times. Not one of libpq's key words.
    #[must_use]
    pub fn tcp_options(mut self, tcp: TcpOptions) -> Self {
        self.tcp = Some(tcp);
        self
    }

    /// Sets whether an idle peer is probed. Default: it is.
    ///
    /// # Source
    ///
    /// [`keepalives`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES)
    #[must_use]
    pub fn keepalives(self, keepalives: Keepalives) -> Self {
        self.with(KeyWord::Keepalives, keepalives.as_str())
    }

    /// Sets how long a peer may be idle before it is probed, in whole seconds, rounded up. Zero is the system's
    /// default, and so is the default.
    ///
    /// # Source
    ///
    /// [`keepalives_idle`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES-IDLE)
    #[must_use]
    pub fn keepalives_idle(self, idle: Duration) -> Self {
        self.with(KeyWord::KeepalivesIdle, seconds(idle))
    }

    /// Sets the time between probes, in whole seconds, rounded up. Zero is the system's default, and so is the
    /// default.
    ///
    /// # Source
    ///
    /// [`keepalives_interval`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES-INTERVAL)
    #[must_use]
    pub fn keepalives_interval(self, interval: Duration) -> Self {
        self.with(KeyWord::KeepalivesInterval, seconds(interval))
    }

    /// Sets after how many probes without an answer the connection is dead. Zero is the system's default, and so
    /// is the default.
    ///
    /// # Source
    ///
    /// [`keepalives_count`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES-COUNT)
    #[must_use]
    pub fn keepalives_count(self, count: u32) -> Self {
        self.with(KeyWord::KeepalivesCount, count.min(MOST).to_string())
    }

    /// Sets how long sent data may stay without acknowledgement before the connection is given up, in whole
    /// milliseconds, rounded up; on Linux only. Zero is the system's default, and so is the default.
    ///
    /// # Source
    ///
    /// [`tcp_user_timeout`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-TCP-USER-TIMEOUT)
    #[must_use]
    pub fn tcp_user_timeout(self, timeout: Duration) -> Self {
        let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
        self.with(KeyWord::TcpUserTimeout, milliseconds.min(MOST.into()).to_string())
    }
}

/// As whom to connect, and where the rest is found.
impl Config {
    /// Sets the role to connect as. Default: `PGUSER`, else the name of the operating system's user.
    ///
    /// # Source
    ///
    /// [`user`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-USER)
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        self.with(KeyWord::User, user)
    }

    /// Sets the database. Default: `PGDATABASE`, else the one named like the user.
    ///
    /// # Source
    ///
    /// [`dbname`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-DBNAME)
    #[must_use]
    pub fn dbname(self, dbname: impl Into<String>) -> Self {
        self.with(KeyWord::Dbname, dbname)
    }

    /// Sets the password. An empty one is none.
    ///
    /// Default: `PGPASSWORD`, else what the password file says for each host.
    ///
    /// # Source
    ///
    /// [`password`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-PASSWORD)
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        self.with(KeyWord::Password, password)
    }

    /// Sets a hook that is asked for the password, once for each connection to each host: for tokens that
    /// expire. It goes before every other source. It is no part of the connection string. Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiopg::Config;
    ///
    /// async fn token() -> std::io::Result<String> {
    ///     Ok("issued a moment ago".to_owned())
    /// }
    ///
    /// let config = Config::new().host("db.example.com").user("ada").password_provider(token);
    /// ```
    #[must_use]
    pub fn password_provider<F, T, E>(
        mut self,
        provider: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<String>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.password_provider = Some(PasswordProvider::new(provider));
        self
    }

    /// Sets the password file. It must be a regular file that nobody but its owner can read or write, or else it
    /// is not used.
    ///
    /// Default: `PGPASSFILE`, else `~/.pgpass`.
    ///
    /// # Source
    ///
    /// [The password file](https://www.postgresql.org/docs/18/libpq-pgpass.html)
    #[must_use]
    pub fn passfile(self, passfile: impl Into<String>) -> Self {
        self.with(KeyWord::Passfile, passfile)
    }

    /// Sets the service: the section of the service file that fills in what is not set. Default: `PGSERVICE`,
    /// else none.
    ///
    /// # Source
    ///
    /// [The connection service file](https://www.postgresql.org/docs/18/libpq-pgservice.html)
    #[must_use]
    pub fn service(self, service: impl Into<String>) -> Self {
        self.with(KeyWord::Service, service)
    }

    /// Sets the service file. Default: `PGSERVICEFILE`, else `~/.pg_service.conf`, else `pg_service.conf` in
    /// `PGSYSCONFDIR`.
    ///
    /// # Source
    ///
    /// [The connection service file](https://www.postgresql.org/docs/18/libpq-pgservice.html)
    #[must_use]
    pub fn servicefile(self, servicefile: impl Into<String>) -> Self {
        self.with(KeyWord::Servicefile, servicefile)
    }

    /// Sets whether what is not set comes from the environment. Default: [`UseEnvironment::Yes`], as in `psql`.
    #[must_use]
    pub fn environment(mut self, environment: UseEnvironment) -> Self {
        self.use_environment = environment;
        self
    }
}

/// How the session behaves.
impl Config {
    /// Sets the name that `pg_stat_activity` shows for the session. Default: `PGAPPNAME`, else
    /// `fallback_application_name`.
    ///
    /// # Source
    ///
    /// [`application_name`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-APPLICATION-NAME)
    #[must_use]
    pub fn application_name(self, application_name: impl Into<String>) -> Self {
        self.with(KeyWord::ApplicationName, application_name)
    }

    /// Sets the name for `pg_stat_activity` where nobody has set `application_name`: for programs that are
    /// configured by their users. Default: none.
    ///
    /// # Source
    ///
    /// [`fallback_application_name`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-FALLBACK-APPLICATION-NAME)
    #[must_use]
    pub fn fallback_application_name(self, application_name: impl Into<String>) -> Self {
        self.with(KeyWord::FallbackApplicationName, application_name)
    }

    /// Sets command-line options for the server, such as `-c statement_timeout=5s`; a backslash escapes a space.
    /// Default: `PGOPTIONS`, else none.
    ///
    /// # Source
    ///
    /// [`options`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-OPTIONS)
    #[must_use]
    pub fn options(self, options: impl Into<String>) -> Self {
        self.with(KeyWord::Options, options)
    }

    /// Sets the character set of the session. Texts are UTF-8 in Rust, so this must be `UTF8` or `auto`, which
    /// here are the same. Default: `UTF8`.
    ///
    /// # Source
    ///
    /// [`client_encoding`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-CLIENT-ENCODING)
    #[must_use]
    pub fn client_encoding(self, client_encoding: impl Into<String>) -> Self {
        self.with(KeyWord::ClientEncoding, client_encoding)
    }

    /// Sets the oldest version of the protocol that will do. Default: `PGMINPROTOCOLVERSION`, else 3.0.
    ///
    /// # Source
    ///
    /// [`min_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-MIN-PROTOCOL-VERSION)
    #[must_use]
    pub fn min_protocol_version(self, version: ProtocolVersion) -> Self {
        self.with(KeyWord::MinProtocolVersion, version.as_str())
    }

    /// Sets the version of the protocol that the server is asked for. Default: `PGMAXPROTOCOLVERSION`, else 3.0,
    /// since some proxies break on more; the latest if `min_protocol_version` is more than 3.0.
    ///
    /// # Source
    ///
    /// [`max_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-MAX-PROTOCOL-VERSION)
    #[must_use]
    pub fn max_protocol_version(self, version: ProtocolVersion) -> Self {
        self.with(KeyWord::MaxProtocolVersion, version.as_str())
    }

    /// Sets what happens to a statement whose future was dropped. Default: [`OnDrop::Cancel`].
    #[must_use]
    pub fn on_drop(mut self, on_drop: OnDrop) -> Self {
        self.on_drop = on_drop;
        self
    }

    /// Sets how long a message of the server may be, in bytes; a longer one ends the session before anything
    /// is allocated for it. Default: 1 GiB.
    #[must_use]
    pub fn message_limit_bytes(mut self, limit: usize) -> Self {
        self.message_limit_bytes = limit;
        self
    }

    /// Sets how many prepared statements a connection keeps, the least recently used going first; with 0 it
    /// keeps none. Default: 256.
    #[must_use]
    pub fn statement_cache_capacity(mut self, capacity: usize) -> Self {
        self.statement_cache_capacity = capacity;
        self
    }

    /// Sets how statements reach the server; a single call may choose otherwise by [`Call`](crate::Call). Default:
    /// [`StatementMode::Cached`].
    #[must_use]
    pub fn statement_mode(mut self, mode: StatementMode) -> Self {
        self.statement_mode = mode;
        self
    }

    /// Sets how long a statement may take, from its request to the end of its reply; a stream, from one row to the
    /// next. `None` is for ever, and zero is at once. A single call may choose otherwise by [`Call`](crate::Call).
    /// Default: `None`.
    ///
    /// After that time the server is asked to cancel the statement, and the call fails with
    /// [`Kind::Timeout`](crate::Kind::Timeout) as soon as the server has. The session stays usable; only a server that does not
    /// react within another 10 seconds is given up. The server's own limit is `statement_timeout`.
    #[must_use]
    pub fn query_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.query_timeout = limit.into();
        self
    }

    /// Sets all limits of time that a configuration has to the same: that for connecting as a whole
    /// ([`connect_deadline`](Self::connect_deadline)), and that for each statement
    /// ([`query_timeout`](Self::query_timeout)). `None` is never, and zero is at once.
    #[must_use]
    pub fn timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        let limit = limit.into();
        self.connect_deadline(limit).query_timeout(limit)
    }

    /// Sets a hook that is told every notice. It runs while the connection is polled and must not block.
    #[must_use]
    pub fn on_notice(mut self, hook: impl Fn(&ServerError) + Send + Sync + 'static) -> Self {
        self.notice_hook = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is told every [`Event`]: what happened although no call failed, such as a connection
    /// that was dropped in a transaction. It runs while the connection is polled or dropped, and must neither
    /// block nor panic.
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.events = Events::new(hook);
        self
    }

    /// Has each statement told before it is sent, as an [`Event::StatementEcho`] and, with the feature `tracing`, as an event
    /// of the level INFO with the target `aiopg::echo`. Default: [`Echo::Off`].
    ///
    /// What the driver sends by itself, such as BEGIN and COMMIT, is told, too. The values of parameters are told only if that
    /// is asked for; what stands in the text, such as the password of an ALTER ROLE, is told in any case.
    #[must_use]
    pub fn echo(mut self, echo: Echo) -> Self {
        self.echo = echo;
        self
    }

    /// Has each statement told that takes at least so long, after it is done, failed or was given up, as an
    /// [`Event::SlowStatement`] and, with the feature `tracing`, as an event of the level WARN with the target `aiopg::slow`.
    /// `None` is never, and zero is always. Default: `None`.
    ///
    /// The time is that from the call to its end; for a stream or a copy it includes what the caller takes. The values of
    /// parameters are never told.
    #[must_use]
    pub fn slow_statement(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.slow_statement = limit.into();
        self
    }
}

/// The largest number that libpq takes: that of C's `int`.
const MOST: u32 = i32::MAX.unsigned_abs();

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_nanos().div_ceil(1_000_000_000);
    seconds.min(MOST.into()).to_string()
}
