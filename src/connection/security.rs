//! What TLS is to do, as plain data: the files have been read, nothing is decided yet.

use std::path::PathBuf;

use aiopg_runtime::BoxStream;

use crate::config::Secret;

/// A file and its content.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Whose certificates are trusted.
pub(crate) enum Trust {
    /// There is no root: any certificate will do.
    Nobody,
    /// The roots of the operating system.
    System,
    /// The roots in a file.
    File(File),
}

/// What is checked of the server's certificate where somebody is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// That it was issued by somebody trusted.
    Chain,
    /// That, and that it is for the host that was asked for.
    ChainAndName,
}

/// The TLS versions that may be spoken: 12 is TLSv1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: u8,
    pub(crate) max: u8,
}

/// Whether the server is told the name that it was reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sni {
    Send,
    Omit,
}

/// A certificate to show, and its key.
pub(crate) struct ClientCertificate {
    pub(crate) certificate: File,
    pub(crate) key: File,
    pub(crate) password: Option<Secret>,
}

/// All that a TLS client is made of.
pub(crate) struct Material {
    pub(crate) trust: Trust,
    pub(crate) checks: Checks,
    pub(crate) client: Option<ClientCertificate>,
    /// Certificate revocation lists.
    pub(crate) revoked: Vec<File>,
    pub(crate) versions: Versions,
    pub(crate) sni: Sni,
    /// Where the secrets of the sessions are written to.
    pub(crate) key_log: Option<PathBuf>,
}

/// A stream inside TLS.
pub(crate) struct Secured {
    pub(crate) stream: BoxStream,
    /// The hash of the server's certificate for channel binding, if its signature names one.
    pub(crate) end_point: Option<Vec<u8>>,
    /// Whether the server asked for a certificate.
    pub(crate) asked_for_certificate: bool,
    /// Whether it got one.
    pub(crate) sent_certificate: bool,
}
