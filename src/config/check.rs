//! What a value must be like, for each key word by itself.

use std::net::IpAddr;

use crate::config::choice::{
    ChannelBinding, LoadBalanceHosts, ProtocolVersion, SslCertMode, SslMode, SslNegotiation,
    SslVersion, TargetSessionAttrs, invalid,
};
use crate::config::host::DEFAULT_PORT;
use crate::config::keyword::KeyWord;
use crate::config::require_auth::RequireAuth;
use crate::error::{Error, OneLine};

/// Whether libpq would take `value` for `word`, and we can do as it says.
#[expect(clippy::wildcard_enum_match_arm, reason = "the value of any other key word is free")]
pub(crate) fn check(word: KeyWord, value: &str) -> Result<(), Error> {
    if value.contains('\0') {
        return Err(Error::config(format!(
            "the value of \"{}\" has a NUL byte in it",
            word.name()
        )));
    }
    match word {
        KeyWord::Port => value.split(',').try_for_each(|port| self::port(port).map(drop)),
        KeyWord::Hostaddr => value.split(',').try_for_each(address),
        KeyWord::ConnectTimeout
        | KeyWord::Keepalives
        | KeyWord::KeepalivesIdle
        | KeyWord::KeepalivesInterval
        | KeyWord::KeepalivesCount
        | KeyWord::TcpUserTimeout => integer(word, value).map(drop),
        KeyWord::ChannelBinding => value.parse::<ChannelBinding>().map(drop),
        KeyWord::Sslmode => value.parse::<SslMode>().map(drop),
        KeyWord::Sslnegotiation => value.parse::<SslNegotiation>().map(drop),
        KeyWord::Sslcertmode => value.parse::<SslCertMode>().map(drop),
        KeyWord::RequireAuth => value.parse::<RequireAuth>().map(drop),
        KeyWord::TargetSessionAttrs => value.parse::<TargetSessionAttrs>().map(drop),
        KeyWord::LoadBalanceHosts => value.parse::<LoadBalanceHosts>().map(drop),
        KeyWord::MinProtocolVersion | KeyWord::MaxProtocolVersion => {
            ProtocolVersion::parse(word.name(), value).map(drop)
        }
        KeyWord::SslMinProtocolVersion | KeyWord::SslMaxProtocolVersion if !value.is_empty() => {
            SslVersion::parse(word.name(), value).map(drop)
        }
        KeyWord::Gssencmode if value == "require" => {
            refused(word, value, "GSSAPI is not supported")
        }
        KeyWord::Gssencmode if !matches!(value, "disable" | "prefer") => {
            Err(invalid(word.name(), value, &["disable", "prefer", "require"]))
        }
        KeyWord::ClientEncoding if !is_utf8(value) => {
            refused(word, value, "texts are UTF-8 in Rust")
        }
        KeyWord::Replication if !is_false(value) => {
            refused(word, value, "replication is not supported")
        }
        // Their values are secret, and libpq does not take empty ones either.
        KeyWord::ScramClientKey | KeyWord::ScramServerKey => {
            unusable(word, "only passwords are supported")
        }
        word if word.is_for_oauth() && !value.is_empty() => {
            unusable(word, "OAuth is not supported")
        }
        _ => Ok(()),
    }
}

fn refused(word: KeyWord, value: &str, reason: &str) -> Result<(), Error> {
    let (word, value) = (word.name(), OneLine(value));
    Err(Error::config(format!("{word} \"{value}\" cannot be met: {reason}")))
}

fn unusable(word: KeyWord, reason: &str) -> Result<(), Error> {
    Err(Error::config(format!("\"{}\" cannot be used: {reason}", word.name())))
}

/// A port; as in libpq, an empty one is the default.
pub(crate) fn port(text: &str) -> Result<u16, Error> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    let port = trimmed(text).parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| {
        // In a URI that lacks its "@", or has a stray "/", a piece of the password stands here.
        let number = text.chars().all(|c| c.is_ascii_digit() || c == '-');
        let shown = if number { format!(" \"{text}\"") } else { String::new() };
        Error::config(format!("invalid port{shown}: a number from 1 to 65535 is expected"))
    })
}

/// A number that fits C's `int`, with white space around it.
pub(crate) fn integer(word: KeyWord, text: &str) -> Result<i32, Error> {
    trimmed(text).parse().map_err(|_| {
        let (word, text) = (word.name(), OneLine(text));
        Error::config(format!("invalid {word} \"{text}\": a whole number is expected"))
    })
}

/// What C's `isspace` calls white space; Rust does not count the vertical tab.
pub(crate) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

