//! `Line`: what a floor sends and receives by, blocking or on tokio.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::address::Address;

/// A connected socket.
pub(crate) trait Line: Sized {
    /// Must be called on the runtime.
    fn connect(address: &Address) -> io::Result<Self>;

    fn send(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;

    fn receive(&mut self, space: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
}

/// A blocking socket. Its futures are never pending.
pub(crate) struct Blocking(Box<dyn Socket>);

trait Socket: Read + Write {}

impl<S: Read + Write> Socket for S {}

impl Line for Blocking {
    fn connect(address: &Address) -> io::Result<Self> {
        Ok(Self(match address {
            Address::Tcp(address) => {
                let socket = TcpStream::connect(address)?;
                socket.set_nodelay(true)?;
                Box::new(socket)
            }
            Address::Unix(path, _) => Box::new(UnixStream::connect(path)?),
        }))
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    async fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }
}

/// A stream of tokio's.
pub(crate) struct OnTokio(Box<dyn Stream>);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Line for OnTokio {
    fn connect(address: &Address) -> io::Result<Self> {
        Ok(Self(match address {
            Address::Tcp(address) => {
                let socket = TcpStream::connect(address)?;
                socket.set_nodelay(true)?;
                socket.set_nonblocking(true)?;
                Box::new(tokio::net::TcpStream::from_std(socket)?)
            }
            Address::Unix(path, _) => {
                let socket = UnixStream::connect(path)?;
                socket.set_nonblocking(true)?;
                Box::new(tokio::net::UnixStream::from_std(socket)?)
            }
        }))
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    async fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space).await
    }
}
