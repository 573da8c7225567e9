//! `tls-server-end-point`: the hash of the server's certificate that channel binding quotes.
//!
//! # Source
//!
//! RFC 5929, section 4.1.

use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ContextSpecific, ObjectIdentifier};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;

/// The hash of a certificate in DER, by the hash function of its signature; MD5 and SHA-1 give way to SHA-256.
///
/// `None` where the signature names no single hash function, as Ed25519: then there is no channel binding.
pub(crate) fn end_point_hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let parsed = Certificate::from_der(certificate).ok()?;
    let algorithm = parsed.signature_algorithm();
    let hash = if algorithm.oid == RSASSA_PSS {
        pss_hash(&algorithm.parameters.as_ref()?.to_der().ok()?)?
    } else {
        signature_hash(algorithm.oid)?
    };
    Some(match hash {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

fn signature_hash(oid: ObjectIdentifier) -> Option<Hash> {
    SIGNATURES.iter().find(|(text, _)| oid == ObjectIdentifier::new_unwrap(text)).map(
        |(_, hash)| match hash {
            384 => Hash::Sha384,
            512 => Hash::Sha512,
            _ => Hash::Sha256,
        },
    )
}

/// The hash function in the parameters of RSASSA-PSS (RFC 4055): SHA-1, and so SHA-256, where none is named.
fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let mut reader = SliceReader::new(parameters).ok()?;
    let named = reader
        .sequence(|sequence: &mut SliceReader<'_>| {
            let hash: Option<ContextSpecific<AlgorithmIdentifierRef<'_>>> =
                ContextSpecific::decode_explicit(sequence, x509_cert::der::TagNumber(0))?;
            let oid = hash.map(|hash| hash.value.oid);
            // What follows, the mask and the salt, does not matter here.
            while !sequence.is_finished() {
                AnyRef::decode(sequence)?;
            }
            Ok::<_, x509_cert::der::Error>(oid)
        })
        .ok()?;
    let Some(oid) = named else { return Some(Hash::Sha256) };
    let is = |text| oid == ObjectIdentifier::new_unwrap(text);
    if is(SHA_1) || is(SHA_256) {
        Some(Hash::Sha256)
    } else if is(SHA_384) {
        Some(Hash::Sha384)
    } else if is(SHA_512) {
        Some(Hash::Sha512)
    } else {
        None
    }
}

const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA_1: &str = "1.3.14.3.2.26";
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const SHA_384: &str = "2.16.840.1.101.3.4.2.2";
const SHA_512: &str = "2.16.840.1.101.3.4.2.3";

/// Signature algorithms and the bits of their hash.
const SIGNATURES: [(&str, u16); 9] = [
    ("1.2.840.113549.1.1.4", 128),  // md5WithRSAEncryption
    ("1.2.840.113549.1.1.5", 160),  // sha1WithRSAEncryption
    ("1.2.840.113549.1.1.11", 256), // sha256WithRSAEncryption
    ("1.2.840.113549.1.1.12", 384), // sha384WithRSAEncryption
    ("1.2.840.113549.1.1.13", 512), // sha512WithRSAEncryption
    ("1.2.840.10045.4.1", 160),     // ecdsa-with-SHA1
    ("1.2.840.10045.4.3.2", 256),   // ecdsa-with-SHA256
    ("1.2.840.10045.4.3.3", 384),   // ecdsa-with-SHA384
    ("1.2.840.10045.4.3.4", 512),   // ecdsa-with-SHA512
];
