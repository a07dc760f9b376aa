//! Where an issuer's keys are, and reading them there once.

use super::fetch::{FetchError, HttpClient};
use super::published::Published;
use crate::evidence::json;
use crate::model::Value;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

/// LIMIT: a file of keys or certificates.
const MAX_FILE_BYTES: u64 = 512 * 1024;

/// How often a file is looked at: soon enough for a person who replaces it.
const FILE_INTERVAL: Duration = Duration::from_secs(10);

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set at an address (RFC 7517 section 5).
    Jwks(String),
    /// An issuer, whose metadata say where the set is (RFC 8414 section 3, `OpenID` Connect
    /// Discovery section 4).
    Discovery(String),
    /// A JWK set in a file, read again when it changes.
    File(PathBuf),
    /// Certificates of authorities in a PEM file, read again when it changes.
    Pem(PathBuf),
}

/// What was published, and for how long it may be used; none where that was not said.
pub(super) type Read = (Published, Option<Duration>);

impl KeySource {
    /// Refuses an address that somebody else could answer at, and certificates where keys of tokens
    /// are meant.
    pub(in crate::evidence) fn check(&self) -> Result<(), String> {
        match self {
            Self::Jwks(url) | Self::Discovery(url) => super::check_url(url),
            Self::File(_) => Ok(()),
            Self::Pem(_) => Err(
                "certificates are no keys of tokens; set an address, `discovery` or `file:PATH`"
                    .to_owned(),
            ),
        }
    }

    /// Reads the keys.
    pub(super) fn read(&self, client: &HttpClient) -> Result<Read, FetchError> {
        match self {
            Self::Jwks(url) => fetch_set(url, client),
            Self::Discovery(issuer) => fetch_set(&discover(issuer, client)?, client),
            Self::File(path) => {
                let (text, is_cut) = read_file(path)?;
                let found = Published::read(&text, is_cut)
                    .ok_or(FetchError::Form("the file holds no JWK set"))?;
                Ok((found, Some(FILE_INTERVAL)))
            }
            Self::Pem(path) => {
                let (text, is_cut) = read_file(path)?;
                // An empty file withdraws them. What is no PEM says nothing.
                let found = Published::read_pem(&text, is_cut);
                let found = found.ok_or(FetchError::Form(
                    "the file holds no certificates in PEM form",
                ))?;
                Ok((found, Some(FILE_INTERVAL)))
            }
        }
    }
}

fn fetch_set(url: &str, client: &HttpClient) -> Result<Read, FetchError> {
    let answer = client.get_some(url)?;
    let found = Published::read(&answer.body, answer.is_cut)
        .ok_or(FetchError::Form("the answer is no JWK set"))?;
    Ok((found, answer.fresh_for))
}

/// The address in an issuer's metadata, which must be that issuer's own (`OpenID` Connect Discovery
/// section 4.3).
fn discover(issuer: &str, client: &HttpClient) -> Result<String, FetchError> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let metadata = json::read(&client.get(&url)?.body)
        .ok_or(FetchError::Form("its metadata are no JSON object"))?;
    let text = |name| metadata.get(name).and_then(Value::as_text);
    if text("issuer").is_none_or(|named| named != issuer) {
        return Err(FetchError::Form("its metadata name another issuer"));
    }
    if metadata.get_present("jwks_uri").is_none() {
        return Err(FetchError::Gone("its metadata have no `jwks_uri`"));
    }
    let jwks = text("jwks_uri").ok_or(FetchError::Form(
        "the `jwks_uri` in its metadata is no text",
    ))?;
    super::check_url(jwks)
        .map_err(|_| FetchError::Form("the `jwks_uri` in its metadata is not `https`"))?;
    Ok(jwks.to_string())
}

/// The text of a file, up to the limit, and whether there is more of it.
fn read_file(path: &Path) -> Result<(Vec<u8>, bool), FetchError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => FetchError::Gone("the file is not there"),
        _ => FetchError::Unreachable(error.to_string()),
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let is_cut = text.len() > most;
    text.truncate(most);
    Ok((text, is_cut))
}
