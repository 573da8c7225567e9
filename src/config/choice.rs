//! Key words whose value is one of a few: an enum each, named as libpq names the values.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, OneLine};

macro_rules! choices {
    ($(#[$meta:meta])* $name:ident $word:literal { $( $(#[$note:meta])* $variant:ident $text:literal ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $( $(#[$note])* $variant ),+ }

        impl $name {
            /// Returns the value as it is written in a connection string.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text ),+ }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err(invalid($word, text, &[$( $text ),+])),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

choices! {
    /// How much TLS is asked for, and how far the server must prove who it is.
    ///
    /// Over a Unix-domain socket there is no TLS, whatever is set.
    ///
    /// # Source
    ///
    /// [SSL mode descriptions](https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS)
    SslMode "sslmode" {
        /// No TLS.
        Disable "disable",
        /// Without TLS at first; with it if the server refuses that.
        Allow "allow",
        /// With TLS at first; without it if the server has none or refuses. The default.
        Prefer "prefer",
        /// TLS only. If there is a file of root certificates, the server's must lead to one of them.
        Require "require",
        /// TLS only, and the server's certificate must lead to a root certificate.
        VerifyCa "verify-ca",
        /// TLS only, the server's certificate must lead to a root certificate and name the host.
        VerifyFull "verify-full",
    }
}

choices! {
    /// How TLS begins.
    ///
    /// # Source
    ///
    /// [`sslnegotiation`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLNEGOTIATION)
    SslNegotiation "sslnegotiation" {
        /// The server is asked first, which costs a round trip. The default.
        Postgres "postgres",
        /// The handshake comes at once. Needs a server of PostgreSQL 17 or later, and `sslmode=require` or more.
        Direct "direct",
    }
}

choices! {
    /// Whether a certificate of one's own is sent.
    ///
    /// # Source
    ///
    /// [`sslcertmode`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLCERTMODE)
    SslCertMode "sslcertmode" {
        /// None is sent, even if there is one.
        Disable "disable",
        /// One is sent if the server asks and there is one. The default.
        Allow "allow",
        /// The server must ask for one.
        Require "require",
    }
}

choices! {
    /// Whether the server is told the name of the host at the beginning of TLS. An IP address is never sent.
    ///
    /// # Source
    ///
    /// [`sslsni`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSLSNI)
    SslSni "sslsni" {
        /// The name is not sent.
        Omit "0",
        /// The name is sent, for proxies to route by. The default.
        Send "1",
    }
}

choices! {
    /// Whether authentication is bound to the TLS channel, so that nobody can sit in between.
    ///
    /// # Source
    ///
    /// [`channel_binding`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING)
    ChannelBinding "channel_binding" {
        /// It is not used.
        Disable "disable",
        /// It is used where the server can. The default.
        Prefer "prefer",
        /// Without it there is no session.
        Require "require",
    }
}

choices! {
    /// What a server must be like to be chosen among several hosts.
    ///
    /// # Source
    ///
    /// [`target_session_attrs`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS)
    TargetSessionAttrs "target_session_attrs" {
        /// Any server. The default.
        Any "any",
        /// Not in hot standby, and transactions are read-write by default.
        ReadWrite "read-write",
        /// In hot standby, or transactions are read-only by default.
        ReadOnly "read-only",
        /// Not in hot standby.
        Primary "primary",
        /// In hot standby.
        Standby "standby",
        /// In hot standby; if there is none among the hosts, any.
        PreferStandby "prefer-standby",
    }
}

choices! {
    /// In which order the hosts, and the addresses of each, are tried.
    ///
    /// # Source
    ///
    /// [`load_balance_hosts`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-LOAD-BALANCE-HOSTS)
    LoadBalanceHosts "load_balance_hosts" {
        /// In the order given. The default.
        Disable "disable",
        /// In random order.
        Random "random",
    }
}

choices! {
    /// Whether an idle peer is probed over TCP.
    ///
    /// # Source
    ///
    /// [`keepalives`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-KEEPALIVES)
    Keepalives "keepalives" {
        /// It is not.
        Off "0",
        /// It is. The default.
        On "1",
    }
}

/// A version of the protocol between frontend and backend.
///
/// # Source
///
/// [`max_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-MAX-PROTOCOL-VERSION)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 3.0, which every server and proxy speaks.
    V3_0,
    /// 3.2, of PostgreSQL 18: longer keys for cancel requests.
    V3_2,
}

impl ProtocolVersion {
    /// The newest that this crate speaks; in a connection string it may also be written `latest`.
    pub const LATEST: Self = Self::V3_2;

    /// Returns the value as it is written in a connection string.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0",
            Self::V3_2 => "3.2",
        }
    }

    /// Reads the value of `word`.
    pub(crate) fn parse(word: &str, text: &str) -> Result<Self, Error> {
        match text {
            "3.0" => Ok(Self::V3_0),
            "3.2" => Ok(Self::V3_2),
            "latest" => Ok(Self::LATEST),
            _ => Err(invalid(word, text, &["3.0", "3.2", "latest"])),
        }
    }
}

impl FromStr for ProtocolVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse("protocol version", text)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version of TLS. This crate speaks 1.2 and 1.3; the older ones are known as bounds only.
///
/// # Source
///
/// [`ssl_min_protocol_version`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-SSL-MIN-PROTOCOL-VERSION)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SslVersion {
    /// TLS 1.0.
    Tls1_0,
    /// TLS 1.1.
    Tls1_1,
    /// TLS 1.2.
    Tls1_2,
    /// TLS 1.3.
    Tls1_3,
}

