//! A throw-away PostgreSQL server.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;
use std::{env, io, process};

use rustix::process::Signal;

use crate::address::Address;
use crate::binaries::Binaries;
use crate::instance::Instance;
use crate::probe;

pub use crate::instance::Options;

/// A PostgreSQL server for tests: a process of its own on data of its own. Both go when it is dropped, and
/// when the process ends, even by a signal.
///
/// It listens on 127.0.0.1 and on a Unix-domain socket. The superuser `postgres` needs no password; five
/// more roles have the password `secret` and are named after the way they must prove themselves:
/// `trustuser`, `pwuser` (plain text), `md5user`, `scramuser`, and `rejectuser`, who never gets in.
#[derive(Debug)]
pub struct Server {
    address: Address,
    major: u32,
    /// `None`: somebody else's server, which is left as it is.
    instance: Option<Instance>,
}

impl Server {
    /// The server that all tests of this process share, started by whoever asks first.
    ///
    /// `TEST_DATABASE_URL` names an existing server instead, and `AIOPG_TEST_PG` the major version of a new one.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();

        SHARED.get_or_init(|| {
            let server = match env::var("TEST_DATABASE_URL") {
                Ok(url) if !url.is_empty() => Self::existing(&url),
                _ => Self::start(&Options::default()),
            };
            server.unwrap_or_else(|error| panic!("no PostgreSQL server to test with: {error}"))
        })
    }

    /// Starts a server of the caller's own.
    ///
    /// # Errors
    ///
    /// When no server programs are found, or they fail; the text has the server's log.
    pub fn start(options: &Options) -> io::Result<Self> {
        let binaries = Binaries::find(options.major)?;
        let major = binaries.major();
        let instance = Instance::create(binaries, options)?;
        let port = instance.launch_on_free_port()?;
        let address = Address {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            socket_dir: Some(instance.dir().to_owned()),
            dbname: "postgres".to_owned(),
            url: None,
        };
        Ok(Self { address, major, instance: Some(instance) })
    }

    fn existing(url: &str) -> io::Result<Self> {
        let address = Address::parse(url)?;
        let major = match env::var("AIOPG_TEST_PG") {
            Ok(major) => major,
            Err(_) => {
                probe::server_version((&address.host, address.port), "postgres", &address.dbname)?
                    .ok_or_else(|| {
                    io::Error::other("set AIOPG_TEST_PG to the major version of that server")
                })?
            }
        };
        let digits: String = major.chars().take_while(char::is_ascii_digit).collect();
        let major =
            digits.parse().map_err(|_| io::Error::other("AIOPG_TEST_PG is not a major version"))?;
        Ok(Self { address, major, instance: None })
    }

    /// The host to connect to: an address, unless it came with `TEST_DATABASE_URL`.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// The port, of TCP and in the name of the Unix-domain socket.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// The directory of the Unix-domain socket; `None` for somebody else's server.
    pub fn socket_dir(&self) -> Option<&Path> {
        self.address.socket_dir.as_deref()
    }

    /// The database that every server has.
    pub fn dbname(&self) -> &str {
        &self.address.dbname
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.major
    }

    /// A connection URL over TCP. An empty password is left out.
    pub fn url(&self, user: &str, password: &str) -> String {
        self.address.url_of(user, password)
    }

    /// The superuser's connection URL; `TEST_DATABASE_URL` itself where that is set.
    pub fn superuser_url(&self) -> String {
        self.address.url.clone().unwrap_or_else(|| self.url("postgres", ""))
    }

    /// A name for a schema that no other test uses.
    pub fn fresh_schema(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static BORN: OnceLock<u128> = OnceLock::new();

        // Process numbers come again, and an existing server may have seen this one before.
        let born = BORN.get_or_init(|| UNIX_EPOCH.elapsed().map_or(0, |age| age.as_millis()));
        format!("t{born:x}_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Everything that the server has logged, for a person who debugs.
    pub fn log(&self) -> String {
        let instance = self.instance.as_ref();
        instance.map_or_else(String::new, |instance| instance.log().unwrap_or_default())
    }

    /// The data directory; `None` for somebody else's server.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.instance.as_ref().map(Instance::data)
    }

    /// Ends the server as an administrator does (fast shutdown): sessions are told `57P01`.
    ///
    /// # Panics
    ///
    /// On somebody else's server, as does everything below.
    pub fn stop(&self) {
        self.own().end(Signal::INT).expect("the server stops");
    }

    /// Ends the server as a crash does (immediate shutdown): the next start has to recover.
    pub fn kill(&self) {
        self.own().end(Signal::QUIT).expect("the server ends");
    }

    /// Stops the server if it runs, and starts it at the same address.
    pub fn restart(&self) {
        let instance = self.own();
        instance.end(Signal::INT).expect("the server stops");
        instance.launch(self.address.port).expect("the server starts again");
    }

    /// Freezes the postmaster: connects are accepted by the kernel, and nobody answers.
    pub fn freeze(&self) {
        self.own().signal(Signal::STOP).expect("the server runs");
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.own().signal(Signal::CONT).expect("the server runs");
    }

    fn own(&self) -> &Instance {
        self.instance.as_ref().expect("a server that was started here, not TEST_DATABASE_URL")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    fn answers(server: &Server) -> io::Result<Option<String>> {
        probe::server_version((server.host(), server.port()), "postgres", server.dbname())
    }

    #[test]
    fn shared_server_answers_over_both_sockets() {
        let server = Server::shared();
        let version = answers(server).unwrap().expect("postgres needs no password");
        assert!(version.starts_with(&server.version().to_string()), "{version}");
        if let Some(dir) = server.socket_dir() {
            let path = dir.join(format!(".s.PGSQL.{}", server.port()));
            std::os::unix::net::UnixStream::connect(path).unwrap();
        }
    }

    #[test]
    fn roles_are_asked_for_what_their_names_say() {
        let server = Server::start(&Options::default()).unwrap();
        let address = (server.host(), server.port());
        assert!(probe::server_version(address, "trustuser", "postgres").unwrap().is_some());
        for user in ["pwuser", "md5user", "scramuser"] {
            assert_eq!(probe::server_version(address, user, "postgres").unwrap(), None, "{user}");
        }
        let error = probe::server_version(address, "rejectuser", "postgres").unwrap_err();
        assert!(error.to_string().contains("28000"), "{error}");
    }

    #[test]
    fn server_is_gone_after_drop() {
        let server = Server::start(&Options::default()).unwrap();
        let address = (server.host().to_owned(), server.port());
        let dir = server.socket_dir().unwrap().to_owned();
        assert!(dir.exists());
        drop(server);
        assert!(!dir.exists());
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn server_comes_back_at_the_same_address() {
        let server = Server::start(&Options::default()).unwrap();
        server.restart();
        assert!(answers(&server).unwrap().is_some());
        server.kill();
        assert!(answers(&server).is_err());
        server.restart();
        assert!(answers(&server).unwrap().is_some());
        server.stop();
        assert!(server.log().contains("database system is shut down"));
    }

    #[test]
    fn settings_rules_and_files_reach_the_server() {
        let options = Options::default()
            .setting("log_line_prefix", "it's <%p> ")
            .access("host all scramuser 127.0.0.1/32 trust")
            .file("note", "text");
        let server = Server::start(&options).unwrap();
        let address = (server.host(), server.port());
        assert!(probe::server_version(address, "scramuser", "postgres").unwrap().is_some());
        assert!(server.log().contains("it's <"), "{}", server.log());
        assert_eq!(fs::read_to_string(server.data_dir().unwrap().join("note")).unwrap(), "text");
    }

    #[test]
    fn frozen_server_accepts_and_says_nothing() {
        let server = Server::start(&Options::default()).unwrap();
        server.freeze();
        let stream = TcpStream::connect((server.host(), server.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        io::Write::write_all(&mut &stream, b"\0\0\0\x08\x04\xd2\x16\x2f").unwrap();
        assert!(io::Read::read(&mut &stream, &mut [0; 1]).is_err(), "nobody answers");
        server.thaw();
        stream.set_read_timeout(None).unwrap();
        let mut answer = [0; 1];
        io::Read::read_exact(&mut &stream, &mut answer).unwrap();
        assert_eq!(&answer, b"N");
    }

    #[test]
    fn schema_names_do_not_repeat() {
        let server =
            Server { address: Address::parse("postgresql://").unwrap(), major: 18, instance: None };
        assert_ne!(server.fresh_schema(), server.fresh_schema());
    }
}
