//! The password file: who has which password where.
//!
//! # Source
//!
//! [The password file](https://www.postgresql.org/docs/18/libpq-pgpass.html)

use std::path::Path;

use crate::config::environment::{Environment, FileKind};
use crate::config::secret::Secret;

/// What a line of the file must fit.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    /// The names that the host goes by.
    pub(crate) hosts: Vec<&'a str>,
    pub(crate) port: u16,
    pub(crate) dbname: &'a str,
    pub(crate) user: &'a str,
}

/// The content of a password file.
pub(crate) struct Passfile(Vec<u8>);

impl Passfile {
    /// Reads the file. If it does not exist, there is none; if it may not be used, `warnings` says why.
    pub(crate) fn read(
        path: &Path,
        environment: &dyn Environment,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let status = environment.status(path).ok()?;
        let reason = match (status.kind, status.mode) {
            (FileKind::Other, _) => "it is not a regular file",
            (FileKind::Regular, Some(mode)) if mode & 0o077 != 0 => {
                "group or others have access to it; its permissions should be 0600 or less"
            }
            (FileKind::Regular, _) => return environment.read(path).ok().map(Self),
        };
        warnings.push(format!("password file \"{}\" is not used: {reason}", path.display()));
        None
    }

    /// The password on the first line that fits.
    pub(crate) fn password(&self, wanted: &Wanted<'_>) -> Option<Secret> {
        // A password that is not UTF-8 cannot be one of ours.
        let lines =
            self.0.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
        let password =
            lines.map(|line| line.trim_end_matches('\r')).find_map(|line| fit(line, wanted));
        password.filter(|password| !password.is_empty()).map(Secret::new)
    }
}

/// The password of a line, if it fits.
fn fit(line: &str, wanted: &Wanted<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let port = wanted.port.to_string();
    let rest = wanted.hosts.iter().find_map(|host| field(line, host))?;
    let rest = field(rest, &port)?;
    let rest = field(rest, wanted.dbname)?;
    let rest = field(rest, wanted.user)?;
    let mut password = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => break,
            // One at the end stands for itself.
            '\\' => password.push(chars.next().unwrap_or('\\')),
            c => password.push(c),
        }
    }
    Some(password)
}

/// What follows the first field of `line`, if that is a star or `wanted`.
fn field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut rest = line.chars();
    for expected in wanted.chars() {
        // As in libpq, a colon that is wanted need not be escaped.
        let found = match rest.next()? {
            '\\' => rest.next()?,
            c => c,
        };
        if found != expected {
            return None;
        }
    }
    rest.as_str().strip_prefix(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::{Fake, FileStatus};

    fn wanted() -> Wanted<'static> {
        Wanted { hosts: vec!["db"], port: 5432, dbname: "shop", user: "ada" }
    }

    fn found(content: &str) -> Option<String> {
        let file = Passfile(content.into());
        file.password(&wanted()).map(|password| password.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        assert_eq!(found("db:5432:shop:ada:one\n*:*:*:*:two\n").as_deref(), Some("one"));
        assert_eq!(found("db:5433:shop:ada:one\n*:*:*:*:two\n").as_deref(), Some("two"));
        assert_eq!(found("db:5432:shop:bob:one\r\ndb:*:*:ada:two\r\n").as_deref(), Some("two"));
        assert_eq!(found("db:5432:shop:ada:\n*:*:*:*:two\n"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn comments_and_broken_lines_are_passed_over() {
        assert_eq!(found("#db:5432:shop:ada:one"), None);
        assert_eq!(
            found("db\ndb:5432\n::::\ndb:5432:shop:ada\n\n*:*:*:*:two").as_deref(),
            Some("two")
        );
        let file = Passfile(b"db:5432:shop:ada:\xff\n*:*:*:*:two".to_vec());
        assert_eq!(file.password(&wanted()).unwrap().expose(), "two");
    }

    #[test]
    fn a_backslash_escapes() {
        assert_eq!(found(r"d\b:5432:shop:ada:a\:b\\c:d").as_deref(), Some(r"a:b\c"));
        assert_eq!(found(r"*:*:*:*:end\").as_deref(), Some(r"end\"));
        assert_eq!(found(r"\*:*:*:*:x"), None);
        let odd = Wanted { hosts: vec!["::1"], port: 1, dbname: r"a\b", user: "*" };
        let password = |text: &str| {
            Passfile(text.into()).password(&odd).map(|password| password.expose().to_owned())
        };
        assert_eq!(password(r"\:\:1:1:a\\b:*:x").as_deref(), Some("x"));
        assert_eq!(password(r"::1:1:a\\b:*:x").as_deref(), Some("x"));
        assert_eq!(password(r"\:\:1:1:a\b:*:x"), None);
    }

    #[test]
    fn every_name_of_the_host_fits() {
        let file = Passfile(b"localhost:*:*:*:x".to_vec());
        assert!(file.password(&wanted()).is_none());
        let local = Wanted { hosts: vec!["/tmp", "localhost"], ..wanted() };
        assert_eq!(file.password(&local).unwrap().expose(), "x");
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        let read = |kind, mode| {
            let file = Fake::new().special("/pw", FileStatus { kind, mode }, "*:*:*:*:x");
            let mut warnings = Vec::new();
            let read = Passfile::read(Path::new("/pw"), &file, &mut warnings);
            (read.is_some(), warnings.pop())
        };
        assert_eq!(read(FileKind::Regular, Some(0o100_600)), (true, None));
        assert_eq!(read(FileKind::Regular, Some(0o100_400)), (true, None));
        assert_eq!(read(FileKind::Regular, None), (true, None));
        for mode in [0o100_640, 0o100_604, 0o100_610, 0o100_666] {
            let (used, warning) = read(FileKind::Regular, Some(mode));
            assert!(!used && warning.unwrap().contains("\"/pw\" is not used: group"));
        }
        let (used, warning) = read(FileKind::Other, Some(0o600));
        assert!(!used && warning.unwrap().contains("not a regular file"));
        let mut warnings = Vec::new();
        assert!(Passfile::read(Path::new("/no"), &Fake::new(), &mut warnings).is_none());
        assert!(warnings.is_empty());
    }
}
