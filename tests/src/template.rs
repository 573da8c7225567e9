//! A data directory that was initialised once per server version, kept as an archive.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{env, process};

use crate::binaries::{Account, Binaries, run};
use crate::guard::Guard;
use crate::scratch;

/// The data directory of `binaries` is unpacked to `data`, which must not exist yet.
pub(crate) fn unpack(binaries: &Binaries, account: Option<Account>, data: &Path) -> io::Result<()> {
    let archive = archive(binaries, account)?;
    let parent = data.parent().unwrap_or(data);
    run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(parent)).map(drop)
}

/// The archive, made now if there is none. Processes that make it at the same time do not disturb each
/// other: each works in a directory of its own and renames its result into place, which is atomic.
fn archive(binaries: &Binaries, account: Option<Account>) -> io::Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache();
    let archive =
        cache.join(format!("{}-{:016x}.tar", binaries.major(), fingerprint(binaries, account)));
    if archive.exists() {
        return Ok(archive);
    }
    fs::create_dir_all(&cache)?;
    let dir = scratch::create(account)?;
    let mut guard = Guard::new(&dir)?;
    let draft = cache.join(format!("draft-{}.tar", process::id()));
    let made = initialise(binaries, account, &dir)
        .and_then(|()| {
            run(Command::new("tar").arg("-cf").arg(&draft).arg("-C").arg(&dir).arg(DATA))
        })
        .and_then(|_| fs::rename(&draft, &archive));
    guard.watch(None)?;
    made.map(|()| archive)
}

/// Runs `initdb`, makes the roles, and writes the settings and the rules of access.
fn initialise(binaries: &Binaries, account: Option<Account>, dir: &Path) -> io::Result<()> {
    let data = dir.join(DATA);
    run(binaries.command("initdb", account).args(INITDB).arg("--pgdata").arg(&data))?;
    create_roles(binaries, account, dir)?;
    let mut settings = File::options().append(true).open(data.join("postgresql.conf"))?;
    settings.write_all(SETTINGS.as_bytes())?;
    scratch::write(&data.join("pg_hba.conf"), ACCESS.as_bytes(), account)
}

/// Feeds [`ROLES`] to a server in single-user mode: no client program is needed.
fn create_roles(binaries: &Binaries, account: Option<Account>, dir: &Path) -> io::Result<()> {
    let log = dir.join("roles.log");
    let mut server = binaries
        .command("postgres", account)
        .args(["--single", "-F", "-c", "exit_on_error=on", "-D"])
        .arg(dir.join(DATA))
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()?;
    if let Some(mut input) = server.stdin.take() {
        input.write_all(ROLES.as_bytes())?;
    }
    if server.wait()?.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("could not make the roles: {}", fs::read_to_string(log)?)))
}

/// The build directory, so that `cargo clean` removes the archives too.
fn cache() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        |dir| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir),
    );
    target.join("postgres")
}

/// Differs whenever the archive would.
fn fingerprint(binaries: &Binaries, account: Option<Account>) -> u64 {
    let mut hasher = DefaultHasher::new();
    binaries.version().hash(&mut hasher);
    binaries.dir().hash(&mut hasher);
    account.map(|account| account.uid).hash(&mut hasher);
    (INITDB, ROLES, SETTINGS, ACCESS).hash(&mut hasher);
    hasher.finish()
}

/// The name of the data directory inside the archive.
pub(crate) const DATA: &str = "data";

/// Small segments of the log keep the copy small.
const INITDB: &[&str] = &[
    "--no-sync",
    "--auth=trust",
    "--username=postgres",
    "--encoding=UTF8",
    "--no-locale",
    "--wal-segsize=1",
];

/// One command a line; the password of each is `secret`.
const ROLES: &str = "\
CREATE ROLE trustuser LOGIN PASSWORD 'secret';
CREATE ROLE rejectuser LOGIN PASSWORD 'secret';
SET password_encryption = 'md5';
CREATE ROLE md5user LOGIN PASSWORD 'secret';
SET password_encryption = 'scram-sha-256';
CREATE ROLE pwuser LOGIN PASSWORD 'secret';
CREATE ROLE scramuser LOGIN PASSWORD 'secret';
";

/// Nothing that is written has to survive the machine.
const SETTINGS: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
shared_buffers = 32MB
max_connections = 200
max_prepared_transactions = 20
timezone = UTC
log_timezone = UTC
log_line_prefix = '%m [%p] %q%u@%d '
";

const ACCESS: &str = "\
local replication postgres                trust
local all         postgres                trust
local all         trustuser               trust
local all         pwuser                  password
local all         md5user                 md5
local all         rejectuser              reject
local all         all                     scram-sha-256
host  replication postgres   127.0.0.1/32 trust
host  all         postgres   127.0.0.1/32 trust
host  all         trustuser  127.0.0.1/32 trust
host  all         pwuser     127.0.0.1/32 password
host  all         md5user    127.0.0.1/32 md5
host  all         rejectuser 127.0.0.1/32 reject
host  all         all        127.0.0.1/32 scram-sha-256
";
