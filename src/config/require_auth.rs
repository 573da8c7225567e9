//! `RequireAuth`: by which methods the server may have us prove who we are.

use std::fmt;
use std::str::FromStr;

use crate::config::choice::invalid;
use crate::error::Error;

/// A method of authentication, as [`RequireAuth`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// No authentication: the server trusts the client, or asks for a certificate only.
    None,
    /// The password as it is. Nobody but TLS hides it.
    Password,
    /// The MD5 hash of the password.
    Md5,
    /// GSSAPI, which this crate does not speak.
    Gss,
    /// SSPI, which this crate does not speak.
    Sspi,
    /// SCRAM-SHA-256, with channel binding or without.
    ScramSha256,
    /// OAuth, which this crate does not speak.
    Oauth,
}

impl AuthMethod {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Password,
        Self::Md5,
        Self::Gss,
        Self::Sspi,
        Self::ScramSha256,
        Self::Oauth,
    ];

    /// Returns the method as it is written in a connection string.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Gss => "gss",
            Self::Sspi => "sspi",
            Self::ScramSha256 => "scram-sha-256",
            Self::Oauth => "oauth",
        }
    }
}

impl FromStr for AuthMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|method| method.as_str() == text);
        found.ok_or_else(|| invalid("require_auth", text, &Self::ALL.map(Self::as_str)))
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The methods that the server may use, or the ones that it may not.
///
/// A server that does not ask for authentication at all uses [`AuthMethod::None`].
///
/// # Examples
///
/// ```
/// use aiopg::{AuthMethod, RequireAuth};
///
/// let strong = RequireAuth::only([AuthMethod::ScramSha256]);
/// assert!(!strong.allows(AuthMethod::None));
/// assert_eq!("!password,!md5".parse::<RequireAuth>()?.to_string(), "!password,!md5");
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [`require_auth`](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireAuth {
    listed: Vec<AuthMethod>,
    sense: Sense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Only,
    AllBut,
}

impl RequireAuth {
    /// Returns the list that allows these methods. Without any it allows none.
    pub fn only(methods: impl IntoIterator<Item = AuthMethod>) -> Self {
        let listed = distinct(methods);
        // An empty list would be written as nothing, which allows everything.
        if listed.is_empty() {
            return Self::all_but(AuthMethod::ALL);
        }
        Self { listed, sense: Sense::Only }
    }

    /// Returns the list that allows every method but these.
    pub fn all_but(methods: impl IntoIterator<Item = AuthMethod>) -> Self {
        Self { listed: distinct(methods), sense: Sense::AllBut }
    }

    /// Tells whether the server may use `method`.
    pub fn allows(&self, method: AuthMethod) -> bool {
        self.listed.contains(&method) == (self.sense == Sense::Only)
    }
}

fn distinct(methods: impl IntoIterator<Item = AuthMethod>) -> Vec<AuthMethod> {
    let mut listed = Vec::new();
    for method in methods {
        if !listed.contains(&method) {
            listed.push(method);
        }
    }
    listed
}

impl FromStr for RequireAuth {
    type Err = Error;

    /// As in libpq, an empty text allows everything, and a method may stand once.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut list = Self::all_but([]);
        if text.is_empty() {
            return Ok(list);
        }
        for (index, part) in text.split(',').enumerate() {
            let (sense, name) = match part.strip_prefix('!') {
                Some(name) => (Sense::AllBut, name),
                None => (Sense::Only, part),
            };
            if index == 0 {
                list.sense = sense;
            } else if list.sense != sense {
                let text = "invalid require_auth: methods with \"!\" and without are mixed";
                return Err(Error::config(text));
            }
            let method = name.parse()?;
            if list.listed.contains(&method) {
                let text = format!("invalid require_auth: \"{method}\" stands there twice");
                return Err(Error::config(text));
            }
            list.listed.push(method);
        }
        Ok(list)
    }
}

impl fmt::Display for RequireAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.sense == Sense::Only { "" } else { "!" };
        for (index, method) in self.listed.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{sign}{method}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> RequireAuth {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_is_listed_is_allowed() {
        let methods = list("md5,scram-sha-256");
        assert!(methods.allows(AuthMethod::Md5) && methods.allows(AuthMethod::ScramSha256));
        assert!(!methods.allows(AuthMethod::None) && !methods.allows(AuthMethod::Password));
        assert!(list("none").allows(AuthMethod::None));
    }

    #[test]
    fn what_is_negated_is_not_allowed() {
        let methods = list("!password,!none");
        assert!(!methods.allows(AuthMethod::Password) && !methods.allows(AuthMethod::None));
        assert!(methods.allows(AuthMethod::Md5));
        assert!(AuthMethod::ALL.into_iter().all(|method| list("").allows(method)));
    }

    #[test]
    fn an_empty_list_allows_nothing_even_as_text() {
        let nothing = RequireAuth::only([]);
        let again = list(&nothing.to_string());
        assert_eq!(nothing, again);
        assert!(AuthMethod::ALL.into_iter().all(|method| !again.allows(method)));
    }

    #[test]
    fn mixed_doubled_and_unrecognized_methods_are_refused() {
        for text in
            ["md5,!none", "!md5,none", "md5,md5", "!md5,!md5", "foo", "md5,", "md5, none", "!"]
        {
            assert!(text.parse::<RequireAuth>().is_err(), "{text}");
        }
    }

    #[test]
    fn lists_are_written_as_they_are_read() {
        for text in ["", "none", "md5,gss", "!sspi,!oauth"] {
            assert_eq!(list(text).to_string(), text);
        }
        assert_eq!(RequireAuth::only([AuthMethod::Md5, AuthMethod::Md5]).to_string(), "md5");
    }
}
