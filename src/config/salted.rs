//! `SaltedPasswords`: the outcome of key stretching, kept so that a reconnect need not repeat it.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::auth::SaltedPassword;
use crate::config::secret::Secret;

/// What was stretched last, for a password, a salt and an iteration count. Shared by the clones of a `Config`.
///
/// One entry is enough: a configuration has one role, and a role has one salt until its password changes.
#[derive(Default)]
pub(crate) struct SaltedPasswords(Mutex<Option<Entry>>);

struct Entry {
    password: Secret,
    salt: Vec<u8>,
    iterations: u32,
    salted: SaltedPassword,
}

impl SaltedPasswords {
    pub(crate) fn find(
        &self,
        password: &Secret,
        salt: &[u8],
        iterations: u32,
    ) -> Option<SaltedPassword> {
        let entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entry.as_ref().filter(|entry| {
            entry.password.expose() == password.expose()
                && entry.salt == salt
                && entry.iterations == iterations
        });
        entry.map(|entry| entry.salted.clone())
    }

    pub(crate) fn keep(
        &self,
        password: Secret,
        salt: Vec<u8>,
        iterations: u32,
        salted: SaltedPassword,
    ) {
        let mut entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *entry = Some(Entry { password, salt, iterations, salted });
    }
}

impl fmt::Debug for SaltedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedPasswords(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::stretch;

    #[test]
    fn only_the_same_password_salt_and_count_are_found() {
        let cache = SaltedPasswords::default();
        let password = Secret::new("secret");
        assert!(cache.find(&password, b"salt", 1).is_none());
        cache.keep(password.clone(), b"salt".to_vec(), 1, stretch(b"secret", b"salt", 1));
        assert!(cache.find(&password, b"salt", 1).is_some());
        assert!(cache.find(&Secret::new("other"), b"salt", 1).is_none());
        assert!(cache.find(&password, b"pepper", 1).is_none());
        assert!(cache.find(&password, b"salt", 2).is_none());
    }
}
