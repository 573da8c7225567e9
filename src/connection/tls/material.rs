//! Certificates, keys and revocation lists, from the text of their files.

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Document;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::config::Secret;
use crate::error::{Error, Kind};

/// The certificates of a PEM file.
pub(crate) fn certificates(pem: &[u8], file: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(file, "a certificate").with_source(error))?;
    if certificates.is_empty() {
        return Err(invalid(file, "a certificate"));
    }
    Ok(certificates)
}

/// The trusted roots of a PEM file.
pub(crate) fn roots(pem: &[u8], file: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, file)? {
        roots
            .add(certificate)
            .map_err(|error| invalid(file, "a usable certificate").with_source(error))?;
    }
    Ok(roots)
}

/// The roots that the operating system trusts.
pub(crate) fn system_roots() -> Result<RootCertStore, Error> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added > 0 {
        return Ok(roots);
    }
    let error = Error::new(Kind::Config, "the system has no trusted certificates").unsent();
    Err(match loaded.errors.into_iter().next() {
        Some(source) => error.with_source(source),
        None => error,
    })
}

/// The revocation lists of a PEM file.
pub(crate) fn revocation_lists(
    pem: &[u8],
    file: &str,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    CertificateRevocationListDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(file, "a certificate revocation list").with_source(error))
}

/// The private key of a PEM file, in PKCS#8, PKCS#1 or SEC1; PKCS#8 may be encrypted.
pub(crate) fn private_key(
    pem: &[u8],
    file: &str,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let text = std::str::from_utf8(pem).map_err(|_| invalid(file, "a private key"))?;
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return decrypted(text, file, password);
    }
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|error| invalid(file, "a private key").with_source(error))
}

fn decrypted(
    pem: &str,
    file: &str,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let password = password.ok_or_else(|| {
        let text = format!("the private key in \"{file}\" is encrypted: set \"sslpassword\"");
        Error::config(text).unsent()
    })?;
    let (_, document) = Document::from_pem(pem).map_err(|_| invalid(file, "a private key"))?;
    let info: EncryptedPrivateKeyInfoRef<'_> =
        document.decode_msg().map_err(|_| invalid(file, "a private key"))?;
    let key = info.decrypt(password.expose()).map_err(|_| {
        let text = format!("\"sslpassword\" does not open the private key in \"{file}\"");
        Error::config(text).unsent()
    })?;
    PrivateKeyDer::try_from(key.as_bytes().to_vec()).map_err(|_| invalid(file, "a private key"))
}

fn invalid(file: &str, what: &str) -> Error {
    Error::config(format!("\"{file}\" does not hold {what} in PEM form")).unsent()
}
