//! Where the server listens, over each transport.

use std::net::SocketAddr;
use std::path::PathBuf;

use aiopg_tests::Server;

/// An address of the server.
pub(crate) enum Address {
    Tcp(SocketAddr),
    /// The socket file; and the port, by which clients name it.
    Unix(PathBuf, u16),
}

/// What a statement travels over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Unix,
}

impl Transport {
    pub(crate) const ALL: [Self; 2] = [Self::Tcp, Self::Unix];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Unix => "unix",
        }
    }

    /// What [`Address::host_and_port`] was told, with a colon in between.
    pub(crate) fn parse(self, text: &str) -> Result<Address, crate::Failure> {
        Ok(match self {
            Self::Tcp => Address::Tcp(text.parse()?),
            Self::Unix => {
                let (directory, port) = text.rsplit_once(':').ok_or("a port is missing")?;
                let file = PathBuf::from(directory).join(format!(".s.PGSQL.{port}"));
                Address::Unix(file, port.parse()?)
            }
        })
    }

    pub(crate) fn address(self, server: &Server) -> Result<Address, crate::Failure> {
        Ok(match self {
            Self::Tcp => Address::Tcp(SocketAddr::new(server.host().parse()?, server.port())),
            Self::Unix => {
                let directory =
                    server.socket_dir().ok_or("the server has no Unix-domain socket")?;
                let file = directory.join(format!(".s.PGSQL.{}", server.port()));
                Address::Unix(file, server.port())
            }
        })
    }
}

impl Address {
    /// The host and port by which libpq, and every client here, names it.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        match self {
            Self::Tcp(address) => (address.ip().to_string(), address.port()),
            Self::Unix(file, port) => {
                let directory = file.parent().unwrap_or(file);
                (directory.display().to_string(), *port)
            }
        }
    }
}
