//! A tiny server: knows a few statements, keeps a diary, and can be cancelled.

use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use crate::cancel::yield_now;
use crate::script::backend::{
    authentication, authentication_ok, backend_key_data, parameter_status, ready_for_query,
};
use crate::script::dialogue::{password, scram};
use crate::script::diary::{Diary, Event};
use crate::script::frontend::Frontend;
use crate::script::peer::Peer;
use crate::script::session::Session;

/// A tiny PostgreSQL. Clones share their diary.
///
/// | statement | what it does |
/// |---|---|
/// | `answer N` | one row: N |
/// | `rows N from M` | N rows: M, M + 1, ... |
/// | `select $1::int8` | one row: the parameter |
/// | `touch N` | no rows, the tag `UPDATE N` |
/// | `begin`, `commit`, `rollback`, `prepare transaction` | the status of the transaction |
/// | `fail`, `begin deferrable` | an error when it is run |
/// | `copy t from stdin`, `copy t to stdout` | a copy, of one column and in `binary` if it says so |
/// | `select "n" from "t"` | no row, one column |
/// | nothing | `EmptyQueryResponse` |
/// | anything else | an error when it is parsed |
///
/// With the word `_slow` a statement waits until it is cancelled, with `_tardy` it takes its time, with `_broken` a
/// copy fails at its first data; other words that begin so mean nothing.
#[derive(Clone, Debug)]
pub struct FakeServer {
    diary: Diary,
    auth: Auth,
    noisy: bool,
    key: Vec<u8>,
    cancel_takes: u64,
}

/// How a client proves who it is. The password is `secret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    Trust,
    /// By the password as it is.
    Cleartext,
    /// By an md5 hash, for the user `ada`.
    Md5,
    /// By SCRAM-SHA-256.
    Scram,
}

impl Auth {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Trust, Self::Cleartext, Self::Md5, Self::Scram];
}

impl Default for FakeServer {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeServer {
    /// A server that trusts everybody.
    pub fn new() -> Self {
        Self {
            diary: Diary::default(),
            auth: Auth::Trust,
            noisy: false,
            key: b"abcd".to_vec(),
            cancel_takes: 20,
        }
    }

    /// Sets how a client proves who it is.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Lets a notice, a parameter and a notification come between any two messages.
    #[must_use]
    pub fn noisy(mut self, noisy: bool) -> Self {
        self.noisy = noisy;
        self
    }

    /// Sets the key for cancel requests.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = key.into();
        self
    }

    /// Sets how many polls a cancel request takes until its signal arrives, just before its connection is
    /// closed.
    #[must_use]
    pub fn cancel_takes(mut self, polls: u64) -> Self {
        self.cancel_takes = polls;
        self
    }

    /// A server with the same settings and an empty diary.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { diary: Diary::default(), ..self.clone() }
    }

    /// Everything that has happened, in order.
    pub fn events(&self) -> Vec<Event> {
        self.diary.events()
    }

    /// The texts of the statements that were run, in order.
    pub fn executed(&self) -> Vec<String> {
        let text = |event| match event {
            Event::Executed(sql, _) => Some(sql),
            _ => None,
        };
        self.events().into_iter().filter_map(text).collect()
    }

    /// How many events there are of this kind.
    pub fn count(&self, kind: impl Fn(&Event) -> bool) -> usize {
        self.diary.events().iter().filter(|event| kind(event)).count()
    }

    /// Serves one connection to its end.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<()> {
        let mut peer = Peer::new(stream).noisy(self.noisy);
        let served = match peer.read_first().await {
            Ok(Frontend::CancelRequest { process_id, key }) => {
                self.cancel(process_id, &key).await;
                drop(peer);
                self.diary.note(Event::CancelClosed(process_id));
                Ok(())
            }
            Ok(Frontend::Startup { .. }) => self.serve_session(peer).await,
            Ok(message) => panic!("a connection does not begin with {message:?}"),
            Err(error) => Err(error),
        };
        served.inspect_err(|_| self.diary.note(Event::Lost))
    }

    async fn cancel(&self, process_id: i32, key: &[u8]) {
        self.diary.note(Event::CancelRead(process_id));
        for _ in 0..self.cancel_takes {
            yield_now().await;
        }
        self.diary.cancel(process_id, key);
    }

    async fn serve_session<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut peer: Peer<S>,
    ) -> io::Result<()> {
        self.authenticate(&mut peer).await?;
        let process_id = self.diary.open(&self.key);
        let _leave = Leave { diary: &self.diary, process_id };
        let welcome = [
            authentication_ok(),
            parameter_status("client_encoding", "UTF8"),
            parameter_status("server_version", "18.4"),
            backend_key_data(process_id, &self.key),
            ready_for_query(b'I'),
        ];
        peer.send(&welcome).await?;
        Session::new(&self.diary, peer, process_id).run().await
    }

    async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        peer: &mut Peer<S>,
    ) -> io::Result<()> {
        match self.auth {
            Auth::Trust => {}
            Auth::Cleartext => {
                peer.send(&[authentication(3, b"")]).await?;
                assert_eq!(password(peer).await?, b"secret\0");
            }
            Auth::Md5 => {
                peer.send(&[authentication(5, MD5_SALT)]).await?;
                assert_eq!(password(peer).await?, MD5_ANSWER);
            }
            Auth::Scram => scram(peer).await?,
        }
        Ok(())
    }
}

/// Ends a session in the diary, however it ends.
struct Leave<'a> {
    diary: &'a Diary,
    process_id: i32,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.diary.close(self.process_id);
    }
}

/// The salt of an md5 exchange.
pub const MD5_SALT: &[u8] = &[1, 2, 3, 4];

/// The answer to that salt of the user `ada` with the password `secret`, by `hashlib` again.
pub const MD5_ANSWER: &[u8] = b"md5164dbcd37c01a78e869e72965960a754\0";
