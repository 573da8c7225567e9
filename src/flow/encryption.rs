//! "SSL Session Encryption": which ways of protecting a session are tried, and what the server's one byte says.
//!
//! # Source
//!
//! [SSL session encryption](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-SSL)

use crate::config::{SslMode, SslNegotiation};
use crate::error::{Error, Kind};

/// A way of opening a session on a fresh connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Without TLS.
    Plain,
    /// With TLS, if the server answers `SSLRequest` with yes.
    Asked,
    /// With TLS from the first byte on.
    Direct,
}

/// Whether the client can do TLS on this connection at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    Tls,
    /// A Unix-domain socket, or a build without the feature.
    PlainOnly,
}

/// The ways to try, in order: when one fails, so that another could do better, the next is tried.
pub(crate) fn choices(
    mode: SslMode,
    negotiation: SslNegotiation,
    ability: Ability,
) -> &'static [Encryption] {
    let with_tls: &[Encryption] = match negotiation {
        SslNegotiation::Direct => &[Encryption::Direct],
        SslNegotiation::Postgres => &[Encryption::Asked],
    };
    match mode {
        _ if ability == Ability::PlainOnly => &[Encryption::Plain],
        SslMode::Disable => &[Encryption::Plain],
        SslMode::Allow => &[Encryption::Plain, Encryption::Asked],
        SslMode::Prefer => &[Encryption::Asked, Encryption::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => with_tls,
    }
}

/// The server's answer to `SSLRequest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Willing,
    Unwilling,
}

impl Answer {
    /// Reads the answer. Of an error message only the first byte is looked at: nobody knows yet who sends it, so
    /// that its text is not shown.
    pub(crate) fn read(byte: u8) -> Result<Self, Error> {
        match byte {
            b'S' => Ok(Self::Willing),
            b'N' => Ok(Self::Unwilling),
            b'E' => {
                let text = "the server answered the request for TLS with an error";
                // Neither TLS nor its absence has failed: another host may do better, another way may not.
                Err(Error::new(Kind::Io, text).unsent())
            }
            _ => Err(Error::protocol("answer to SSLRequest", "unrecognized byte").unsent()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sslmode_has_its_ways() {
        use Encryption::{Asked, Direct, Plain};
        let ways = |mode| choices(mode, SslNegotiation::Postgres, Ability::Tls);
        assert_eq!(ways(SslMode::Disable), [Plain]);
        assert_eq!(ways(SslMode::Allow), [Plain, Asked]);
        assert_eq!(ways(SslMode::Prefer), [Asked, Plain]);
        for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            assert_eq!(ways(mode), [Asked]);
            assert_eq!(choices(mode, SslNegotiation::Direct, Ability::Tls), [Direct]);
            assert_eq!(choices(mode, SslNegotiation::Postgres, Ability::PlainOnly), [Plain]);
        }
    }

    #[test]
    fn the_answer_is_one_byte_and_an_error_is_not_shown() {
        assert_eq!(Answer::read(b'S').unwrap(), Answer::Willing);
        assert_eq!(Answer::read(b'N').unwrap(), Answer::Unwilling);
        assert_eq!(Answer::read(b'E').unwrap_err().kind(), Kind::Io);
        assert_eq!(Answer::read(b'R').unwrap_err().kind(), Kind::Protocol);
    }
}
