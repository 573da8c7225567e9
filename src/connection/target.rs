//! `Target`: one address of a server, and how to reach it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use aiopg_runtime::{Runtime, TcpOptions};

use crate::connection::transport::Transport;
use crate::error::Error;

/// Where a connection goes, and where its cancel requests go.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp { address: SocketAddr, options: TcpOptions },
    Unix { path: PathBuf },
}

impl Target {
    pub(crate) async fn dial<R: Runtime>(&self, runtime: &R) -> Result<Transport<R>, Error> {
        let dialed = match self {
            Self::Tcp { address, options } => {
                runtime.connect_tcp(*address, options).await.map(Transport::Tcp)
            }
            Self::Unix { path } => runtime.connect_unix(path).await.map(Transport::Unix),
        };
        dialed.map_err(|error| Error::io("could not connect", error).unsent())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, .. } => address.fmt(f),
            Self::Unix { path } => path.display().fmt(f),
        }
    }
}
