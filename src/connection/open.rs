//! Opens a session: tries each host, each of its addresses and each way of protecting it, in turn.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aiopg_runtime::Runtime;

use crate::config::{
    Config, Endpoint, Host, LoadBalanceHosts, Settings, SslCertMode, SslMode, TargetSessionAttrs,
};
use crate::connection::channel::Channel;
use crate::connection::dial::{Dialer, timed_out};
use crate::connection::encrypt::{Protection, Ready, secure};
use crate::connection::environment::ProcessEnvironment;
use crate::connection::route::check;
use crate::connection::start::start;
use crate::connection::target::{Address, Target};
use crate::connection::transport::Transport;
use crate::error::{Attempt, Error, Kind, SqlState};
use crate::flow::{Ability, Encryption, choices};
use crate::observe::{Observation, Server, attempt_failed};

/// Connects to the first address that opens a session of the kind that is wanted.
pub(crate) async fn open<R: Runtime>(
    runtime: R,
    config: &Config,
    observation: &Observation<R>,
) -> Result<Channel<R>, Error> {
    let mut trail = Trail::default();
    let deadline = config.connect_deadline.and_then(|limit| runtime.now().checked_add(limit));
    let opening = async {
        let settings = complete(&runtime, config).await?;
        observation.namespace(&settings.dbname);
        open_any(&runtime, config, &settings, &mut trail).await
    };
    let opened = runtime.timeout_at(deadline, opening).await;
    match opened {
        Ok(Ok(Some(mut channel))) => {
            channel.server.found_after(trail.attempts.len());
            Ok(channel)
        }
        Ok(Ok(None)) => Err(trail.exhausted()),
        Ok(Err(error)) => Err(trail.ended_by(error)),
        Err(_) => Err(past_deadline(config).with_attempts(trail.with_current())),
    }
}

/// Runs the start-up exchange on a stream that the caller brought, which nothing is added to: no TLS of ours.
pub(crate) async fn open_stream<R: Runtime>(
    runtime: R,
    transport: Transport<R>,
    config: &Config,
) -> Result<Channel<R>, Error> {
    let deadline = config.connect_deadline.and_then(|limit| runtime.now().checked_add(limit));
    let opening = async {
        let settings = complete(&runtime, config).await?;
        may_be_plain(&settings)?;
        let password = settings.endpoints.first().and_then(|endpoint| endpoint.password.clone());
        let ready = Ready::plain(transport);
        let mut channel = start(runtime.clone(), ready, None, config, &settings, password).await?;
        *channel.server = Server::of_database(&settings.dbname);
        Ok(channel)
    };
    runtime.timeout_at(deadline, opening).await.unwrap_or_else(|_| Err(past_deadline(config)))
}

