//! The TLS client: what `sslmode` and its companions make of rustls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aiopg_runtime::{BoxStream, Runtime};
use futures_rustls::TlsConnector;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{IpAddr, ServerName};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};

use crate::config::Config;
use crate::connection::security::{Checks, Material, Secured, Sni, Trust, Versions};
use crate::connection::tls::end_point::end_point_hash;
use crate::connection::tls::key_log::KeyLogFile;
use crate::connection::tls::material::{
    certificates, private_key, revocation_lists, roots, system_roots,
};
use crate::connection::tls::verifier::Verifier;
use crate::connection::transport::Transport;
use crate::error::{Error, Kind};

/// The name by which application-layer protocol negotiation knows PostgreSQL.
const ALPN: &[u8] = b"postgresql";

impl Config {
    /// Uses a TLS configuration of the program's own: its roots, its verifier, its certificate. Only the name of the
    /// protocol (ALPN) is added to it.
    ///
    /// `sslmode` still says whether there is TLS; the certificates and what is checked of them are then this
    /// configuration's affair, and the other key words on TLS do not count.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example(roots: rustls::RootCertStore) {
    /// let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    /// let config = aiopg::Config::new()
    ///     .host("db.example.com")
    ///     .sslmode(aiopg::SslMode::VerifyFull)
    ///     .tls_client_config(tls);
    /// # }
    /// ```
    #[must_use]
    pub fn tls_client_config(mut self, tls: ClientConfig) -> Self {
        self.tls_client = Some(Arc::new(tls));
        self
    }
}

/// A TLS client for one server.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    /// Set when the server asks for a certificate.
    asked: Arc<AtomicBool>,
    /// There is one to answer with.
    has_certificate: bool,
}

impl Client {
    /// The client that the program has configured itself, if it has.
    pub(crate) fn ready(config: &Config) -> Option<Self> {
        let mut tls: ClientConfig = config.tls_client.as_ref()?.downcast_ref().cloned()?;
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let has_certificate = tls.client_auth_cert_resolver.has_certs();
        Some(Self { config: Arc::new(tls), asked: Arc::default(), has_certificate })
    }

    pub(crate) fn new(material: &Material) -> Result<Self, Error> {
        let provider = provider()?;
        let versions = versions(material.versions)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|error| unusable("the TLS versions cannot be used").with_source(error))?;
        let builder = match (&material.trust, material.checks) {
            (Trust::Nobody, _) => builder.dangerous().with_custom_certificate_verifier(Arc::new(
                Verifier::Nothing(Arc::clone(&provider)),
            )),
            (trust, Checks::Chain) => {
                let verifier = web_pki(trust, material, &provider)?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(Verifier::Chain(verifier)))
            }
            (trust, Checks::ChainAndName) => {
                builder.with_webpki_verifier(web_pki(trust, material, &provider)?)
            }
        };
        let asked = Arc::new(AtomicBool::new(false));
        let key = certified_key(material, &provider)?;
        let has_certificate = key.is_some();
        let resolver = ClientCertificate { key, asked: Arc::clone(&asked) };
        let mut config = builder.with_client_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_sni = material.sni == Sni::Send;
        if let Some(path) = &material.key_log {
            let log = KeyLogFile::open(path).map_err(|error| {
                let text = format!("could not open the key log \"{}\"", path.display());
                unusable(text).with_source(error)
            })?;
            config.key_log = Arc::new(log);
        }
        Ok(Self { config: Arc::new(config), asked, has_certificate })
    }

    /// Runs the TLS handshake. With `direct`, the server must have agreed to speak PostgreSQL.
    pub(crate) async fn handshake<R: Runtime>(
        &self,
        transport: Transport<R>,
        host: &str,
        alpn: Alpn,
    ) -> Result<Secured, Error> {
        let name = server_name(host)?;
        // What another address of the host asked for does not count.
        self.asked.store(false, Ordering::Relaxed);
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, transport).await.map_err(|error| {
            Error::new(Kind::Tls, "could not set up TLS with the server")
                .with_source(error)
                .unsent()
        })?;
        let (_, session) = stream.get_ref();
        let agreed = session.alpn_protocol();
        if agreed.is_some_and(|name| name != ALPN) || (alpn == Alpn::Required && agreed.is_none()) {
            let text = "the server did not agree to speak PostgreSQL inside TLS";
            return Err(Error::new(Kind::Tls, text).unsent());
        }
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let end_point = certificate.and_then(|certificate| end_point_hash(certificate));
        let asked = self.asked.load(Ordering::Relaxed);
        Ok(Secured {
            stream: Box::new(stream) as BoxStream,
            end_point,
            asked_for_certificate: asked,
            sent_certificate: asked && self.has_certificate,
        })
    }
}

