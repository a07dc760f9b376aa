//! The settings of callers: `[[callers]]`.
//!
//! This file refuses malformed values; what contradicts something else is refused in `check`.

use crate::http::{KeyHash, Permissions, Rate};
use crate::model::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// One configured caller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Caller")]
pub struct CallerSettings {
    /// The name of the caller in records and logs.
    pub name: String,
    /// The SHA-256 of its key, if it has one without an end; without keys, the caller authenticates
    /// in one of the two ways below.
    pub key_sha256: Option<KeyHash>,
    /// Its keys, in place of the one above: the one in use, and the one that takes its place.
    #[serde(default)]
    pub keys: Vec<KeySettings>,
    /// The access token with which it authenticates.
    pub token: Option<CallerToken>,
    /// The client certificate of its connections.
    pub certificate: Option<CallerCertificate>,
    /// How many requests it may send; without this, any number.
    pub rate: Option<Rate>,
    /// One of these must be among the audiences of a credential in its requests; if empty, the
    /// profile of the issuer decides.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The issuers and trust domains whose credentials its requests may contain; if empty, all that
    /// are configured.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// The permissions of the caller.
    pub permissions: Permissions,
    /// Whether it may only ask about chains with an agent in them.
    #[serde(default)]
    pub require_actor: bool,
    /// Whether its denials have a reason even if it does not ask for one.
    #[serde(default)]
    pub reasons: bool,
}

/// A caller that authenticates with a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerToken {
    /// A configured issuer.
    pub issuer: String,
    /// The only principal that the token names: `agent:gateway`.
    pub principal: String,
}

/// A caller that authenticates with a certificate; exactly one of the two members is set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerCertificate {
    /// The SHA-256 of the certificate.
    pub sha256: Option<KeyHash>,
    /// The only URI in the certificate: a SPIFFE id.
    pub uri: Option<String>,
}

/// A key of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Key")]
pub struct KeySettings {
    /// The SHA-256 of the key.
    pub sha256: KeyHash,
    /// When the key ends; without this, it does not.
    #[serde(default, deserialize_with = "read_until")]
    pub until: Option<Timestamp>,
}

impl CallerSettings {
    /// Returns all keys of the caller.
    pub fn all_keys(&self) -> impl Iterator<Item = KeySettings> + '_ {
        let endless = self.key_sha256.map(|sha256| KeySettings {
            sha256,
            until: None,
        });
        endless.into_iter().chain(self.keys.iter().copied())
    }
}

fn read_until<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(UntilVisitor).map(Some)
}

/// Reads a point in time: a text, or a time as TOML writes it, which comes as a map of one member.
struct UntilVisitor;

impl<'de> Visitor<'de> for UntilVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as 2026-12-31T00:00:00Z")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(|_| {
            E::custom(format!(
                "`{}` is not a time with its offset; write for example `2026-12-31T00:00:00Z`",
                text.chars().take(SHOWN_CHARS).collect::<String>()
            ))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Timestamp, A::Error> {
        let entry = map.next_entry::<String, String>()?;
        let Some((name, text)) = entry.filter(|(name, _)| name == TOML_TIME) else {
            return Err(A::Error::custom(
                "the value is a table; write for example `2026-12-31T00:00:00Z`",
            ));
        };
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        drop(name);
        self.visit_str(&text)
    }
}

/// The name of the member by which the TOML library hands on a time.
const TOML_TIME: &str = "$__toml_private_datetime";

/// LIMIT: how many characters of a text that is no time a message shows.
const SHOWN_CHARS: usize = 40;
