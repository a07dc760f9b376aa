//! Limits which credentials one caller may pass on.
//!
//! An issuer's audiences are those of all services that call this one. Each caller is one of these
//! services: a token that was sent to another service is not meant for it, and a caller that passed
//! one on would use another service's token.
//!
//! INVARIANT: a scope only restricts. What a credential proves is decided by its issuer's profile.

use crate::model::{CredentialError, CredentialKind, ProvenIdentity};
use smol_str::SmolStr;

/// The credentials that a caller may pass on; all that verify if both lists are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerScope {
    /// One of these must be among the audiences of a credential.
    pub audiences: Vec<SmolStr>,
    /// The issuers and trust domains whose credentials count.
    pub issuers: Vec<SmolStr>,
}

impl CallerScope {
    /// Returns `true` if tokens with this audience are for this caller.
    pub(super) fn has_audience(&self, audience: &SmolStr) -> bool {
        self.audiences.is_empty() || self.audiences.contains(audience)
    }

    /// Returns `true` if credentials of this issuer count.
    pub(super) fn has_issuer(&self, issuer: &SmolStr) -> bool {
        self.issuers.is_empty() || self.issuers.contains(issuer)
    }

    /// Refuses credentials of issuers that do not count. This is checked before the issuer is
    /// asked: no issuer sees a token that would be refused anyway.
    pub(super) fn check_issuer(&self, issuer: &SmolStr) -> Result<(), CredentialError> {
        if self.has_issuer(issuer) {
            return Ok(());
        }
        Err(CredentialError::of_a_stranger(
            "the credential's issuer is not one whose credentials this caller may send",
        ))
    }

    /// Refuses a credential that is not for this caller. An ID token is for a client and a
    /// certificate for nobody in particular, so their audiences are not checked.
    pub(super) fn check(&self, proven: &ProvenIdentity) -> Result<(), CredentialError> {
        self.check_issuer(&proven.issuer)?;
        let has_audience = match proven.kind {
            CredentialKind::AccessToken | CredentialKind::JwtSvid => true,
            CredentialKind::IdToken | CredentialKind::X509Svid => false,
        };
        let is_for_caller = proven
            .audiences
            .iter()
            .any(|audience| self.audiences.contains(audience));
        if has_audience && !self.audiences.is_empty() && !is_for_caller {
            return Err(CredentialError::for_another(
                "the token is for another service than this caller: \
                 send one that was issued for it",
            ));
        }
        Ok(())
    }
}
