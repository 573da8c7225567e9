//! Authentication: answers to the server's requests, as pure functions and state machines.

mod failure;
mod md5;
mod saslprep;
mod scram;

pub(crate) use crate::auth::failure::Failure;
pub(crate) use crate::auth::md5::md5_password;
pub(crate) use crate::auth::saslprep::saslprep;
pub(crate) use crate::auth::scram::{
    AwaitFinal, ChannelBinding, ClientFirst, DEFAULT_MAX_ITERATIONS, NONCE_LENGTH, SaltedPassword,
    ServerFirst, stretch,
};

use crate::auth::failure::clean;

/// A SASL mechanism that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// SCRAM without channel binding (RFC 7677).
    ScramSha256,
    /// SCRAM bound to the TLS channel: nobody in the middle can pass it on.
    ScramSha256Plus,
}

impl Mechanism {
    /// Chooses from the mechanisms of an `AuthenticationSASL` message, and says what SCRAM is to
    /// tell the server about channel binding (RFC 5802 section 6).
    ///
    /// `end_point` is the hash of the server's certificate, for `tls-server-end-point`; it is
    /// `None` without TLS, if `channel_binding` is `disable`, or if the certificate's signature
    /// algorithm names no hash. If `channel_binding` is `require`, any answer but
    /// [`ScramSha256Plus`](Self::ScramSha256Plus) is for the caller to refuse.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if there is none that we speak.
    pub(crate) fn choose(
        offered: &[&str],
        end_point: Option<Vec<u8>>,
    ) -> Result<(Self, ChannelBinding), Failure> {
        let has = |mechanism: Self| offered.contains(&mechanism.name());
        match end_point {
            Some(hash) if has(Self::ScramSha256Plus) => {
                Ok((Self::ScramSha256Plus, ChannelBinding::TlsServerEndPoint(hash)))
            }
            // The server gets to know that we would have bound the channel. If it did offer that,
            // then someone in the middle took the offer out, and the server ends the exchange.
            Some(_) if has(Self::ScramSha256) => {
                Ok((Self::ScramSha256, ChannelBinding::SupportedNotUsed))
            }
            None if has(Self::ScramSha256) => Ok((Self::ScramSha256, ChannelBinding::Unsupported)),
            _ => Err(Failure::Unsupported(format!(
                "none of the server's SASL mechanisms is supported: \"{}\"",
                clean(&offered.join(", ")),
            ))),
        }
    }

    /// The name for `SASLInitialResponse`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }
}

#[cfg(test)]
mod scram_tests;

#[cfg(test)]
mod tests {
    use crate::auth::{ChannelBinding, Failure, Mechanism};

    const PLAIN: &str = "SCRAM-SHA-256";
    const PLUS: &str = "SCRAM-SHA-256-PLUS";

    #[test]
    fn channel_is_bound_where_both_sides_can() {
        let hash = vec![7; 32];
        assert_eq!(
            Mechanism::choose(&[PLUS, PLAIN], Some(hash.clone())),
            Ok((Mechanism::ScramSha256Plus, ChannelBinding::TlsServerEndPoint(hash.clone())))
        );
        assert_eq!(
            Mechanism::choose(&[PLAIN], Some(hash)),
            Ok((Mechanism::ScramSha256, ChannelBinding::SupportedNotUsed))
        );
        for offered in [&[PLUS, PLAIN][..], &[PLAIN, "OAUTHBEARER"]] {
            assert_eq!(
                Mechanism::choose(offered, None),
                Ok((Mechanism::ScramSha256, ChannelBinding::Unsupported))
            );
        }
    }

    #[test]
    fn mechanisms_we_do_not_speak_are_named() {
        for offered in [&[][..], &[PLUS], &["SCRAM-SHA-1"], &["scram-sha-256"], &["SCRAM-SHA-256 "]]
        {
            let failure = Mechanism::choose(offered, None).unwrap_err();
            assert!(matches!(failure, Failure::Unsupported(_)), "{failure}");
        }
        let failure = Mechanism::choose(&["X\n", "SCRAM-SHA-1"], None).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "none of the server's SASL mechanisms is supported: \"X?, SCRAM-SHA-1\""
        );
    }
}
