//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the client's side, as a state machine over bytes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use pbkdf2::pbkdf2_hmac_array;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::failure::{Failure, clean};

/// The exchange after the client's first message: waits for the server's first.
///
/// Each state is used up by the message that it waits for, so no step can be left out or done
/// twice: [`ClientFirst`], [`ServerFirst`], [`stretch`] wherever it does not hold others up,
/// [`AwaitFinal`].
///
/// # Wire format
///
/// | message | text |
/// |---|---|
/// | client's first | gs2-header `n=,r=`client nonce |
/// | server's first | `r=`client nonce, server nonce`,s=`salt`,i=`iteration count |
/// | client's last | `c=`channel binding`,r=`both nonces`,p=`proof |
/// | server's last | `v=`verifier or `e=`error |
///
/// # Source
///
/// `sasl-authentication.html#SASL-SCRAM-SHA-256`; RFC 5802 sections 3, 5 and 7; RFC 7677.
#[derive(Debug)]
pub(crate) struct ClientFirst {
    binding: ChannelBinding,
    client_nonce: String,
    bare: String,
}

impl ClientFirst {
    /// Begins an exchange; returns the data of the `SASLInitialResponse` too.
    ///
    /// `nonce` is [`NONCE_LENGTH`] bytes from a cryptographic source, never used before; it is
    /// sent in base64. The user's name stays empty, since the server knows it from the start-up
    /// message and ignores this one.
    pub(crate) fn new(nonce: &[u8], binding: ChannelBinding) -> (Self, Vec<u8>) {
        let client_nonce = STANDARD.encode(nonce);
        let bare = format!("n=,r={client_nonce}");
        let message = format!("{}{bare}", binding.gs2_header()).into_bytes();
        (Self { binding, client_nonce, bare }, message)
    }

    /// Takes the data of the `AuthenticationSASLContinue`.
    ///
    /// The server may ask for at most `max_iterations`, see [`DEFAULT_MAX_ITERATIONS`].
    ///
    /// # Errors
    ///
    /// [`Failure::Protocol`] if the message is not what RFC 5802 section 7 says;
    /// [`Failure::Unsupported`] if it has a mandatory extension or too high an iteration count.
    pub(crate) fn server_first(
        self,
        data: &[u8],
        max_iterations: u32,
    ) -> Result<ServerFirst, Failure> {
        let message = text(data)?;
        // RFC 5802 section 5.1: an extension that must be understood comes first. No other is
        // defined, and the server sends none, so after the three attributes nothing may come.
        if message.starts_with("m=") {
            let what = "the server asks for a SCRAM extension that is not supported";
            return Err(Failure::Unsupported(what.to_owned()));
        }
        let mut attributes = message.split(',');
        let nonce = attribute(attributes.next(), "r=", "it has no nonce")?;
        let salt = attribute(attributes.next(), "s=", "it has no salt")?;
        let iterations = attribute(attributes.next(), "i=", "it has no iteration count")?;
        if attributes.next().is_some() {
            return Err(Failure::Protocol("it has something after the iteration count"));
        }

        self.check_nonce(nonce)?;
        let salt = decode(salt).ok_or(Failure::Protocol("the salt is not base64"))?;
        if salt.is_empty() {
            return Err(Failure::Protocol("the salt is empty"));
        }
        let iterations = parse_iterations(iterations, max_iterations)?;

        let without_proof = format!("c={},r={nonce}", self.binding.encode());
        let auth_message = format!("{},{message},{without_proof}", self.bare);
        Ok(ServerFirst { salt, iterations, without_proof, auth_message })
    }

    /// RFC 5802 section 5.1: the server's nonce is ours, which makes the exchange a new one for
    /// us, and something of its own, which makes it a new one for the server.
    fn check_nonce(&self, nonce: &str) -> Result<(), Failure> {
        match nonce.strip_prefix(self.client_nonce.as_str()) {
            None => Err(Failure::Protocol("the nonce does not begin with ours")),
            Some("") => Err(Failure::Protocol("the server added nothing to our nonce")),
            Some(added) if added.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
            Some(_) => Err(Failure::Protocol("the nonce has a character that is not allowed")),
        }
    }
}

