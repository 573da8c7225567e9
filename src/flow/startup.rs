//! "Start-up": authentication and parameters, up to the first ReadyForQuery.
//!
//! # Source
//!
//! [Start-up](https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP)

use bytes::BytesMut;

use crate::auth::{
    AwaitFinal, ClientFirst, DEFAULT_MAX_ITERATIONS, Failure, Mechanism, NONCE_LENGTH,
    SaltedPassword, ServerFirst, md5_password, saslprep,
};
use crate::config::{AuthMethod, ChannelBinding, ProtocolVersion, RequireAuth, Secret};
use crate::error::{Error, Kind};
use crate::message::{
    Authentication, Backend, Encode, NegotiateProtocolVersion, PROTOCOL_3_0, PROTOCOL_3_2,
    PasswordMessage, SaslInitialResponse, SaslResponse, StartupMessage,
};

/// What the exchange may give away, and under which conditions.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) require_auth: RequireAuth,
    pub(crate) channel_binding: ChannelBinding,
    /// The hash of the server's certificate, if the connection has TLS and the certificate names one.
    pub(crate) end_point: Option<Vec<u8>>,
    pub(crate) min_protocol_version: ProtocolVersion,
    pub(crate) max_protocol_version: ProtocolVersion,
}

/// The exchange that opens a session, without I/O: messages in, bytes out.
pub(crate) struct Startup {
    credentials: Credentials,
    nonce: [u8; NONCE_LENGTH],
    /// The server has proved that it is the end of this TLS channel.
    bound: bool,
    state: State,
}

/// How far the exchange has come. Each state names what it waits for.
enum State {
    /// The server's choice of a method.
    Method,
    /// The verdict on a password that was sent.
    Verdict,
    ServerFirst(ClientFirst),
    /// The salted password, which the caller computes.
    Salted(ServerFirst),
    ServerFinal(AwaitFinal),
    /// Parameters, the cancel key, ReadyForQuery.
    Ready,
    /// Nothing: an error has ended it.
    Over,
}

/// What the caller is to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send what was written, and pass on the next message.
    Continue,
    /// Stretch the password, off the executor's thread, and call [`Startup::salted`].
    Stretch { password: Secret, salt: Vec<u8>, iterations: u32 },
    /// The session is open.
    Ready,
}

impl Startup {
    /// Starts the exchange. The nonce must be of the best randomness.
    pub(crate) fn new(credentials: Credentials, nonce: [u8; NONCE_LENGTH]) -> Self {
        Self { credentials, nonce, bound: false, state: State::Method }
    }

    /// Writes StartupMessage, the first of all: `parameters` besides the user.
    pub(crate) fn write_first(
        &self,
        parameters: &[(&str, &str)],
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let mut all = vec![("user", self.credentials.user.as_str())];
        all.extend_from_slice(parameters);
        let version = number(self.credentials.max_protocol_version);
        StartupMessage { version, parameters: all }.encode(out)
    }

    /// Takes a message of the server and writes the answer, if there is one, to `out`.
    pub(crate) fn handle(
        &mut self,
        message: Backend<'_>,
        out: &mut BytesMut,
    ) -> Result<Step, Error> {
        match (std::mem::replace(&mut self.state, State::Over), message) {
            (_, Backend::ErrorResponse(error)) => Err(Error::from_server(error.0)),
            (state, Backend::NegotiateProtocolVersion(negotiated)) => {
                if !matches!(state, State::Method) {
                    return Err(Error::unexpected("NegotiateProtocolVersion"));
                }
                self.negotiate(&negotiated)?;
                self.state = state;
                Ok(Step::Continue)
            }
            (state, Backend::Authentication(request)) => self.authenticate(state, request, out),
            (State::Ready, Backend::BackendKeyData(_)) => {
                self.state = State::Ready;
                Ok(Step::Continue)
            }
            (State::Ready, Backend::ReadyForQuery(_)) => Ok(Step::Ready),
            (_, message) => Err(Error::unexpected(message.name())),
        }
    }

