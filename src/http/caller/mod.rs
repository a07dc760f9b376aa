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
use crate::model::EntityRef;

/// A configured caller.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub enum CallerCredential {
    /// A key in `Authorization`.
    Key(KeyHash),
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

/// How a caller's certificate is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The certificate with this SHA-256.
    Sha256([u8; 32]),
    /// A certificate whose only URI is this one, a SPIFFE id.
    Uri(String),
}
