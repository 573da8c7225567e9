//! An exact dialogue: expect this, send that.

use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use crate::script::backend::{
    authentication, authentication_ok, authentication_sasl, backend_key_data, parameter_status,
    ready_for_query,
};
use crate::script::frontend::Frontend;
use crate::script::peer::Peer;
use crate::script::scram::Exchange;

/// What a server expects and sends, in order. A client that sends anything else stops the test.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Dialogue {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Startup,
    Scram,
    Expect(Vec<Frontend>),
    Send(Vec<Vec<u8>>),
}

impl Dialogue {
    /// A dialogue in which nothing is said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects the first message of a session, for the user `ada`.
    pub fn startup(self) -> Self {
        self.step(Step::Startup)
    }

    /// Expects these messages.
    pub fn expect(self, messages: impl Into<Vec<Frontend>>) -> Self {
        self.step(Step::Expect(messages.into()))
    }

    /// Sends these messages.
    pub fn send(self, messages: impl Into<Vec<Vec<u8>>>) -> Self {
        self.step(Step::Send(messages.into()))
    }

    /// Runs SCRAM, up to the server's proof.
    pub fn scram(self) -> Self {
        self.step(Step::Scram)
    }

    /// Lets the client in: what a server says after authentication.
    pub fn welcome(self) -> Self {
        self.send([
            authentication_ok(),
            parameter_status("client_encoding", "UTF8"),
            parameter_status("server_version", "18.4"),
            backend_key_data(7, b"abcd"),
            ready_for_query(b'I'),
        ])
    }

    /// Opens a session without authentication.
    pub fn trust() -> Self {
        Self::new().startup().welcome()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Plays the server's part on `peer`, and goes no further.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn play_on<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        peer: &mut Peer<S>,
    ) -> io::Result<()> {
        for step in self.steps {
            match step {
                Step::Startup => startup(peer).await?,
                Step::Scram => scram(peer).await?,
                Step::Expect(messages) => peer.expect(&messages).await?,
                Step::Send(messages) => peer.send(&messages).await?,
            }
        }
        Ok(())
    }

    /// Plays the server's part on `peer`, and then waits for the client to end the session.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn play<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        mut peer: Peer<S>,
    ) -> io::Result<()> {
        self.play_on(&mut peer).await?;
        match peer.read().await? {
            None => Ok(()),
            Some(Frontend::Terminate) => {
                assert_eq!(peer.read().await?, None, "nothing comes after the good-bye");
                Ok(())
            }
            Some(message) => panic!("the dialogue is over, but the client says {message:?}"),
        }
    }
}

async fn startup<S: AsyncRead + AsyncWrite + Unpin>(peer: &mut Peer<S>) -> io::Result<()> {
    let Frontend::Startup { version, parameters } = peer.read_first().await? else {
        panic!("the client is to open a session")
    };
    assert_eq!(version, 3 << 16);
    for (name, value) in [("user", "ada"), ("client_encoding", "UTF8")] {
        let told = parameters.iter().filter(|(told, _)| told == name).map(|(_, value)| value);
        assert_eq!(told.collect::<Vec<_>>(), [value], "{name} among {parameters:?}");
    }
    Ok(())
}

/// Runs the server's side of SCRAM, up to its proof.
pub(crate) async fn scram<S: AsyncRead + AsyncWrite + Unpin>(peer: &mut Peer<S>) -> io::Result<()> {
    let mut exchange = Exchange::default();
    peer.send(&[authentication_sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])]).await?;
    let first = exchange.first(&password(peer).await?);
    peer.send(&[authentication(11, first.as_bytes())]).await?;
    let last = exchange.last(&password(peer).await?);
    peer.send(&[authentication(12, last.as_bytes())]).await
}

/// The answer to an authentication request.
pub(crate) async fn password<S: AsyncRead + AsyncWrite + Unpin>(
    peer: &mut Peer<S>,
) -> io::Result<Vec<u8>> {
    match peer.read().await?.ok_or(io::ErrorKind::UnexpectedEof)? {
        Frontend::Password(body) => Ok(body),
        message => panic!("a password was asked for, but the client says {message:?}"),
    }
}
