//! `Target`: one address of a server, and how to reach it, again and again in the same way.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiopg_runtime::{Runtime, TcpOptions};

use crate::connection::encrypt::{Protection, secure};
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};
use crate::flow::Encryption;
use crate::observe::Server;

/// One address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// The address, unless it is a path.
    pub(crate) fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Connects, without a word to whoever listens there.
    pub(crate) async fn dial<R: Runtime>(
        &self,
        runtime: &R,
        options: &TcpOptions,
    ) -> Result<Transport<R>, Error> {
        let dialed = match self {
            Self::Tcp(address) => runtime.connect_tcp(*address, options).await.map(Transport::Tcp),
            Self::Unix(path) => {
                let path = abstract_name(path);
                runtime.connect_unix(&path).await.map(Transport::Unix)
            }
        };
        dialed.map_err(|error| Error::io("could not connect", error).unsent())
    }
}

/// A name in Linux's abstract namespace is written with an at sign, and goes to the system with a NUL in its place.
fn abstract_name(path: &Path) -> Cow<'_, Path> {
    match path.to_str().and_then(|text| text.strip_prefix('@')) {
        Some(name) => Cow::Owned(PathBuf::from(format!("\0{name}"))),
        None => Cow::Borrowed(path),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Where a session is, and how it was reached: its cancel requests go the same way.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) options: TcpOptions,
    pub(crate) encryption: Encryption,
    pub(crate) protection: Arc<Protection>,
    /// What spans tell of it.
    pub(crate) server: Server,
}

impl Target {
    /// Connects as the session did, up to the point where its first message would go.
    pub(crate) async fn dial<R: Runtime>(&self, runtime: &R) -> Result<Transport<R>, Error> {
        let transport = self.address.dial(runtime, &self.options).await?;
        let secured = secure(transport, self.encryption, &self.protection).await?;
        if self.encryption != Encryption::Plain && !secured.encrypted {
            let text = "the server does not speak TLS, which the session uses";
            return Err(Error::new(Kind::Tls, text).unsent());
        }
        Ok(secured.transport)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}
