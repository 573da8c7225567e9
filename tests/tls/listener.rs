//! Servers that a test scripts: on a socket, with threads, inside TLS if they want.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use aiopg::{Config, SslMode, UseEnvironment};
use aiopg_tests::certificates::{Authority, Identity};
use aiopg_tests::script::FakeServer;
use futures::executor::block_on;
use futures::io::AllowStdIo;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A socket that is listened on until the listener is dropped; each connection has a thread of its own.
pub(crate) struct Listener {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Listener {
    pub(crate) fn start(
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, end) = (Arc::clone(&accepted), Arc::clone(&over));
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, accepted, over }
    }

    /// A server of PostgreSQL that trusts everybody, without TLS.
    pub(crate) fn trusting() -> Self {
        Self::start(|stream| serve_session(&FakeServer::new(), stream))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// A configuration that leads here and trusts anybody inside TLS, which it insists on.
    pub(crate) fn config(&self) -> Config {
        Config::new()
            .environment(UseEnvironment::No)
            .host("127.0.0.1")
            .port(self.port())
            .user("ada")
            .password("secret")
            .sslmode(SslMode::Require)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// Plays a tiny server on a stream that blocks.
pub(crate) fn serve_session(server: &FakeServer, stream: impl Read + Write) -> io::Result<()> {
    block_on(server.serve(AllowStdIo::new(stream)))
}

/// Reads the request for TLS.
pub(crate) fn read_ssl_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; 8];
    stream.read_exact(&mut request)?;
    if request != SSL_REQUEST {
        return Err(io::Error::other("no SSLRequest"));
    }
    Ok(())
}

/// Reads `StartupMessage`, or whatever else has a length and no tag.
pub(crate) fn read_startup(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Everything that comes until the peer hangs up, in whatever way it does.
pub(crate) fn read_rest(stream: &mut impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut space = [0; 1024];
    while let Ok(count) = stream.read(&mut space) {
        if count == 0 {
            break;
        }
        rest.extend_from_slice(&space[..count]);
    }
    rest
}

/// The server's side of TLS on a stream whose client knows that it comes.
pub(crate) fn accept_tls(
    config: &Arc<ServerConfig>,
    mut stream: TcpStream,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let mut session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while session.is_handshaking() {
        let progress = session.complete_io(&mut stream);
        if progress.map_err(io::Error::other)? == (0, 0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(StreamOwned::new(session, stream))
}

/// TLS as `SSLRequest` begins it.
pub(crate) fn accept_asked(
    config: &Arc<ServerConfig>,
    mut stream: TcpStream,
) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    read_ssl_request(&mut stream)?;
    stream.write_all(b"S")?;
    accept_tls(config, stream)
}

/// A server of TLS with a certificate that nobody checks, and these names for the protocol inside.
pub(crate) fn tls_config(protocols: &[&str]) -> Arc<ServerConfig> {
    let authority = Authority::new("scripted", &PKCS_ECDSA_P256_SHA256);
    tls_config_of(&authority.server(&["db.test"]), protocols)
}

/// A server of TLS that asks for a certificate from `issuer`, and goes on without one.
pub(crate) fn curious_tls_config(issuer: &Authority) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(issuer.certificate().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
    let identity = issuer.server(&["db.test"]);
    let certificate = CertificateDer::from(identity.certificate_der);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(identity.key_der).into());
    Arc::new(config.unwrap())
}

pub(crate) fn tls_config_of(identity: &Identity, protocols: &[&str]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from(identity.certificate_der.clone());
    let key = PrivatePkcs8KeyDer::from(identity.key_der.clone());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// What asks for TLS.
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
