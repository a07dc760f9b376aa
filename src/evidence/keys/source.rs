//! The source of an issuer's keys, and how they are read from it once.

use super::fetch::{FetchError, HttpClient};
use super::file::{FileError, FileMark, FileText, is_blank};
use super::published::Published;
use crate::evidence::error::SourceError;
use crate::evidence::secret::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// LIMIT: bytes of a file of keys or certificates.
const MAX_FILE_BYTES: u64 = 512 * 1024;

/// How often a file is checked: soon enough for somebody who replaces it.
pub(super) const FILE_INTERVAL: Duration = Duration::from_secs(10);

/// A source of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set at an address (RFC 7517 section 5).
    Jwks(String),
    /// An issuer whose metadata contain the address of the set (RFC 8414 section 3, `OpenID`
    /// Connect Discovery section 4).
    Discovery(String),
    /// A JWK set in a file, read again when it changes.
    File(PathBuf),
    /// Certificates of authorities in a PEM file, read again when it changes.
    Pem(PathBuf),
    /// A shared secret from a file, read again when it changes.
    Secret(Secret),
}

/// The published keys, and for how long they may be used; `None` if the source does not say.
pub(super) type KeyDownload = (Published, Option<Duration>);

impl KeySource {
    /// Refuses an address at which somebody else could answer, and certificates where keys of
    /// tokens are needed.
    pub(in crate::evidence) fn check(&self) -> Result<(), SourceError> {
        match self {
            Self::Jwks(url) | Self::Discovery(url) => super::check_url(url),
            Self::File(_) | Self::Secret(_) => Ok(()),
            Self::Pem(_) => Err(SourceError::Certificates),
        }
    }

    /// Returns `true` if the source is a file on this machine.
    pub(super) fn is_file(&self) -> bool {
        match self {
            Self::File(_) | Self::Pem(_) | Self::Secret(_) => true,
            Self::Jwks(_) | Self::Discovery(_) => false,
        }
    }

    /// Reads the keys. `last` is the digest of the file's previous content.
    pub(super) fn read(
        &self,
        client: &HttpClient,
        last: &mut Option<FileMark>,
    ) -> Result<KeyDownload, FetchError> {
        let found = match self {
            Self::Jwks(url) => return fetch_set(url, client),
            Self::Discovery(issuer) => return fetch_set(&discover(issuer, client)?, client),
            Self::File(path) => {
                let file = read_file(path, last)?;
                if is_blank(&file.text) && !file.is_cut {
                    Published::nothing("the file is empty")
                } else {
                    let foreign = || FetchError::Foreign("the file holds no JWK set", file.mark());
                    Published::read(&file.text, file.is_cut).ok_or_else(foreign)?
                }
            }
            Self::Pem(path) => {
                let file = read_file(path, last)?;
                let foreign = || {
                    let what = "the file holds no certificates in PEM form";
                    FetchError::Foreign(what, file.mark())
                };
                Published::read_pem(&file.text, file.is_cut).ok_or_else(foreign)?
            }
            Self::Secret(secret) => {
                if let Some(path) = secret.path() {
                    read_file(path, last)?;
                }
                // The current content is the secret, or there is no secret.
                match secret.again() {
                    Ok(secret) => Published::secret(secret.reveal()),
                    Err(error) => Published::nothing(&error.to_string()),
                }
            }
        };
        Ok((found, Some(FILE_INTERVAL)))
    }
}

fn fetch_set(url: &str, client: &HttpClient) -> Result<KeyDownload, FetchError> {
    let answer = client.get_some(url)?;
    let found = Published::read(&answer.body, answer.is_cut)
        .ok_or(FetchError::Form("the answer is no JWK set"))?;
    Ok((found, answer.fresh_for))
}

/// Returns the address of the key set in an issuer's metadata.
fn discover(issuer: &str, client: &HttpClient) -> Result<String, FetchError> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    super::discovery::jwks_uri(&client.get_some(&url)?, issuer)
}

fn read_file(path: &Path, last: &mut Option<FileMark>) -> Result<FileText, FetchError> {
    FileText::read(path, MAX_FILE_BYTES, last).map_err(|error| match error {
        FileError::Gone(what) => FetchError::Gone(what),
        FileError::Unreadable(error) => FetchError::Unreachable(error.to_string()),
    })
}
