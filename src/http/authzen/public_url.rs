//! Checks the service's identifier, once.

use actix_web::http::Uri;
use std::fmt;

/// An identifier as AuthZEN 1.0 section 9.1.1 has it: an https URL without query and fragment, kept
/// byte for byte, because callers compare it so (section 9.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The error for text that cannot be an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the public URL: it must be an https URL without query, fragment and user")]
pub struct PublicUrlError(String);

impl PublicUrl {
    /// Checks and wraps an identifier.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let refuse = || PublicUrlError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let host = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'))
            .ok_or_else(refuse)?
            .host();
        let plain = !text.contains(['?', '#']) && text.starts_with("https://") && !host.is_empty();
        if plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(refuse())
        }
    }

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
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.well_known_suffix()), (text, suffix));
            assert_eq!(url.endpoint("/x"), endpoint);
        }
    }

    #[test]
    fn anything_but_a_plain_https_url_is_refused() {
        for text in [
            "",
            "pdp.example",
            "http://pdp.example",
            "https://",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "/x",
        ] {
            assert_eq!(
                PublicUrl::parse(text),
                Err(PublicUrlError(text.to_owned())),
                "{text}"
            );
        }
    }
}
