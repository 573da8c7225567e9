//! The setters of `Config` on TLS and authentication.

use crate::config::builder::Config;
use crate::config::choice::{
    ChannelBinding, SslCertMode, SslMode, SslNegotiation, SslSni, SslVersion,
};
use crate::config::keyword::KeyWord;
use crate::config::require_auth::RequireAuth;

/// TLS and authentication.
impl Config {
    /// Sets how much TLS is asked for.
    ///
    /// Default: `PGSSLMODE`, else [`SslMode::Prefer`]; [`SslMode::VerifyFull`] if `sslrootcert` is `system`.
    ///
    /// # Source
    ///
    /// [`sslmode`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLMODE)
    #[must_use]
    pub fn sslmode(self, sslmode: SslMode) -> Self {
        self.with(KeyWord::Sslmode, sslmode.as_str())
    }

    /// Sets how TLS begins. Default: `PGSSLNEGOTIATION`, else [`SslNegotiation::Postgres`].
    ///
    /// # Source
    ///
    /// [`sslnegotiation`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLNEGOTIATION)
    #[must_use]
    pub fn sslnegotiation(self, sslnegotiation: SslNegotiation) -> Self {
        self.with(KeyWord::Sslnegotiation, sslnegotiation.as_str())
    }

    /// Sets the file of root certificates that the server's must lead to, in PEM form, or `system` for those
    /// that the operating system trusts, which goes with [`SslMode::VerifyFull`] only.
    ///
    /// Default: `PGSSLROOTCERT`, else `~/.postgresql/root.crt` if it exists.
    ///
    /// # Source
    ///
    /// [`sslrootcert`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLROOTCERT)
    #[must_use]
    pub fn sslrootcert(self, sslrootcert: impl Into<String>) -> Self {
        self.with(KeyWord::Sslrootcert, sslrootcert)
    }

    /// Sets the file of one's own certificate, in PEM form; it is sent if the server asks.
    ///
    /// Default: `PGSSLCERT`, else `~/.postgresql/postgresql.crt` if it exists.
    ///
    /// # Source
    ///
    /// [`sslcert`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLCERT)
    #[must_use]
    pub fn sslcert(self, sslcert: impl Into<String>) -> Self {
        self.with(KeyWord::Sslcert, sslcert)
    }

    /// Sets the file of the key to `sslcert`, in PEM form.
    ///
    /// Default: `PGSSLKEY`, else `~/.postgresql/postgresql.key`.
    ///
    /// # Source
    ///
    /// [`sslkey`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLKEY)
    #[must_use]
    pub fn sslkey(self, sslkey: impl Into<String>) -> Self {
        self.with(KeyWord::Sslkey, sslkey)
    }

    /// Sets the password of the key in `sslkey`, if it is encrypted. Default: none.
    ///
    /// # Source
    ///
    /// [`sslpassword`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLPASSWORD)
    #[must_use]
    pub fn sslpassword(self, sslpassword: impl Into<String>) -> Self {
        self.with(KeyWord::Sslpassword, sslpassword)
    }

    /// Sets whether one's own certificate is sent. Default: `PGSSLCERTMODE`, else [`SslCertMode::Allow`].
    ///
    /// # Source
    ///
    /// [`sslcertmode`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLCERTMODE)
    #[must_use]
    pub fn sslcertmode(self, sslcertmode: SslCertMode) -> Self {
        self.with(KeyWord::Sslcertmode, sslcertmode.as_str())
    }

    /// Sets the file of revoked certificates, in PEM form.
    ///
    /// Default: `PGSSLCRL`, else `~/.postgresql/root.crl` if it exists and `sslcrldir` is not set.
    ///
    /// # Source
    ///
    /// [`sslcrl`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLCRL)
    #[must_use]
    pub fn sslcrl(self, sslcrl: impl Into<String>) -> Self {
        self.with(KeyWord::Sslcrl, sslcrl)
    }

    /// Sets the directory of files of revoked certificates. Default: `PGSSLCRLDIR`, else none.
    ///
    /// # Source
    ///
    /// [`sslcrldir`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLCRLDIR)
    #[must_use]
    pub fn sslcrldir(self, sslcrldir: impl Into<String>) -> Self {
        self.with(KeyWord::Sslcrldir, sslcrldir)
    }

    /// Sets whether the server is told the name of the host in clear. Default: `PGSSLSNI`, else it is.
    ///
    /// # Source
    ///
    /// [`sslsni`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLSNI)
    #[must_use]
    pub fn sslsni(self, sslsni: SslSni) -> Self {
        self.with(KeyWord::Sslsni, sslsni.as_str())
    }

    /// Sets the oldest version of TLS that will do. Default: `PGSSLMINPROTOCOLVERSION`, else TLS 1.2, and in
    /// effect never less.
    ///
    /// # Source
    ///
    /// [`ssl_min_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSL-MIN-PROTOCOL-VERSION)
    #[must_use]
    pub fn ssl_min_protocol_version(self, version: SslVersion) -> Self {
        self.with(KeyWord::SslMinProtocolVersion, version.as_str())
    }

    /// Sets the newest version of TLS that will do, TLS 1.2 or later. Default: `PGSSLMAXPROTOCOLVERSION`, else
    /// the newest.
    ///
    /// # Source
    ///
    /// [`ssl_max_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSL-MAX-PROTOCOL-VERSION)
    #[must_use]
    pub fn ssl_max_protocol_version(self, version: SslVersion) -> Self {
        self.with(KeyWord::SslMaxProtocolVersion, version.as_str())
    }

    /// Sets a file to which the keys of every session are written, so that a recording of the traffic can be
    /// read. For debugging: whoever has the file reads everything. Default: none.
    ///
    /// # Source
    ///
    /// [`sslkeylogfile`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLKEYLOGFILE)
    #[must_use]
    pub fn sslkeylogfile(self, sslkeylogfile: impl Into<String>) -> Self {
        self.with(KeyWord::Sslkeylogfile, sslkeylogfile)
    }

    /// Sets by which methods the server may authenticate. Default: `PGREQUIREAUTH`, else by any.
    ///
    /// # Source
    ///
    /// [`require_auth`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH)
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "every setter takes its value")]
    pub fn require_auth(self, require_auth: RequireAuth) -> Self {
        self.with(KeyWord::RequireAuth, require_auth.to_string())
    }

    /// Sets whether authentication is bound to the TLS channel. Default: `PGCHANNELBINDING`, else
    /// [`ChannelBinding::Prefer`].
    ///
    /// # Source
    ///
    /// [`channel_binding`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING)
    #[must_use]
    pub fn channel_binding(self, channel_binding: ChannelBinding) -> Self {
        self.with(KeyWord::ChannelBinding, channel_binding.as_str())
    }
}
