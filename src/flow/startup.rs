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
use crate::config::{Config, Secret};
use crate::error::{Error, Kind};
use crate::message::{
    Authentication, Backend, Encode, PROTOCOL_3_0, PasswordMessage, SaslInitialResponse,
    SaslResponse, StartupMessage,
};

/// The exchange that opens a session, without I/O: messages in, bytes out.
pub(crate) struct Startup {
    user: String,
    password: Option<Secret>,
    nonce: [u8; NONCE_LENGTH],
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
    pub(crate) fn new(config: &Config, nonce: [u8; NONCE_LENGTH]) -> Result<Self, Error> {
        let Some(user) = config.user.clone().filter(|user| !user.is_empty()) else {
            return Err(Error::config("no user was given: set \"user\"").unsent());
        };
        let password = config.password.clone().filter(|password| !password.expose().is_empty());
        Ok(Self { user, password, nonce, state: State::Method })
    }

    /// Writes StartupMessage, the first of all.
    pub(crate) fn write_first(&self, config: &Config, out: &mut BytesMut) -> Result<(), Error> {
        let mut parameters = vec![("user", self.user.as_str()), ("client_encoding", "UTF8")];
        let optional = [
            ("database", &config.dbname),
            ("application_name", &config.application_name),
            ("options", &config.options),
        ];
        for (name, value) in optional {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                parameters.push((name, value));
            }
        }
        StartupMessage { version: PROTOCOL_3_0, parameters }.encode(out)
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
                if negotiated.version != PROTOCOL_3_0 || !matches!(state, State::Method) {
                    return Err(Error::unexpected("NegotiateProtocolVersion"));
                }
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

