//! Where a server listens: a host name or address, or a Unix-domain socket.

use std::fmt;
use std::path::{Path, PathBuf};

/// The port of PostgreSQL.
pub(crate) const DEFAULT_PORT: u16 = 5432;

/// One place where a server may listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A host name or an IP address, reached over TCP.
    Tcp(String),
    /// The directory of a Unix-domain socket; the file in it is named after the port. Where it starts with `@`,
    /// the socket is in the abstract namespace of Linux, and its name has a NUL byte in place of the `@`.
    Unix(PathBuf),
}

impl Host {
    /// As libpq tells them apart: an absolute path, or what starts with `@`, is a directory.
    pub(crate) fn parse(text: &str) -> Self {
        if text.starts_with(['/', '@']) || Path::new(text).is_absolute() {
            Self::Unix(text.into())
        } else {
            Self::Tcp(text.to_owned())
        }
    }

    /// The socket file in `directory` of the server with this port.
    pub(crate) fn socket_path(directory: &Path, port: u16) -> PathBuf {
        directory.join(format!(".s.PGSQL.{port}"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Unix(directory) => directory.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_or_an_at_sign_makes_a_directory() {
        assert_eq!(Host::parse("/run/postgresql"), Host::Unix("/run/postgresql".into()));
        assert_eq!(Host::parse("@abstract"), Host::Unix("@abstract".into()));
        assert_eq!(Host::parse("db.example.com"), Host::Tcp("db.example.com".into()));
        assert_eq!(Host::parse("::1"), Host::Tcp("::1".into()));
        assert_eq!(Host::parse("run/postgresql"), Host::Tcp("run/postgresql".into()));
    }

    #[test]
    fn the_socket_file_is_named_after_the_port() {
        let path = Host::socket_path(Path::new("/tmp"), 5433);
        assert_eq!(path, Path::new("/tmp/.s.PGSQL.5433"));
    }
}
