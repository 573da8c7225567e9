//! Finds the programs of a PostgreSQL server, and the account that may run them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{env, fs, io};

use std::os::unix::process::CommandExt;

/// The programs of one server version.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    dir: PathBuf,
    version: String,
    major: u32,
}

impl Binaries {
    /// Asks `ci/postgres`, which looks at `$PG_BIN`, the machine, and what it once installed. Without a
    /// major, `AIOPG_TEST_PG` decides, and without that the newest server that is there.
    pub(crate) fn find(major: Option<u32>) -> io::Result<Self> {
        static FOUND: Mutex<BTreeMap<Option<u32>, Binaries>> = Mutex::new(BTreeMap::new());

        let major = match (major, env::var("AIOPG_TEST_PG")) {
            (None, Ok(text)) if !text.is_empty() => Some(
                text.parse()
                    .map_err(|_| io::Error::other("AIOPG_TEST_PG is not a major version"))?,
            ),
            (major, _) => major,
        };
        // Held while the script runs: it may install, and once is enough.
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(binaries) = found.get(&major) {
            return Ok(binaries.clone());
        }
        let binaries = Self::ask(major)?;
        found.insert(major, binaries.clone());
        Ok(binaries)
    }

    fn ask(major: Option<u32>) -> io::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/postgres");
        let mut command = Command::new(script);
        command.args(major.map(|major| major.to_string()));
        let dir = PathBuf::from(run(command.stderr(Stdio::inherit()))?);
        let version = run(Command::new(dir.join("postgres")).arg("--version"))?;
        let major = major_of(&version)
            .ok_or_else(|| io::Error::other(format!("no version number in {version:?}")))?;
        Ok(Self { dir, version, major })
    }

    /// What `postgres --version` prints.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A command that runs `program` as `account`, away from a working directory it may not enter.
    pub(crate) fn command(&self, program: &str, account: Option<Account>) -> Command {
        let mut command = Command::new(self.dir.join(program));
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

/// The unprivileged account that owns the data and runs the server when the tests run as root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `None` if the caller is not root: then the server runs under the caller's own account.
    pub(crate) fn for_server() -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        // The server looks its account up by name, so any free number will not do.
        let accounts = fs::read_to_string("/etc/passwd")?;
        let nobody = accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some("nobody") {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            Some(Self { uid, gid: fields.next()?.parse().ok()? })
        });
        nobody
            .map(Some)
            .ok_or_else(|| io::Error::other("root needs an account \"nobody\" to run the server"))
    }
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian ...)`, also of a beta such as `19beta1`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Runs a program to its end and returns what it printed; what it complained about is in the error.
pub(crate) fn run(command: &mut Command) -> io::Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| {
        io::Error::new(error.kind(), format!("could not run {program}: {error}"))
    })?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{program} ended with {}: {errors}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_is_read_from_every_spelling() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("postgres"), None);
    }
}
