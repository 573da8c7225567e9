//! Certificates for tests: authorities, what they issue, and what they revoke, made when a test asks for them.

use std::sync::atomic::{AtomicU64, Ordering};

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::pbes2::Parameters;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, SignatureAlgorithm, date_time_ymd,
};

/// Who issues certificates. The algorithm of its key signs them.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// An authority with a fresh key for `algorithm`.
    pub fn new(name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        Self::with_key(name, KeyPair::generate_for(algorithm).expect("a key"))
    }

    /// An authority with a key of the caller's: fresh ones for RSA take more than this harness has.
    pub fn with_key(name: &str, key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate, in PEM form.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server with these names and addresses.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.issue(server_params(names))
    }

    /// A certificate for a server whose time is over.
    pub fn expired_server(&self, names: &[&str]) -> Identity {
        let mut params = server_params(names);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.issue(params)
    }

    /// A certificate for the role `name`.
    pub fn client(&self, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    /// A list in PEM form that revokes the certificate of `identity`, or nothing.
    pub fn revocation_list(&self, identity: Option<&Identity>) -> String {
        let revoked = identity.map(|identity| RevokedCertParams {
            serial_number: identity.serial.clone(),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2001, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.0).expect("a revocation list");
        list.pem().expect("a revocation list in PEM form")
    }

    fn issue(&self, mut params: CertificateParams) -> Identity {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let serial = SerialNumber::from(NEXT.fetch_add(1, Ordering::Relaxed));
        params.serial_number = Some(serial.clone());
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key: key.serialize_pem(),
            key_der: key.serialize_der(),
            serial,
        }
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names and addresses");
    params.distinguished_name.push(DnType::CommonName, "common-name.test");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A certificate and its key, P-256.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// The certificate, in PEM form.
    pub certificate: String,
    /// The certificate, in DER form.
    pub certificate_der: Vec<u8>,
    /// The key, in PEM form, PKCS#8.
    pub key: String,
    /// The key, in DER form, PKCS#8.
    pub key_der: Vec<u8>,
    serial: SerialNumber,
}

impl Identity {
    /// The key in PEM form, encrypted.
    pub fn encrypted_key(&self, password: &str) -> String {
        // Few rounds: it guards nothing.
        let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(16, &[7; 16], [9; 16]);
        let key = PrivateKeyInfoRef::try_from(self.key_der.as_slice()).expect("a key in PKCS#8");
        let encrypted = key.encrypt_with_params(parameters.expect("parameters"), password);
        let pem = encrypted.expect("a key").to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF);
        pem.expect("a key in PEM form").to_string()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::PKCS_ECDSA_P384_SHA384;

    use super::*;

    #[test]
    fn everything_is_in_pem_form() {
        let authority = Authority::new("authority", &PKCS_ECDSA_P384_SHA384);
        let server = authority.server(&["db.test", "127.0.0.1"]);
        for (text, label) in [
            (authority.certificate(), "CERTIFICATE"),
            (server.certificate.clone(), "CERTIFICATE"),
            (server.key.clone(), "PRIVATE KEY"),
            (server.encrypted_key("secret"), "ENCRYPTED PRIVATE KEY"),
            (authority.revocation_list(Some(&server)), "X509 CRL"),
        ] {
            assert!(text.starts_with(&format!("-----BEGIN {label}-----")), "{text}");
        }
    }
}