/// Nothing is added to a stream that the caller brought, so what demands TLS cannot be met on it.
fn may_be_plain(settings: &Settings) -> Result<(), Error> {
    match settings.tls.sslmode {
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => Ok(()),
        mode @ (SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => {
            let text = format!(
                "sslmode \"{mode}\" cannot be met on a stream of the caller's own: put TLS around the stream, \
                 and set \"sslmode\" to disable"
            );
            Err(Error::config(text).unsent())
        }
    }
}

fn past_deadline(config: &Config) -> Error {
    let limit = config.connect_deadline.unwrap_or_default();
    let text = format!("could not connect within connect_deadline, {limit:?}");
    Error::new(Kind::Timeout, text).unsent()
}

/// What was tried so far, and what is being tried.
#[derive(Default)]
struct Trail {
    attempts: Vec<Attempt>,
    current: Option<String>,
}

impl Trail {
    fn failed(&mut self, error: Error) {
        let host = self.current.take().unwrap_or_default();
        attempt_failed(&host, &error);
        self.attempts.push(Attempt::new(host, error));
    }

    fn with_current(mut self) -> Vec<Attempt> {
        if self.current.is_some() {
            self.failed(Error::new(Kind::Timeout, "no session yet").unsent());
        }
        self.attempts
    }

    /// The error that no other host can help with. Where others have failed before, it says which host gave it.
    fn ended_by(mut self, error: Error) -> Error {
        if !self.attempts.is_empty() {
            self.failed(error.clone());
        }
        error.with_attempts(self.attempts)
    }

    /// The error when all have failed; of the kind that they have in common.
    fn exhausted(self) -> Error {
        let mut kinds = self.attempts.iter().map(|attempt| attempt.error().kind());
        let kind = kinds.next().filter(|first| kinds.all(|kind| kind == *first));
        let text = "could not connect to any host";
        Error::new(kind.unwrap_or(Kind::Io), text).with_attempts(self.attempts).unsent()
    }
}

/// Completes the configuration, off the executor's thread where files are to be read.
async fn complete<R: Runtime>(runtime: &R, config: &Config) -> Result<Settings, Error> {
    let config = config.clone();
    let completing = runtime.unblock(move || config.complete(&ProcessEnvironment));
    completing
        .await
        .map_err(|error| Error::io("the runtime could not read files", error).unsent())?
}

/// Tries every host. `None` if none opened a session, an error if another would answer the same.
async fn open_any<R: Runtime>(
    runtime: &R,
    config: &Config,
    settings: &Settings,
    trail: &mut Trail,
) -> Result<Option<Channel<R>>, Error> {
    let wanted = settings.target_session_attrs;
    if let Some(channel) = pass(runtime, config, settings, wanted, trail).await? {
        return Ok(Some(channel));
    }
    if wanted == TargetSessionAttrs::PreferStandby {
        return pass(runtime, config, settings, TargetSessionAttrs::Any, trail).await;
    }
    Ok(None)
}

async fn pass<R: Runtime>(
    runtime: &R,
    config: &Config,
    settings: &Settings,
    wanted: TargetSessionAttrs,
    trail: &mut Trail,
) -> Result<Option<Channel<R>>, Error> {
    let mut endpoints: Vec<&Endpoint> = settings.endpoints.iter().collect();
    balance(runtime, settings, &mut endpoints);
    for endpoint in endpoints {
        let host = Opening { runtime, config, settings, endpoint, wanted };
        if let Some(channel) = host.open(trail).await? {
            return Ok(Some(channel));
        }
    }
    Ok(None)
}

/// Shuffles if `load_balance_hosts` says so (Fisher and Yates).
fn balance<R: Runtime, T>(runtime: &R, settings: &Settings, items: &mut [T]) {
    if settings.load_balance_hosts != LoadBalanceHosts::Random {
        return;
    }
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let other = usize::try_from(runtime.random() % bound).unwrap_or(0);
        items.swap(last, other);
    }
}

/// As in libpq, a server that answers decides for all, unless it cannot take connections now or is of another
/// kind than was asked for.
fn is_final(error: &Error) -> bool {
    let passing = matches!(error.kind(), Kind::Io | Kind::Timeout | Kind::TargetSessionAttrs);
    !passing && error.sqlstate() != Some(SqlState::CANNOT_CONNECT_NOW)
}

/// One host that is tried.
struct Opening<'o, R: Runtime> {
    runtime: &'o R,
    config: &'o Config,
    settings: &'o Settings,
    endpoint: &'o Endpoint,
    wanted: TargetSessionAttrs,
}

