//! Verifies the credentials of workloads: JWT-SVIDs and X.509-SVIDs.

use super::{DomainVerifier, Verifier};
use crate::evidence::cache::TokenEntry;
use crate::evidence::credential::RawCredential;
use crate::evidence::jose::UnverifiedToken;
use crate::evidence::proof::der_chain;
use crate::evidence::spiffe::{self, SpiffeId};
use crate::model::{CredentialError, Timestamp, Value, VerifiedCredential};
use smol_str::SmolStr;
use std::sync::Arc;

impl Verifier {
    /// Verifies a JWT-SVID with the trust domain that it names.
    pub(super) async fn workload(
        &self,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<TokenEntry, CredentialError> {
        let token = UnverifiedToken::read(presented.value.0)?;
        let sub = token
            .claims
            .get("sub")
            .and_then(Value::as_text)
            .map(SmolStr::as_str)
            .unwrap_or_default();
        let domain = self.domain(sub, presented.issuer)?;
        let (genuine, voucher) =
            spiffe::verify_jwt(&token, &domain.settings, &domain.bundle, &self.ids, now).await?;
        Ok(TokenEntry::new(
            Arc::new(genuine),
            Some(voucher),
            None,
            self.moment(now),
        ))
    }

    /// Verifies an X.509-SVID. The result is not cached: certificates are rarely sent, and their
    /// chains are large.
    pub(super) async fn certificate(
        &self,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<VerifiedCredential, CredentialError> {
        let unreadable = || {
            CredentialError::invalid("the value is no chain of certificates in PEM form or base64")
        };
        let chain = der_chain(presented.value.0).ok_or_else(unreadable)?;
        let leaf = chain.first().ok_or_else(unreadable)?;
        if presented.dpop.is_some() {
            return Err(CredentialError::proof(
                "a certificate is bound to no key of its own, and came with a proof of possession",
            ));
        }
        // If the caller says which certificate it saw, that must be the certificate of the chain.
        if presented.certificate.is_some_and(|seen| {
            der_chain(seen).as_ref().and_then(|seen| seen.first()) != Some(leaf)
        }) {
            return Err(CredentialError::proof(
                "the certificate is another than the one in `tls.certificate`",
            ));
        }
        let name = spiffe::claimed_id(leaf)?;
        let domain = self.domain(&name, presented.issuer)?;
        let id = SpiffeId::parse(&name).ok_or_else(unreadable)?;
        let bundle = domain.bundle.any().await?;
        let anchors = domain.bundle.anchors(&bundle);
        let (proven, path) =
            spiffe::verify_x509(&chain, &id, &domain.settings, &anchors, &self.ids, now)?;
        let voucher = domain.bundle.anchored(&bundle, &path).ok_or_else(|| {
            CredentialError::invalid(
                "the certificate, or one that vouches for it, has been withdrawn",
            )
        })?;
        Ok(VerifiedCredential {
            proven: Arc::new(proven),
            voucher: Some(voucher),
            answer: None,
        })
    }

    /// Returns the trust domain of a SPIFFE id. It must be the one that the credential names, if it
    /// names one.
    fn domain(&self, name: &str, named: Option<&str>) -> Result<&DomainVerifier, CredentialError> {
        let id = SpiffeId::parse(name)
            .ok_or_else(|| CredentialError::invalid("the credential names no SPIFFE id"))?;
        let found = self
            .domains
            .iter()
            .find(|domain| domain.settings.name == id.domain);
        let found = found.ok_or_else(|| {
            CredentialError::of_a_stranger("the credential's trust domain is not configured")
        })?;
        if named.is_some_and(|named| named != found.settings.issuer()) {
            return Err(CredentialError::invalid(
                "the credential is of another trust domain than `issuer` says",
            ));
        }
        Ok(found)
    }
}
