//! `UnixStream`: a Unix-domain socket that is watched for reading, and for writing only while it is full.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::unix::net;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use crate::entered::Entered;

/// A Unix-domain socket.
///
/// Whoever watches such a socket for writing is told each time that the peer has read something. With a request and
/// its reply that is once too often: it wakes the thread while the server is at work, and there is nothing to do.
/// So it is watched for writing only from when it takes no more to when it does.
#[derive(Debug)]
pub struct UnixStream {
    handle: Handle,
    socket: AsyncFd<net::UnixStream>,
    /// While it takes no more. A second watch needs a second descriptor of the same socket.
    full: Option<AsyncFd<net::UnixStream>>,
}

impl UnixStream {
    pub(crate) async fn connect(handle: &Handle, path: &Path) -> io::Result<Self> {
        let stream = Entered::new(handle, tokio::net::UnixStream::connect(path)).await?;
        // It stays non-blocking.
        let socket = stream.into_std()?;
        let socket = watch(handle, socket, Interest::READABLE)?;
        Ok(Self { handle: handle.clone(), socket, full: None })
    }

    /// Writes by `write`, at once if that is possible.
    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&net::UnixStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = match &self.full {
                None => write(self.socket.get_ref()),
                Some(full) => {
                    let mut room = ready!(full.poll_write_ready(cx))?;
                    let tried = room.try_io(|socket| write(socket.get_ref()));
                    // There was none after all: it waits for the next.
                    let Ok(written) = tried else { continue };
                    self.full = None;
                    written
                }
            };
            match written {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let socket = self.socket.get_ref().try_clone()?;
                    self.full = Some(watch(&self.handle, socket, Interest::WRITABLE)?);
                }
                written => return Poll::Ready(written),
            }
        }
    }
}

#[expect(deprecated, reason = "its successor is not there in every version that is allowed")]
fn watch(
    handle: &Handle,
    socket: net::UnixStream,
    interest: Interest,
) -> io::Result<AsyncFd<net::UnixStream>> {
    let _entered = handle.enter();
    AsyncFd::with_interest(socket, interest)
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut arrived = ready!(self.socket.poll_read_ready(cx))?;
            let Ok(read) = arrived.try_io(|socket| socket.get_ref().read(buffer)) else { continue };
            if read.as_ref().is_ok_and(|count| (1..buffer.len()).contains(count)) {
                // That was all, so that to read on would be in vain. What has come since is told anew.
                arrived.clear_ready();
            }
            return Poll::Ready(read);
        }
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_by(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_by(cx, |mut socket| socket.write_vectored(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}
