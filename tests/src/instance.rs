//! A server process on data of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::{Account, Binaries};
use crate::guard::Guard;
use crate::{scratch, template};

/// What a server of a test's own needs beyond the defaults.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    pub(crate) major: Option<u32>,
    pub(crate) settings: String,
    pub(crate) access: String,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Options {
    /// Asks for a major version.
    pub fn major(mut self, major: u32) -> Self {
        self.major = Some(major);
        self
    }

    /// Adds a line to `postgresql.conf`.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        let _ = writeln!(self.settings, "{name} = '{}'", value.replace('\'', "''"));
        self
    }

    /// Adds a line to `pg_hba.conf`, before those that are there and after those added earlier.
    pub fn access(mut self, line: &str) -> Self {
        let _ = writeln!(self.access, "{line}");
        self
    }

    /// Puts a file into the data directory, readable by the server alone: a key, a certificate.
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }
}

/// A server process, its directory, and the guard over both.
#[derive(Debug)]
pub(crate) struct Instance {
    binaries: Binaries,
    account: Option<Account>,
    dir: PathBuf,
    process: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    child: Option<Child>,
    guard: Guard,
}

impl Instance {
    pub(crate) fn create(binaries: Binaries, options: &Options) -> io::Result<Self> {
        let account = Account::for_server()?;
        let dir = scratch::create(account)?;
        let process = Mutex::new(Running { child: None, guard: Guard::new(&dir)? });
        let instance = Self { binaries, account, dir, process };
        let data = instance.data();
        template::unpack(&instance.binaries, account, &data)?;
        for (name, content) in &options.files {
            scratch::write(&data.join(name), content, account)?;
        }
        let access = data.join("pg_hba.conf");
        let rules = format!("{}{}", options.access, fs::read_to_string(&access)?);
        scratch::write(&access, rules.as_bytes(), account)?;
        let mut settings = File::options().append(true).open(data.join("postgresql.conf"))?;
        // First, so that a test can name others.
        writeln!(settings, "unix_socket_directories = '{}'", instance.dir.display())?;
        settings.write_all(options.settings.as_bytes())?;
        Ok(instance)
    }

    /// Another process may take the port between the look and the start: then the next one is tried.
    pub(crate) fn launch_on_free_port(&self) -> io::Result<u16> {
        const ATTEMPTS: usize = 10;

        let mut result = Err(io::ErrorKind::AddrInUse.into());
        for _ in 0..ATTEMPTS {
            let port = free_port();
            result = self.launch(port).map(|()| port);
            match &result {
                Err(error) if error.to_string().contains("could not bind IPv4") => {}
                _ => break,
            }
        }
        result
    }

    pub(crate) fn launch(&self, port: u16) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.dir.join("log"))?;
        let mut running = self.running();
        let mut command = self.binaries.command("postgres", self.account);
        command.arg("-D").arg(self.data());
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.process_group(0).stdout(Stdio::null()).stderr(log).spawn()?;
        running.guard.watch(Some(child.id()))?;
        let child = running.child.insert(child);
        let ready = self.wait_until_ready(child);
        drop(running);
        if ready.is_err() {
            self.end(Signal::QUIT)?;
        }
        ready
    }

    /// The postmaster writes its state to the eighth line of its file; nothing else tells of it.
    fn wait_until_ready(&self, child: &mut Child) -> io::Result<()> {
        const LIMIT: Duration = Duration::from_secs(30);
        const PAUSE: Duration = Duration::from_millis(2);

        let end = Instant::now() + LIMIT;
        let own = child.id().to_string();
        while Instant::now() < end {
            let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            let mut lines = file.lines();
            // A crash leaves the file behind: the first line tells whose it is.
            if lines.next() == Some(&own)
                && lines.nth(6).is_some_and(|state| state.trim() == "ready")
            {
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!(
                    "the server ended with {status}: {}",
                    self.log()?
                )));
            }
            thread::sleep(PAUSE);
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the server does not start: {}", self.log()?),
        ))
    }

    /// Sends `signal` and waits until the server is gone; nothing to do if it is.
    pub(crate) fn end(&self, signal: Signal) -> io::Result<()> {
        let mut running = self.running();
        if let Some(mut child) = running.child.take() {
            if child.try_wait()?.is_none() {
                kill_process(pid(&child), signal)?;
                // A frozen server takes signals, but acts on them only when it is woken.
                kill_process(pid(&child), Signal::CONT)?;
            }
            child.wait()?;
            running.guard.watch(None)?;
        }
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let running = self.running();
        let child =
            running.child.as_ref().ok_or_else(|| io::Error::other("the server is stopped"))?;
        Ok(kill_process(pid(child), signal)?)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Also where its Unix-domain socket is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join(template::DATA)
    }

    pub(crate) fn log(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.dir.join("log"))?).into_owned())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The guard removes the directory, and the server if this fails.
        let _ = self.end(Signal::QUIT);
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// A port that nobody listens on, below those that the kernel gives to outgoing connections: one of those
/// could take it while the server restarts.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const LOWEST: u32 = 10_240;
    const COUNT: u32 = 20_000;

    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        // Processes start far from each other, so that they rarely look at the same port at once.
        let offset = process::id().wrapping_mul(7919).wrapping_add(step) % COUNT;
        if let Ok(port) = u16::try_from(LOWEST + offset)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            return port;
        }
    }
}
