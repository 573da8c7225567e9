//! `KeyWord`: libpq's names for what a connection needs, and where each is found when it is not set.
//!
//! # Source
//!
//! [Parameter key words](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS) and
//! [environment variables](https://www.postgresql.org/docs/18/libpq-envars.html)

use crate::error::Error;

macro_rules! key_words {
    ($( $variant:ident $name:literal $variable:expr ),+ $(,)?) => {
        /// One of libpq's key words, in libpq's order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum KeyWord { $( $variant ),+ }

        impl KeyWord {
            pub(crate) const ALL: &'static [Self] = &[$( Self::$variant ),+];

            pub(crate) fn name(self) -> &'static str {
                match self { $( Self::$variant => $name ),+ }
            }

            /// The environment variable that is consulted when the key word is not set.
            pub(crate) fn variable(self) -> Option<&'static str> {
                match self { $( Self::$variant => $variable ),+ }
            }
        }
    };
}

key_words! {
    Service "service" Some("PGSERVICE"),
    // New in PostgreSQL 19; before, there is only the variable.
    Servicefile "servicefile" Some("PGSERVICEFILE"),
    User "user" Some("PGUSER"),
    Password "password" Some("PGPASSWORD"),
    Passfile "passfile" Some("PGPASSFILE"),
    ChannelBinding "channel_binding" Some("PGCHANNELBINDING"),
    ConnectTimeout "connect_timeout" Some("PGCONNECT_TIMEOUT"),
    Dbname "dbname" Some("PGDATABASE"),
    Host "host" Some("PGHOST"),
    Hostaddr "hostaddr" Some("PGHOSTADDR"),
    Port "port" Some("PGPORT"),
    ClientEncoding "client_encoding" Some("PGCLIENTENCODING"),
    Options "options" Some("PGOPTIONS"),
    ApplicationName "application_name" Some("PGAPPNAME"),
    FallbackApplicationName "fallback_application_name" None,
    Keepalives "keepalives" None,
    KeepalivesIdle "keepalives_idle" None,
    KeepalivesInterval "keepalives_interval" None,
    KeepalivesCount "keepalives_count" None,
    TcpUserTimeout "tcp_user_timeout" None,
    Sslmode "sslmode" Some("PGSSLMODE"),
    Sslnegotiation "sslnegotiation" Some("PGSSLNEGOTIATION"),
    Sslcompression "sslcompression" Some("PGSSLCOMPRESSION"),
    Sslcert "sslcert" Some("PGSSLCERT"),
    Sslkey "sslkey" Some("PGSSLKEY"),
    Sslcertmode "sslcertmode" Some("PGSSLCERTMODE"),
    Sslpassword "sslpassword" None,
    Sslrootcert "sslrootcert" Some("PGSSLROOTCERT"),
    Sslcrl "sslcrl" Some("PGSSLCRL"),
    Sslcrldir "sslcrldir" Some("PGSSLCRLDIR"),
    Sslsni "sslsni" Some("PGSSLSNI"),
    Requirepeer "requirepeer" Some("PGREQUIREPEER"),
    RequireAuth "require_auth" Some("PGREQUIREAUTH"),
    MinProtocolVersion "min_protocol_version" Some("PGMINPROTOCOLVERSION"),
    MaxProtocolVersion "max_protocol_version" Some("PGMAXPROTOCOLVERSION"),
    SslMinProtocolVersion "ssl_min_protocol_version" Some("PGSSLMINPROTOCOLVERSION"),
    SslMaxProtocolVersion "ssl_max_protocol_version" Some("PGSSLMAXPROTOCOLVERSION"),
    Gssencmode "gssencmode" Some("PGGSSENCMODE"),
    Krbsrvname "krbsrvname" Some("PGKRBSRVNAME"),
    Gsslib "gsslib" Some("PGGSSLIB"),
    Gssdelegation "gssdelegation" Some("PGGSSDELEGATION"),
    Replication "replication" None,
    TargetSessionAttrs "target_session_attrs" Some("PGTARGETSESSIONATTRS"),
    LoadBalanceHosts "load_balance_hosts" Some("PGLOADBALANCEHOSTS"),
    ScramClientKey "scram_client_key" None,
    ScramServerKey "scram_server_key" None,
    OauthIssuer "oauth_issuer" None,
    OauthClientId "oauth_client_id" None,
    OauthClientSecret "oauth_client_secret" None,
    OauthScope "oauth_scope" None,
    Sslkeylogfile "sslkeylogfile" None,
}

impl KeyWord {
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.name() == name)
    }

    /// Whether the value is never to be shown.
    pub(crate) fn is_secret(self) -> bool {
        matches!(
            self,
            Self::Password
                | Self::Sslpassword
                | Self::ScramClientKey
                | Self::ScramServerKey
                | Self::OauthClientSecret
        )
    }

    pub(crate) fn is_for_oauth(self) -> bool {
        matches!(
            self,
            Self::OauthIssuer | Self::OauthClientId | Self::OauthClientSecret | Self::OauthScope
        )
    }

    /// That `name` is no key word, with the nearest one that is.
    pub(crate) fn unrecognized(name: &str) -> Error {
        // What does not look like a name may be a piece of a password.
        let is_name = name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
        if name.is_empty() || !is_name {
            return Error::config("unrecognized key word in the connection string");
        }
        let near = Self::ALL.iter().map(|word| (distance(name, word.name()), word.name())).min();
        Error::config(match near {
            Some((0..=2, word)) => {
                format!("unrecognized key word \"{name}\": did you mean \"{word}\"?")
            }
            _ => format!("unrecognized key word \"{name}\""),
        })
    }
}

/// How many characters must be inserted, removed or replaced to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, from) in a.chars().enumerate() {
        let mut corner = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(corner + usize::from(from != *to));
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_they_are_written() {
        assert_eq!(KeyWord::find("dbname"), Some(KeyWord::Dbname));
        assert_eq!(KeyWord::find("DBNAME"), None);
        assert_eq!(KeyWord::find(""), None);
        assert!(KeyWord::ALL.iter().all(|word| KeyWord::find(word.name()) == Some(*word)));
    }

    #[test]
    fn every_key_word_of_libpq_18_is_there() {
        // And one of PostgreSQL 19.
        assert_eq!(KeyWord::ALL.len(), 50 + 1);
    }

    #[test]
    fn every_key_word_and_variable_has_a_row_in_the_documentation() {
        let documentation = include_str!("builder.rs");
        for word in KeyWord::ALL {
            let variable = word.variable().map(|name| format!("`{name}`")).unwrap_or_default();
            let row = format!("/// | `{}` | {variable}", word.name());
            assert!(documentation.contains(row.trim_end()), "{row}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("host", "host"), 0);
        assert_eq!(distance("hots", "host"), 2);
        assert_eq!(distance("", "host"), 4);
        assert_eq!(distance("pasword", "password"), 1);
    }

    #[test]
    fn near_words_are_suggested_and_pieces_of_passwords_are_not_repeated() {
        let text = |name: &str| KeyWord::unrecognized(name).to_string();
        assert_eq!(text("hots"), "unrecognized key word \"hots\": did you mean \"host\"?");
        assert_eq!(text("zzzzzz"), "unrecognized key word \"zzzzzz\"");
        assert_eq!(text("s3cret"), "unrecognized key word in the connection string");
        assert_eq!(text(""), "unrecognized key word in the connection string");
    }
}
