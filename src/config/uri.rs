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
    // As in libpq, the first "@" ends the user, even behind a "?", unless a "/" comes first.
    let rest = match rest.split_once(['@', '/']) {
        Some((user, hosts)) if rest.as_bytes().get(user.len()) == Some(&b'@') => {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            push(&mut pairs, "user", user)?;
            push(&mut pairs, "password", password)?;
            hosts
        }
        _ => rest,
    };
    let rest = push_hosts(&mut pairs, rest)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    push(&mut pairs, "dbname", path.strip_prefix('/').unwrap_or(path))?;
    push_parameters(&mut pairs, query)?;
    Ok(pairs)
}

/// Adds a pair unless the value is empty, which in a URI means that it is not given.
fn push(pairs: &mut Vec<(String, String)>, key: &str, value: &str) -> Result<(), Error> {
    if !value.is_empty() {
        pairs.push((key.to_owned(), decode(key, value)?));
    }
    Ok(())
}

/// Adds the list of hosts and the list of ports, and returns what follows them.
fn push_hosts<'a>(pairs: &mut Vec<(String, String)>, text: &'a str) -> Result<&'a str, Error> {
    let (mut hosts, mut ports) = (String::new(), String::new());
    let mut rest = text;
    loop {
        let (host, after) = host(rest)?;
        hosts.push_str(host);
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            let (port, after) = split_before(after, &['/', '?', ',']);
            ports.push_str(port);
            rest = after;
        }
        let Some(after) = rest.strip_prefix(',') else { break };
        hosts.push(',');
        ports.push(',');
        rest = after;
    }
    push(pairs, "host", &hosts)?;
    push(pairs, "port", &ports)?;
    Ok(rest)
}

/// The first host of a list, and what follows it.
fn host(text: &str) -> Result<(&str, &str), Error> {
    let Some(rest) = text.strip_prefix('[') else {
        return Ok(split_before(text, &[':', '/', '?', ',']));
    };
    let invalid = |text| Err(Error::config(text));
    match rest.split_once(']') {
        None => invalid("an IPv6 address in the connection URI lacks its \"]\""),
        Some(("", _)) => invalid("an IPv6 address in the connection URI is empty"),
        Some((_, after)) if !after.is_empty() && !after.starts_with([':', '/', '?', ',']) => {
            invalid("in the connection URI \":\" or \"/\" is expected after \"]\"")
        }
        Some(found) => Ok(found),
    }
}

/// What comes before the first of `ends`, and the rest with it.
fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.find(ends).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

fn push_parameters(pairs: &mut Vec<(String, String)>, query: &str) -> Result<(), Error> {
    // One "&" may stand at the end.
    let query = query.strip_suffix('&').filter(|rest| !rest.is_empty()).unwrap_or(query);
    if query.is_empty() {
        return Ok(());
    }
    for parameter in query.split('&') {
        let (key, value) =
            parameter.split_once('=').filter(|(_, value)| !value.contains('=')).ok_or_else(
                || Error::config("a parameter in the connection URI does not have one \"=\""),
            )?;
        let key = decode("a parameter's name", key)?;
        let value = decode("a parameter's value", value)?;
        pairs.push(match (key.as_str(), value.as_str()) {
            // As the URIs for JDBC say it.
            ("ssl", "true") => ("sslmode".to_owned(), "require".to_owned()),
            _ => (key, value),
        });
    }
    Ok(())
}

/// Decodes one part. Spaces around it are dropped, as in libpq; inside they must be encoded.
fn decode(key: &str, text: &str) -> Result<String, Error> {
    let invalid = || Error::config(format!("{key} in the connection URI is not validly encoded"));
    let text = text.trim_matches(' ');
    let digits = |rest: &str| {
        let digits = rest.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    };
    if text.contains(' ') || text.split('%').skip(1).any(|rest| !digits(rest)) {
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
            "postgresql://u:secret%4@h",
            "postgresql://u:sec ret@h",
            "postgresql://u:secret@[::1",
            "postgresql://h?secret",
            "postgresql://u:secret%00@h/d",
            "postgresql://u:secret%ff@h/d",
        ] {
            let error = pairs(text).unwrap().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(pairs("host=db").is_none());
    }
}
