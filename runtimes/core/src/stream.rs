//! Byte streams: what a connected socket looks like to the driver.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

/// A connected, ordered stream of bytes in both directions.
///
/// Implemented for everything that fits: sockets, TLS sessions, tunnels, pipes in memory. `poll_close` must
/// flush and half-close, so that the peer reads end of file.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A stream whose type is hidden.
pub type BoxStream = Box<dyn ByteStream>;

/// The stream of a socket kind that the platform does not have: it cannot be made.
#[derive(Debug)]
pub struct NoStream(Infallible);

impl AsyncRead for NoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.0 {}
    }
}

impl AsyncWrite for NoStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
