//! Checks the proof of possession for a bound token.
//!
//! INVARIANT: a bound token proves nothing without the key or certificate to which it is bound, and
//! a proof for an unbound token is refused if only a thief or a mistake would send one.

use super::Verifier;
use crate::evidence::claims::GenuineToken;
use crate::evidence::credential::RawCredential;
use crate::evidence::proof::{check_dpop, der_chain, thumbprint};
use crate::model::{CredentialError, Proof, ProvenIdentity, Timestamp, Value};

impl Verifier {
    /// Returns what a genuine token proves once its holder has proved possession.
    pub(super) fn possessed(
        &self,
        genuine: &GenuineToken,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<ProvenIdentity, CredentialError> {
        let mut proven = genuine.proven.clone();
        if proven.until <= now {
            return Err(CredentialError::expired(
                "the token has expired: send a fresh one",
            ));
        }
        let shown = presented.certificate.map(shown_thumbprint).transpose()?;
        if let Some(wanted) = &genuine.confirmation.certificate {
            if shown.as_deref() != Some(wanted.as_str()) {
                return Err(other_certificate(presented));
            }
            proven.proof = Some(Proof::Mtls);
        }
        match (&genuine.confirmation.key, &presented.dpop) {
            (Some(key), Some(dpop)) => {
                check_dpop(
                    dpop,
                    presented.value.0,
                    key,
                    (&self.replays, presented.caller),
                    self.moment(now),
                )?;
                proven.proof = Some(Proof::Dpop);
            }
            (Some(_), None) => {
                return Err(CredentialError::proof(
                    "the token is bound to a key: send the proof of possession in `dpop`",
                ));
            }
            (None, Some(_)) => {
                return Err(CredentialError::proof(
                    "the token is bound to no key, and came with a proof of possession",
                ));
            }
            (None, None) => {}
        }
        if let (Some(facts), Some(proof)) = (&mut proven.facts, proven.proof) {
            facts.insert("proof", Value::text(proof.as_str()));
        }
        Ok(proven)
    }
}

/// Returns the thumbprint of the certificate that the caller saw.
fn shown_thumbprint(certificate: &str) -> Result<String, CredentialError> {
    der_chain(certificate)
        .and_then(|chain| chain.first().map(thumbprint))
        .ok_or_else(|| {
            CredentialError::proof(
                "`tls.certificate` is no chain of certificates in PEM form or base64",
            )
        })
}

fn other_certificate(presented: &RawCredential<'_>) -> CredentialError {
    CredentialError::proof(match presented.certificate {
        None => "the token is bound to a certificate: send it in `tls.certificate`",
        Some(_) => {
            "the token is bound to another certificate than the one in `tls.certificate`: \
             send the one that its client showed when it was issued"
        }
    })
}