impl<R: Runtime> Opening<'_, R> {
    async fn open(&self, trail: &mut Trail) -> Result<Option<Channel<R>>, Error> {
        let (host, port) = (&self.endpoint.host, self.endpoint.port);
        if self.settings.requirepeer.is_some() && matches!(host, Host::Unix(_)) {
            let text = "\"requirepeer\" cannot be met: a runtime's sockets do not tell who listens";
            return Err(Error::config(text).unsent());
        }
        let name = format!("\"{host}\", port {port}");
        trail.current = Some(name.clone());
        let mut addresses = match self.addresses().await {
            Ok(addresses) => addresses,
            Err(error) => {
                trail.failed(error);
                return Ok(None);
            }
        };
        balance(self.runtime, self.settings, &mut addresses);
        let protection =
            Arc::new(protection(self.runtime, self.config, self.settings, self.endpoint).await?);
        let limit = self.settings.connect_timeout;
        let mut dialer = Dialer::new(self.runtime, &self.settings.tcp, limit, addresses);
        while let Some(dialed) = dialer.next().await {
            trail.current = Some(format!("\"{host}\" ({})", dialed.address));
            let opening =
                async { self.open_address(dialed.transport?, &dialed.address, &protection).await };
            let opened = self.runtime.timeout_at(dialed.deadline, opening).await;
            match opened.unwrap_or_else(|_| Err(timed_out(limit.unwrap_or_default()))) {
                Ok(channel) => return Ok(Some(channel)),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => trail.failed(error),
            }
            trail.current = Some(name.clone());
        }
        trail.current = None;
        Ok(None)
    }

    async fn addresses(&self) -> Result<Vec<Address>, Error> {
        let port = self.endpoint.port;
        let name = match &self.endpoint.host {
            Host::Unix(directory) => {
                return Ok(vec![Address::Unix(Host::socket_path(directory, port))]);
            }
            Host::Tcp(name) => name,
        };
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![Address::Tcp(SocketAddr::new(address, port))]);
        }
        let addresses = self.runtime.resolve(name, port).await;
        let addresses =
            addresses.map_err(|error| Error::io("could not look up the name", error).unsent())?;
        if addresses.is_empty() {
            let nothing = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            return Err(Error::io("could not look up the name", nothing).unsent());
        }
        Ok(addresses.into_iter().map(Address::Tcp).collect())
    }

    /// Tries each way of protecting the session, the first on the connection that stands already.
    async fn open_address(
        &self,
        transport: Transport<R>,
        address: &Address,
        protection: &Arc<Protection>,
    ) -> Result<Channel<R>, Error> {
        let tls = &self.settings.tls;
        let choices = choices(tls.sslmode, tls.sslnegotiation, ability(address));
        let mut transport = Some(transport);
        let mut first_error = None;
        for (index, encryption) in choices.iter().enumerate() {
            let fresh = match transport.take() {
                Some(transport) => transport,
                None => address.dial(self.runtime, &self.settings.tcp).await?,
            };
            let target = Target {
                address: address.clone(),
                options: self.settings.tcp.clone(),
                encryption: *encryption,
                protection: Arc::clone(protection),
                server: Server::of_database(&self.settings.dbname).at(
                    &self.endpoint.host,
                    self.endpoint.port,
                    address.socket(),
                ),
            };
            let may_be_plain = choices.contains(&Encryption::Plain);
            match self.open_protected(fresh, target, may_be_plain).await {
                Ok(channel) => return Ok(channel),
                Err(Failure { error, other_way }) => {
                    let last = index + 1 == choices.len() || !other_way;
                    let first = first_error.get_or_insert_with(|| error.clone()).clone();
                    if last {
                        // Without TLS the server says only that it wants TLS: the first error tells more.
                        return Err(if other_way { first } else { error });
                    }
                }
            }
        }
        Err(first_error.unwrap_or_else(|| Error::unexpected("nothing")))
    }

    async fn open_protected(
        &self,
        transport: Transport<R>,
        target: Target,
        may_be_plain: bool,
    ) -> Result<Channel<R>, Failure> {
        let encryption = target.encryption;
        let ready = secure(transport, encryption, &target.protection).await.map_err(Failure::of)?;
        if encryption != Encryption::Plain && !ready.encrypted {
            if !may_be_plain {
                let text = "the server does not speak TLS, but \"sslmode\" demands it";
                return Err(Failure::end(Error::new(Kind::Tls, text).unsent()));
            }
            let target = Target { encryption: Encryption::Plain, ..target };
            return self.start(ready, target).await.map_err(Failure::end);
        }
        self.start(ready, target).await.map_err(Failure::of)
    }

    async fn start(&self, ready: Ready<R>, target: Target) -> Result<Channel<R>, Error> {
        if self.settings.tls.sslcertmode == SslCertMode::Require {
            certificate_was_sent(&ready)?;
        }
        let password = match &self.settings.password_provider {
            Some(provider) => Some(provider.password().await?),
            None => self.endpoint.password.clone(),
        };
        let target = Target { server: target.server.protected_by(target.encryption), ..target };
        let runtime = self.runtime.clone();
        let (config, settings) = (self.config, self.settings);
        let mut channel = start(runtime, ready, Some(target), config, settings, password).await?;
        match check(&mut channel, self.wanted).await {
            Ok(()) => {
                channel.wanted = self.wanted;
                Ok(channel)
            }
            Err(error) => {
                // Nobody waits for the good-bye to arrive.
                drop(channel);
                Err(error)
            }
        }
    }
}

