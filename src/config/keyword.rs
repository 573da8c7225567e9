//! libpq's key words: one of them and its value, applied to a `Config`.

use std::time::Duration;

use crate::config::host::DEFAULT_PORT;
use crate::config::settings::Config;
use crate::error::Error;

/// The key words that are understood.
const KEY_WORDS: [&str; 9] = [
    "host",
    "port",
    "user",
    "dbname",
    "password",
    "connect_timeout",
    "application_name",
    "options",
    "sslmode",
];

/// Sets what `key` names to `value`.
pub(crate) fn apply(config: Config, key: &str, value: &str) -> Result<Config, Error> {
    Ok(match key {
        "host" => config.host(value),
        "port" => Config { ports: ports(value)?, ..config },
        "user" => config.user(value),
        "dbname" => config.dbname(value),
        "password" => config.password(value),
        "connect_timeout" => config.connect_timeout(seconds(value)?),
        "application_name" => config.application_name(value),
        "options" => config.options(value),
        "sslmode" => {
            sslmode(value)?;
            config
        }
        _ => return Err(unrecognized(key)),
    })
}

fn ports(value: &str) -> Result<Vec<u16>, Error> {
    let port = |text: &str| match text.parse() {
        _ if text.is_empty() => Ok(DEFAULT_PORT),
        Ok(0) | Err(_) => Err(Error::config(format!(
            "invalid port \"{text}\": a number from 1 to 65535 is expected"
        ))),
        Ok(port) => Ok(port),
    };
    value.split(',').map(port).collect()
}

/// As libpq reads it: zero and negative numbers are never.
fn seconds(value: &str) -> Result<Duration, Error> {
    let seconds: i64 = value.trim().parse().map_err(|_| {
        let text = format!("invalid connect_timeout \"{value}\": a number of seconds is expected");
        Error::config(text)
    })?;
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn sslmode(value: &str) -> Result<(), Error> {
    match value {
        "disable" | "allow" | "prefer" => Ok(()),
        "require" | "verify-ca" | "verify-full" => Err(Error::config(format!(
            "sslmode \"{value}\" cannot be met: there is no TLS in this version"
        ))),
        _ => Err(Error::config(format!("invalid sslmode \"{value}\""))),
    }
}

fn unrecognized(key: &str) -> Error {
    let near = KEY_WORDS.iter().map(|word| (distance(key, word), word)).min();
    Error::config(match near {
        Some((0..=2, word)) => format!("unrecognized key word \"{key}\": did you mean \"{word}\"?"),
        _ => format!("unrecognized key word \"{key}\""),
    })
}

/// How many characters must be inserted, removed or replaced to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, from) in a.chars().enumerate() {
        let mut corner = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(corner + usize::from(from != *to));
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("host", "host"), 0);
        assert_eq!(distance("hots", "host"), 2);
        assert_eq!(distance("", "host"), 4);
        assert_eq!(distance("pasword", "password"), 1);
    }
}
