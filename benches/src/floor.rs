//! The floors: what a query costs when a driver does nothing but move its bytes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::address::Address;
use crate::wire::{Run, parse, rows_when_ready, startup};

/// More than any reply to be read.
const SPACE: usize = 8 << 10;

/// A blocking socket: one `write` and one `read` per query.
pub(crate) struct Floor {
    socket: Box<dyn Socket>,
    run: Run,
    space: Vec<u8>,
}

trait Socket: Read + Write {}

impl<S: Read + Write> Socket for S {}

impl Floor {
    pub(crate) fn connect(address: &Address, sql: &str) -> io::Result<Self> {
        let socket: Box<dyn Socket> = match address {
            Address::Tcp(address) => Box::new(dial_tcp(*address, sql)?),
            Address::Unix(path, _) => Box::new(dial_unix(path, sql)?),
        };
        Ok(Self { socket, run: Run::new(), space: vec![0; SPACE] })
    }

    pub(crate) fn query(&mut self, id: i32) -> io::Result<u32> {
        self.socket.write_all(self.run.with(id))?;
        read_reply(&mut *self.socket, &mut self.space)
    }
}

/// The same on a stream of tokio's.
pub(crate) struct FloorTokio {
    stream: Box<dyn Stream>,
    run: Run,
    space: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl FloorTokio {
    /// Must be called on the runtime.
    pub(crate) fn connect(address: &Address, sql: &str) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp(address) => {
                let socket = dial_tcp(*address, sql)?;
                socket.set_nonblocking(true)?;
                Box::new(tokio::net::TcpStream::from_std(socket)?)
            }
            Address::Unix(path, _) => {
                let socket = dial_unix(path, sql)?;
                socket.set_nonblocking(true)?;
                Box::new(tokio::net::UnixStream::from_std(socket)?)
            }
        };
        Ok(Self { stream, run: Run::new(), space: vec![0; SPACE] })
    }

    pub(crate) async fn query(&mut self, id: i32) -> io::Result<u32> {
        self.stream.write_all(self.run.with(id)).await?;
        let mut filled = 0;
        loop {
            let rest = self.space.get_mut(filled..).unwrap_or_default();
            filled = grown(filled, self.stream.read(rest).await?)?;
            if let Some(rows) = self.space.get(..filled).and_then(rows_when_ready) {
                return Ok(rows);
            }
        }
    }
}

fn dial_tcp(address: std::net::SocketAddr, sql: &str) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    start(socket, sql)
}

fn dial_unix(path: &std::path::Path, sql: &str) -> io::Result<UnixStream> {
    start(UnixStream::connect(path)?, sql)
}

/// Opens a session as a role that needs no password, and prepares the statement.
fn start<S: Read + Write>(mut socket: S, sql: &str) -> io::Result<S> {
    let mut space = vec![0; SPACE];
    for request in [startup(crate::USER, crate::DBNAME), parse(sql)] {
        socket.write_all(&request)?;
        read_reply(&mut socket, &mut space)?;
    }
    Ok(socket)
}

fn read_reply(socket: &mut (impl Read + ?Sized), space: &mut [u8]) -> io::Result<u32> {
    let mut filled = 0;
    loop {
        let rest = space.get_mut(filled..).unwrap_or_default();
        filled = grown(filled, socket.read(rest)?)?;
        if let Some(rows) = space.get(..filled).and_then(rows_when_ready) {
            return Ok(rows);
        }
    }
}

fn grown(filled: usize, count: usize) -> io::Result<usize> {
    if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(filled + count) }
}
