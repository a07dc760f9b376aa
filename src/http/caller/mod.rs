//! Who calls: the configured callers, what each is known by, and what it may do.
//!
//! [`identity`] finds out which of them has sent a request. Everything else of the service knows a
//! caller by that alone.

pub(in crate::http) mod anonymous;
pub(in crate::http) mod bearer;
pub(in crate::http) mod certificate;
pub(in crate::http) mod identity;
mod key_hash;
mod permission;
pub(in crate::http) mod rate;

pub use key_hash::{KeyHash, KeyHashError};
pub use permission::{Permission, PermissionError, Permissions};

use crate::evidence::CallerScope;
use crate::http::caller::rate::Rate;
use crate::model::{EntityRef, Timestamp};
use smallvec::{SmallVec, smallvec};

/// A configured caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name in records and logs.
    pub name: String,
    /// How the caller is identified.
    pub by: CallerCredential,
    /// The permissions of the caller.
    pub permissions: Permissions,
    /// Whether the caller may ask only about chains with an agent in them.
    pub require_actor: bool,
    /// Whether its denials carry the reason without `options.reason`.
    pub reasons: bool,
    /// Its rate; `None` if it may send any number of requests.
    pub rate: Option<Rate>,
    /// The audiences and issuers of the credentials that its requests may hold.
    pub credentials: CallerScope,
}

/// How a caller is identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerCredential {
    /// A key in `Authorization`: one of these.
    Keys(SmallVec<[CallerKey; MAX_KEYS]>),
    /// An access token in `Authorization`, of this issuer, whose chain is this party alone.
    Token {
        /// The issuer, as it is configured.
        issuer: String,
        /// The party that the token names.
        principal: EntityRef,
    },
    /// The certificate of its connection.
    Certificate(CertificateName),
}

impl CallerCredential {
    /// Returns the credential that is one key without an end.
    #[must_use]
    pub fn key(hash: KeyHash) -> Self {
        Self::Keys(smallvec![CallerKey { hash, until: None }])
    }

    /// Returns the keys of a caller that is identified by keys.
    #[must_use]
    pub fn keys(&self) -> &[CallerKey] {
        match self {
            Self::Keys(keys) => keys,
            Self::Token { .. } | Self::Certificate(_) => &[],
        }
    }
}

/// LIMIT: keys of one caller: the one that is in use, and the one that takes its place.
pub const MAX_KEYS: usize = 2;

/// A key of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerKey {
    /// The SHA-256 of the key.
    pub hash: KeyHash,
    /// When the key ends; `None` if it does not.
    pub until: Option<Timestamp>,
}

impl CallerKey {
    /// Returns `true` if the key has ended at `now_ms`, in milliseconds.
    #[must_use]
    pub fn has_ended(&self, now_ms: i64) -> bool {
        self.until.is_some_and(|until| until.0 <= now_ms)
    }
}

/// How a caller's certificate is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The certificate with this SHA-256.
    Sha256([u8; 32]),
    /// A certificate whose only URI is this one, a SPIFFE id.
    Uri(String),
}
