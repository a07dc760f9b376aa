//! Makes one bounded request to an issuer.
//!
//! INVARIANT: only the given address is asked: no redirect is followed, no proxy is used, and an
//! address without `https` is asked only on this machine. Time, head and body are bounded,
//! whatever the issuer sends.

use super::file::FileMark;
use crate::evidence::error::SourceError;
use crate::model::shown_url;
use crate::regular_file;
use aws_lc_rs::digest::{Context, SHA256};
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// LIMIT: time for a whole exchange. For a decision that waits, a slower issuer is down.
pub(in crate::evidence) const TIMEOUT: Duration = Duration::from_secs(5);

/// LIMIT: bytes of an answer's body. Key sets with certificates have tens of kilobytes.
const MAX_BODY_BYTES: u64 = 512 * 1024;

/// LIMIT: bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// LIMIT: bytes of a file of certificates: a system's whole store has some 250 KiB.
pub(in crate::evidence) const MAX_PEM_BYTES: u64 = 4 << 20;

/// A client for requests to issuers, which trusts the authorities that it was created with.
#[derive(Clone)]
pub struct HttpClient {
    agent: ureq::Agent,
    /// The SHA-256 of the authorities.
    authorities: [u8; 32],
}

/// An issuer's answer.
#[derive(Debug)]
pub(in crate::evidence) struct IssuerReply {
    pub(in crate::evidence) body: Vec<u8>,
    /// Whether the body was longer than the limit.
    pub(in crate::evidence) is_cut: bool,
    /// How long the answer may be used (RFC 9111 section 4.2); `None` if it does not say.
    pub(in crate::evidence) fresh_for: Option<Duration>,
    /// The media type, without parameters and in lower case.
    pub(in crate::evidence) media_type: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum FetchError {
    /// The status was not 200.
    Status(u16),
    /// There was no answer at all, or none within the limits of time and size.
    Unreachable(String),
    /// The answer is malformed.
    Form(&'static str),
    /// The issuer says that the resource no longer exists.
    Gone(&'static str),
    /// A file contains something else, with the digest of its content.
    Foreign(&'static str, FileMark),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answers with the status {status}"),
            Self::Unreachable(why) => write!(f, "it does not answer: {why}"),
            Self::Form(what) | Self::Gone(what) | Self::Foreign(what, _) => f.write_str(what),
        }
    }
}

impl FetchError {
    /// Returns `true` if the same request may be answered later. An answer that refuses, or that is
    /// something else than was asked for, shows a mistake in the settings or at the issuer.
    pub(in crate::evidence) fn may_pass(&self) -> bool {
        match self {
            // Statuses that ask for patience (RFC 9110 sections 15.5.9 and 15.6, RFC 8470 section
            // 5.2, RFC 6585 section 4).
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::Unreachable(_) => true,
            Self::Form(_) | Self::Gone(_) | Self::Foreign(..) => false,
        }
    }
}

impl HttpClient {
    /// Creates a client that trusts the authorities in a file of certificates, or those of the
    /// system.
    pub fn new(authorities: Option<&Path>) -> Result<Self, SourceError> {
        let roots = match authorities {
            Some(path) => read_certificates(path)?,
            // If the system has none, requests fail with an error that says so.
            None => rustls_native_certs::load_native_certs()
                .certs
                .iter()
                .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
                .collect(),
        };
        let mut hash = Context::new(&SHA256);
        for root in &roots {
            hash.update(&root.der().len().to_be_bytes());
            hash.update(root.der());
        }
        let mut authorities = [0; 32];
        authorities.copy_from_slice(hash.finish().as_ref());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .max_response_header_size(MAX_HEAD_BYTES)
            .user_agent(concat!("behest/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, authorities })
    }

    /// Returns `true` if both trust the same authorities.
    pub(in crate::evidence) fn is_like(&self, other: &Self) -> bool {
        self.authorities == other.authorities
    }

    /// Gets the resource at an address; a body beyond the limit is cut.
    pub(in crate::evidence) fn get_some(&self, url: &str) -> Result<IssuerReply, FetchError> {
        read(
            self.agent
                .get(url)
                .header("Accept", "application/json")
                .call(),
        )
    }

    /// Sends a form, with credentials for `Authorization`.
    pub(in crate::evidence) fn post_form(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
        accept: &str,
    ) -> Result<IssuerReply, FetchError> {
        let mut request = self.agent.post(url).header("Accept", accept);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        read(request.send(form)).and_then(whole)
    }
}

/// Shows nothing of the authorities.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient(..)")
    }
}

/// Refuses an address if somebody else could read or answer requests on the way.
pub(in crate::evidence) fn check_url(url: &str) -> Result<(), SourceError> {
    let refuse = |problem| {
        let url = shown_url(url);
        Err(SourceError::Address { url, problem })
    };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty()
        || authority.contains('@')
        || url.contains('#')
        || !url.bytes().all(|b| b.is_ascii_graphic())
    {
        return refuse("is not an address: write for example `https://login.example/jwks`");
    }
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    match scheme {
        "https" => Ok(()),
        "http" if ["localhost", "127.0.0.1", "[::1]"].contains(&host) => Ok(()),
        "http" => refuse(
            "is not `https`, and plain `http` is taken from a loopback address alone: keys that \
             come in the clear are anybody's; use `https`, or a file (`keys = \"file:PATH\"`)",
        ),
        _ => refuse("is neither `https` nor, on this machine, `http`"),
    }
}

fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<IssuerReply, FetchError> {
    let unreachable = |error: ureq::Error| FetchError::Unreachable(error.to_string());
    let mut answer = answer.map_err(unreachable)?;
    match answer.status().as_u16() {
        // However a proxy obtained it, this is an answer, also without content (RFC 9110 section
        // 15.3). 201 and 202 are left out, because work that has only begun may end otherwise.
        200 | 203..=206 => {}
        // This status, too, is the issuer's word: the resource is gone (section 15.5.11).
        410 => {
            return Err(FetchError::Gone(
                "it answers that what was there is gone (410)",
            ));
        }
        status => return Err(FetchError::Status(status)),
    }
    let text = |name| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let fresh_for = fresh_for(text(CACHE_CONTROL), text(AGE));
    let media_type = text(CONTENT_TYPE)
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut body = Vec::new();
    let some = answer
        .body_mut()
        .as_reader()
        .take(MAX_BODY_BYTES + 1)
        .read_to_end(&mut body);
    some.map_err(|error| FetchError::Unreachable(error.to_string()))?;
    let most = usize::try_from(MAX_BODY_BYTES).unwrap_or(usize::MAX);
    let is_cut = body.len() > most;
    body.truncate(most);
    Ok(IssuerReply {
        body,
        is_cut,
        fresh_for,
        media_type,
    })
}

/// Refuses an answer that was cut.
fn whole(answer: IssuerReply) -> Result<IssuerReply, FetchError> {
    if answer.is_cut {
        Err(FetchError::Form("the answer is too large"))
    } else {
        Ok(answer)
    }
}

/// Returns the remaining time by `Cache-Control` and `Age`, or `None` if `Cache-Control` does not
/// say.
fn fresh_for(cache_control: &str, age: &str) -> Option<Duration> {
    let mut longest = None;
    for directive in cache_control.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" => {
                longest = value
                    .trim_matches('"')
                    .parse::<u64>()
                    .ok()
                    .map(Duration::from_secs);
            }
            _ => {}
        }
    }
    let age = Duration::from_secs(age.trim().parse().unwrap_or(0));
    longest.map(|longest| longest.saturating_sub(age))
}

