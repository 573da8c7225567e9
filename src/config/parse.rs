//! Connection strings: a `Config` from a URI or from `key=value` pairs.

use std::str::FromStr;

use crate::config::settings::Config;
use crate::config::{conninfo, keyword, uri};
use crate::error::Error;

impl FromStr for Config {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let pairs = uri::pairs(text).unwrap_or_else(|| conninfo::pairs(text))?;
        let config = pairs
            .iter()
            .try_fold(Self::new(), |config, (key, value)| keyword::apply(config, key, value))?;
        config.hosts_and_ports()?;
        Ok(config)
    }
}

impl TryFrom<&str> for Config {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for Config {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Config {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::host::Host;
    use crate::error::Kind;

    #[test]
    fn ports_go_with_hosts() {
        let hosts = |text: &str| text.parse::<Config>().unwrap().hosts_and_ports().unwrap();
        let tcp = |name: &str, port| (Host::Tcp(name.to_owned()), port);
        assert_eq!(hosts("user=a"), [tcp("localhost", 5432)]);
        assert_eq!(hosts("host=a,b"), [tcp("a", 5432), tcp("b", 5432)]);
        assert_eq!(hosts("host=a,b port=1"), [tcp("a", 1), tcp("b", 1)]);
        assert_eq!(hosts("host=a,b port=1,"), [tcp("a", 1), tcp("b", 5432)]);
        assert_eq!(hosts("postgresql://a:1,b:2"), [tcp("a", 1), tcp("b", 2)]);
        let error = "host=a,b port=1,2,3".parse::<Config>().unwrap_err();
        assert_eq!(error.to_string(), "3 ports do not match 2 hosts");
    }

    #[test]
    fn what_is_wrong_in_a_connection_string_is_named() {
        let error = |text: &str| {
            let error = text.parse::<Config>().unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            error.to_string()
        };
        assert_eq!(error("port=x"), "invalid port \"x\": a number from 1 to 65535 is expected");
        assert_eq!(error("port=0"), "invalid port \"0\": a number from 1 to 65535 is expected");
        assert_eq!(
            error("connect_timeout=soon"),
            "invalid connect_timeout \"soon\": a number of seconds is expected"
        );
        assert_eq!(error("hots=a"), "unrecognized key word \"hots\": did you mean \"host\"?");
        assert_eq!(error("zzzzzz=a"), "unrecognized key word \"zzzzzz\"");
        assert!(error("sslmode=require").contains("no TLS"));
    }
}
