//! Connection parameters, checked before anything is dialed.

mod secret;
mod host;
mod salted;
mod settings;
mod conninfo;
mod uri;
mod keyword;
mod parse;

pub use crate::config::host::Host;
pub(crate) use crate::config::salted::SaltedPasswords;
pub(crate) use crate::config::secret::Secret;
pub(crate) use crate::config::settings::NoticeHook;
pub use crate::config::settings::{Config, OnDrop};