/// As in libpq, what `sslcertmode` demands is missed without TLS too.
fn certificate_was_sent<R: Runtime>(ready: &Ready<R>) -> Result<(), Error> {
    let text = match (ready.asked_for_certificate, ready.sent_certificate) {
        (true, true) => return Ok(()),
        (true, false) => "there is no certificate to send, but \"sslcertmode\" demands it",
        (false, _) => "the server did not ask for a certificate, but \"sslcertmode\" demands it",
    };
    Err(Error::new(Kind::Tls, text).unsent())
}

/// Why one way of protecting a session failed.
struct Failure {
    error: Error,
    /// Another way could do better.
    other_way: bool,
}

impl Failure {
    /// Another way may help if TLS failed, or if the server refused the session, as it does where `pg_hba.conf`
    /// has a line for the other way only.
    fn of(error: Error) -> Self {
        let other_way = matches!(error.kind(), Kind::Tls | Kind::Server);
        Self { error, other_way }
    }

    fn end(error: Error) -> Self {
        Self { error, other_way: false }
    }
}

/// On Unix-domain sockets there is no TLS, whatever `sslmode` says.
fn ability(address: &Address) -> Ability {
    match address {
        Address::Tcp(_) if cfg!(feature = "tls") => Ability::Tls,
        Address::Tcp(_) | Address::Unix(_) => Ability::PlainOnly,
    }
}

#[cfg(feature = "tls")]
async fn protection<R: Runtime>(
    runtime: &R,
    config: &Config,
    settings: &Settings,
    endpoint: &Endpoint,
) -> Result<Protection, Error> {
    use crate::connection::{files, tls};

    let unix = matches!(endpoint.host, Host::Unix(_));
    if unix || settings.tls.sslmode == SslMode::Disable {
        return Ok(Protection::default());
    }
    let name = match &endpoint.name {
        Some(name) => name.clone(),
        None if settings.tls.sslmode == SslMode::VerifyFull => {
            let text = "\"host\" must be set, since \"sslmode\" is verify-full";
            return Err(Error::config(text).unsent());
        }
        None => endpoint.host.to_string(),
    };
    if let Some(client) = tls::Client::ready(config) {
        return Ok(Protection { client: Some(client), name });
    }
    let tls_settings = settings.tls.clone();
    let reading = runtime.unblock(move || {
        let material = files::read(&tls_settings)?;
        tls::Client::new(&material)
    });
    let client = reading
        .await
        .map_err(|error| Error::io("the runtime could not read files", error).unsent())??;
    Ok(Protection { client: Some(client), name })
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "with the feature it reads files")]
async fn protection<R: Runtime>(
    _: &R,
    _: &Config,
    settings: &Settings,
    endpoint: &Endpoint,
) -> Result<Protection, Error> {
    refuse_tls(settings.tls.sslmode, &endpoint.host)?;
    Ok(Protection::default())
}

/// Without TLS there is nothing to meet a mode with that demands it.
#[cfg(not(feature = "tls"))]
fn refuse_tls(sslmode: SslMode, host: &Host) -> Result<(), Error> {
    let insists = !matches!(sslmode, SslMode::Disable | SslMode::Allow | SslMode::Prefer);
    if insists && matches!(host, Host::Tcp(_)) {
        let text = format!(
            "sslmode \"{sslmode}\" cannot be met: enable the feature \"tls-ring\" or \"tls-aws-lc\""
        );
        return Err(Error::config(text).unsent());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_build_without_tls_refuses_the_modes_that_demand_it() {
        use crate::config::{Host, SslMode};
        use crate::connection::open::refuse_tls;
        use crate::error::Kind;

        let (tcp, unix) = (Host::Tcp("db".to_owned()), Host::Unix("/tmp".into()));
        for mode in [SslMode::Disable, SslMode::Allow, SslMode::Prefer] {
            assert!(refuse_tls(mode, &tcp).is_ok());
        }
        for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            assert_eq!(refuse_tls(mode, &tcp).unwrap_err().kind(), Kind::Config);
            assert!(refuse_tls(mode, &unix).is_ok(), "as in libpq, there is none to be had there");
        }
    }
}
