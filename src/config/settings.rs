//! `Config`: everything that is known about a connection before it is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::TcpOptions;

use crate::config::host::{DEFAULT_PORT, Host};
use crate::config::salted::SaltedPasswords;
use crate::config::secret::Secret;
use crate::error::{Error, ServerError};

/// What to do with a statement whose future was dropped before its reply came.
///
/// Whatever the choice, the reply is never given to anybody else, and a COMMIT, ROLLBACK or PREPARE
/// TRANSACTION is never cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDrop {
    /// Ask the server to cancel the statement, then read off the reply before the next request. Costs a
    /// connection to the server each time.
    #[default]
    Cancel,
    /// End the session.
    Close,
    /// Let the statement run, and read off the reply before the next request.
    Wait,
}

/// A hook that is told every notice of the server.
pub(crate) type NoticeHook = Arc<dyn Fn(&ServerError) + Send + Sync>;

/// Where and how to connect.
///
/// The setters are named by libpq's key words. A `Config` is also made from a connection string: a
/// `postgresql://` URI or `key=value` pairs. `Debug` never prints the password.
///
/// | key word | default | meaning |
/// |---|---|---|
/// | `host` | `localhost` | host name, IP address, or the directory of a Unix-domain socket; several, separated by commas, are tried in order |
/// | `port` | 5432 | one for all hosts, or one each |
/// | `user` | none: it must be given | role |
/// | `dbname` | the user's name | database |
/// | `password` | none | |
/// | `connect_timeout` | 0, never | seconds for each address |
/// | `application_name` | none | shown in `pg_stat_activity` |
/// | `options` | none | command-line options for the server, such as `-c search_path=a` |
/// | `sslmode` | `prefer` | `disable`, `allow` or `prefer`; there is no TLS yet, so the others are refused |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aiopg::Config;
///
/// let config: Config = "postgresql://ada:secret@localhost/db?connect_timeout=10".parse()?;
/// assert!(!format!("{config:?}").contains("secret"));
///
/// let same = Config::new()
///     .host("localhost")
///     .user("ada")
///     .password("secret")
///     .dbname("db")
///     .connect_timeout(Duration::from_secs(10));
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Database connection control functions](https://www.postgresql.org/docs/18/libpq-connect.html)
#[derive(Clone)]
pub struct Config {
    pub(crate) hosts: Vec<Host>,
    pub(crate) ports: Vec<u16>,
    pub(crate) user: Option<String>,
    pub(crate) dbname: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) application_name: Option<String>,
    pub(crate) options: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) connect_deadline: Option<Duration>,
    pub(crate) tcp: TcpOptions,
    pub(crate) on_drop: OnDrop,
    pub(crate) message_limit_bytes: usize,
    pub(crate) statement_cache_capacity: usize,
    pub(crate) notice_hook: Option<NoticeHook>,
    pub(crate) salted: Arc<SaltedPasswords>,
}

/// The default for [`Config::message_limit_bytes`]: 1 GiB, since the server cannot build a longer message.
const DEFAULT_MESSAGE_LIMIT: usize = 1 << 30;

/// The default for [`Config::statement_cache_capacity`]: a service seldom has more different statements, and
/// a prepared one takes some 10 to 100 kB of the server's memory.
const DEFAULT_STATEMENT_CACHE: usize = 256;

impl Default for Config {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            ports: Vec::new(),
            user: None,
            dbname: None,
            password: None,
            application_name: None,
            options: None,
            connect_timeout: Duration::ZERO,
            connect_deadline: None,
            tcp: TcpOptions::default(),
            on_drop: OnDrop::default(),
            message_limit_bytes: DEFAULT_MESSAGE_LIMIT,
            statement_cache_capacity: DEFAULT_STATEMENT_CACHE,
            notice_hook: None,
            salted: Arc::default(),
        }
    }
}

impl Config {
    /// Returns a configuration in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the host: a name, an IP address, or the directory of a Unix-domain socket. Several, separated by
    /// commas, are tried in order.
    #[must_use]
    pub fn host(mut self, host: impl AsRef<str>) -> Self {
        self.hosts = host.as_ref().split(',').map(Host::parse).collect();
        self
    }

    /// Sets the port of every host. Default: 5432.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.ports = vec![port];
        self
    }

    /// Sets the role to connect as.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the database. Default: one named like the user.
    #[must_use]
    pub fn dbname(mut self, dbname: impl Into<String>) -> Self {
        self.dbname = Some(dbname.into());
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password.into()));
        self
    }

    /// Sets the name that `pg_stat_activity` shows for the session.
    #[must_use]
    pub fn application_name(mut self, application_name: impl Into<String>) -> Self {
        self.application_name = Some(application_name.into());
        self
    }

    /// Sets command-line options for the server, such as `-c statement_timeout=5s`.
    #[must_use]
    pub fn options(mut self, options: impl Into<String>) -> Self {
        self.options = Some(options.into());
        self
    }

    /// Limits the time for each address: from dialing to the end of start-up. As in libpq, zero is never.
    /// Default: zero.
    #[must_use]
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Limits the time for connecting as a whole: looking up names and every host together. `None` is never,
    /// zero is at once. Default: `None`.
    #[must_use]
    pub fn connect_deadline(mut self, connect_deadline: impl Into<Option<Duration>>) -> Self {
        self.connect_deadline = connect_deadline.into();
        self
    }

    /// Sets the options of a TCP socket. Default: `TCP_NODELAY`, no keepalive probes.
    #[must_use]
    pub fn tcp_options(mut self, tcp: TcpOptions) -> Self {
        self.tcp = tcp;
        self
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

    /// Sets a hook that is told every notice. It runs while the connection is polled and must not block.
    #[must_use]
    pub fn on_notice(mut self, hook: impl Fn(&ServerError) + Send + Sync + 'static) -> Self {
        self.notice_hook = Some(Arc::new(hook));
        self
    }

    /// Returns every host with its port, in the order in which they are tried.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`](crate::Kind::Config) if there are several ports, but not as many as hosts.
    pub fn hosts_and_ports(&self) -> Result<Vec<(Host, u16)>, Error> {
        let hosts = if self.hosts.is_empty() { vec![Host::parse("")] } else { self.hosts.clone() };
        let ports = match self.ports.as_slice() {
            [] => vec![DEFAULT_PORT; hosts.len()],
            [port] => vec![*port; hosts.len()],
            ports if ports.len() == hosts.len() => ports.to_vec(),
            ports => {
                let (ports, hosts) = (ports.len(), hosts.len());
                return Err(Error::config(format!("{ports} ports do not match {hosts} hosts")));
            }
        };
        Ok(hosts.into_iter().zip(ports).collect())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("hosts", &self.hosts)
            .field("ports", &self.ports)
            .field("user", &self.user)
            .field("dbname", &self.dbname)
            .field("password", &self.password)
            .field("application_name", &self.application_name)
            .field("options", &self.options)
            .field("connect_timeout", &self.connect_timeout)
            .field("connect_deadline", &self.connect_deadline)
            .field("tcp", &self.tcp)
            .field("on_drop", &self.on_drop)
            .field("message_limit_bytes", &self.message_limit_bytes)
            .field("statement_cache_capacity", &self.statement_cache_capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_the_password() {
        let config = Config::new().user("ada").password("hunter2");
        let text = format!("{config:?}");
        assert!(text.contains("ada") && !text.contains("hunter2"), "{text}");
    }
}
