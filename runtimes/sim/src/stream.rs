//! One end of a connection, and the two ways to get one: connect and accept.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::network::{Address, End};
use crate::world::Shared;

/// One end of a connection in memory.
///
/// Dropping it closes both directions: the peer reads what was written, then end of file, and its writes
/// fail with [`ConnectionReset`](io::ErrorKind::ConnectionReset) once it can know. A write after the peer's
/// own half-close still works, as with sockets.
#[derive(Debug)]
pub struct SimStream {
    shared: Arc<Shared>,
    /// Absent once the stream was reset.
    end: Option<End>,
}

impl SimStream {
    fn new(shared: Arc<Shared>, end: End) -> Self {
        Self { shared, end: Some(end) }
    }

    /// The number of the connection in the log; both ends have the same.
    pub fn number(&self) -> u64 {
        self.end.map_or(0, |end| end.connection)
    }

    /// Resets the connection: the peer reads what was written, then
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset).
    pub fn reset(mut self) {
        if let Some(end) = self.end.take() {
            self.shared.with(|world| world.reset_end(end));
        }
    }

    fn end(&self) -> io::Result<End> {
        self.end.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if let Some(end) = self.end {
            self.shared.with(|world| world.drop_end(end));
        }
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let end = self.end()?;
        self.shared.with(|world| world.poll_read(end, buffer, context.waker()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let end = self.end()?;
        self.shared.with(|world| world.poll_write(end, buffers, context.waker()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end()?;
        if self.shared.with(|world| world.is_spurious(context.waker(), end.connection)) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end()?;
        self.shared.with(|world| {
            if world.is_spurious(context.waker(), end.connection) {
                return Poll::Pending;
            }
            world.shut(end);
            Poll::Ready(Ok(()))
        })
    }
}

/// Accepts connections. Dropping it frees its address and resets what nobody accepted.
#[derive(Debug)]
pub struct SimListener {
    shared: Arc<Shared>,
    address: Address,
}

impl SimListener {
    /// Begins to listen.
    ///
    /// # Panics
    ///
    /// If somebody listens there already: that is a mistake of the test.
    pub(crate) fn new(shared: Arc<Shared>, address: Address) -> Self {
        let free = shared.with(|world| world.network.listen(address.clone()));
        assert!(free.is_some(), "{address:?} has a listener already");
        Self { shared, address: free.unwrap_or(address) }
    }

    /// The next connection. Dropping the future loses none. One task at a time may wait.
    pub async fn accept(&self) -> SimStream {
        let end = poll_fn(|context| {
            self.shared.with(|world| world.poll_accept(&self.address, context.waker()))
        });
        SimStream::new(Arc::clone(&self.shared), end.await)
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The TCP address where it listens, with the port that was found if that was 0; `None` for a path.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self.address {
            Address::Tcp(address) => Some(address),
            Address::Unix(_) => None,
        }
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.shared.with(|world| world.close_listener(&self.address));
    }
}

/// A connect that is on its way. Dropping it frees the connection.
struct Connect {
    shared: Arc<Shared>,
    /// Absent once it is answered.
    id: Option<u64>,
}

impl Drop for Connect {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.with(|world| world.cancel_connect(id));
        }
    }
}

/// Connects to `address`.
pub(crate) async fn connect(shared: Arc<Shared>, address: Address) -> io::Result<SimStream> {
    let id = shared.with(|world| world.start_connect(address));
    let mut connect = Connect { shared, id: Some(id) };
    let end =
        poll_fn(|context| connect.shared.with(|world| world.poll_connect(id, context.waker())));
    let end = end.await;
    connect.id = None;
    Ok(SimStream::new(Arc::clone(&connect.shared), end?))
}
