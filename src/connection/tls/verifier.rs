//! `Verifier`: how far `sslmode` has the server's certificate checked.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// A verifier that checks less than rustls does by itself.
#[derive(Debug)]
pub(crate) enum Verifier {
    /// The chain, but not the name: `verify-ca`.
    Chain(Arc<WebPkiServerVerifier>),
    /// Nothing but that the server owns the key of the certificate it shows: `require` without a root.
    Nothing(Arc<CryptoProvider>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Self::Chain(chain) = self else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is checked last: the chain has been found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Self::Chain(verifier) => verifier.verify_tls12_signature(message, cert, dss),
            Self::Nothing(provider) => {
                let algorithms = &provider.signature_verification_algorithms;
                verify_tls12_signature(message, cert, dss, algorithms)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Self::Chain(verifier) => verifier.verify_tls13_signature(message, cert, dss),
            Self::Nothing(provider) => {
                let algorithms = &provider.signature_verification_algorithms;
                verify_tls13_signature(message, cert, dss, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self {
            Self::Chain(verifier) => verifier.supported_verify_schemes(),
            Self::Nothing(provider) => {
                provider.signature_verification_algorithms.supported_schemes()
            }
        }
    }
}
