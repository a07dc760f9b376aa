//! SPIFFE identities: workloads of a trust domain, verified by the keys in its bundle.
//!
//! **Problem.** A workload's name is worth as much as the authority that vouches for it. Every
//! trust domain has its own authorities, and an authority of one must not vouch for a name in
//! another.
//! **Decision.** A trust domain is configured with its bundle, and an identity is verified only by
//! the bundle of the domain that it names. A name without a document that proves it proves nothing.
//! **Trade-off.** Federated domains must be configured one by one.

mod der;
mod jwt;
mod x509;

pub(super) use crate::model::SpiffeId;
pub use der::validity as certificate_validity;
pub(super) use der::{rsa_modulus, subject_public_key};
pub(super) use jwt::verify as verify_jwt;
pub(super) use x509::{claimed_id, verify as verify_x509};

use super::keys::KeySource;
use smol_str::SmolStr;
use std::time::Duration;

/// The settings of a trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDomain {
    /// Its name: `prod.example`.
    pub name: SmolStr,
    /// Its bundle: a JWK set in the form of SPIFFE, or certificates in PEM form.
    pub bundle: KeySource,
    /// One of these must be among the audiences of a JWT-SVID; if empty, no JWT-SVID is accepted.
    pub audiences: Vec<SmolStr>,
    /// The entity type of its workloads; the id is the whole SPIFFE id.
    pub entity_type: SmolStr,
    /// Maximum lifetime of an identity's document.
    pub longest_life: Duration,
    /// How far clocks may differ.
    pub leeway: Duration,
}

impl TrustDomain {
    /// Returns its name as an issuer. In an id, a slash follows it.
    #[must_use]
    pub fn issuer(&self) -> SmolStr {
        smol_str::format_smolstr!("spiffe://{}", self.name)
    }

    /// Lists the problems of the settings.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !crate::model::is_trust_domain(&self.name) {
            problems.push(
                "its name is no trust domain; write it in lower case without `spiffe://`"
                    .to_owned(),
            );
        }
        if let KeySource::Jwks(url) | KeySource::Discovery(url) = &self.bundle
            && let Err(problem) = super::keys::check_url(url)
        {
            problems.push(format!("its bundle cannot be fetched: {problem}"));
        }
        if self.longest_life.is_zero() {
            problems
                .push("its identities may live no time at all; set `longest_life_s`".to_owned());
        }
        problems
    }
}
