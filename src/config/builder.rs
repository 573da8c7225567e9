//! `Config`: what a program says about a connection, before the environment and the defaults add to it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::TcpOptions;

use crate::config::echo::Echo;
use crate::config::events::Events;
use crate::config::keyword::KeyWord;
use crate::config::provider::PasswordProvider;
use crate::config::salted::SaltedPasswords;
use crate::config::statement_mode::StatementMode;
use crate::config::values::Values;
use crate::error::ServerError;

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

/// Whether what is not set comes from the environment of the process, as in `psql`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UseEnvironment {
    /// From the `PG*` variables, the service file, the password file, the files in `~/.postgresql`, and the name
    /// of the operating system's user.
    #[default]
    Yes,
    /// From the defaults alone, so that the same configuration means the same everywhere: `host` is `localhost`
    /// and `user` must be given. Files that are named by a key word are still read.
    No,
}

/// A hook that is told every notice of the server.
pub(crate) type NoticeHook = Arc<dyn Fn(&ServerError) + Send + Sync>;

/// Where and how to connect.
///
/// The setters are named by libpq's key words and mean what they mean there. A `Config` is also made from a
/// connection string: a `postgresql://` URI or `key=value` pairs, exactly as libpq reads them. It holds what was
/// set, and nothing else: when a connection is made, what is missing comes from the service file, then the
/// environment, then the defaults, as in `psql`; see [`Config::environment`] to do without.
///
/// `Display` prints the connection string without what is secret in it, and `Debug` prints no secret either.
///
/// | key word | variable | default | |
/// |---|---|---|---|
/// | `service` | `PGSERVICE` | none | section of the service file |
/// | `servicefile` | `PGSERVICEFILE` | `~/.pg_service.conf`, then `pg_service.conf` in `PGSYSCONFDIR` | a key word from PostgreSQL 19 on |
/// | `user` | `PGUSER` | the operating system's user | role |
/// | `password` | `PGPASSWORD` | what the password file says | |
/// | `passfile` | `PGPASSFILE` | `~/.pgpass` | nobody else may have access to it |
/// | `channel_binding` | `PGCHANNELBINDING` | `prefer` | |
/// | `connect_timeout` | `PGCONNECT_TIMEOUT` | never | seconds for each address; 0 is never |
/// | `dbname` | `PGDATABASE` | the user's name | database |
/// | `host` | `PGHOST` | the socket's directory on this machine, else `localhost` | name, address, directory, or `@` and a name in the abstract namespace; several, separated by commas |
/// | `hostaddr` | `PGHOSTADDR` | `host` is looked up | IP address, one for each host |
/// | `port` | `PGPORT` | 5432 | one for all hosts, or one each |
/// | `client_encoding` | `PGCLIENTENCODING` | `UTF8` | `UTF8` or `auto`; others are refused, since texts are UTF-8 in Rust; the variable is not followed then |
/// | `options` | `PGOPTIONS` | none | command-line options for the server |
/// | `application_name` | `PGAPPNAME` | the fallback | shown in `pg_stat_activity` |
/// | `fallback_application_name` | | none | |
/// | `keepalives` | | 1 | 0: an idle peer is not probed |
/// | `keepalives_idle` | | the system's | seconds |
/// | `keepalives_interval` | | the system's | seconds |
/// | `keepalives_count` | | the system's | probes |
/// | `tcp_user_timeout` | | the system's | milliseconds |
/// | `sslmode` | `PGSSLMODE`, `PGREQUIRESSL` | `prefer`, or `verify-full` if `sslrootcert` is `system` | needs a feature for TLS beyond `prefer`; a certificate is checked against its subject alternative names, never against its common name |
/// | `sslnegotiation` | `PGSSLNEGOTIATION` | `postgres` | `direct` needs `sslmode=require` or more |
/// | `sslcompression` | `PGSSLCOMPRESSION` | 0 | ignored, as in libpq 18: it is not safe |
/// | `sslcert` | `PGSSLCERT` | `~/.postgresql/postgresql.crt` | file |
/// | `sslkey` | `PGSSLKEY` | `~/.postgresql/postgresql.key` | file; engines of OpenSSL are not supported |
/// | `sslcertmode` | `PGSSLCERTMODE` | `allow` | |
/// | `sslpassword` | | none | of `sslkey` |
/// | `sslrootcert` | `PGSSLROOTCERT` | `~/.postgresql/root.crt` | file, or `system` |
/// | `sslcrl` | `PGSSLCRL` | `~/.postgresql/root.crl` | file |
/// | `sslcrldir` | `PGSSLCRLDIR` | none | directory |
/// | `sslsni` | `PGSSLSNI` | 1 | 0: the server is not told the host's name in clear |
/// | `requirepeer` | `PGREQUIREPEER` | anybody | refused on a Unix-domain socket: a runtime's sockets do not tell who listens; on others it has no meaning |
/// | `require_auth` | `PGREQUIREAUTH` | any | methods of authentication |
/// | `min_protocol_version` | `PGMINPROTOCOLVERSION` | `3.0` | |
/// | `max_protocol_version` | `PGMAXPROTOCOLVERSION` | `3.0`, or `latest` if the minimum is more | |
/// | `ssl_min_protocol_version` | `PGSSLMINPROTOCOLVERSION` | `TLSv1.2` | older ones are never used |
/// | `ssl_max_protocol_version` | `PGSSLMAXPROTOCOLVERSION` | the newest | `TLSv1` and `TLSv1.1` are refused: they are not supported |
/// | `gssencmode` | `PGGSSENCMODE` | `disable` | `disable` or `prefer`; `require` is refused: GSSAPI is not supported |
/// | `krbsrvname` | `PGKRBSRVNAME` | | ignored: it is for GSSAPI |
/// | `gsslib` | `PGGSSLIB` | | ignored: it is for GSSAPI |
/// | `gssdelegation` | `PGGSSDELEGATION` | | ignored: it is for GSSAPI |
/// | `replication` | | off | anything else is refused: replication is not supported |
/// | `target_session_attrs` | `PGTARGETSESSIONATTRS` | `any` | |
/// | `load_balance_hosts` | `PGLOADBALANCEHOSTS` | `disable` | |
/// | `scram_client_key` | | | refused: only passwords are supported |
/// | `scram_server_key` | | | refused: only passwords are supported |
/// | `oauth_issuer` | | | refused: OAuth is not supported |
/// | `oauth_client_id` | | | refused: OAuth is not supported |
/// | `oauth_client_secret` | | | refused: OAuth is not supported |
/// | `oauth_scope` | | | refused: OAuth is not supported |
/// | `sslkeylogfile` | | none | file, for debugging |
///
/// The variables `PGDATESTYLE`, `PGTZ` and `PGGEQO` set parameters of the session.
///
/// Where we differ from libpq: a number that is not valid is refused at once, not when it is needed; what a URI
/// encodes must be UTF-8; if the default directory of the socket has none, the other usual one is tried.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aiopg::{Config, SslMode};
///
/// let config: Config = "postgresql://ada:secret@db.example.com/shop?sslmode=require".parse()?;
/// assert!(!format!("{config:?} {config}").contains("secret"));
///
/// let same = Config::new()
///     .user("ada")
///     .password("secret")
///     .host("db.example.com")
///     .dbname("shop")
///     .sslmode(SslMode::Require);
/// assert_eq!(same.to_string(), config.to_string());
/// let patient = same.connect_timeout(Duration::from_secs(10));
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Parameter key words](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS) and
/// [environment variables](https://www.postgresql.org/docs/18/libpq-envars.html)
#[derive(Clone)]
pub struct Config {
    pub(crate) values: Values,
    /// `connect_timeout` as it was given in code: the text holds whole seconds only.
    pub(crate) exact_connect_timeout: Option<Duration>,
    pub(crate) use_environment: UseEnvironment,
    pub(crate) password_provider: Option<PasswordProvider>,
    /// A TLS client that is configured already; what it is, only the floor that speaks TLS knows.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only the feature reads it"))]
    pub(crate) tls_client: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) tcp: Option<TcpOptions>,
    pub(crate) connect_deadline: Option<Duration>,
    pub(crate) on_drop: OnDrop,
    pub(crate) message_limit_bytes: usize,
    pub(crate) statement_cache_capacity: usize,
    pub(crate) statement_mode: StatementMode,
    pub(crate) query_timeout: Option<Duration>,
    pub(crate) notice_hook: Option<NoticeHook>,
    pub(crate) events: Events,
    pub(crate) echo: Echo,
    pub(crate) slow_statement: Option<Duration>,
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
            values: Values::default(),
            exact_connect_timeout: None,
            use_environment: UseEnvironment::default(),
            password_provider: None,
            tls_client: None,
            tcp: None,
            connect_deadline: None,
            on_drop: OnDrop::default(),
            message_limit_bytes: DEFAULT_MESSAGE_LIMIT,
            statement_cache_capacity: DEFAULT_STATEMENT_CACHE,
            statement_mode: StatementMode::default(),
            query_timeout: None,
            notice_hook: None,
            events: Events::default(),
            echo: Echo::default(),
            slow_statement: None,
            salted: Arc::default(),
        }
    }
}

impl Config {
    /// Returns a configuration in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key word to a value as it stands in a connection string.
    #[must_use]
    pub(crate) fn with(mut self, word: KeyWord, value: impl Into<String>) -> Self {
        if word == KeyWord::ConnectTimeout {
            self.exact_connect_timeout = None;
        }
        self.values.set(word, value.into());
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("values", &self.values)
            .field("use_environment", &self.use_environment)
            .field("tcp", &self.tcp)
            .field("connect_deadline", &self.connect_deadline)
            .field("on_drop", &self.on_drop)
            .field("message_limit_bytes", &self.message_limit_bytes)
            .field("statement_cache_capacity", &self.statement_cache_capacity)
            .field("statement_mode", &self.statement_mode)
            .field("query_timeout", &self.query_timeout)
            .field("echo", &self.echo)
            .field("slow_statement", &self.slow_statement)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_the_password() {
        let config = Config::new().with(KeyWord::User, "ada").with(KeyWord::Password, "hunter2");
        let text = format!("{config:?}");
        assert!(text.contains("ada") && !text.contains("hunter2"), "{text}");
    }
}
