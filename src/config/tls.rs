//! The key words on TLS, completed and checked together.

use std::path::PathBuf;

use crate::config::choice::{SslCertMode, SslMode, SslNegotiation, SslSni, SslVersion};
use crate::config::environment::{Environment, UserFile};
use crate::config::keyword::KeyWord;
use crate::config::secret::Secret;
use crate::config::settings::{RootCertificates, TlsSettings};
use crate::config::values::Values;
use crate::error::Error;

/// The value of `sslrootcert` that is no file: what the operating system trusts.
const SYSTEM: &str = "system";

pub(crate) fn tls(values: &Values, environment: &dyn Environment) -> Result<TlsSettings, Error> {
    let system = values.get(KeyWord::Sslrootcert) == Some(SYSTEM);
    let default = if system { SslMode::VerifyFull } else { SslMode::Prefer };
    let sslmode = values.get(KeyWord::Sslmode).map_or(Ok(default), str::parse)?;
    let sslnegotiation =
        values.get(KeyWord::Sslnegotiation).map_or(Ok(SslNegotiation::Postgres), str::parse)?;
    if sslnegotiation == SslNegotiation::Direct && sslmode < SslMode::Require {
        let text = format!(
            "sslnegotiation \"direct\" needs sslmode \"require\" or more, not \"{sslmode}\""
        );
        return Err(Error::config(text));
    }
    if system && sslmode != SslMode::VerifyFull {
        let text =
            format!("sslrootcert \"system\" needs sslmode \"verify-full\", not \"{sslmode}\"");
        return Err(Error::config(text));
    }
    let (min, max) = versions(values, sslmode)?;
    let given = |word| values.filled(word).map(PathBuf::from);
    let own = |file| environment.user_file(file);
    let exists = |path: &PathBuf| environment.status(path).is_ok();
    let sslcrldir = given(KeyWord::Sslcrldir);
    let default_crl =
        || if sslcrldir.is_some() { None } else { own(UserFile::Sslcrl).filter(exists) };
    let sni = values.get(KeyWord::Sslsni).is_none_or(|sni| sni.starts_with('1'));
    Ok(TlsSettings {
        sslmode,
        sslnegotiation,
        sslrootcert: match values.filled(KeyWord::Sslrootcert) {
            Some(SYSTEM) => RootCertificates::System,
            Some(path) => RootCertificates::File(path.into()),
            None => default_roots(own(UserFile::Sslrootcert), &exists),
        },
        sslcert: given(KeyWord::Sslcert).or_else(|| own(UserFile::Sslcert).filter(exists)),
        sslkey: given(KeyWord::Sslkey).or_else(|| own(UserFile::Sslkey)),
        sslpassword: values.filled(KeyWord::Sslpassword).map(Secret::new),
        sslcertmode: values.get(KeyWord::Sslcertmode).map_or(Ok(SslCertMode::Allow), str::parse)?,
        sslcrl: given(KeyWord::Sslcrl).or_else(default_crl),
        sslcrldir,
        sslsni: if sni { SslSni::Send } else { SslSni::Omit },
        ssl_min_protocol_version: min,
        ssl_max_protocol_version: max,
        sslkeylogfile: given(KeyWord::Sslkeylogfile),
    })
}

fn default_roots(path: Option<PathBuf>, exists: &dyn Fn(&PathBuf) -> bool) -> RootCertificates {
    match path {
        Some(path) if exists(&path) => RootCertificates::File(path),
        path => RootCertificates::Missing(path),
    }
}

fn versions(values: &Values, sslmode: SslMode) -> Result<(SslVersion, Option<SslVersion>), Error> {
    let version = |word: KeyWord, default| match values.get(word) {
        None => Ok(default),
        Some("") => Ok(None),
        Some(text) => SslVersion::parse(word.name(), text).map(Some),
    };
    let min = version(KeyWord::SslMinProtocolVersion, Some(SslVersion::Tls1_2))?;
    let max = version(KeyWord::SslMaxProtocolVersion, None)?;
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let text = format!(
            "ssl_min_protocol_version \"{min}\" is more than ssl_max_protocol_version \"{max}\""
        );
        return Err(Error::config(text));
    }
    let oldest = SslVersion::Tls1_2;
    if let Some(max) = max.filter(|max| *max < oldest && sslmode != SslMode::Disable) {
        let text = format!(
            "ssl_max_protocol_version \"{max}\" cannot be met: {oldest} is the oldest supported"
        );
        return Err(Error::config(text));
    }
    Ok((min.unwrap_or(oldest), max))
}