/// The exchange after the server's first message: waits for the stretched password.
#[derive(Debug)]
pub(crate) struct ServerFirst {
    salt: Vec<u8>,
    iterations: u32,
    without_proof: String,
    auth_message: String,
}

impl ServerFirst {
    /// The salt for [`stretch`]; never empty.
    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The iteration count for [`stretch`]; at least one.
    pub(crate) fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Proves to the server that we know the password; returns the data of the `SASLResponse`.
    ///
    /// `salted` must come from this state's salt and iteration count.
    pub(crate) fn with_salted_password(self, salted: &SaltedPassword) -> (Vec<u8>, AwaitFinal) {
        // RFC 5802 section 3.
        let auth_message = self.auth_message.as_bytes();
        let client_key = hmac(&salted.0, b"Client Key");
        let stored_key: Hash = Sha256::digest(client_key).into();
        let mut proof = hmac(&stored_key, auth_message);
        for (byte, key) in proof.iter_mut().zip(client_key) {
            *byte ^= key;
        }
        let server_key = hmac(&salted.0, b"Server Key");
        let server_signature = hmac(&server_key, auth_message);
        let message = format!("{},p={}", self.without_proof, STANDARD.encode(proof));
        (message.into_bytes(), AwaitFinal { server_signature })
    }
}

/// The exchange after the client's last message: waits for the server's last.
pub(crate) struct AwaitFinal {
    server_signature: Hash,
}

impl AwaitFinal {
    /// Takes the data of the `AuthenticationSASLFinal`: the server's proof.
    ///
    /// # Errors
    ///
    /// [`Failure::Unproven`] if the server does not know the password; [`Failure::Rejected`] if it
    /// reports an error; [`Failure::Protocol`] if the message is neither.
    pub(crate) fn server_final(self, data: &[u8]) -> Result<(), Failure> {
        let message = text(data)?;
        if let Some(error) = message.strip_prefix("e=") {
            return Err(Failure::Rejected(clean(error)));
        }
        let verifier = attribute(Some(message), "v=", "it has no verifier")?;
        if verifier.contains(',') {
            return Err(Failure::Protocol("it has something after the verifier"));
        }
        let verifier = decode(verifier).ok_or(Failure::Protocol("the verifier is not base64"))?;
        if verifier.len() != self.server_signature.len() {
            return Err(Failure::Protocol("the verifier has the wrong length"));
        }
        // In constant time: else a server could find out a right verifier byte by byte.
        if bool::from(verifier.ct_eq(&self.server_signature)) {
            Ok(())
        } else {
            Err(Failure::Unproven)
        }
    }
}

impl fmt::Debug for AwaitFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitFinal(..)")
    }
}

/// Stretches a password that went through `SASLprep`: `Hi` of RFC 5802 section 2.2.
///
/// Takes time by design (0.8 ms for the server's default of 4096 iterations, fifty times that in a
/// debug build), so it is for the caller to run where nobody waits for it, and to keep the result.
pub(crate) fn stretch(password: &[u8], salt: &[u8], iterations: u32) -> SaltedPassword {
    SaltedPassword(pbkdf2_hmac_array::<Sha256, HASH_LENGTH>(password, salt, iterations))
}

/// A stretched password. As good as the password itself for roles with the same salt.
#[derive(Clone)]
pub(crate) struct SaltedPassword(Hash);

impl fmt::Debug for SaltedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedPassword(..)")
    }
}

