//! Verifies a JWT-SVID (SPIFFE JWT-SVID sections 2 to 5).

use super::{SpiffeId, TrustDomain};
use crate::evidence::claims::{self, GenuineToken};
use crate::evidence::clients;
use crate::evidence::jose::{UnverifiedToken, all_asymmetric};
use crate::evidence::keys::{KeyVoucher, Keyring};
use crate::evidence::profile::{ActorForm, ClaimPath, ClaimPaths, Overage, Profile, Trust};
use crate::model::{CredentialError, CredentialKind, PrincipalIds, Record, Timestamp, Value};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;
use std::sync::Arc;

/// Verifies the token by `keys`, the bundle of its domain.
pub(in crate::evidence) async fn verify(
    token: &UnverifiedToken<'_>,
    domain: &TrustDomain,
    keys: &Keyring,
    ids: &PrincipalIds,
    now: Timestamp,
) -> Result<(GenuineToken, Arc<KeyVoucher>), CredentialError> {
    let algorithm = check_header(token)?;
    let voucher = keys.signer(token, algorithm).await?;
    let sub = token
        .claims
        .get("sub")
        .and_then(Value::as_text)
        .map(SmolStr::as_str)
        .unwrap_or_default();
    let id = SpiffeId::parse(sub).filter(|id| id.domain == domain.name);
    let id = id.ok_or_else(|| {
        CredentialError::misfit("the token's subject is no workload of its trust domain")
    })?;
    let profile = profile(domain);
    let mut claims = token.claims.clone();
    check_claims(&claims, &SmolStr::new(sub), &profile)?;
    // A workload's token proves who the workload is; every other claim is data of whoever requested
    // the token, and no fact.
    claims = ["aud", "exp", "iat", "nbf", "act", "events"]
        .into_iter()
        .filter_map(|name| Some((SmolStr::new_static(name), claims.remove(name)?)))
        .collect();
    claims.insert("iss", Value::Text(domain.issuer()));
    claims.insert("sub", Value::text(id.path));
    let mut genuine = claims::read(
        &claims,
        CredentialKind::JwtSvid,
        &profile,
        ids,
        now,
        None,
        None,
    )?;
    if let Some(facts) = &mut genuine.proven.facts {
        facts.insert("subject", Value::text(sub));
    }
    Ok((genuine, voucher))
}

/// Refuses a workload's token with a claim that would restrict it or name another party: a binding,
/// which is not checked here, an actor, a client.
fn check_claims(
    claims: &Record,
    workload: &SmolStr,
    profile: &Profile,
) -> Result<(), CredentialError> {
    claims::check_spelling(claims)?;
    claims::check_overlooked(claims, CredentialKind::JwtSvid, profile)?;
    if claims.get_present("cnf").is_some() || claims::says_bound(claims) {
        return Err(CredentialError::invalid(
            "the token is bound to a key, and a JWT-SVID is a bearer's",
        ));
    }
    clients::check_others(claims, None, &[workload], profile)
}

/// Checks the header, and returns the algorithm that it names.
fn check_header(token: &UnverifiedToken<'_>) -> Result<Algorithm, CredentialError> {
    // Section 2.1 lists the algorithms; EdDSA is not among them.
    let algorithms: Vec<Algorithm> = all_asymmetric()
        .into_iter()
        .filter(|one| *one != Algorithm::EdDSA)
        .collect();
    let algorithm = token.algorithm(&algorithms)?;
    if !matches!(token.media_type().as_deref(), None | Some("jwt" | "jose")) {
        return Err(CredentialError::invalid(
            "the token's type is not that of a JWT-SVID",
        ));
    }
    if token.header_text("kid").is_none() {
        return Err(CredentialError::misfit("a JWT-SVID must name its key"));
    }
    Ok(algorithm)
}

/// Returns the profile by which a domain's tokens are read.
pub(super) fn profile(domain: &TrustDomain) -> Profile {
    Profile {
        issuer: domain.issuer(),
        trust: Trust::Keys {
            source: domain.bundle.clone(),
            algorithms: Vec::new(),
        },
        introspection: None,
        audiences: domain.audiences.clone(),
        client_ids: Vec::new(),
        id_token_audiences: Vec::new(),
        caller_audiences: Vec::new(),
        types: Vec::new(),
        required: Vec::new(),
        id_tokens: Vec::new(),
        id_tokens_alone: false,
        leeway: domain.leeway,
        longest_life: domain.longest_life,
        ids: Vec::new(),
        subject_type: domain.entity_type.clone(),
        actor_type: domain.entity_type.clone(),
        client_type: domain.entity_type.clone(),
        claims: ClaimPaths {
            subject: vec![ClaimPath::new("sub")],
            ..ClaimPaths::default()
        },
        subjects_of: Vec::new(),
        own_clients: Vec::new(),
        overage: Overage::Refuse,
        autonomous: Vec::new(),
        of_users: Vec::new(),
        accounts: Vec::new(),
        only_of_users: Vec::new(),
        facts: Vec::new(),
        actor: ActorForm::None,
        details: Vec::new(),
    }
}
