//! One connection through a relay: two sockets that end together.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use crate::relay::plan::Fate;

/// Both sockets of a connection. They close when the last handle goes: only then a reset is sent.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
    fate: Mutex<Fate>,
}

impl Link {
    pub(crate) fn new(client: TcpStream, server: TcpStream) -> io::Result<Self> {
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            // A peer that does not read must not hold a thread past the end of its connection.
            socket.set_write_timeout(Some(WRITE_PAUSE))?;
        }
        Ok(Self { client, server, fate: Mutex::new(Fate::Alive) })
    }

    /// Called with the relay's state locked, so that whoever waits for a change sees it.
    pub(crate) fn end(&self, end: Fate) {
        let mut fate = self.fate.lock().unwrap_or_else(PoisonError::into_inner);
        match end {
            Fate::Cut if *fate == Fate::Alive => {
                *fate = end;
                // The peers read on to the end of file; what they still send is read and dropped.
                let _ = self.client.shutdown(Shutdown::Write);
                let _ = self.server.shutdown(Shutdown::Write);
            }
            Fate::Reset => {
                *fate = end;
                for socket in [&self.client, &self.server] {
                    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                    // Wakes the thread that reads, and sends nothing.
                    let _ = socket.shutdown(Shutdown::Read);
                }
            }
            Fate::Alive | Fate::Stalled | Fate::Cut => {}
        }
    }

    pub(crate) fn fate(&self) -> Fate {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

/// How often a thread that cannot write looks whether its connection is over.
const WRITE_PAUSE: Duration = Duration::from_millis(20);