/// Whether the server must choose the protocol by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    Offered,
    Required,
}

/// Answers when the server asks for a certificate, and notes that it did.
#[derive(Debug)]
struct ClientCertificate {
    key: Option<Arc<CertifiedKey>>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        // True in any case: else rustls does not ask, and nobody learns that the server did.
        true
    }
}

fn certified_key(
    material: &Material,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, Error> {
    let Some(client) = &material.client else { return Ok(None) };
    let chain = certificates(&client.certificate.bytes, &client.certificate.name)?;
    let key = private_key(&client.key.bytes, &client.key.name, client.password.as_ref())?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        let text = format!(
            "the key in \"{}\" does not go with the certificate in \"{}\"",
            client.key.name, client.certificate.name
        );
        unusable(text).with_source(error)
    })?;
    Ok(Some(Arc::new(key)))
}

fn web_pki(
    trust: &Trust,
    material: &Material,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let roots = match trust {
        Trust::Nobody => RootCertStore::empty(),
        Trust::System => system_roots()?,
        Trust::File(file) => roots(&file.bytes, &file.name)?,
    };
    let mut lists = Vec::new();
    for file in &material.revoked {
        lists.extend(revocation_lists(&file.bytes, &file.name)?);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(lists)
        .build()
        .map_err(|error| unusable("the trusted certificates cannot be used").with_source(error))
}

/// The cryptography: what the program has installed, else what a feature of this crate brings.
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    built_in().map(Arc::new)
}

#[cfg(feature = "tls-ring")]
#[expect(clippy::unnecessary_wraps, reason = "without such a feature it fails")]
fn built_in() -> Result<CryptoProvider, Error> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
#[expect(clippy::unnecessary_wraps, reason = "without such a feature it fails")]
fn built_in() -> Result<CryptoProvider, Error> {
    Ok(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
fn built_in() -> Result<CryptoProvider, Error> {
    Err(unusable(
        "there is no cryptography for TLS: enable the feature \"tls-ring\" or \"tls-aws-lc\", \
         or install a rustls provider",
    ))
}

fn versions(versions: Versions) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
    let spoken = [(12, &TLS12), (13, &TLS13)];
    let chosen: Vec<_> = spoken
        .into_iter()
        .filter(|(number, _)| versions.min <= *number && *number <= versions.max)
        .map(|(_, version)| version)
        .collect();
    if chosen.is_empty() {
        return Err(unusable(
            "\"ssl_max_protocol_version\" leaves no version: TLSv1.2 and TLSv1.3 are spoken",
        ));
    }
    Ok(chosen)
}

fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        return Ok(ServerName::IpAddress(IpAddr::from(address)));
    }
    // A name may end with a dot; a certificate has none.
    let name = host.strip_suffix('.').unwrap_or(host).to_owned();
    ServerName::try_from(name).map_err(|error| {
        let text = format!("\"{host}\" is not a name that a certificate can be checked against");
        unusable(text).with_source(error)
    })
}

fn unusable(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::config(text).unsent()
}

#[cfg(test)]
mod tests {
    #[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
    #[test]
    fn cryptography_that_is_missing_is_named() {
        let error = crate::connection::tls::client::provider().unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Config);
        let text = error.to_string();
        assert!(text.contains("tls-ring") && text.contains("tls-aws-lc"), "{text}");
    }
}
