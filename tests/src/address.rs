//! Where a server is reached, and how that is written as a URL.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Where a server is reached.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) socket_dir: Option<PathBuf>,
    pub(crate) dbname: String,
    pub(crate) url: Option<String>,
}

impl Address {
    /// Only as much of a URL as the accessors need; connecting goes by the whole text.
    pub(crate) fn parse(url: &str) -> io::Result<Self> {
        let invalid =
            || io::Error::other("TEST_DATABASE_URL is not postgresql://user@host:port/dbname");
        let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err(invalid());
        }
        let rest = rest.split('?').next().unwrap_or(rest);
        let (place, dbname) = rest.split_once('/').unwrap_or((rest, ""));
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| invalid())?)
            }
            _ => (place, 5432),
        };
        Ok(Self {
            host: if host.is_empty() { "localhost".to_owned() } else { host.to_owned() },
            port,
            socket_dir: None,
            dbname: if dbname.is_empty() { "postgres".to_owned() } else { dbname.to_owned() },
            url: Some(url.to_owned()),
        })
    }

    /// A connection URL over TCP. An empty password is left out.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        let Self { host, port, dbname, .. } = self;
        let user = escape(user);
        let password =
            if password.is_empty() { String::new() } else { format!(":{}", escape(password)) };
        format!("postgresql://{user}{password}@{host}:{port}/{dbname}")
    }
}

/// Percent-encodes everything but letters, digits and what is always safe.
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_taken_apart() {
        let address =
            Address::parse("postgres://me:pa@ss@db.example:6000/main?sslmode=disable").unwrap();
        assert_eq!(
            (address.host.as_str(), address.port, address.dbname.as_str()),
            ("db.example", 6000, "main")
        );
        let address = Address::parse("postgresql://").unwrap();
        assert_eq!(
            (address.host.as_str(), address.port, address.dbname.as_str()),
            ("localhost", 5432, "postgres")
        );
        assert!(Address::parse("mysql://localhost").is_err());
    }

    #[test]
    fn url_escapes_what_it_must() {
        let address = Address::parse("postgres://localhost:6000/main").unwrap();
        assert_eq!(address.url_of("a b", "p@ss"), "postgresql://a%20b:p%40ss@localhost:6000/main");
    }
}
