//! A `Config` as a connection string.

use std::fmt::{self, Write as _};

use crate::config::builder::Config;
use crate::config::keyword::KeyWord;

impl Config {
    /// Returns the connection string that makes this configuration again, *with every password in it*. To show
    /// it to somebody, use `Display` instead.
    ///
    /// Only key words can stand there: hooks, and settings that libpq does not know, cannot.
    ///
    /// # Examples
    ///
    /// ```
    /// use aiopg::Config;
    ///
    /// let config: Config = "postgresql://ada:it's@db/shop".parse()?;
    /// assert_eq!(config.to_string(), "user='ada' password='***' dbname='shop' host='db'");
    /// let text = config.to_connection_string_with_password();
    /// assert_eq!(text, r"user='ada' password='it\'s' dbname='shop' host='db'");
    /// # Ok::<_, aiopg::Error>(())
    /// ```
    pub fn to_connection_string_with_password(&self) -> String {
        self.text(|_, value| value)
    }

    fn text(&self, shown: impl for<'a> Fn(KeyWord, &'a str) -> &'a str) -> String {
        let mut text = String::new();
        for (word, value) in self.values.iter() {
            let space = if text.is_empty() { "" } else { " " };
            let value = shown(word, value).replace('\\', r"\\").replace('\'', r"\'");
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{space}{}='{value}'", word.name());
        }
        text
    }
}

impl fmt::Display for Config {
    /// Prints the connection string, with stars in place of what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|word, value| if word.is_secret() { "***" } else { value }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_value_comes_back() {
        let mut config = Config::new();
        let values = ["", " ", "'", r"\", r"a\'b", "a b", "=", "\t\x0b", "é", "postgresql://"];
        for value in values {
            config = config
                .user(value)
                .password(value)
                .application_name(value)
                .sslpassword(value)
                .host(value);
            let again: Config = config.to_connection_string_with_password().parse().unwrap();
            assert_eq!(again.values, config.values, "{value}");
        }
    }

    #[test]
    fn secrets_are_masked() {
        let config = Config::new().user("ada").password("hunter2").sslpassword("hunter2");
        let expected = "user='ada' password='***' sslpassword='***'";
        assert_eq!(config.to_string(), expected);
        assert!(config.to_connection_string_with_password().contains("hunter2"));
    }

    #[test]
    fn times_are_rounded_up_to_libpq_units() {
        let config = Config::new()
            .connect_timeout(Duration::from_millis(1))
            .keepalives_idle(Duration::from_millis(1001))
            .tcp_user_timeout(Duration::MAX);
        let expected = "connect_timeout='1' keepalives_idle='2' tcp_user_timeout='2147483647'";
        assert_eq!(config.to_string(), expected);
    }
}
