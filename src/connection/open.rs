//! Opens a session: dials each address in turn and runs the start-up exchange on it.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aiopg_runtime::Runtime;

use crate::auth::{NONCE_LENGTH, SaltedPassword};
use crate::config::{Config, Host, SaltedPasswords, Secret};
use crate::connection::channel::{Cancellable, Channel};
use crate::connection::target::Target;
use crate::connection::transport::Transport;
use crate::error::{Attempt, Error, Kind, SqlState};
use crate::flow::{Protocol, Startup, Step, stretch};

/// Connects to the first address that opens a session.
pub(crate) async fn open<R: Runtime>(runtime: R, config: &Config) -> Result<Channel<R>, Error> {
    let (mut attempts, mut current) = (Vec::new(), None);
    let deadline = config.connect_deadline.and_then(|limit| runtime.now().checked_add(limit));
    let opening = open_any(&runtime, config, &mut attempts, &mut current);
    let opened = runtime.timeout_at(deadline, opening).await;
    match opened {
        Ok(Ok(Some(channel))) => Ok(channel),
        Ok(Ok(None)) => {
            let all_timed_out =
                attempts.iter().all(|attempt| attempt.error().kind() == Kind::Timeout);
            let kind = if all_timed_out { Kind::Timeout } else { Kind::Io };
            Err(Error::new(kind, "could not connect to any host").with_attempts(attempts).unsent())
        }
        Ok(Err(error)) => Err(error.with_attempts(attempts)),
        Err(_) => {
            let unfinished = Error::new(Kind::Timeout, "no session yet").unsent();
            attempts.extend(current.map(|host| Attempt::new(host, unfinished)));
            Err(past_deadline(config).with_attempts(attempts))
        }
    }
}

fn past_deadline(config: &Config) -> Error {
    let limit = config.connect_deadline.unwrap_or_default();
    let text = format!("could not connect within connect_deadline, {limit:?}");
    Error::new(Kind::Timeout, text).unsent()
}

/// Runs the start-up exchange on a stream that the caller brought.
pub(crate) async fn open_stream<R: Runtime>(
    runtime: R,
    transport: Transport<R>,
    config: &Config,
) -> Result<Channel<R>, Error> {
    let deadline = config.connect_deadline.and_then(|limit| runtime.now().checked_add(limit));
    let opening = start(runtime.clone(), transport, None, config);
    runtime.timeout_at(deadline, opening).await.unwrap_or_else(|_| Err(past_deadline(config)))
}

/// Tries every host in order. `None` if none opened a session, an error if another would answer the same.
async fn open_any<R: Runtime>(
    runtime: &R,
    config: &Config,
    attempts: &mut Vec<Attempt>,
    current: &mut Option<String>,
) -> Result<Option<Channel<R>>, Error> {
    for (host, port) in config.hosts_and_ports()? {
        let name = current.insert(format!("\"{host}\", port {port}"));
        let targets = match targets(runtime, config, &host, port).await {
            Ok(targets) => targets,
            Err(error) => {
                attempts.push(Attempt::new(name.clone(), error));
                continue;
            }
        };
        for target in targets {
            let name = current.insert(format!("\"{host}\" ({target})"));
            match open_target(runtime, config, target).await {
                Ok(channel) => return Ok(Some(channel)),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => attempts.push(Attempt::new(name.clone(), error)),
            }
        }
    }
    *current = None;
    Ok(None)
}

/// As in libpq, a server that answers decides for all, unless it says that it cannot take connections now.
fn is_final(error: &Error) -> bool {
    let unanswered = matches!(error.kind(), Kind::Io | Kind::Timeout);
    !unanswered && error.sqlstate() != Some(SqlState::CANNOT_CONNECT_NOW)
}

