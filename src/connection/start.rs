//! Runs the start-up exchange on a connection that is protected as it should be.

use std::future::poll_fn;

use aiopg_runtime::Runtime;

use crate::auth::{NONCE_LENGTH, SaltedPassword};
use crate::config::{Config, SaltedPasswords, Secret, Settings};
use crate::connection::canceller::Cancellable;
use crate::connection::channel::Channel;
use crate::connection::encrypt::Ready;
use crate::connection::target::Target;
use crate::error::{Error, Kind};
use crate::flow::{Credentials, Protocol, Request, Startup, Step, stretch};

/// Opens a session.
pub(crate) async fn start<R: Runtime>(
    runtime: R,
    ready: Ready<R>,
    target: Option<Target>,
    config: &Config,
    settings: &Settings,
    password: Option<Secret>,
) -> Result<Channel<R>, Error> {
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::io("the system gave no random bytes", error.into()).unsent())?;
    let credentials = Credentials {
        user: settings.user.clone(),
        password,
        require_auth: settings.require_auth.clone(),
        channel_binding: settings.channel_binding,
        end_point: ready.end_point,
        min_protocol_version: settings.min_protocol_version,
        max_protocol_version: settings.max_protocol_version,
    };
    let mut startup = Startup::new(credentials, nonce);
    let mut parameters = vec![("database", settings.dbname.as_str())];
    parameters.extend(settings.parameters.iter().map(|(name, value)| (*name, value.as_str())));
    let mut channel = Channel::new(runtime, ready.transport, target, config);
    channel.request(Request::new(Protocol::Startup), Cancellable::No, |out| {
        startup.write_first(&parameters, out)
    })?;
    match exchange(&mut channel, &mut startup, &settings.salted).await {
        Ok(()) => {
            channel.warnings.clone_from(&settings.warnings);
            Ok(channel)
        }
        // The session never opened: there is nobody to say good-bye to.
        Err(error) => Err(channel.end(error)),
    }
}

async fn exchange<R: Runtime>(
    channel: &mut Channel<R>,
    startup: &mut Startup,
    kept: &SaltedPasswords,
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
                let salted = salted(runtime, kept, password, salt, iterations).await?;
                startup.salted(&salted, channel.answer())?;
            }
            Step::Ready => {
                channel.protocol_version = startup.protocol_version();
                return encoding_is_utf8(channel);
            }
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
