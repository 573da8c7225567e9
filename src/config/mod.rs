//! Connection parameters, checked before anything is dialed.

mod secret;
mod host;
mod keyword;
mod choice;
mod require_auth;
mod check;
mod values;
mod provider;
mod statement_mode;
mod echo;
mod event;
mod events;
mod salted;
mod builder;
mod setters;
mod tls_setters;
mod display;
mod conninfo;
mod uri;
mod environment;
mod hosts;
mod parse;
mod service;
mod passfile;
mod settings;
mod tls;
mod complete;
#[cfg(test)]
mod complete_tests;
#[cfg(test)]
mod libpq_tests;

pub(crate) use crate::config::builder::NoticeHook;
pub use crate::config::builder::{Config, OnDrop, UseEnvironment};
pub use crate::config::choice::{
    ChannelBinding, Keepalives, LoadBalanceHosts, ProtocolVersion, SslCertMode, SslMode,
    SslNegotiation, SslSni, SslVersion, TargetSessionAttrs,
};
pub use crate::config::echo::Echo;
pub(crate) use crate::config::environment::{
    Environment, FileKind, FileStatus, SOCKET_DIRECTORIES, UserFile,
};
pub use crate::config::event::Event;
pub(crate) use crate::config::events::Events;
pub use crate::config::host::Host;
pub use crate::config::require_auth::{AuthMethod, RequireAuth};
pub(crate) use crate::config::salted::SaltedPasswords;
pub(crate) use crate::config::secret::Secret;
pub(crate) use crate::config::settings::{Endpoint, Settings};
#[cfg(feature = "tls")]
pub(crate) use crate::config::settings::{RootCertificates, TlsSettings};
pub use crate::config::statement_mode::StatementMode;