async fn targets<R: Runtime>(
    runtime: &R,
    config: &Config,
    host: &Host,
    port: u16,
) -> Result<Vec<Target>, Error> {
    let name = match host {
        Host::Unix(directory) => {
            return Ok(vec![Target::Unix { path: Host::socket_path(directory, port) }]);
        }
        Host::Tcp(name) => name,
    };
    let addresses = match name.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => runtime
            .resolve(name, port)
            .await
            .map_err(|error| Error::io("could not look up the name", error).unsent())?,
    };
    let target = |address| Target::Tcp { address, options: config.tcp.clone() };
    Ok(addresses.into_iter().map(target).collect())
}

async fn open_target<R: Runtime>(
    runtime: &R,
    config: &Config,
    target: Target,
) -> Result<Channel<R>, Error> {
    let limit = config.connect_timeout;
    let deadline = if limit == Duration::ZERO { None } else { runtime.now().checked_add(limit) };
    let opening = async {
        let transport = target.dial(runtime).await?;
        start(runtime.clone(), transport, Some(target), config).await
    };
    let Ok(opened) = runtime.timeout_at(deadline, opening).await else {
        let text = format!("no session within connect_timeout, {limit:?}");
        return Err(Error::new(Kind::Timeout, text).unsent());
    };
    opened
}

/// Runs the start-up exchange.
async fn start<R: Runtime>(
    runtime: R,
    transport: Transport<R>,
    target: Option<Target>,
    config: &Config,
) -> Result<Channel<R>, Error> {
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::io("the system gave no random bytes", error.into()).unsent())?;
    let mut startup = Startup::new(config, nonce)?;
    let mut channel = Channel::new(runtime, transport, target, config);
    channel.request(Protocol::Extended, Cancellable::No, |out| startup.write_first(config, out))?;
    match exchange(&mut channel, &mut startup, config).await {
        Ok(()) => Ok(channel),
        // The session never opened: there is nobody to say good-bye to.
        Err(error) => Err(channel.end(error)),
    }
}

async fn exchange<R: Runtime>(
    channel: &mut Channel<R>,
    startup: &mut Startup,
    config: &Config,
) -> Result<(), Error> {
    loop {
        let message = poll_fn(|cx| channel.poll_message(cx)).await?;
        let mut answer = bytes::BytesMut::new();
        let step = startup.handle(channel.machine().decode(message)?, &mut answer)?;
        channel.answer().extend_from_slice(&answer);
        match step {
            Step::Continue => {}
            Step::Stretch { password, salt, iterations } => {
                let runtime = channel.runtime();
                let salted = salted(runtime, &config.salted, password, salt, iterations).await?;
                startup.salted(&salted, channel.answer())?;
            }
            Step::Ready => return encoding_is_utf8(channel),
        }
    }
}

/// Stretches the password, off the executor's thread, unless that has been done before.
async fn salted<R: Runtime>(
    runtime: &R,
    kept: &SaltedPasswords,
    password: Secret,
    salt: Vec<u8>,
    iterations: u32,
) -> Result<SaltedPassword, Error> {
    if let Some(salted) = kept.find(&password, &salt, iterations) {
        return Ok(salted);
    }
    let (secret, its_salt) = (password.clone(), salt.clone());
    let stretching = runtime.unblock(move || stretch(&secret, &its_salt, iterations));
    let salted = stretching
        .await
        .map_err(|error| Error::io("the runtime could not stretch the password", error).unsent())?;
    kept.keep(password, salt, iterations, salted.clone());
    Ok(salted)
}

/// Texts are taken to be UTF-8, so a server that insists on something else cannot be talked to.
fn encoding_is_utf8<R: Runtime>(channel: &Channel<R>) -> Result<(), Error> {
    match channel.machine().reports().parameter("client_encoding") {
        None | Some("UTF8" | "UNICODE") => Ok(()),
        Some(other) => {
            let text =
                format!("the server uses the client encoding \"{other}\" where UTF8 was asked for");
            Err(Error::new(Kind::Protocol, text))
        }
    }
}
