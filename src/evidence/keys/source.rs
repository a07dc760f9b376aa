//! Where an issuer's keys are, and reading them there once.

use super::fetch::{FetchError, HttpClient};
use super::set::KeySet;
use crate::evidence::json;
use crate::model::Value;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
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
    /// An issuer, whose metadata say where the set is (RFC 8414 section 3, `OpenID` Connect Discovery section 4).
    Discovery(String),
    /// A JWK set in a file, read again when it changes.
    File(PathBuf),
    /// Certificates of authorities in a PEM file, read again when it changes.
    Pem(PathBuf),
}

/// Keys that were read, and for how long they may be used; none where that was not said.
pub(super) type Read = (KeySet, Option<Duration>);

impl KeySource {
    /// Refuses an address that somebody else could answer at, and certificates where keys of tokens are meant.
    pub(in crate::evidence) fn check(&self) -> Result<(), String> {
        match self {
            Self::Jwks(url) | Self::Discovery(url) => super::check_url(url),
            Self::File(_) => Ok(()),
            Self::Pem(_) => {
                Err("certificates are no keys of tokens; set an address, `discovery` or `file:PATH`".to_owned())
            }
        }
    }

    /// Reads the keys.
    pub(super) fn read(&self, client: &HttpClient) -> Result<Read, FetchError> {
        match self {
            Self::Jwks(url) => fetch_set(url, client),
            Self::Discovery(issuer) => fetch_set(&discover(issuer, client)?, client),
            Self::File(path) => {
                let set = KeySet::read(&read_file(path)?).ok_or(FetchError::Form("the file holds no JWK set"))?;
                Ok((set, Some(FILE_INTERVAL)))
            }
            Self::Pem(path) => {
                let text = read_file(path)?;
                let anchors: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&text).collect();
                // An empty file withdraws them. What is no PEM says nothing.
                let anchors = anchors.ok().filter(|anchors| !anchors.is_empty() || text.trim_ascii().is_empty());
                let anchors = anchors.ok_or(FetchError::Form("the file holds no certificates in PEM form"))?;
                Ok((KeySet::of_anchors(anchors), Some(FILE_INTERVAL)))
            }
        }
    }
}

fn fetch_set(url: &str, client: &HttpClient) -> Result<Read, FetchError> {
    let answer = client.get(url)?;
    let set = KeySet::read(&answer.body).ok_or(FetchError::Form("the answer is no JWK set"))?;
    Ok((set, answer.fresh_for))
}

/// The address in an issuer's metadata, which must be that issuer's own (`OpenID` Connect Discovery section 4.3).
fn discover(issuer: &str, client: &HttpClient) -> Result<String, FetchError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata = json::read(&client.get(&url)?.body).ok_or(FetchError::Form("its metadata are no JSON object"))?;
    let text = |name| metadata.get(name).and_then(Value::as_text);
    if text("issuer").is_none_or(|named| named != issuer) {
        return Err(FetchError::Form("its metadata name another issuer"));
    }
    let jwks = text("jwks_uri").ok_or(FetchError::Form("its metadata have no `jwks_uri`"))?;
    super::check_url(jwks).map_err(|_| FetchError::Form("the `jwks_uri` in its metadata is not `https`"))?;
    Ok(jwks.to_string())
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, FetchError> {
    let unreadable = |error: std::io::Error| FetchError::Unreachable(error.to_string());
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE_BYTES {
        return Err(FetchError::Form("the file is too large"));
    }
    std::fs::read(path).map_err(unreadable)
}