    fn authenticate(
        &mut self,
        state: State,
        request: Authentication<'_>,
        out: &mut BytesMut,
    ) -> Result<Step, Error> {
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
                let answer = md5_password(self.user.as_bytes(), password, salt);
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

    fn sasl(&self, mechanisms: &[&str], out: &mut BytesMut) -> Result<State, Error> {
        self.password()?;
        let (mechanism, binding) =
            Mechanism::choose(mechanisms, None).map_err(|failure| failed(&failure))?;
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
        self.password.as_ref().ok_or_else(|| {
            let text = "the server demands a password and none was given: set \"password\"";
            Error::new(Kind::Authentication, text)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{BackendKeyData, ReadyForQuery, TransactionStatus};

    fn start(config: &Config) -> Startup {
        Startup::new(config, [7; NONCE_LENGTH]).unwrap()
    }

    fn ask(startup: &mut Startup, request: Authentication<'_>) -> Result<(Step, BytesMut), Error> {
        let mut out = BytesMut::new();
        let step = startup.handle(Backend::Authentication(request), &mut out)?;
        Ok((step, out))
    }

    fn ready() -> Backend<'static> {
        Backend::ReadyForQuery(ReadyForQuery { status: TransactionStatus::Idle })
    }

    fn with_password() -> Config {
        Config::new().user("ada").password("secret")
    }

    #[test]
    fn a_user_is_needed_and_nothing_empty_is_sent() {
        let mut out = BytesMut::new();
        let error = Startup::new(&Config::new(), [0; NONCE_LENGTH]).err().unwrap();
        assert_eq!(error.kind(), Kind::Config);
        let config = Config::new().user("ada").dbname("").options("-c geqo=off");
        start(&config).write_first(&config, &mut out).unwrap();
        let sent = b"\0\x03\0\0user\0ada\0client_encoding\0UTF8\0options\0-c geqo=off\0\0";
        assert_eq!(&out[4..], sent);
    }

    #[test]
    fn a_trusted_session_opens() {
        let mut startup = start(&Config::new().user("ada"));
        assert!(matches!(ask(&mut startup, Authentication::Ok), Ok((Step::Continue, _))));
        let key = Backend::BackendKeyData(BackendKeyData { process_id: 1, secret_key: b"abcd" });
        assert!(matches!(startup.handle(key, &mut BytesMut::new()), Ok(Step::Continue)));
        assert!(matches!(startup.handle(ready(), &mut BytesMut::new()), Ok(Step::Ready)));
    }

    #[test]
    fn passwords_are_answered_once() {
        let mut startup = start(&with_password());
        let (_, out) = ask(&mut startup, Authentication::CleartextPassword).unwrap();
        assert_eq!(&out[..], b"p\0\0\0\x0bsecret\0");
        let again = ask(&mut startup, Authentication::CleartextPassword);
        assert_eq!(again.unwrap_err().kind(), Kind::Protocol);
        let mut startup = start(&with_password());
        let (_, out) = ask(&mut startup, Authentication::Md5Password { salt: *b"salt" }).unwrap();
        assert!(out.starts_with(b"p\0\0\0\x28md5"), "{out:?}");
    }

    #[test]
    fn a_missing_password_is_told_before_anything_is_sent() {
        let sasl = Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256"] };
        let md5 = Authentication::Md5Password { salt: [0; 4] };
        for request in [Authentication::CleartextPassword, md5, sasl] {
            let mut startup = start(&Config::new().user("ada").password(""));
            let mut out = BytesMut::new();
            let error = startup.handle(Backend::Authentication(request), &mut out).unwrap_err();
            assert_eq!(error.kind(), Kind::Authentication);
            assert!(out.is_empty());
        }
    }

    #[test]
    fn scram_cannot_be_cut_short_by_the_server() {
        let sasl = || Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256"] };
        let mut startup = start(&with_password());
        ask(&mut startup, sasl()).unwrap();
        assert_eq!(ask(&mut startup, Authentication::Ok).unwrap_err().kind(), Kind::Protocol);

        let mut startup = start(&with_password());
        let (_, out) = ask(&mut startup, sasl()).unwrap();
        let first = std::str::from_utf8(&out).unwrap().rsplit_once("r=").unwrap().1.to_owned();
        let server_first = format!("r={first}xyz,s=c2FsdA==,i=2");
        let (step, _) =
            ask(&mut startup, Authentication::SaslContinue(server_first.as_bytes())).unwrap();
        let Step::Stretch { password, salt, iterations } = step else { panic!("{step:?}") };
        assert_eq!((&salt[..], iterations), (&b"salt"[..], 2));
        startup.salted(&stretch(&password, &salt, iterations), &mut BytesMut::new()).unwrap();
        assert_eq!(ask(&mut startup, Authentication::Ok).unwrap_err().kind(), Kind::Protocol);
    }

    #[test]
    fn messages_out_of_order_are_refused() {
        let mut startup = start(&with_password());
        assert!(startup.handle(ready(), &mut BytesMut::new()).is_err());
        let mut startup = start(&with_password());
        let key = Backend::BackendKeyData(BackendKeyData { process_id: 1, secret_key: b"abcd" });
        assert!(startup.handle(key, &mut BytesMut::new()).is_err());
        let mut startup = start(&with_password());
        assert!(startup.handle(Backend::NoData, &mut BytesMut::new()).is_err());
        let mut startup = start(&with_password());
        assert!(
            startup.salted(&stretch(&Secret::new("a"), b"b", 1), &mut BytesMut::new()).is_err()
        );
    }

    #[test]
    fn unsupported_methods_are_refused_by_name() {
        let mut startup = start(&with_password());
        let error = ask(&mut startup, Authentication::Gss).unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication);
        let text = "the server demands authentication by GSSAPI, which is not supported";
        assert_eq!(error.to_string(), text);
        let mut startup = start(&with_password());
        let plus = Authentication::Sasl { mechanisms: vec!["SCRAM-SHA-256-PLUS"] };
        assert_eq!(ask(&mut startup, plus).unwrap_err().kind(), Kind::Authentication);
    }
}
