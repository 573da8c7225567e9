//! The answer to `AuthenticationMD5Password`.

use postgres_protocol::authentication::md5_hash;

/// The body of the `PasswordMessage`: "md5" and 32 hexadecimal digits, without the closing zero.
///
/// The password goes in as it is: `SASLprep` belongs to SCRAM.
///
/// # Source
///
/// `protocol-flow.html#PROTOCOL-FLOW-START-UP`, under `AuthenticationMD5Password`.
pub(crate) fn md5_password(user: &[u8], password: &[u8], salt: [u8; 4]) -> String {
    md5_hash(user, password, salt)
}

#[cfg(test)]
mod tests {
    use crate::auth::md5::md5_password;

    #[test]
    fn md5_password_agrees_with_the_manual() {
        // concat('md5', md5(concat(md5(concat(password, username)), random-salt)))
        assert_eq!(
            md5_password(b"alice", b"sesame", *b"\x01\x02\xfe\xff"),
            "md58c87106b6d55b78f3a35fdad231265a8"
        );
    }
}
