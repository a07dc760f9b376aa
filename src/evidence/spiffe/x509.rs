//! Verifies an X.509-SVID (SPIFFE X509-SVID sections 2 to 5) that the caller saw in a TLS
//! handshake.

use super::{SpiffeId, TrustDomain, der};
use crate::model::{
    CredentialError, CredentialKind, PrincipalIds, Proof, ProvenIdentity, Record, Timestamp, Value,
};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use smol_str::SmolStr;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Returns the SPIFFE id that a leaf certificate claims; it is not verified.
pub(in crate::evidence) fn claimed_id(
    leaf: &CertificateDer<'_>,
) -> Result<String, CredentialError> {
    let certificate = EndEntityCert::try_from(leaf).map_err(|_| {
        CredentialError::invalid("the certificate cannot be read, or is an authority's")
    })?;
    let mut names = certificate.valid_uri_names();
    // Section 2: exactly one URI.
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        _ => Err(CredentialError::misfit(
            "the certificate does not have exactly one URI among its names",
        )),
    }
}

/// Verifies a chain, the holder's own certificate first, by the authorities of its domain's bundle,
/// and returns the path: the holder's certificate, those between that were used, and the
/// authority's.
pub(in crate::evidence) fn verify(
    chain: &[CertificateDer<'static>],
    id: &SpiffeId<'_>,
    domain: &TrustDomain,
    anchors: &[&CertificateDer<'static>],
    ids: &PrincipalIds,
    now: Timestamp,
) -> Result<(ProvenIdentity, Vec<CertificateDer<'static>>), CredentialError> {
    let (leaf, between) = chain
        .split_first()
        .ok_or_else(|| invalid("there is no certificate"))?;
    let path = path(leaf, between, anchors, now)?;
    let (begins, ends) =
        der::validity(leaf).ok_or_else(|| invalid("the certificate's validity cannot be read"))?;
    let life = i64::try_from(domain.longest_life.as_secs()).unwrap_or(i64::MAX);
    if ends.saturating_sub(begins) > life {
        return Err(invalid(
            "the certificate lives longer than its trust domain's may",
        ));
    }
    let issuer = domain.issuer();
    let uid = ids.entity(&issuer, &domain.entity_type, id.path);
    let uid = uid.map_err(|why| invalid(&format!("the certificate names nobody: {why}")))?;
    let facts = facts(&issuer, &uid.id, begins, ends)?;
    let proven = ProvenIdentity {
        kind: CredentialKind::X509Svid,
        chain: vec![uid],
        audiences: Vec::new(),
        holders: Vec::new(),
        stands_alone: true,
        facts: Some(facts),
        issuer,
        details: Vec::new(),
        rules: [].into(),
        proof: Some(Proof::Mtls),
        until: Timestamp(ends.saturating_mul(1_000)),
    };
    Ok((proven, path))
}

fn invalid(why: &str) -> CredentialError {
    CredentialError::invalid(why.to_owned())
}

/// Returns the path from a certificate to the known authority that vouches for it.
fn path(
    leaf: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    known: &[&CertificateDer<'static>],
    now: Timestamp,
) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let certificate =
        EndEntityCert::try_from(leaf).map_err(|_| invalid("the certificate cannot be read"))?;
    let trusted = || {
        known.iter().filter_map(|certificate| {
            Some((certificate, anchor_from_trusted_cert(certificate).ok()?))
        })
    };
    let anchors: Vec<TrustAnchor<'_>> = trusted().map(|(_, anchor)| anchor).collect();
    let seconds = u64::try_from(now.0 / 1_000).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let usage = KeyUsage::client_auth();
    let path = certificate
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            between,
            at,
            usage,
            None,
            None,
        )
        .map_err(|error| match error {
            webpki::Error::CertExpired { .. } => {
                CredentialError::expired("the certificate has expired")
            }
            _ => invalid("the certificate does not verify by its trust domain's bundle"),
        })?;
    let anchor = trusted()
        .find(|(_, anchor)| anchor == path.anchor())
        .map(|(certificate, _)| (**certificate).clone());
    let anchor = anchor
        .ok_or_else(|| invalid("the certificate does not verify by its trust domain's bundle"))?;
    let used = path.intermediate_certificates();
    Ok(std::iter::once(leaf.clone().into_owned())
        .chain(used.map(|between| between.der().into_owned()))
        .chain(std::iter::once(anchor))
        .collect())
}

fn facts(
    issuer: &SmolStr,
    subject: &SmolStr,
    begins: i64,
    ends: i64,
) -> Result<Record, CredentialError> {
    let at = |seconds| {
        let at = jiff::Timestamp::from_second(seconds)
            .map_err(|_| CredentialError::invalid("the certificate has no time"))?;
        Ok(Value::text(at.to_string()))
    };
    let mut facts = Record::new();
    facts.insert("kind", Value::text(CredentialKind::X509Svid.as_str()));
    facts.insert("issuer", Value::Text(issuer.clone()));
    facts.insert("subject", Value::Text(subject.clone()));
    for name in ["audiences", "scopes", "roles", "groups", "amr"] {
        facts.insert(name, Value::List(Vec::new()));
    }
    facts.insert("detailed", Value::Bool(false));
    facts.insert("not_before", at(begins)?);
    facts.insert("issued", at(begins)?);
    facts.insert("expires", at(ends)?);
    facts.insert("proof", Value::text(Proof::Mtls.as_str()));
    Ok(facts)
}