/// Reads the certificates of a PEM file.
fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SourceError> {
    let unreadable = |error| SourceError::Unreadable(path.to_owned(), error);
    let mut text = Vec::new();
    regular_file::open(path)
        .and_then(|file| file.take(MAX_PEM_BYTES + 1).read_to_end(&mut text))
        .map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_PEM_BYTES) {
        return Err(SourceError::LargeAuthorities(path.to_owned()));
    }
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        Err(SourceError::NoAuthorities(path.to_owned()))
    } else {
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_else_can_answer_are_asked() {
        for url in [
            "https://a.example",
            "https://a.example:8443/x?y=z",
            "http://127.0.0.1:9/x",
            "http://localhost",
            "http://[::1]:9/",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "a.example",
            "http://a.example",
            "http://localhost.evil.example",
            "http://localhost@evil.example",
            "https://user@a.example",
            "https://",
            "https:///x",
            "ftp://a.example",
            "https://a.example/#x",
            "https://a.example/ x",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_an_answer_refuses_does_not_pass_and_silence_may() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(FetchError::Status(status).may_pass(), "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 415] {
            assert!(!FetchError::Status(status).may_pass(), "{status}");
        }
        assert!(FetchError::Unreachable("refused".to_owned()).may_pass());
        assert!(!FetchError::Form("no JWK set").may_pass());
        assert!(!FetchError::Gone("the file is not there").may_pass());
    }

    #[test]
    fn freshness_is_what_the_answer_says() {
        for (cache_control, age, expected) in [
            ("", "", None),
            ("public", "", None),
            ("max-age=60", "", Some(60)),
            ("public, Max-Age=60", "20", Some(40)),
            ("max-age=60", "90", Some(0)),
            ("max-age=60, no-cache", "", Some(0)),
            ("no-store", "", Some(0)),
            ("max-age=x", "", None),
        ] {
            assert_eq!(
                fresh_for(cache_control, age),
                expected.map(Duration::from_secs),
                "{cache_control} {age}"
            );
        }
    }
}
