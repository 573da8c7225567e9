//! A directory of its own for each server, on a file system in memory where there is one.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io};

use crate::binaries::Account;

/// Makes an empty directory that only `account` (and root) may enter.
pub(crate) fn create(account: Option<Account>) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);

    let base = base();
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("aiopg-{}-{number}", process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => {
                give(&dir, account)?;
                return Ok(dir);
            }
            // Left behind by a process of the same number that not even its guard survived.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("could not create {}: {error}", dir.display()),
                ));
            }
        }
    }
}

/// Writes a file that only `account` may read, as the server demands of keys.
pub(crate) fn write(path: &Path, content: &[u8], account: Option<Account>) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    give(path, account)
}

fn give(path: &Path, account: Option<Account>) -> io::Result<()> {
    account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}

/// Memory if it has room for several servers (containers often have 64 MB there), else the temporary directory.
fn base() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    const ROOM_KIB: u64 = 1024 * 1024;

    if free_kib(MEMORY).is_some_and(|free| free >= ROOM_KIB) {
        MEMORY.into()
    } else {
        env::temp_dir()
    }
}

fn free_kib(dir: &str) -> Option<u64> {
    let output = Command::new("df").args(["-Pk", dir]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}
