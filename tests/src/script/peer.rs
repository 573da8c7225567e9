//! The server's end of a stream.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};
use futures_io::{AsyncRead, AsyncWrite};

use crate::script::backend::{notice_response, notification_response, parameter_status};
use crate::script::frontend::Frontend;

/// The server's end of a stream: reads what a client sends and writes what a server sends.
#[derive(Debug)]
pub struct Peer<S> {
    stream: S,
    /// Written and not yet flushed.
    out: Vec<u8>,
    noisy: bool,
    started: bool,
    noises: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// The server's end of `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, out: Vec::new(), noisy: false, started: false, noises: 0 }
    }

    /// Whether a notice, a parameter and a notification come between any two messages.
    #[must_use]
    pub fn noisy(mut self, noisy: bool) -> Self {
        self.noisy = noisy;
        self
    }

    /// Reads the first message, which has no tag. Who asks for encryption before is told that there is none.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn read_first(&mut self) -> io::Result<Frontend> {
        let mut body = self.read_body().await?;
        while ENCRYPTION_REQUESTS.contains(&body.as_slice()) {
            self.stream.write_all(b"N").await?;
            self.stream.flush().await?;
            body = self.read_body().await?;
        }
        Ok(Frontend::first(&body))
    }

    /// Reads the next message, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the stream; [`io::ErrorKind::UnexpectedEof`] in the middle of a message.
    pub async fn read(&mut self) -> io::Result<Option<Frontend>> {
        let mut tag = [0; 1];
        if self.stream.read(&mut tag).await? == 0 {
            return Ok(None);
        }
        let body = self.read_body().await?;
        Ok(Some(Frontend::parse(tag[0], &body)))
    }

    /// Reads and checks one message after the other.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn expect(&mut self, messages: &[Frontend]) -> io::Result<()> {
        for expected in messages {
            let message = self.read().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            assert_eq!(message, *expected, "the client sent the first of these");
        }
        Ok(())
    }

    /// Passes over everything up to the next Sync or Query.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn skip_request(&mut self) -> io::Result<()> {
        loop {
            match self.read().await? {
                Some(Frontend::Sync | Frontend::Query(_)) => return Ok(()),
                Some(_) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Reads to the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn drain(&mut self) -> io::Result<()> {
        while self.read().await?.is_some() {}
        Ok(())
    }

    /// Writes a message; it stays here until [`flush`](Self::flush).
    pub fn push(&mut self, message: &[u8]) {
        if self.noisy && self.started {
            self.noises += 1;
            self.out.extend(notice_response(&format!("noise {}", self.noises)));
            self.out.extend(parameter_status("noise", &self.noises.to_string()));
            self.out.extend(notification_response(1, "noise", &self.noises.to_string()));
        }
        self.started = true;
        self.out.extend(message);
    }

    /// How many bytes wait for [`flush`](Self::flush).
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Sends what was written.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn flush(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        self.stream.write_all(&out).await?;
        self.stream.flush().await
    }

    /// Writes messages and sends them.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub async fn send(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
        for message in messages {
            self.push(message);
        }
        self.flush().await
    }

    async fn read_body(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).await?;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length");
        assert!((4..LONGEST).contains(&length), "a message of {length} bytes");
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }
}

/// No test sends more in one message.
const LONGEST: usize = 64 << 20;

/// The bodies of `SSLRequest` and `GSSENCRequest`.
const ENCRYPTION_REQUESTS: [&[u8]; 2] = [b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"];
