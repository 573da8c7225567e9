//! `Config::complete`: what is set, then the service, the environment and the defaults, in libpq's order.

use std::time::Duration;

use aiopg_runtime::{Keepalive, TcpOptions};

use crate::config::builder::{Config, UseEnvironment};
use crate::config::check::{check, integer};
use crate::config::choice::{
    ChannelBinding, LoadBalanceHosts, ProtocolVersion, TargetSessionAttrs,
};
use crate::config::environment::{Environment, FilesOnly, UserFile};
use crate::config::host::Host;
use crate::config::hosts::{Slot, default_host, slots};
use crate::config::keyword::KeyWord;
use crate::config::passfile::{Passfile, Wanted};
use crate::config::require_auth::RequireAuth;
use crate::config::secret::Secret;
use crate::config::service::{self, Setting};
use crate::config::settings::{Endpoint, Settings};
use crate::config::tls::tls;
use crate::config::values::Values;
use crate::error::Error;

/// Variables that libpq turns into parameters of the session.
const PARAMETERS: [(&str, &str); 3] =
    [("PGDATESTYLE", "datestyle"), ("PGTZ", "timezone"), ("PGGEQO", "geqo")];

impl Config {
    /// Adds what the environment and the defaults say, and checks that it all fits together.
    pub(crate) fn complete(&self, environment: &dyn Environment) -> Result<Settings, Error> {
        let files = FilesOnly(environment);
        let environment = match self.use_environment {
            UseEnvironment::Yes => environment,
            UseEnvironment::No => &files,
        };
        let mut warnings = Vec::new();
        let values = merged(&self.values, environment, &mut warnings)?;
        let Some(user) =
            values.filled(KeyWord::User).map(str::to_owned).or_else(|| environment.user_name())
        else {
            return Err(Error::config("no user was given: set \"user\""));
        };
        let dbname = values.filled(KeyWord::Dbname).unwrap_or(&user).to_owned();
        let passwords = Passwords::new(&values, environment, &mut warnings);
        let endpoint = |slot| endpoint(slot, (&user, &dbname), &passwords, environment);
        let endpoints = slots(&values)?.into_iter().map(endpoint).collect();
        let (min_protocol_version, max_protocol_version) = protocol_versions(&values)?;
        Ok(Settings {
            endpoints,
            parameters: parameters(&values, environment),
            user,
            dbname,
            password_provider: self.password_provider.clone(),
            require_auth: typed(&values, KeyWord::RequireAuth, RequireAuth::all_but([]))?,
            channel_binding: typed(&values, KeyWord::ChannelBinding, ChannelBinding::Prefer)?,
            min_protocol_version,
            max_protocol_version,
            target_session_attrs: typed(
                &values,
                KeyWord::TargetSessionAttrs,
                TargetSessionAttrs::Any,
            )?,
            load_balance_hosts: typed(
                &values,
                KeyWord::LoadBalanceHosts,
                LoadBalanceHosts::Disable,
            )?,
            connect_timeout: self.connect_timeout_of(&values)?,
            tcp: tcp(self.tcp.as_ref(), &values)?,
            requirepeer: values.filled(KeyWord::Requirepeer).map(str::to_owned),
            tls: tls(&values, environment)?,
            salted: self.salted.clone(),
            warnings,
        })
    }

    fn connect_timeout_of(&self, values: &Values) -> Result<Option<Duration>, Error> {
        let timeout = match self.exact_connect_timeout {
            Some(exact) => exact,
            None => seconds(values, KeyWord::ConnectTimeout)?.unwrap_or_default(),
        };
        Ok(Some(timeout).filter(|timeout| !timeout.is_zero()))
    }
}

