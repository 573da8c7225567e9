//! The environment of this process, for what a configuration leaves open.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::config::{Environment, FileKind, FileStatus, SOCKET_DIRECTORIES, UserFile};

/// The process's own variables, the file system, and the user who runs it.
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        env::var(name).ok()
    }

    fn status(&self, path: &Path) -> io::Result<FileStatus> {
        let metadata = fs::metadata(path)?;
        let kind = if metadata.is_file() { FileKind::Regular } else { FileKind::Other };
        Ok(FileStatus { kind, mode: mode(&metadata) })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn user_file(&self, file: UserFile) -> Option<PathBuf> {
        if cfg!(windows) {
            let data = env::var_os("APPDATA").map(PathBuf::from)?;
            return Some(data.join("postgresql").join(file.in_application_data()));
        }
        env::home_dir().map(|home| home.join(file.in_home()))
    }

    fn user_name(&self) -> Option<String> {
        whoami::username().ok()
    }

    /// Where distributions put it; libpq has the directory compiled in.
    fn system_directory(&self) -> Option<PathBuf> {
        let known = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc/postgresql", "/etc"];
        let holds = |directory: &&str| Path::new(directory).join("pg_service.conf").exists();
        known.into_iter().find(holds).map(PathBuf::from)
    }

    fn socket_directories(&self) -> Vec<PathBuf> {
        if cfg!(unix) { SOCKET_DIRECTORIES.map(PathBuf::from).into() } else { Vec::new() }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}
