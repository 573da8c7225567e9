//! Reads the files that TLS needs, and makes a TLS client of them.

use std::path::Path;
use std::{fs, io};

use crate::config::{
    RootCertificates, Secret, SslCertMode, SslMode, SslSni, SslVersion, TlsSettings,
};
use crate::connection::security::{
    Checks, ClientCertificate, File, Material, Sni, Trust, Versions,
};
use crate::error::{Error, Kind};

/// Reads what `settings` name. It blocks.
pub(crate) fn read(settings: &TlsSettings) -> Result<Material, Error> {
    let strict = matches!(settings.sslmode, SslMode::VerifyCa | SslMode::VerifyFull);
    let checks = match settings.sslmode {
        SslMode::VerifyFull => Checks::ChainAndName,
        SslMode::Disable
        | SslMode::Allow
        | SslMode::Prefer
        | SslMode::Require
        | SslMode::VerifyCa => Checks::Chain,
    };
    let max = settings.ssl_max_protocol_version.map_or(13, version);
    Ok(Material {
        trust: trust(&settings.sslrootcert, strict)?,
        checks,
        client: client_certificate(settings)?,
        revoked: revoked(settings)?,
        versions: Versions { min: version(settings.ssl_min_protocol_version), max },
        sni: match settings.sslsni {
            SslSni::Omit => Sni::Omit,
            SslSni::Send => Sni::Send,
        },
        key_log: settings.sslkeylogfile.clone(),
    })
}

fn version(version: SslVersion) -> u8 {
    match version {
        SslVersion::Tls1_0 => 10,
        SslVersion::Tls1_1 => 11,
        SslVersion::Tls1_2 => 12,
        SslVersion::Tls1_3 => 13,
    }
}

/// As in libpq, a root that is there is used in every mode, and only some modes insist on one.
fn trust(roots: &RootCertificates, strict: bool) -> Result<Trust, Error> {
    let missing = |text: String| {
        let advice = "set \"sslrootcert\", or \"sslrootcert=system\" for the system's roots";
        Error::config(format!("{text}: {advice}")).unsent()
    };
    match roots {
        RootCertificates::System => Ok(Trust::System),
        RootCertificates::File(path) => match file(path) {
            Ok(file) => Ok(Trust::File(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && strict => Err(missing(
                format!("the root certificate file \"{}\" does not exist", path.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Trust::Nobody),
            Err(error) => Err(unreadable(path, error)),
        },
        RootCertificates::Missing(_) if strict => {
            Err(missing("there is no root certificate to check the server's against".to_owned()))
        }
        RootCertificates::Missing(_) => Ok(Trust::Nobody),
    }
}

fn client_certificate(settings: &TlsSettings) -> Result<Option<ClientCertificate>, Error> {
    let (SslCertMode::Allow | SslCertMode::Require, Some(path)) =
        (settings.sslcertmode, &settings.sslcert)
    else {
        return Ok(None);
    };
    let certificate = match file(path) {
        Ok(certificate) => certificate,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let Some(key_path) = &settings.sslkey else {
        let text =
            format!("there is no key to the certificate \"{}\": set \"sslkey\"", path.display());
        return Err(Error::config(text).unsent());
    };
    is_private(key_path)?;
    let key = file(key_path).map_err(|error| unreadable(key_path, error))?;
    let password: Option<Secret> = settings.sslpassword.clone();
    Ok(Some(ClientCertificate { certificate, key, password }))
}

fn revoked(settings: &TlsSettings) -> Result<Vec<File>, Error> {
    let mut revoked = Vec::new();
    if let Some(path) = &settings.sslcrl {
        match file(path) {
            Ok(list) => revoked.push(list),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(path, error)),
        }
    }
    if let Some(directory) = &settings.sslcrldir {
        let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(directory, error))?.path();
            revoked.push(file(&path).map_err(|error| unreadable(&path, error))?);
        }
    }
    Ok(revoked)
}

/// libpq's rule: nobody else may read the key, but for the group where root owns it.
#[cfg(unix)]
fn is_private(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.is_file() && metadata.mode() & forbidden == 0 {
        return Ok(());
    }
    let text = format!(
        "the private key file \"{}\" must be a plain file that only its owner can read: \
         \"chmod 600\" it",
        path.display()
    );
    Err(Error::config(text).unsent())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn is_private(_: &Path) -> Result<(), Error> {
    Ok(())
}

fn file(path: &Path) -> io::Result<File> {
    Ok(File { name: path.display().to_string(), bytes: fs::read(path)? })
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let text = format!("could not read \"{}\"", path.display());
    Error::new(Kind::Config, text).with_source(error).unsent()
}