    /// Goes on with the stretched password.
    pub(crate) fn salted(
        &mut self,
        salted: &SaltedPassword,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let State::Salted(first) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(Error::unexpected("AuthenticationSASLContinue"));
        };
        let (data, last) = first.with_salted_password(salted);
        self.state = State::ServerFinal(last);
        SaslResponse { data: &data }.encode(out)
    }

    /// The version that is spoken, as far as it has been agreed on.
    pub(crate) fn protocol_version(&self) -> ProtocolVersion {
        self.credentials.max_protocol_version
    }

    /// The server speaks an older version than was asked for. No option was asked for, so none can be refused.
    fn negotiate(&mut self, negotiated: &NegotiateProtocolVersion<'_>) -> Result<(), Error> {
        let invalid = |what| Err(Error::protocol("NegotiateProtocolVersion", what));
        let Credentials { min_protocol_version: min, max_protocol_version: max, .. } =
            self.credentials;
        if !negotiated.unrecognized.is_empty() {
            return invalid("it refuses an option that was not asked for");
        }
        if negotiated.version >= number(max) {
            return invalid("the version is not older than the one that was asked for");
        }
        if negotiated.version != PROTOCOL_3_0 {
            return invalid("there is no such version");
        }
        if negotiated.version < number(min) {
            let text =
                format!("the server speaks protocol 3.0, but \"min_protocol_version\" is {min}");
            return Err(Error::new(Kind::Protocol, text));
        }
        self.credentials.max_protocol_version = ProtocolVersion::V3_0;
        Ok(())
    }

    fn authenticate(
        &mut self,
        state: State,
        request: Authentication<'_>,
        out: &mut BytesMut,
    ) -> Result<Step, Error> {
        if matches!(state, State::Method) {
            self.permit(&request)?;
        }
        self.state = match (state, request) {
            // In the middle of SCRAM the server has not proved itself yet: then this is refused below.
            (State::Method | State::Verdict, Authentication::Ok) => State::Ready,
            (State::Method, Authentication::CleartextPassword) => {
                let password = self.password()?.expose().as_bytes();
                PasswordMessage { password }.encode(out)?;
                State::Verdict
            }
            (State::Method, Authentication::Md5Password { salt }) => {
                let password = self.password()?.expose().as_bytes();
                let answer = md5_password(self.credentials.user.as_bytes(), password, salt);
                PasswordMessage { password: answer.as_bytes() }.encode(out)?;
                State::Verdict
            }
            (State::Method, Authentication::Sasl { mechanisms }) => self.sasl(&mechanisms, out)?,
            (State::ServerFirst(first), Authentication::SaslContinue(data)) => {
                let first = first
                    .server_first(data, DEFAULT_MAX_ITERATIONS)
                    .map_err(|failure| failed(&failure))?;
                return self.stretch(first);
            }
            (State::ServerFinal(last), Authentication::SaslFinal(data)) => {
                last.server_final(data).map_err(|failure| failed(&failure))?;
                State::Verdict
            }
            (State::Method, request) => return Err(unsupported(&request)),
            _ => return Err(Error::unexpected("an authentication request")),
        };
        Ok(Step::Continue)
    }

    /// Refuses a method that `require_auth` or `channel_binding` forbids, before any secret is sent.
    fn permit(&self, request: &Authentication<'_>) -> Result<(), Error> {
        let method = match request {
            Authentication::Ok => AuthMethod::None,
            Authentication::CleartextPassword => AuthMethod::Password,
            Authentication::Md5Password { .. } => AuthMethod::Md5,
            Authentication::Sasl { .. } => AuthMethod::ScramSha256,
            Authentication::Gss | Authentication::GssContinue(_) => AuthMethod::Gss,
            Authentication::Sspi => AuthMethod::Sspi,
            Authentication::KerberosV5
            | Authentication::SaslContinue(_)
            | Authentication::SaslFinal(_) => return Ok(()),
        };
        if !self.credentials.require_auth.allows(method) {
            let asked = if method == AuthMethod::None {
                "asked for no authentication".to_owned()
            } else {
                format!("asked for authentication by {}", method.as_str())
            };
            let text = format!("the server {asked}, which \"require_auth\" forbids");
            return Err(Error::new(Kind::Authentication, text));
        }
        let binding = self.credentials.channel_binding == ChannelBinding::Require;
        if binding && method != AuthMethod::ScramSha256 {
            return Err(unbound("the server asked for another method than SCRAM"));
        }
        Ok(())
    }

    fn sasl(&mut self, mechanisms: &[&str], out: &mut BytesMut) -> Result<State, Error> {
        self.password()?;
        let wanted = self.credentials.channel_binding;
        let end_point = match wanted {
            ChannelBinding::Disable => None,
            ChannelBinding::Prefer | ChannelBinding::Require => self.credentials.end_point.clone(),
        };
        if wanted == ChannelBinding::Require && end_point.is_none() {
            return Err(unbound(
                "there is no TLS, or the server's certificate names no hash for it, as with Ed25519",
            ));
        }
        let (mechanism, binding) =
            Mechanism::choose(mechanisms, end_point).map_err(|failure| failed(&failure))?;
        if wanted == ChannelBinding::Require && mechanism != Mechanism::ScramSha256Plus {
            return Err(unbound("the server does not offer SCRAM-SHA-256-PLUS"));
        }
        self.bound = mechanism == Mechanism::ScramSha256Plus;
        let (first, data) = ClientFirst::new(&self.nonce, binding);
        SaslInitialResponse { mechanism: mechanism.name(), data: &data }.encode(out)?;
        Ok(State::ServerFirst(first))
    }

    fn stretch(&mut self, first: ServerFirst) -> Result<Step, Error> {
        let password = self.password()?.clone();
        let (salt, iterations) = (first.salt().to_vec(), first.iterations());
        self.state = State::Salted(first);
        Ok(Step::Stretch { password, salt, iterations })
    }

    fn password(&self) -> Result<&Secret, Error> {
        self.credentials.password.as_ref().ok_or_else(|| {
            let text = "the server demands a password and none was given: set \"password\"";
            Error::new(Kind::Authentication, text)
        })
    }
}