/// The key words that are set here, by the service, or by a variable. Each is checked by itself.
fn merged(
    explicit: &Values,
    environment: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<Values, Error> {
    for (word, value) in explicit.iter() {
        check(word, value)?;
    }
    let mut values = explicit.clone();
    for Setting { word, value, source } in service::values(explicit, environment)? {
        add(&mut values, word, &value, &source, warnings)?;
    }
    for word in KeyWord::ALL {
        if let Some(name) = word.variable()
            && let Some(value) = environment.variable(name)
        {
            add(&mut values, *word, &value, &format!("variable \"{name}\""), warnings)?;
        }
    }
    // From before there was PGSSLMODE, which goes first.
    if environment.variable("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
        values.add(KeyWord::Sslmode, "require");
    }
    Ok(values)
}

/// Adds what was not set in the program but found outside, in `source`.
fn add(
    values: &mut Values,
    word: KeyWord,
    value: &str,
    source: &str,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    if values.get(word).is_some() {
        return Ok(());
    }
    match check(word, value) {
        Ok(()) => values.add(word, value),
        // It is meant for programs that print text in another encoding. Ours see UTF-8.
        Err(error) if word == KeyWord::ClientEncoding && !value.contains('\0') => {
            warnings.push(format!("{source} is not followed: {error}"));
        }
        Err(error) => return Err(Error::config(format!("{source}: {error}"))),
    }
    Ok(())
}

/// The value of a key word whose text was checked already, or its default.
fn typed<T: std::str::FromStr<Err = Error>>(
    values: &Values,
    word: KeyWord,
    default: T,
) -> Result<T, Error> {
    values.get(word).map_or(Ok(default), str::parse)
}

/// A time; as in libpq, less than zero is zero.
fn seconds(values: &Values, word: KeyWord) -> Result<Option<Duration>, Error> {
    let seconds = number(values, word)?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

fn number(values: &Values, word: KeyWord) -> Result<Option<u32>, Error> {
    let number = values.get(word).map(|text| integer(word, text)).transpose()?;
    Ok(number.map(|number| u32::try_from(number).unwrap_or(0)))
}

fn tcp(base: Option<&TcpOptions>, values: &Values) -> Result<TcpOptions, Error> {
    let mut tcp = base.cloned().unwrap_or_else(|| {
        let mut tcp = TcpOptions::default();
        tcp.keepalive = Some(Keepalive::default());
        tcp
    });
    if let Some(text) = values.get(KeyWord::Keepalives) {
        tcp.keepalive = match integer(KeyWord::Keepalives, text)? {
            0 => None,
            _ => Some(tcp.keepalive.unwrap_or_default()),
        };
    }
    if let Some(keepalive) = &mut tcp.keepalive {
        // Zero is the system's default, which is also there if nothing is set.
        let time = |duration: &Duration| !duration.is_zero();
        if let Some(idle) = seconds(values, KeyWord::KeepalivesIdle)? {
            keepalive.idle = Some(idle).filter(time);
        }
        if let Some(interval) = seconds(values, KeyWord::KeepalivesInterval)? {
            keepalive.interval = Some(interval).filter(time);
        }
        if let Some(count) = number(values, KeyWord::KeepalivesCount)? {
            keepalive.count = Some(count).filter(|count| *count != 0);
        }
    }
    if let Some(milliseconds) = number(values, KeyWord::TcpUserTimeout)? {
        let timeout = Duration::from_millis(milliseconds.into());
        tcp.user_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    }
    Ok(tcp)
}

/// The lowest and the highest version.
fn protocol_versions(values: &Values) -> Result<(ProtocolVersion, ProtocolVersion), Error> {
    let min = typed(values, KeyWord::MinProtocolVersion, ProtocolVersion::V3_0)?;
    // Some proxies break on more than 3.0, so it is not asked for unless it is needed.
    let default = if min > ProtocolVersion::V3_0 { ProtocolVersion::LATEST } else { min };
    let max = typed(values, KeyWord::MaxProtocolVersion, default)?;
    if min > max {
        let text =
            format!("min_protocol_version \"{min}\" is more than max_protocol_version \"{max}\"");
        return Err(Error::config(text));
    }
    Ok((min, max))
}

fn parameters(values: &Values, environment: &dyn Environment) -> Vec<(&'static str, String)> {
    let mut parameters = vec![("client_encoding", "UTF8".to_owned())];
    // An empty application_name keeps the fallback away.
    let application_name = values
        .get(KeyWord::ApplicationName)
        .or_else(|| values.get(KeyWord::FallbackApplicationName));
    for (name, value) in
        [("options", values.get(KeyWord::Options)), ("application_name", application_name)]
    {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            parameters.push((name, value.to_owned()));
        }
    }
    for (variable, name) in PARAMETERS {
        let value = environment.variable(variable);
        if let Some(value) = value.filter(|value| !value.eq_ignore_ascii_case("default")) {
            parameters.push((name, value));
        }
    }
    parameters
}

/// Where the password of an endpoint comes from.
enum Passwords {
    Given(Secret),
    File(Option<Passfile>),
}

impl Passwords {
    fn new(values: &Values, environment: &dyn Environment, warnings: &mut Vec<String>) -> Self {
        if let Some(password) = values.filled(KeyWord::Password) {
            return Self::Given(Secret::new(password));
        }
        let path = values.filled(KeyWord::Passfile).map(Into::into);
        let path = path.or_else(|| environment.user_file(UserFile::Passfile));
        Self::File(path.and_then(|path| Passfile::read(&path, environment, warnings)))
    }
}

fn endpoint(
    slot: Slot,
    (user, dbname): (&str, &str),
    passwords: &Passwords,
    environment: &dyn Environment,
) -> Endpoint {
    let port = slot.port;
    let host = match (&slot.hostaddr, &slot.host) {
        (Some(address), _) => Host::Tcp(address.clone()),
        (None, Some(host)) => Host::parse(host),
        (None, None) => default_host(port, environment),
    };
    let password = match passwords {
        Passwords::Given(password) => Some(password.clone()),
        Passwords::File(None) => None,
        Passwords::File(Some(file)) => {
            let hosts = match slot.host.as_deref().or(slot.hostaddr.as_deref()) {
                Some(name) => names(name, environment),
                None => vec!["localhost"],
            };
            file.password(&Wanted { hosts, port, dbname, user })
        }
    };
    Endpoint { host, name: slot.host, port, password }
}

/// The names that a host goes by in the password file: itself, and `localhost` for a default directory of sockets.
fn names<'a>(host: &'a str, environment: &dyn Environment) -> Vec<&'a str> {
    let is_default = match Host::parse(host) {
        Host::Unix(directory) => environment.socket_directories().contains(&directory),
        Host::Tcp(_) => false,
    };
    if is_default { vec![host, "localhost"] } else { vec![host] }
}