impl SslVersion {
    /// Returns the value as it is written in a connection string.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls1_0 => "TLSv1",
            Self::Tls1_1 => "TLSv1.1",
            Self::Tls1_2 => "TLSv1.2",
            Self::Tls1_3 => "TLSv1.3",
        }
    }

    /// Reads the value of `word`. As in libpq, upper and lower case are the same.
    pub(crate) fn parse(word: &str, text: &str) -> Result<Self, Error> {
        const ALL: [SslVersion; 4] =
            [SslVersion::Tls1_0, SslVersion::Tls1_1, SslVersion::Tls1_2, SslVersion::Tls1_3];
        let found = ALL.into_iter().find(|version| version.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| invalid(word, text, &ALL.map(Self::as_str)))
    }
}

impl FromStr for SslVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse("TLS version", text)
    }
}

impl fmt::Display for SslVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// That `text` is none of the values of `word`.
pub(crate) fn invalid(word: &str, text: &str, values: &[&str]) -> Error {
    let mut expected = String::new();
    for (index, value) in values.iter().enumerate() {
        let lead = match index {
            0 => "",
            _ if index + 1 == values.len() => " or ",
            _ => ", ",
        };
        expected = format!("{expected}{lead}\"{value}\"");
    }
    Error::config(format!("invalid {word} \"{}\": {expected} is expected", OneLine(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!("verify-full".parse::<SslMode>().unwrap(), SslMode::VerifyFull);
        assert_eq!(SslMode::VerifyFull.to_string(), "verify-full");
        assert_eq!("latest".parse::<ProtocolVersion>().unwrap(), ProtocolVersion::V3_2);
        assert_eq!("tlsV1.2".parse::<SslVersion>().unwrap(), SslVersion::Tls1_2);
        assert!("3.1".parse::<ProtocolVersion>().is_err());
        assert!("Prefer".parse::<SslMode>().is_err());
    }

    #[test]
    fn what_is_none_of_them_is_told_what_is_expected() {
        let error = "sometimes".parse::<ChannelBinding>().unwrap_err().to_string();
        let expected = "invalid channel_binding \"sometimes\": \"disable\", \"prefer\" or \"require\" is expected";
        assert_eq!(error, expected);
    }
}