fn unbound(why: &str) -> Error {
    let text = format!("\"channel_binding\" is required, but {why}");
    Error::new(Kind::Authentication, text)
}

fn number(version: ProtocolVersion) -> u32 {
    match version {
        ProtocolVersion::V3_0 => PROTOCOL_3_0,
        ProtocolVersion::V3_2 => PROTOCOL_3_2,
    }
}

/// Stretches a password: pure computation, of about a millisecond at 4,096 iterations.
pub(crate) fn stretch(password: &Secret, salt: &[u8], iterations: u32) -> SaltedPassword {
    crate::auth::stretch(&saslprep(password.expose().as_bytes()), salt, iterations)
}

fn failed(failure: &Failure) -> Error {
    let kind = match failure {
        Failure::Protocol(_) => Kind::Protocol,
        Failure::Unproven | Failure::Unsupported(_) | Failure::Rejected(_) => Kind::Authentication,
    };
    Error::new(kind, failure.to_string())
}

fn unsupported(request: &Authentication<'_>) -> Error {
    let method = match request {
        Authentication::KerberosV5 => "Kerberos V5",
        Authentication::Gss | Authentication::GssContinue(_) => "GSSAPI",
        Authentication::Sspi => "SSPI",
        Authentication::Ok
        | Authentication::CleartextPassword
        | Authentication::Md5Password { .. }
        | Authentication::Sasl { .. }
        | Authentication::SaslContinue(_)
        | Authentication::SaslFinal(_) => return Error::unexpected("an authentication request"),
    };
    let text = format!("the server demands authentication by {method}, which is not supported");
    Error::new(Kind::Authentication, text)
}
