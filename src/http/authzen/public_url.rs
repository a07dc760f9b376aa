//! Checks the service's identifier, once.

use actix_web::http::Uri;
use std::fmt;
use std::str::FromStr;

/// An identifier as AuthZEN 1.0 section 9.1.1 has it: an https URL without query, fragment and
/// user, kept byte for byte, because callers compare it so (section 9.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The error for text that cannot be an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` {problem}; write for example `https://pdp.example`")]
pub struct PublicUrlError {
    url: String,
    problem: &'static str,
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        match problem(text) {
            Some(problem) => Err(PublicUrlError {
                url: text.to_owned(),
                problem,
            }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Returns why a text cannot be an identifier.
fn problem(text: &str) -> Option<&'static str> {
    let Some(rest) = text.strip_prefix("https://") else {
        return Some("does not begin with `https://`");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') || host.contains('@') {
        return Some("has no host, or a user before it");
    }
    if rest.contains(['?', '#']) {
        return Some("has a query or a fragment");
    }
    if rest
        .bytes()
        .any(|b| !b.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&b))
    {
        return Some("has a character that an address cannot have");
    }
    let uri: Result<Uri, _> = text.parse();
    let has_host = uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    (!has_host).then_some("is no address")
}

impl PublicUrl {
    /// Returns the identifier, byte for byte.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL of what this service serves at `path`.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// Returns the identifier's own path, which follows the well-known name in the path of the
    /// metadata (section 9.2.1).
    #[must_use]
    pub fn well_known_suffix(&self) -> &str {
        let rest = self.0.trim_start_matches("https://");
        rest.find('/')
            .and_then(|at| rest.get(at..))
            .unwrap_or_default()
            .trim_end_matches('/')
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_moves_behind_the_well_known_name() {
        for (text, suffix, endpoint) in [
            ("https://pdp.example", "", "https://pdp.example/x"),
            ("https://pdp.example/", "", "https://pdp.example/x"),
            (
                "https://pdp.example:8443/tenant1",
                "/tenant1",
                "https://pdp.example:8443/tenant1/x",
            ),
            ("https://[::1]/a/b/", "/a/b", "https://[::1]/a/b/x"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.as_str(), url.well_known_suffix()), (text, suffix));
            assert_eq!(url.endpoint("/x"), endpoint);
        }
    }

    #[test]
    fn anything_but_a_plain_https_url_is_refused() {
        for (text, problem) in [
            ("", "does not begin with `https://`"),
            ("pdp.example", "does not begin with `https://`"),
            ("http://pdp.example", "does not begin with `https://`"),
            ("/x", "does not begin with `https://`"),
            ("https://", "has no host, or a user before it"),
            ("https://:1", "has no host, or a user before it"),
            ("https://u@a", "has no host, or a user before it"),
            ("https://a?b", "has a query or a fragment"),
            ("https://a#b", "has a query or a fragment"),
            (
                "https://a/{b}",
                "has a character that an address cannot have",
            ),
            ("https://[::1", "is no address"),
        ] {
            assert_eq!(
                text.parse::<PublicUrl>().unwrap_err().to_string(),
                format!("`{text}` {problem}; write for example `https://pdp.example`")
            );
        }
    }
}
