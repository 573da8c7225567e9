//! `Settings`: everything that a connection needs to know, complete, checked, and typed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aiopg_runtime::TcpOptions;

use crate::config::choice::{
    ChannelBinding, LoadBalanceHosts, ProtocolVersion, SslCertMode, SslMode, SslNegotiation,
    SslSni, SslVersion, TargetSessionAttrs,
};
use crate::config::host::Host;
use crate::config::provider::PasswordProvider;
use crate::config::require_auth::RequireAuth;
use crate::config::salted::SaltedPasswords;
use crate::config::secret::Secret;

/// A configuration that was completed with what the environment and the defaults add.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where to connect, at least one, in the order given; `load_balance_hosts` is left to the caller.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Never empty.
    pub(crate) user: String,
    /// Never empty.
    pub(crate) dbname: String,
    /// What StartupMessage holds besides `user` and `database`: `client_encoding`, `options`,
    /// `application_name`, and what `PGDATESTYLE`, `PGTZ` and `PGGEQO` say.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// If it is there, it is asked for each connection, and the passwords of the endpoints do not count.
    pub(crate) password_provider: Option<PasswordProvider>,
    pub(crate) require_auth: RequireAuth,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) min_protocol_version: ProtocolVersion,
    pub(crate) max_protocol_version: ProtocolVersion,
    pub(crate) target_session_attrs: TargetSessionAttrs,
    pub(crate) load_balance_hosts: LoadBalanceHosts,
    /// For each address; `None` is never.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) tcp: TcpOptions,
    /// Who must own the server's process, on a Unix-domain socket.
    pub(crate) requirepeer: Option<String>,
    pub(crate) tls: TlsSettings,
    pub(crate) salted: Arc<SaltedPasswords>,
    /// What a user should be told once, such as that a password file was not used, and why.
    pub(crate) warnings: Vec<String>,
}

/// One entry of the list of hosts.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Where to connect: `hostaddr` if it is given, else `host`, else the default.
    pub(crate) host: Host,
    /// The `host` that was given, if any: what a certificate must name, whatever `hostaddr` says.
    #[cfg_attr(
        not(any(feature = "tls", test)),
        expect(dead_code, reason = "only TLS looks at it")
    )]
    pub(crate) name: Option<String>,
    pub(crate) port: u16,
    /// As given, or from the password file. Never empty.
    pub(crate) password: Option<Secret>,
}

/// What the key words on TLS say.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS looks at it"))]
pub(crate) struct TlsSettings {
    pub(crate) sslmode: SslMode,
    pub(crate) sslnegotiation: SslNegotiation,
    pub(crate) sslrootcert: RootCertificates,
    /// The file of one's own certificate. One that is given need not exist: then none is sent. The default one
    /// existed a moment ago.
    pub(crate) sslcert: Option<PathBuf>,
    /// The file of the key to `sslcert`: as given, or the default, whether it exists or not.
    pub(crate) sslkey: Option<PathBuf>,
    pub(crate) sslpassword: Option<Secret>,
    pub(crate) sslcertmode: SslCertMode,
    /// The file of revoked certificates. One that is given need not exist; the default one existed a moment ago.
    pub(crate) sslcrl: Option<PathBuf>,
    pub(crate) sslcrldir: Option<PathBuf>,
    pub(crate) sslsni: SslSni,
    pub(crate) ssl_min_protocol_version: SslVersion,
    pub(crate) ssl_max_protocol_version: Option<SslVersion>,
    pub(crate) sslkeylogfile: Option<PathBuf>,
}

/// What the server's certificate must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootCertificates {
    /// One that the operating system trusts.
    System,
    /// One in this file. If it was given and does not exist: an error with `verify-ca` and `verify-full`, else
    /// nothing is verified.
    File(PathBuf),
    /// None was given, and there is no default file; this is where it would be.
    Missing(Option<PathBuf>),
}
