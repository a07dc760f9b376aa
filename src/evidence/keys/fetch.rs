//! One bounded request to an issuer.
//!
//! INVARIANT: nothing but what was configured is asked: no redirect is followed and no proxy is used, and what is not
//! `https` is asked only on this machine. Time, head and body are bounded, whatever the issuer sends.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// LIMIT: a whole exchange. An issuer that needs longer is down for whoever waits for a decision.
pub(in crate::evidence) const TIMEOUT: Duration = Duration::from_secs(5);

/// LIMIT: the body of an answer. Key sets with certificates have some ten kilobytes.
const MAX_BODY_BYTES: u64 = 512 * 1024;

/// LIMIT: the head of an answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// LIMIT: a file of certificates: a system's whole store has some 250 KiB.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// Asks issuers, trusting the authorities that it was made with.
#[derive(Clone)]
pub struct HttpClient(ureq::Agent);

/// An issuer's answer.
#[derive(Debug)]
pub(in crate::evidence) struct Answer {
    pub(in crate::evidence) body: Vec<u8>,
    /// How long it may be used (RFC 9111 section 4.2); none where it does not say.
    pub(in crate::evidence) fresh_for: Option<Duration>,
    /// The media type, without parameters and in lower case.
    pub(in crate::evidence) media_type: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum FetchError {
    /// Another status than 200.
    Status(u16),
    /// No answer within time and size, or none at all.
    Unreachable(String),
    /// An answer that is not of its form.
    Form(&'static str),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answers with the status {status}"),
            Self::Unreachable(why) => write!(f, "it does not answer: {why}"),
            Self::Form(what) => f.write_str(what),
        }
    }
}

impl HttpClient {
    /// A client that trusts the authorities in a file of certificates, or those of the system.
    pub fn new(authorities: Option<&Path>) -> Result<Self, String> {
        let roots = match authorities {
            Some(path) => read_certificates(path)?,
            // Where the system has none, issuers are out of reach, and say so when they are asked.
            None => rustls_native_certs::load_native_certs()
                .certs
                .iter()
                .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
                .collect(),
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
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
        Ok(Self(agent))
    }

    /// Reads what is at an address.
    pub(in crate::evidence) fn get(&self, url: &str) -> Result<Answer, FetchError> {
        read(self.0.get(url).header("Accept", "application/json").call())
    }

    /// Sends a form, with credentials for `Authorization`.
    pub(in crate::evidence) fn post_form(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
        accept: &str,
    ) -> Result<Answer, FetchError> {
        let mut request = self.0.post(url).header("Accept", accept);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        read(request.send(form))
    }
}

/// Says nothing of what it trusts.
impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient(..)")
    }
}

/// Refuses an address that could be read or answered by somebody else on the way.
pub(in crate::evidence) fn check_url(url: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("`{url}` {why}"));
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty()
        || authority.contains('@')
        || url.contains('#')
        || !url.bytes().all(|b| b.is_ascii_graphic())
    {
        return refuse("is not an address: write for example `https://login.example/jwks`");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    match scheme {
        "https" => Ok(()),
        "http" if ["localhost", "127.0.0.1", "[::1]"].contains(&host) => Ok(()),
        "http" => refuse(
            "is not `https`, and plain `http` is taken from a loopback address alone: keys that come in the clear are anybody's; \
             use `https`, or a file (`keys = \"file:PATH\"`)",
        ),
        _ => refuse("is neither `https` nor, on this machine, `http`"),
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, FetchError> {
    let unreachable = |error: ureq::Error| FetchError::Unreachable(error.to_string());
    let mut answer = answer.map_err(unreachable)?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(FetchError::Status(status));
    }
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fresh_for = fresh_for(text(CACHE_CONTROL), text(AGE));
    let media_type = text(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = answer.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_vec().map_err(unreachable)?;
    Ok(Answer { body, fresh_for, media_type })
}

/// What `Cache-Control` and `Age` leave; none where `Cache-Control` says nothing of it.
fn fresh_for(cache_control: &str, age: &str) -> Option<Duration> {
    let mut longest = None;
    for directive in cache_control.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" => longest = value.trim_matches('"').parse::<u64>().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    let age = Duration::from_secs(age.trim().parse().unwrap_or(0));
    longest.map(|longest| longest.saturating_sub(age))
}

/// The certificates of a PEM file.
fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?.len();
    if size > MAX_PEM_BYTES {
        return Err(format!("`{shown}` is larger than {MAX_PEM_BYTES} bytes"));
    }
    let text = std::fs::read(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { Err(format!("`{shown}` holds no certificate in PEM form")) } else { Ok(certificates) }
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
            assert_eq!(check_url(url), Ok(()), "{url}");
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
            assert_eq!(fresh_for(cache_control, age), expected.map(Duration::from_secs), "{cache_control} {age}");
        }
    }
}
