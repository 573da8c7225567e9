//! `Peers`: the other end of the network, as the checks need it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The other end of the network, as the checks need it.
///
/// [`Loopback`](super::Loopback) provides one on real sockets. A simulator makes its own with
/// [`new`](Self::new) and sets the optional fields.
#[derive(Clone)]
#[non_exhaustive]
pub struct Peers {
    /// Sends back whatever it reads; after end of file and the last answer it closes.
    pub echo: SocketAddr,
    /// Nobody listens here: a connect is refused.
    pub refused: SocketAddr,
    /// Accepts, reads and discards, never answers; closes after end of file.
    pub silent: SocketAddr,
    /// A Unix-domain socket that behaves as `echo`. `None` where there are none.
    pub unix_echo: Option<PathBuf>,
    /// A host name that has an address. Default: `localhost`.
    pub known_host: String,
    /// A host name that has none. The default has a label that is too long for DNS, so that no resolver asks
    /// a server for it.
    pub unknown_host: String,
    /// How many connections `silent` holds whose other side is still open. With `None` the checks that need
    /// it pass.
    pub open_connections: Option<Arc<dyn Fn() -> usize + Send + Sync>>,
}

impl Peers {
    /// Names the three peers that every check may rely on; the other fields take their defaults.
    pub fn new(echo: SocketAddr, refused: SocketAddr, silent: SocketAddr) -> Self {
        Self {
            echo,
            refused,
            silent,
            unix_echo: None,
            known_host: "localhost".to_owned(),
            unknown_host: format!("{}.invalid", "x".repeat(64)),
            open_connections: None,
        }
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("echo", &self.echo)
            .field("refused", &self.refused)
            .field("silent", &self.silent)
            .field("unix_echo", &self.unix_echo)
            .finish_non_exhaustive()
    }
}
