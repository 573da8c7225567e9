//! `Environment`: what the machine says where the configuration is silent; asked for, never looked up here.

use std::io;
use std::path::{Path, PathBuf};

/// Variables, files and names of the process and its user. It is implemented where there is an operating
/// system to ask; the questions may block.
pub(crate) trait Environment {
    /// The value of an environment variable; an empty one is a value.
    fn variable(&self, name: &str) -> Option<String>;

    /// What stands at a path, after symbolic links.
    fn status(&self, path: &Path) -> io::Result<FileStatus>;

    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Where a file of the user's own would be, if it is known where the user's files are: `$HOME`, or what
    /// the user database says; on Windows, `%APPDATA%\postgresql`.
    fn user_file(&self, file: UserFile) -> Option<PathBuf>;

    /// The name of the user who runs the process.
    fn user_name(&self) -> Option<String>;

    /// The directory of the machine's own `pg_service.conf`, where `PGSYSCONFDIR` does not name another.
    fn system_directory(&self) -> Option<PathBuf>;

    /// Where servers put their sockets, the most likely first. Which one libpq takes differs by distribution:
    /// see [`SOCKET_DIRECTORIES`]. Empty where there are no Unix-domain sockets.
    fn socket_directories(&self) -> Vec<PathBuf>;
}

/// Where servers put their sockets on Unix: Debian, Fedora and their kin, then PostgreSQL itself.
pub(crate) const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// A file of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserFile {
    Passfile,
    Servicefile,
    Sslrootcert,
    Sslcert,
    Sslkey,
    Sslcrl,
}

impl UserFile {
    /// The file's place in the user's home.
    pub(crate) fn in_home(self) -> &'static str {
        match self {
            Self::Passfile => ".pgpass",
            Self::Servicefile => ".pg_service.conf",
            Self::Sslrootcert => ".postgresql/root.crt",
            Self::Sslcert => ".postgresql/postgresql.crt",
            Self::Sslkey => ".postgresql/postgresql.key",
            Self::Sslcrl => ".postgresql/root.crl",
        }
    }

    /// The file's place in `%APPDATA%\postgresql`, on Windows.
    pub(crate) fn in_application_data(self) -> &'static str {
        match self {
            Self::Passfile => "pgpass.conf",
            Self::Servicefile => ".pg_service.conf",
            Self::Sslrootcert => "root.crt",
            Self::Sslcert => "postgresql.crt",
            Self::Sslkey => "postgresql.key",
            Self::Sslcrl => "root.crl",
        }
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStatus {
    pub(crate) kind: FileKind,
    /// The permission bits, where the platform has them.
    pub(crate) mode: Option<u32>,
}

/// Whether a path holds a file that can simply be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    /// A directory, a pipe, a device, a socket.
    Other,
}

/// An environment that knows nothing but the files it is asked for by name.
pub(crate) struct FilesOnly<'a>(pub(crate) &'a dyn Environment);

impl Environment for FilesOnly<'_> {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn status(&self, path: &Path) -> io::Result<FileStatus> {
        self.0.status(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read(path)
    }

    fn user_file(&self, _file: UserFile) -> Option<PathBuf> {
        None
    }

    fn user_name(&self) -> Option<String> {
        None
    }

    fn system_directory(&self) -> Option<PathBuf> {
        None
    }

    fn socket_directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// An environment in which nothing is known and no file exists.
#[derive(Debug)]
#[cfg(test)]
pub(crate) struct Nothing;

#[cfg(test)]
impl Environment for Nothing {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn status(&self, _path: &Path) -> io::Result<FileStatus> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn user_file(&self, _file: UserFile) -> Option<PathBuf> {
        None
    }

    fn user_name(&self) -> Option<String> {
        None
    }

    fn system_directory(&self) -> Option<PathBuf> {
        None
    }

    fn socket_directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// An environment of a test's making.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Fake {
    pub(crate) variables: std::collections::BTreeMap<String, String>,
    pub(crate) files: std::collections::BTreeMap<PathBuf, (FileStatus, Vec<u8>)>,
    pub(crate) user: Option<String>,
    pub(crate) home: Option<PathBuf>,
}

#[cfg(test)]
impl Fake {
    pub(crate) fn new() -> Self {
        Self { user: Some("os".into()), home: Some("/home/os".into()), ..Self::default() }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let status = FileStatus { kind: FileKind::Regular, mode: Some(0o100_600) };
        self.special(path, status, content)
    }

    pub(crate) fn special(mut self, path: &str, status: FileStatus, content: &str) -> Self {
        self.files.insert(path.into(), (status, content.into()));
        self
    }
}

#[cfg(test)]
impl Environment for Fake {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn status(&self, path: &Path) -> io::Result<FileStatus> {
        let file = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.0)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.1.clone())
    }

    fn user_file(&self, file: UserFile) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(file.in_home()))
    }

    fn user_name(&self) -> Option<String> {
        self.user.clone()
    }

    fn system_directory(&self) -> Option<PathBuf> {
        Some("/etc/postgresql-common".into())
    }

    fn socket_directories(&self) -> Vec<PathBuf> {
        SOCKET_DIRECTORIES.map(PathBuf::from).into()
    }
}
