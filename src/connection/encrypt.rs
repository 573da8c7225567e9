//! Runs the encryption negotiation on a fresh connection.

use std::future::poll_fn;
use std::io;
use std::task::ready;

use aiopg_runtime::Runtime;

#[cfg(feature = "tls")]
use crate::connection::tls::{Alpn, Client};
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};
use crate::flow::{Answer, Encryption};
use crate::message::SSL_REQUEST;

/// What protects the sessions with one host: a TLS client, where there is one.
#[derive(Default)]
pub(crate) struct Protection {
    #[cfg(feature = "tls")]
    pub(crate) client: Option<Client>,
    /// The name that the server's certificate must show.
    #[cfg(feature = "tls")]
    pub(crate) name: String,
}

/// A connection that is ready for its first message.
pub(crate) struct Ready<R: Runtime> {
    pub(crate) transport: Transport<R>,
    pub(crate) encrypted: bool,
    /// The hash of the server's certificate, for channel binding.
    pub(crate) end_point: Option<Vec<u8>>,
    /// Whether the server asked for a certificate.
    pub(crate) asked_for_certificate: bool,
    /// Whether it got one.
    pub(crate) sent_certificate: bool,
}

impl<R: Runtime> Ready<R> {
    pub(crate) fn plain(transport: Transport<R>) -> Self {
        Self {
            transport,
            encrypted: false,
            end_point: None,
            asked_for_certificate: false,
            sent_certificate: false,
        }
    }
}

/// Protects a connection. If TLS was only asked for and the server declines, it stays as it is.
pub(crate) async fn secure<R: Runtime>(
    transport: Transport<R>,
    encryption: Encryption,
    protection: &Protection,
) -> Result<Ready<R>, Error> {
    match encryption {
        Encryption::Plain => Ok(Ready::plain(transport)),
        Encryption::Asked => {
            let (transport, answer) = ask(transport).await?;
            match answer {
                Answer::Unwilling => Ok(Ready::plain(transport)),
                Answer::Willing => encrypt(transport, encryption, protection).await,
            }
        }
        Encryption::Direct => encrypt(transport, encryption, protection).await,
    }
}

#[cfg(feature = "tls")]
async fn encrypt<R: Runtime>(
    transport: Transport<R>,
    encryption: Encryption,
    protection: &Protection,
) -> Result<Ready<R>, Error> {
    let client = protection.client.as_ref().ok_or_else(no_tls)?;
    let alpn = if encryption == Encryption::Direct { Alpn::Required } else { Alpn::Offered };
    let secured = client.handshake(transport, &protection.name, alpn).await?;
    Ok(Ready {
        transport: Transport::Custom(secured.stream),
        encrypted: true,
        end_point: secured.end_point,
        asked_for_certificate: secured.asked_for_certificate,
        sent_certificate: secured.sent_certificate,
    })
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "with the feature it waits for the handshake")]
async fn encrypt<R: Runtime>(
    _: Transport<R>,
    _: Encryption,
    _: &Protection,
) -> Result<Ready<R>, Error> {
    Err(no_tls())
}

fn no_tls() -> Error {
    Error::new(Kind::Tls, "there is no TLS client for this connection").unsent()
}

/// Sends `SSLRequest` and reads the answer.
async fn ask<R: Runtime>(mut transport: Transport<R>) -> Result<(Transport<R>, Answer), Error> {
    let mut request = &SSL_REQUEST[..];
    let writing = poll_fn(|cx| {
        ready!(transport.poll_write_all(cx, &mut request))?;
        transport.poll_flush(cx)
    });
    writing.await.map_err(|error| Error::io("could not ask for TLS", error).unsent())?;
    // Room for one byte more than the answer has: whatever came with it was not sent inside TLS.
    let mut space = [0; 2];
    let count = poll_fn(|cx| transport.poll_read(cx, &mut space)).await.map_err(|error| {
        Error::io("could not read the answer to the request for TLS", error).unsent()
    })?;
    match (count, space) {
        (1, [byte, _]) => Answer::read(byte).map(|answer| (transport, answer)),
        (0, _) => {
            let text = "the server hung up when it was asked for TLS";
            Err(Error::io(text, io::ErrorKind::UnexpectedEof.into()).unsent())
        }
        (_, [b'E', _]) => Answer::read(b'E').map(|answer| (transport, answer)),
        _ => {
            let text = "bytes came with the answer to SSLRequest that nobody vouches for";
            Err(Error::new(Kind::Protocol, text).unsent())
        }
    }
}
