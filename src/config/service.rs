//! The service file: key words under the name of a service.
//!
//! # Source
//!
//! [The connection service file](https://www.postgresql.org/docs/18/libpq-pgservice.html)

use std::path::{Path, PathBuf};

use crate::config::check::trimmed;
use crate::config::environment::{Environment, UserFile};
use crate::config::keyword::KeyWord;
use crate::config::values::Values;
use crate::error::{Error, OneLine};

/// What a service sets, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) word: KeyWord,
    pub(crate) value: String,
    /// The file and the line, for errors.
    pub(crate) source: String,
}

/// What the service sets, in order, if a service is named.
///
/// The user's file is searched first, and if the service is not there, the machine's.
pub(crate) fn values(
    explicit: &Values,
    environment: &dyn Environment,
) -> Result<Vec<Setting>, Error> {
    let named = |word: KeyWord| {
        let explicit = explicit.get(word).map(str::to_owned);
        explicit.or_else(|| environment.variable(word.variable()?))
    };
    let Some(service) = named(KeyWord::Service) else { return Ok(Vec::new()) };
    let exists = |path: &PathBuf| environment.status(path).is_ok();
    // A file that is named must exist.
    let own = named(KeyWord::Servicefile)
        .map(PathBuf::from)
        .or_else(|| environment.user_file(UserFile::Servicefile).filter(exists));
    let directory = environment.variable("PGSYSCONFDIR").map(PathBuf::from);
    let directory = directory.or_else(|| environment.system_directory());
    let system = directory.map(|path| path.join("pg_service.conf")).filter(exists);
    for path in own.iter().chain(&system) {
        if let Some(values) = section(path, &service, environment)? {
            return Ok(values);
        }
    }
    let service = OneLine(&service);
    Err(Error::config(format!("the definition of service \"{service}\" was not found")))
}

/// What the section of `service` sets, if the file has one.
fn section(
    path: &Path,
    service: &str,
    environment: &dyn Environment,
) -> Result<Option<Vec<Setting>>, Error> {
    let content = environment.read(path).map_err(|error| {
        let text = format!("could not read service file \"{}\"", path.display());
        Error::config(text).with_source(error)
    })?;
    let content = String::from_utf8_lossy(&content);
    let mut found: Option<Vec<_>> = None;
    for (line, number) in content.lines().zip(1..) {
        let line = trimmed(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            let rest = name.strip_prefix(service);
            found = rest.filter(|rest| rest.starts_with(']')).map(|_| Vec::new());
        } else if let Some(found) = &mut found {
            let source = format!("service file \"{}\", line {number}", path.display());
            let (word, value) =
                setting(line).map_err(|text| Error::config(format!("{source}: {text}")))?;
            found.push(Setting { word, value, source });
        }
    }
    Ok(found)
}

/// One line of a section. White space around the `=` is not dropped: libpq does not either.
fn setting(line: &str) -> Result<(KeyWord, String), String> {
    if line.starts_with("ldap") {
        return Err("the service cannot be looked up in LDAP: that is not supported".to_owned());
    }
    if line.contains(char::REPLACEMENT_CHARACTER) {
        return Err("it is not UTF-8".to_owned());
    }
    let (key, value) = line.split_once('=').ok_or("\"=\" is missing")?;
    match KeyWord::find(key) {
        Some(KeyWord::Service | KeyWord::Servicefile) => {
            Err("a service cannot refer to another".to_owned())
        }
        Some(word) => Ok((word, value.to_owned())),
        None => Err(KeyWord::unrecognized(key).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Fake;

    const OWN: &str = "/home/os/.pg_service.conf";
    const SYSTEM: &str = "/etc/postgresql-common/pg_service.conf";

    fn pairs(explicit: &Values, environment: &Fake) -> Result<Vec<(KeyWord, String)>, String> {
        let found = values(explicit, environment).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|setting| (setting.word, setting.value)).collect())
    }

    fn found(environment: &Fake, service: &str) -> Result<Vec<(KeyWord, String)>, String> {
        let mut explicit = Values::default();
        explicit.set(KeyWord::Service, service);
        pairs(&explicit, environment)
    }

    fn error(content: &str) -> String {
        found(&Fake::new().file(OWN, content), "a").unwrap_err()
    }

    #[test]
    fn the_section_of_the_service_is_read() {
        let content = "\
            # comment\n host=no\n[b]\nnonsense\n\n  [a] \n\thost=x \r\nport= 1\n#user=y\n[a]\nuser=z\n";
        let environment = Fake::new().file(OWN, content);
        let expected = [(KeyWord::Host, "x".to_owned()), (KeyWord::Port, " 1".to_owned())];
        assert_eq!(found(&environment, "a").unwrap(), expected);
        assert_eq!(pairs(&Values::default(), &environment).unwrap(), []);
        let environment = environment.variable("PGSERVICE", "a");
        assert_eq!(pairs(&Values::default(), &environment).unwrap(), expected);
    }

    #[test]
    fn the_own_file_goes_before_the_one_of_the_machine() {
        let host = |environment: &Fake, service: &str| {
            found(environment, service).map(|found| found[0].1.clone()).map_err(drop)
        };
        let both = Fake::new()
            .file(OWN, "[a]\nhost=own")
            .file(SYSTEM, "[a]\nhost=system\n[b]\nhost=system")
            .file("/other", "[a]\nhost=other")
            .file("/dir/pg_service.conf", "[b]\nhost=dir");
        assert_eq!(host(&both, "a"), Ok("own".into()));
        assert_eq!(host(&both, "b"), Ok("system".into()));
        assert_eq!(host(&both, "c"), Err(()));
        let both = both.variable("PGSERVICEFILE", "/other").variable("PGSYSCONFDIR", "/dir");
        assert_eq!(host(&both, "a"), Ok("other".into()));
        assert_eq!(host(&both, "b"), Ok("dir".into()));
    }

    #[test]
    fn a_missing_service_or_file_is_an_error() {
        let text = found(&Fake::new(), "a").unwrap_err();
        assert_eq!(text, "the definition of service \"a\" was not found");
        let text = found(&Fake::new().variable("PGSERVICEFILE", "/no"), "a").unwrap_err();
        assert_eq!(text, "could not read service file \"/no\"");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let at = format!("service file \"{OWN}\", line 2: ");
        assert_eq!(error("[a]\nhost"), format!("{at}\"=\" is missing"));
        assert_eq!(error("[a]\nservice=b"), format!("{at}a service cannot refer to another"));
        let near = "unrecognized key word \"hots\": did you mean \"host\"?";
        assert_eq!(error("[a]\nhots=b"), format!("{at}{near}"));
        assert!(error("[a]\nldap://x").contains("LDAP"));
        assert!(error("[a]\nhost = b").starts_with(&at));
    }
}
