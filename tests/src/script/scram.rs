//! The server's side of SCRAM-SHA-256, for the password `secret` and a fixed salt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a server knows of the password `secret`: PBKDF2 with 64 rounds, computed by Python's `hashlib`.
const SALTED_PASSWORD: [u8; 32] = [
    0xed, 0x05, 0x2a, 0xe1, 0x55, 0x38, 0xe5, 0x5c, 0xfd, 0x12, 0xc9, 0x32, 0x9e, 0x96, 0xbc, 0x93,
    0x4c, 0xb8, 0xb9, 0xfc, 0x2c, 0x00, 0xa5, 0x8b, 0x68, 0xd1, 0x8b, 0x8f, 0x22, 0x9f, 0x1e, 0x24,
];

/// `salt of the server`, and the rounds.
pub const SALT_AND_ROUNDS: &str = "s=c2FsdCBvZiB0aGUgc2VydmVy,i=64";

/// One exchange.
#[derive(Debug, Default)]
pub struct Exchange {
    client_first_bare: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    /// Takes the body of `SASLInitialResponse` and answers with the server's first message.
    pub fn first(&mut self, body: &[u8]) -> String {
        let rest = body.strip_prefix(b"SCRAM-SHA-256\0").expect("the mechanism");
        let (length, data) = rest.split_at(4);
        let length = i32::from_be_bytes(length.try_into().expect("four bytes"));
        assert_eq!(usize::try_from(length), Ok(data.len()));
        let text = std::str::from_utf8(data).expect("ASCII");
        text.strip_prefix("n,,")
            .expect("no channel binding")
            .clone_into(&mut self.client_first_bare);
        let (_, nonce) = self.client_first_bare.split_once("r=").expect("a nonce");
        self.nonce = format!("{nonce}+server");
        self.server_first = format!("r={},{SALT_AND_ROUNDS}", self.nonce);
        self.server_first.clone()
    }

    /// Takes the body of `SASLResponse`, checks the proof and answers with the server's.
    pub fn last(&self, body: &[u8]) -> String {
        let text = std::str::from_utf8(body).expect("ASCII");
        let (without_proof, proof) = text.split_once(",p=").expect("a proof");
        assert_eq!(without_proof, format!("c=biws,r={}", self.nonce));
        let signed = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);

        let client_key = hmac(&SALTED_PASSWORD, b"Client Key");
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let mut expected = hmac(&stored_key, signed.as_bytes());
        expected.iter_mut().zip(client_key).for_each(|(byte, key)| *byte ^= key);
        assert_eq!(proof, STANDARD.encode(expected), "the client knows the password");

        let server_key = hmac(&SALTED_PASSWORD, b"Server Key");
        format!("v={}", STANDARD.encode(hmac(&server_key, signed.as_bytes())))
    }
}

fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}
