//! `Loopback`: peers on real sockets, each with a thread of its own.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the peers must not depend on the runtime under test, so they are plain threads and sockets"
)]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::conformance::peers::Peers;

/// Peers on 127.0.0.1 and, where there are such sockets, on a Unix-domain socket in the directory for
/// temporary files.
///
/// Dropping it closes the listeners and removes the socket; connections last until their other side closes.
#[derive(Debug)]
pub struct Loopback {
    peers: Peers,
    stopped: Arc<AtomicBool>,
    /// Its own port is taken and nobody listens on it, so that a connect to it is refused.
    _refused: TcpStream,
}

impl Loopback {
    /// Opens the listeners.
    ///
    /// # Errors
    ///
    /// When a socket cannot be made.
    pub fn start() -> io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let open = Arc::new(AtomicUsize::new(0));

        let echo = listen(&stopped, |stream: TcpStream| {
            // How it ends is for the client's side to check.
            drop(echo_until_closed(&stream, &stream));
            drop(stream.shutdown(Shutdown::Write));
        })?;
        let counter = Arc::clone(&open);
        let silent = listen(&stopped, move |mut stream: TcpStream| {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(io::copy(&mut stream, &mut io::sink()));
            counter.fetch_sub(1, Ordering::SeqCst);
        })?;
        let client = TcpStream::connect(silent)?;
        let refused = client.local_addr()?;
        // It counts as closed for the peer, but keeps its port.
        client.shutdown(Shutdown::Write)?;

        let mut peers = Peers::new(echo, refused, silent);
        peers.open_connections = Some(Arc::new(move || open.load(Ordering::SeqCst)));
        #[cfg(unix)]
        {
            peers.unix_echo = Some(listen_unix(&stopped)?);
        }
        Ok(Self { peers, stopped, _refused: client })
    }

    /// Where the peers are.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // A listener that waits looks at the flag after the next connection.
        drop(TcpStream::connect(self.peers.echo));
        drop(TcpStream::connect(self.peers.silent));
        #[cfg(unix)]
        if let Some(path) = &self.peers.unix_echo {
            drop(UnixStream::connect(path));
            drop(std::fs::remove_file(path));
        }
    }
}

/// Serves every connection with `serve`, on a thread of its own.
fn listen(
    stopped: &Arc<AtomicBool>,
    serve: impl Fn(TcpStream) + Send + Sync + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let stopped = Arc::clone(stopped);
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            if stopped.load(Ordering::SeqCst) {
                break;
            }
            let serve = Arc::clone(&serve);
            // A connection that was reset before it was accepted is not worth the listener.
            let Ok(stream) = stream else { continue };
            thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

#[cfg(unix)]
fn listen_unix(stopped: &Arc<AtomicBool>) -> io::Result<PathBuf> {
    let name = format!("aiopg-{}-{:016x}", std::process::id(), crate::random::random());
    let path = std::env::temp_dir().join(Path::new(&name));
    let listener = UnixListener::bind(&path)?;
    let stopped = Arc::clone(stopped);
    thread::spawn(move || {
        for stream in listener.incoming() {
            if stopped.load(Ordering::SeqCst) {
                break;
            }
            let Ok(stream) = stream else { continue };
            thread::spawn(move || {
                drop(echo_until_closed(&stream, &stream));
                drop(stream.shutdown(Shutdown::Write));
            });
        }
    });
    Ok(path)
}

fn echo_until_closed(mut from: impl Read, mut to: impl Write) -> io::Result<u64> {
    io::copy(&mut from, &mut to)
}
