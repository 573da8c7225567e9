//! `postgresql://` URIs, taken apart into pairs.

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// The pairs of a URI, or `None` if `text` is no PostgreSQL URI.
///
/// # Source
///
/// [Connection URIs](https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS)
pub(crate) fn pairs(text: &str) -> Option<Result<Vec<(String, String)>, Error>> {
    let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))?;
    Some(parts(rest))
}

fn parts(rest: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Vec::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts = match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            push(&mut pairs, "user", user)?;
            push(&mut pairs, "password", password)?;
            hosts
        }
        None => authority,
    };
    push_hosts(&mut pairs, hosts)?;
    push(&mut pairs, "dbname", path)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter
            .split_once('=')
            .ok_or_else(|| Error::config("a parameter in the connection URI lacks its \"=\""))?;
        let key = decode("a parameter's name", key)?;
        pairs.push((key.clone(), decode(&key, value)?));
    }
    Ok(pairs)
}

/// Adds a pair unless the value is empty, which in a URI means that it is not given.
fn push(pairs: &mut Vec<(String, String)>, key: &str, value: &str) -> Result<(), Error> {
    if !value.is_empty() {
        pairs.push((key.to_owned(), decode(key, value)?));
    }
    Ok(())
}

/// Adds the list of hosts and, where one of them has a port, the list of ports.
fn push_hosts(pairs: &mut Vec<(String, String)>, list: &str) -> Result<(), Error> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for entry in list.split(',') {
        let (host, port) = match entry.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']').ok_or_else(|| {
                    Error::config("an IPv6 address in the connection URI lacks its \"]\"")
                })?;
                let port = rest.strip_prefix(':').unwrap_or(rest);
                (address, port)
            }
            None => entry.split_once(':').unwrap_or((entry, "")),
        };
        hosts.push(decode("host", host)?);
        ports.push(decode("port", port)?);
    }
    if hosts.iter().any(|host| !host.is_empty()) {
        pairs.push(("host".to_owned(), hosts.join(",")));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    Ok(())
}

fn decode(key: &str, text: &str) -> Result<String, Error> {
    let invalid =
        || Error::config(format!("\"{key}\" in the connection URI is not validly encoded"));
    let digits = |rest: &str| {
        let digits = rest.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    };
    if text.split('%').skip(1).any(|rest| !digits(rest)) {
        return Err(invalid());
    }
    percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        pairs(text).unwrap().unwrap()
    }

    fn expect(text: &str, pairs: &[(&str, &str)]) {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parsed(text), pairs, "{text}");
    }

    #[test]
    fn every_part_of_a_uri_is_found() {
        expect("postgresql://", &[]);
        expect("postgres://localhost", &[("host", "localhost")]);
        expect("postgresql:///db", &[("dbname", "db")]);
        expect(
            "postgresql://ada:p%40ss@db:5433/my%20db?connect_timeout=10&application_name=a",
            &[
                ("user", "ada"),
                ("password", "p@ss"),
                ("host", "db"),
                ("port", "5433"),
                ("dbname", "my db"),
                ("connect_timeout", "10"),
                ("application_name", "a"),
            ],
        );
        expect(
            "postgresql://u@/db?host=/run/pg",
            &[("user", "u"), ("dbname", "db"), ("host", "/run/pg")],
        );
        expect("postgresql://%2Frun%2Fpg/db", &[("host", "/run/pg"), ("dbname", "db")]);
    }

    #[test]
    fn several_hosts_and_ipv6_addresses_are_told_apart() {
        expect(
            "postgresql://a:1,b,[::1]:3/d",
            &[("host", "a,b,::1"), ("port", "1,,3"), ("dbname", "d")],
        );
        expect("postgresql://[2001:db8::1]/d", &[("host", "2001:db8::1"), ("dbname", "d")]);
    }

    #[test]
    fn broken_uris_are_refused_without_repeating_the_password() {
        for text in [
            "postgresql://u:secret%zz@h/d",
            "postgresql://u:secret%4",
            "postgresql://u:secret@[::1",
            "postgresql://h?secret",
            "postgresql://u:secret%00@h/d",
            "postgresql://u:secret%ff@h/d",
        ] {
            match pairs(text).unwrap() {
                Ok(pairs) => assert_eq!(text, "postgresql://u:secret%4", "{pairs:?}"),
                Err(error) => assert!(!error.to_string().contains("secret"), "{error}"),
            }
        }
        assert!(pairs("host=db").is_none());
    }
}