/// What the client says about binding the exchange to the TLS channel (RFC 5802 section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    /// We cannot, or are told not to.
    Unsupported,
    /// We could, but think that the server cannot.
    SupportedNotUsed,
    /// Bound to the hash of the server's certificate (RFC 5929 section 4).
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    fn gs2_header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::SupportedNotUsed => "y,,",
            Self::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// The attribute `c`: the header once more, so that the proof covers it, and the hash.
    fn encode(&self) -> String {
        let mut input = self.gs2_header().as_bytes().to_vec();
        match self {
            Self::Unsupported | Self::SupportedNotUsed => {}
            Self::TlsServerEndPoint(hash) => input.extend_from_slice(hash),
        }
        STANDARD.encode(input)
    }
}

fn text(data: &[u8]) -> Result<&str, Failure> {
    if data.len() > MAX_MESSAGE_LENGTH {
        return Err(Failure::Protocol("it is too long"));
    }
    str::from_utf8(data).map_err(|_| Failure::Protocol("it is not UTF-8"))
}

fn attribute<'a>(
    attribute: Option<&'a str>,
    name: &str,
    otherwise: &'static str,
) -> Result<&'a str, Failure> {
    attribute.and_then(|text| text.strip_prefix(name)).ok_or(Failure::Protocol(otherwise))
}

/// Strict: no white space, padded, and no bits left over, so that each value has one spelling.
fn decode(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).ok()
}

/// RFC 5802 section 7: digits, the first of them not zero.
fn parse_iterations(digits: &str, max: u32) -> Result<u32, Failure> {
    if digits.is_empty()
        || digits.starts_with('0')
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(Failure::Protocol("the iteration count is not a positive number"));
    }
    // Digits that are not a number of this width are a number beyond it.
    match digits.parse() {
        Ok(iterations) if iterations <= max => Ok(iterations),
        _ => Err(Failure::Unsupported(format!(
            "the server asks for {} SCRAM iterations, more than the limit of {max}",
            clean(digits),
        ))),
    }
}

fn hmac(key: &Hash, message: &[u8]) -> Hash {
    // A key shorter than a block stands for itself with zeros behind it (RFC 2104 section 2), and
    // a key of one block cannot be refused.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    Hmac::<Sha256>::new(&block).chain_update(message).finalize().into_bytes().into()
}

type Hash = [u8; HASH_LENGTH];

/// Bytes of a SHA-256 hash.
const HASH_LENGTH: usize = 32;

/// How many random bytes a nonce needs: as many as libpq takes, 24 characters in base64.
pub(crate) const NONCE_LENGTH: usize = 18;

/// How many iterations a server may ask for unless the user allows more.
///
/// Who can answer in the server's place could else keep a processor busy for hours with one
/// message, before proving anything. This is 25 times the server's default, the limit of pgjdbc
/// and node-postgres too, and takes about 20 ms. RFC 7677 section 4 wants 4096 at the least of a
/// server; there is no lower limit here, since `scram_iterations` may be 1 and libpq goes along.
pub(crate) const DEFAULT_MAX_ITERATIONS: u32 = 100_000;

/// How long a message of the server may be. Its first has about 90 bytes, its last 46; the room
/// is for poolers and others with longer nonces and salts.
const MAX_MESSAGE_LENGTH: usize = 2048;

#[cfg(test)]
mod tests {
    use crate::auth::scram::{ChannelBinding, ClientFirst, stretch};

    /// RFC 7677 section 3. Its client names the user, ours never does.
    #[test]
    fn example_of_rfc_7677_holds() {
        let (nonce, first) = (
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        );
        let state = ClientFirst {
            binding: ChannelBinding::Unsupported,
            client_nonce: nonce.to_owned(),
            bare: format!("n=user,r={nonce}"),
        };
        let state = state.server_first(first.as_bytes(), 4096).unwrap();
        let salted = stretch(b"pencil", state.salt(), state.iterations());
        let (message, state) = state.with_salted_password(&salted);
        assert_eq!(
            String::from_utf8(message).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        state.server_final(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    }
}
