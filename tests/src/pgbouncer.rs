//! PgBouncer in front of a server of its own.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aiopg::{Config, StatementMode};

use crate::binaries::{Account, run};
use crate::guard::Guard;
use crate::instance::free_port;
use crate::server::{Options, Server};
use crate::session::config_of;
use crate::{probe, scratch};

/// How many sessions PgBouncer holds with the server for each pair of database and user.
pub const SERVERS: usize = 2;

/// A PgBouncer that lends a server session for one transaction at a time, and the server behind it. Both go when it
/// is dropped, and when the process ends, even by a signal.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    /// Ends the process if this one is killed, and removes the directory.
    guard: Guard,
    dir: PathBuf,
    port: u16,
    version: (u32, u32),
    /// Names of databases that nobody uses now.
    free: Mutex<HashMap<StatementMode, Vec<String>>>,
    server: Server,
}

/// A configuration that leads through PgBouncer to [`SERVERS`] sessions of the server that nobody else uses until
/// it is dropped.
#[derive(Debug)]
pub struct Lent {
    bouncer: &'static PgBouncer,
    mode: StatementMode,
    dbname: String,
}

impl PgBouncer {
    /// The one that all tests of this process share.
    ///
    /// # Panics
    ///
    /// When there is none on this machine. `cargo test -- --skip pgbouncer::` leaves out the tests that need it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PgBouncer> = OnceLock::new();

        SHARED.get_or_init(|| {
            Self::start().unwrap_or_else(|error| panic!("no PgBouncer to test with: {error}"))
        })
    }

    /// Starts one, and a server for it.
    ///
    /// # Errors
    ///
    /// When the programs are not found, or they fail.
    pub fn start() -> io::Result<Self> {
        const ATTEMPTS: usize = 10;

        let program = program()?;
        let version = version_of(&run(Command::new(&program).arg("--version"))?)?;
        let server = Server::start(&Options::default().setting("max_connections", "400"))?;
        let account = Account::for_server()?;
        let dir = scratch::create(account)?;
        let mut guard = Guard::new(&dir)?;
        // Another process may take the port between the look and the start: then the next one is tried.
        let mut result = Err(io::ErrorKind::AddrInUse.into());
        for _ in 0..ATTEMPTS {
            let port = free_port();
            write_settings(&dir, port, &server, account)?;
            let mut child = spawn(&program, &dir, account)?;
            guard.watch(Some(child.id()))?;
            result = wait_until_ready(&mut child, port, &dir).map(|()| (child, port));
            match &result {
                Err(error) if error.to_string().contains("in use") => guard.watch(None)?,
                _ => break,
            }
        }
        let (child, port) = result?;
        let free = Mutex::default();
        Ok(Self { child, guard, dir, port, version, free, server })
    }

    /// Lends server sessions to a test. PgBouncer keeps them by the name of the database, and every name stands for
    /// the same one.
    pub fn lend(&'static self, mode: StatementMode) -> Lent {
        let kept = self.free().entry(mode).or_default().pop();
        let dbname = kept.unwrap_or_else(|| self.server.fresh_schema());
        Lent { bouncer: self, mode, dbname }
    }

    fn free(&self) -> MutexGuard<'_, HashMap<StatementMode, Vec<String>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server behind it, for those who look at it from outside.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Its version, major and minor.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// Everything that it has logged, for a person who debugs.
    pub fn log(&self) -> String {
        log(&self.dir)
    }
}

impl Lent {
    /// The superuser's configuration.
    pub fn config(&self) -> Config {
        let config = config_of(&self.bouncer.server).host(Ipv4Addr::LOCALHOST.to_string());
        config.port(self.bouncer.port).dbname(self.dbname.as_str()).statement_mode(self.mode)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Nobody else can use sessions on which statements were left.
        if self.mode != StatementMode::Cached {
            let dbname = std::mem::take(&mut self.dbname);
            self.bouncer.free().entry(self.mode).or_default().push(dbname);
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It keeps nothing, and a polite signal makes newer versions wait for their clients.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.guard.watch(None);
    }
}

fn program() -> io::Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/pgbouncer");
    Ok(run(Command::new(script).stderr(Stdio::inherit()))?.into())
}

/// The first two numbers in `PgBouncer 1.18.0`.
fn version_of(text: &str) -> io::Result<(u32, u32)> {
    let number = text.lines().next().and_then(|line| line.split_whitespace().nth(1));
    let mut parts = number.unwrap_or_default().split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(io::Error::other(format!("no version number in {text:?}"))),
    }
}

fn write_settings(
    dir: &Path,
    port: u16,
    server: &Server,
    account: Option<Account>,
) -> io::Result<()> {
    let users = dir.join("users");
    scratch::write(&users, b"\"postgres\" \"\"\n", account)?;
    // Whatever database is asked for, it is the same one; and sessions are lent in turn, so that two statements in
    // a row are not run by the same one.
    let text = format!(
        "[databases]\n\
         * = host={} port={} dbname={}\n\
         [pgbouncer]\n\
         listen_addr = {}\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = trust\n\
         auth_file = {}\n\
         pool_mode = transaction\n\
         default_pool_size = {SERVERS}\n\
         server_round_robin = 1\n\
         max_client_conn = 500\n",
        server.host(),
        server.port(),
        server.dbname(),
        Ipv4Addr::LOCALHOST,
        users.display(),
    );
    scratch::write(&dir.join("pgbouncer.ini"), text.as_bytes(), account)
}

fn spawn(program: &Path, dir: &Path, account: Option<Account>) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.arg(dir.join("pgbouncer.ini")).current_dir("/").env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    let log = File::create(dir.join("log"))?;
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
}

/// It says nothing when it is ready: it is asked until it answers.
fn wait_until_ready(child: &mut Child, port: u16, dir: &Path) -> io::Result<()> {
    const LIMIT: Duration = Duration::from_secs(30);
    const PAUSE: Duration = Duration::from_millis(2);

    let end = Instant::now() + LIMIT;
    let address = Ipv4Addr::LOCALHOST.to_string();
    loop {
        // First, since on a port that was taken somebody else might answer.
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("PgBouncer ended with {status}: {}", log(dir))));
        }
        match probe::server_version((&address, port), "postgres", "postgres") {
            Ok(Some(_)) => return Ok(()),
            _ if Instant::now() < end => thread::sleep(PAUSE),
            answer => {
                child.kill()?;
                child.wait()?;
                let text = format!("PgBouncer does not answer ({answer:?}): {}", log(dir));
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }
}

fn log(dir: &Path) -> String {
    String::from_utf8_lossy(&fs::read(dir.join("log")).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_pgbouncer_is_gone_after_drop() {
        let bouncer = PgBouncer::start().unwrap();
        let address = (Ipv4Addr::LOCALHOST, bouncer.port);
        let dir = bouncer.dir.clone();
        assert!(dir.exists() && bouncer.version() >= (1, 0));
        assert!(bouncer.log().contains("process up"), "{}", bouncer.log());
        drop(bouncer);
        assert!(!dir.exists());
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn the_version_is_read() {
        assert_eq!(version_of("PgBouncer 1.18.0\nlibevent 2.1.12").unwrap(), (1, 18));
        assert!(version_of("PgBouncer").is_err());
    }
}