/// Without white space at both ends.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Anything that the system may read as a number without asking a name server, such as `127.1` or `fe80::1%eth0`.
fn address(text: &str) -> Result<(), Error> {
    let number = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | 'x' | 'X');
    let numeric = text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(number);
    if text.is_empty() || numeric || text.contains(':') || text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let text = OneLine(text);
    Err(Error::config(format!("invalid hostaddr \"{text}\": an IP address is expected")))
}

/// Whether an encoding's name means UTF-8, read as the server reads it; `auto` asks us.
fn is_utf8(encoding: &str) -> bool {
    let letters = encoding.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    encoding.is_empty() || encoding == "auto" || name == "utf8" || name == "unicode"
}

/// Whether the server reads `value` as false.
fn is_false(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    match value.len() {
        0 => true,
        1 => matches!(value.as_str(), "0" | "f" | "n"),
        _ => ["false", "no", "off"].iter().any(|word| word.starts_with(&value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').unwrap();
        check(KeyWord::find(name).unwrap(), value).map_err(|error| error.to_string())
    }

    /// What libpq 18 says when it is to connect.
    const TAKEN: &[&str] = &[
        "require_auth=",
        "ssl_min_protocol_version=",
        "sslsni=x",
        "sslsni=",
        "sslcompression=x",
        "connect_timeout=-1",
        "connect_timeout= 5 ",
        "keepalives=2",
        "keepalives= 1 ",
        "tcp_user_timeout=-1",
        "port=",
        "port=5 ",
        "port= +5",
        "port=,",
        "port=\x0b7",
        "hostaddr=",
        "hostaddr=127.1",
        "hostaddr=::1",
        "hostaddr=,",
        "hostaddr=fe80::1%1",
        "min_protocol_version=latest",
        "max_protocol_version=3.2",
        "ssl_min_protocol_version=tlsV1.2",
        "ssl_max_protocol_version=TLSv1",
        "gssencmode=prefer",
        "gssencmode=disable",
        "gssdelegation=x",
        "krbsrvname=x",
        "gsslib=x",
        "require_auth=oauth",
        "require_auth=!none",
        "service=x",
        "user=",
        "dbname=",
        "client_encoding=auto",
        "client_encoding=utf8",
        "client_encoding=UTF-8",
        "client_encoding=Unicode",
        "client_encoding=",
        "replication=off",
        "replication=",
        "replication=F",
        "replication=0",
        "oauth_issuer=",
        "sslrootcert=",
        "requirepeer=x",
    ];

    const REFUSED: &[&str] = &[
        "sslmode=",
        "sslmode=Require",
        "channel_binding=",
        "target_session_attrs=",
        "load_balance_hosts=",
        "min_protocol_version=",
        "min_protocol_version=3.1",
        "gssencmode=",
        "gssencmode=require",
        "sslcertmode=",
        "sslnegotiation=",
        "connect_timeout=",
        "connect_timeout=5x",
        "connect_timeout=99999999999",
        "connect_timeout=1.5",
        "keepalives=",
        "keepalives=x",
        "keepalives_idle=",
        "port=0",
        "port=65536",
        "port=-1",
        "port=1,x",
        "port=5 5",
        "hostaddr=foo",
        "require_auth=,",
        "require_auth=md5,",
        "require_auth=!none,none",
        "require_auth=md5,md5",
        "ssl_min_protocol_version=1.2",
        "scram_client_key=",
        "scram_client_key=x",
    ];

    /// What libpq 18 takes and we cannot do.
    const BEYOND_US: &[&str] = &[
        "client_encoding=latin1",
        "client_encoding=foo",
        "replication=database",
        "replication=true",
        "replication=o",
        "oauth_issuer=x",
        "oauth_client_id=x",
    ];

    #[test]
    fn values_are_taken_and_refused_as_libpq_does() {
        for text in TAKEN {
            assert_eq!(accepted(text), Ok(()), "{text}");
        }
        for text in REFUSED.iter().chain(BEYOND_US) {
            assert!(accepted(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nul_bytes_are_refused_everywhere() {
        for word in KeyWord::ALL {
            let error = check(*word, "a\0b").unwrap_err().to_string();
            assert!(error.contains("NUL byte"), "{error}");
        }
    }

    #[test]
    fn errors_name_the_value_but_no_secret() {
        let error = |text: &str| accepted(text).unwrap_err();
        assert_eq!(error("port=0"), "invalid port \"0\": a number from 1 to 65535 is expected");
        assert_eq!(error("port=hunter2"), "invalid port: a number from 1 to 65535 is expected");
        assert_eq!(
            error("connect_timeout=soon"),
            "invalid connect_timeout \"soon\": a whole number is expected"
        );
        assert_eq!(
            error("gssencmode=require"),
            "gssencmode \"require\" cannot be met: GSSAPI is not supported"
        );
        assert!(!error("oauth_client_secret=hunter2").contains("hunter2"));
        assert!(!error("scram_client_key=hunter2").contains("hunter2"));
    }
}
