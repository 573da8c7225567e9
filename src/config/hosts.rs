//! The lists of `host`, `hostaddr` and `port`, one entry for each server.

use std::path::PathBuf;

use crate::config::check;
use crate::config::environment::Environment;
use crate::config::host::{DEFAULT_PORT, Host};
use crate::config::keyword::KeyWord;
use crate::config::values::Values;
use crate::error::Error;

/// One entry of the lists; what is empty there is `None` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) host: Option<String>,
    pub(crate) hostaddr: Option<String>,
    pub(crate) port: u16,
}

/// The entries, at least one; as in libpq, `hostaddr` says how many there are, and then `host`.
pub(crate) fn slots(values: &Values) -> Result<Vec<Slot>, Error> {
    let (hosts, addresses) = (list(values, KeyWord::Host), list(values, KeyWord::Hostaddr));
    let ports = list(values, KeyWord::Port);
    let count = if addresses.is_empty() { hosts.len().max(1) } else { addresses.len() };
    if !hosts.is_empty() && hosts.len() != count {
        let text = format!("{} values of host do not match {count} of hostaddr", hosts.len());
        return Err(Error::config(text));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(Error::config(format!("{} ports do not match {count} hosts", ports.len())));
    }
    let filled = |list: &[&str], index: usize| {
        list.get(index).filter(|entry| !entry.is_empty()).map(|&entry| entry.to_owned())
    };
    let slot = |index: usize| {
        let port = ports.get(index).or_else(|| ports.first()).map(|text| check::port(text));
        Ok(Slot {
            host: filled(&hosts, index),
            hostaddr: filled(&addresses, index),
            port: port.transpose()?.unwrap_or(DEFAULT_PORT),
        })
    };
    (0..count).map(slot).collect()
}

/// The entries of a list; of an empty one, none.
fn list(values: &Values, word: KeyWord) -> Vec<&str> {
    values.filled(word).map_or_else(Vec::new, |list| list.split(',').collect())
}

/// Where to connect if neither `host` nor `hostaddr` says it: to this machine's server.
///
/// The directory is compiled into libpq. Ours is that of the server that is running, if there is one.
pub(crate) fn default_host(port: u16, environment: &dyn Environment) -> Host {
    let directories = environment.socket_directories();
    let holds_socket =
        |directory: &&PathBuf| environment.status(&Host::socket_path(directory, port)).is_ok();
    let exists = |directory: &&PathBuf| environment.status(directory).is_ok();
    let found = directories.iter().find(holds_socket);
    let found = found.or_else(|| directories.iter().find(exists)).or_else(|| directories.last());
    found.map_or_else(|| Host::Tcp("localhost".to_owned()), |found| Host::Unix(found.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::{Fake, FileKind, FileStatus, Nothing};

    fn of(host: &str, hostaddr: &str, port: &str) -> Result<Vec<Slot>, String> {
        let mut values = Values::default();
        values.set(KeyWord::Host, host);
        values.set(KeyWord::Hostaddr, hostaddr);
        values.set(KeyWord::Port, port);
        slots(&values).map_err(|error| error.to_string())
    }

    fn slot(host: &str, hostaddr: &str, port: u16) -> Slot {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Slot { host: filled(host), hostaddr: filled(hostaddr), port }
    }

    #[test]
    fn ports_go_with_hosts() {
        assert_eq!(of("", "", ""), Ok(vec![slot("", "", 5432)]));
        assert_eq!(of("a,b", "", ""), Ok(vec![slot("a", "", 5432), slot("b", "", 5432)]));
        assert_eq!(of("a,b", "", "1"), Ok(vec![slot("a", "", 1), slot("b", "", 1)]));
        assert_eq!(of("a,b", "", "1,"), Ok(vec![slot("a", "", 1), slot("b", "", 5432)]));
        assert_eq!(of(",a", "", ""), Ok(vec![slot("", "", 5432), slot("a", "", 5432)]));
    }

    #[test]
    fn addresses_say_how_many_there_are() {
        assert_eq!(of("", "::1,", "7"), Ok(vec![slot("", "::1", 7), slot("", "", 7)]));
        assert_eq!(of("a,b", ",::1", ""), Ok(vec![slot("a", "", 5432), slot("b", "::1", 5432)]));
    }

    #[test]
    fn lists_of_different_length_are_refused() {
        assert_eq!(of("a,b", "", "1,2,3"), Err("3 ports do not match 2 hosts".into()));
        assert_eq!(of("", "", "1,2"), Err("2 ports do not match 1 hosts".into()));
        assert_eq!(of("a,b", "::1", ""), Err("2 values of host do not match 1 of hostaddr".into()));
    }

    #[test]
    fn the_default_is_where_a_server_listens() {
        let here = FileStatus { kind: FileKind::Other, mode: None };
        let unix = |directory: &str| Host::Unix(directory.into());
        assert_eq!(default_host(5432, &Nothing), Host::Tcp("localhost".into()));
        assert_eq!(default_host(5432, &Fake::new()), unix("/tmp"));
        let both = Fake::new().special("/tmp", here, "").special("/var/run/postgresql", here, "");
        assert_eq!(default_host(5432, &both), unix("/var/run/postgresql"));
        let running = both.special("/tmp/.s.PGSQL.5433", here, "");
        assert_eq!(default_host(5433, &running), unix("/tmp"));
        assert_eq!(default_host(5432, &running), unix("/var/run/postgresql"));
    }
}
