//! The kinds of gateways, and where each of them says what it asks about.

use std::fmt;
use std::str::FromStr;

/// A kind of gateway. It says which headers are the gateway's own: those of any other kind could be
/// its client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayKind {
    /// Envoy's `ext_authz` over HTTP: the request line, `Host` and the body are the original's.
    Envoy,
    /// Caddy's `forward_auth`: `X-Forwarded-Method`, `-Host` and `-Uri`.
    Caddy,
    /// Traefik's `ForwardAuth`: the same headers.
    Traefik,
    /// nginx' `auth_request`, whose configuration sends `X-Original-Method`, `-Host` and `-URI`.
    Nginx,
}

impl GatewayKind {
    /// Every word, with what it stands for.
    const WORDS: [(&'static str, Self); 4] = [
        ("envoy", Self::Envoy),
        ("caddy", Self::Caddy),
        ("traefik", Self::Traefik),
        ("nginx", Self::Nginx),
    ];

    /// Returns the headers with method, host and target of the original request; `None` where the
    /// request line has them.
    pub(super) fn headers(self) -> Option<[&'static str; 3]> {
        match self {
            Self::Envoy => None,
            Self::Caddy | Self::Traefik => {
                Some(["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"])
            }
            Self::Nginx => Some(["x-original-method", "x-original-host", "x-original-uri"]),
        }
    }
}

/// The error for a word that is no kind of gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of gateway; write `envoy`, `caddy`, `traefik` or `nginx`")]
pub struct GatewayKindError(String);

impl FromStr for GatewayKind {
    type Err = GatewayKindError;

    fn from_str(word: &str) -> Result<Self, GatewayKindError> {
        let known = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        known
            .map(|(_, kind)| kind)
            .ok_or_else(|| GatewayKindError(word.to_owned()))
    }
}

impl fmt::Display for GatewayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::WORDS.into_iter().find(|(_, kind)| kind == self);
        f.write_str(known.map_or("", |(word, _)| word))
    }
}
