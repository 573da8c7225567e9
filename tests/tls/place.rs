//! Servers that speak TLS, their authorities, and the files of their clients.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiopg::{Config, Connection, Error, Runtime, SslMode, UseEnvironment};
use aiopg_smol::Smol;
use aiopg_tests::certificates::{Authority, Identity};
use aiopg_tests::relay::{Plan, Relay};
use aiopg_tests::session::{self, ask};
use aiopg_tests::{Options, Server};
use rcgen::PKCS_ECDSA_P256_SHA256;

/// What the shared server's certificate is for.
pub(crate) const NAMES: [&str; 3] = ["db.test", "*.wild.test", "127.0.0.1"];

/// Roles beyond those that every server has; the password is the same.
const ROLES: &str = "
    set password_encryption = 'scram-sha-256';
    create role certuser login;
    create role scramcert login password 'secret';
    create role testuser login;
    create role ssluser login;
    create role nossluser login;
";

/// A server, and what its clients need to know.
pub(crate) struct Place {
    pub(crate) server: Server,
    /// Who issued the server's certificate, and may issue those of clients.
    pub(crate) authority: Authority,
    /// Who issued nothing that anybody trusts.
    pub(crate) stranger: Authority,
}

impl Place {
    /// The server that most tests share. It asks for certificates.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Place> = OnceLock::new();

        SHARED.get_or_init(|| {
            let authority = Authority::new("authority", &PKCS_ECDSA_P256_SHA256);
            let identity = authority.server(&NAMES);
            let options = Options::default().setting("ssl_ca_file", "root.crt");
            let options = options.file("root.crt", authority.certificate());
            Self::start(options, authority, &identity)
        })
    }

    /// Starts a server that shows `identity`.
    pub(crate) fn start(options: Options, authority: Authority, identity: &Identity) -> Self {
        Self::start_with(options, authority, &identity.certificate, &identity.key)
    }

    /// Starts a server that shows `certificate`, which somebody else may have issued.
    pub(crate) fn start_with(
        options: Options,
        authority: Authority,
        certificate: &str,
        key: &str,
    ) -> Self {
        let options = with_rules(options)
            .setting("ssl", "on")
            .file("server.crt", certificate)
            .file("server.key", key);
        let server = Server::start(&options).unwrap();
        make_roles(&server);
        let stranger = Authority::new("stranger", &PKCS_ECDSA_P256_SHA256);
        let place = Self { server, authority, stranger };
        place.file("root.crt", &place.authority.certificate());
        place.file("stranger.crt", &place.stranger.certificate());
        place
    }

    /// Writes a file for clients, which nobody else may read; it goes with the server.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.server.socket_dir().unwrap().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The path of a file that was written before.
    pub(crate) fn path(&self, name: &str) -> String {
        self.server.socket_dir().unwrap().join(name).to_str().unwrap().to_owned()
    }

    /// A configuration for `user`, who trusts the right authority and insists on the right name.
    pub(crate) fn config(&self, user: &str) -> Config {
        plain_config(&self.server, user)
            .host("db.test")
            .hostaddr("127.0.0.1")
            .sslmode(SslMode::VerifyFull)
            .sslrootcert(self.path("root.crt"))
    }

    /// Adds a certificate and its key to `config`.
    pub(crate) fn with_identity(&self, config: Config, identity: &Identity) -> Config {
        let config = config.sslcert(self.fresh_file("crt", &identity.certificate));
        config.sslkey(self.fresh_file("key", &identity.key))
    }

    /// Writes a file under a name that no other test uses.
    pub(crate) fn fresh_file(&self, suffix: &str, content: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);

        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.file(&format!("{number}.{suffix}"), content)
    }

    /// A relay in front of the server, and `config` with the relay in the server's place.
    pub(crate) fn relayed(&self, config: Config) -> (Relay, Config) {
        let relay = Relay::start(session::address_of(&self.server), Plan::default()).unwrap();
        let port = relay.address().port();
        (relay, config.port(port))
    }
}

/// A configuration that neither the environment nor any file adds to.
pub(crate) fn plain_config(server: &Server, user: &str) -> Config {
    Config::new()
        .environment(UseEnvironment::No)
        .host("127.0.0.1")
        .port(server.port())
        .user(user)
        .dbname("postgres")
}

/// The rules for the roles that [`make_roles`] makes.
pub(crate) fn with_rules(options: Options) -> Options {
    [
        "hostssl   all certuser           127.0.0.1/32 cert",
        "hostssl   all scramcert          127.0.0.1/32 scram-sha-256 clientcert=verify-full",
        "hostnossl all certuser,scramcert 127.0.0.1/32 reject",
        "host      all testuser           127.0.0.1/32 trust",
        "hostssl   all ssluser            127.0.0.1/32 trust",
        "hostnossl all ssluser            127.0.0.1/32 reject",
        "hostnossl all nossluser          127.0.0.1/32 trust",
        "hostssl   all nossluser          127.0.0.1/32 reject",
    ]
    .into_iter()
    .fold(options, Options::access)
}

/// Makes the roles that the rules speak of.
pub(crate) fn make_roles(server: &Server) {
    let config = plain_config(server, "postgres").sslmode(SslMode::Disable);
    // Not the caller's runtime: whoever comes first makes them for all.
    smol::block_on(async {
        let mut owner = session::open_with(Smol::global(), &config).await;
        owner.batch_execute(ROLES).await.unwrap();
    });
}

/// Whether the session is inside TLS, as the server sees it.
pub(crate) async fn is_encrypted<R: Runtime>(connection: &mut Connection<R>) -> bool {
    let question = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    ask(connection, question).await == "t"
}

/// The version of TLS that the session uses.
pub(crate) async fn version_of<R: Runtime>(connection: &mut Connection<R>) -> String {
    ask(connection, "select version from pg_stat_ssl where pid = pg_backend_pid()").await
}

/// Connects and looks whether the session works and who it is.
pub(crate) async fn try_session<R: Runtime>(rt: &R, config: &Config) -> Result<bool, Error> {
    let mut connection = Connection::connect_on(rt.clone(), config).await?;
    Ok(is_encrypted(&mut connection).await)
}

/// An error and its causes, as a person would read them.
pub(crate) fn story(error: &Error) -> String {
    let mut text = format!("{:?}: {error}", error.kind());
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
