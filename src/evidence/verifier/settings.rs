//! Checks the settings of all issuers and trust domains together, and derives from them how their
//! subjects are turned into ids.

use crate::evidence::keys::HttpClient;
use crate::evidence::profile::{Profile, Trust};
use crate::evidence::spiffe::TrustDomain;
use crate::model::{ActorNames, IssuerIds, PrincipalIds};
use smol_str::SmolStr;

/// Lists the problems, each with its remedy after a semicolon.
pub(super) fn problems(
    profiles: &[(Profile, HttpClient)],
    domains: &[(TrustDomain, HttpClient)],
) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, (profile, _)) in profiles.iter().enumerate() {
        let others = profiles.get(..index).unwrap_or_default();
        problems.extend(problems_of_issuer(profile, profiles, others));
    }
    for (index, (domain, _)) in domains.iter().enumerate() {
        problems.extend(
            domain
                .check()
                .into_iter()
                .map(|problem| format!("the trust domain `{}`: {problem}", domain.name)),
        );
        if domains
            .get(..index)
            .unwrap_or_default()
            .iter()
            .any(|(other, _)| other.name == domain.name)
        {
            problems.push(format!(
                "two trust domains are named `{}`; remove one",
                domain.name
            ));
        }
    }
    problems
}

/// Lists an issuer's problems: in its own profile, in its references to other issuers, and in
/// conflict with issuers listed before it.
fn problems_of_issuer(
    profile: &Profile,
    all: &[(Profile, HttpClient)],
    others: &[(Profile, HttpClient)],
) -> Vec<String> {
    let issuer = &profile.issuer;
    let mut problems: Vec<String> = profile
        .check()
        .into_iter()
        .map(|problem| format!("the issuer `{issuer}`: {problem}"))
        .collect();
    if let Trust::Secret(secret) = &profile.trust
        && let Err(problem) = secret.check()
    {
        problems.push(format!(
            "the issuer `{issuer}`: {problem}; make one with `openssl rand -hex 32`"
        ));
    }
    let known = |issuer: &SmolStr| all.iter().any(|(other, _)| other.issuer == *issuer);
    if let Some(unknown) = profile.subjects_of.iter().find(|issuer| !known(issuer)) {
        problems.push(format!(
            "the issuer `{issuer}`: `{unknown}` in `subjects_of` is no configured issuer; \
             add it to `[[issuers]]`"
        ));
    }
    if others.iter().any(|(other, _)| other.issuer == *issuer) {
        problems.push(format!("two issuers are named `{issuer}`; remove one"));
    }
    let is_secret = |profile: &Profile| matches!(profile.trust, Trust::Secret(_));
    if is_secret(profile) && others.iter().any(|(other, _)| is_secret(other)) {
        problems.push(
            "two issuers have shared secrets, and their tokens name neither; remove one".to_owned(),
        );
    }
    problems
}

/// Returns how the subjects of issuers and trust domains are turned into ids.
pub(super) fn principal_ids(
    profiles: &[(Profile, HttpClient)],
    domains: &[(TrustDomain, HttpClient)],
) -> Result<PrincipalIds, Vec<String>> {
    let of_issuers = profiles.iter().map(|(profile, _)| IssuerIds {
        issuer: profile.issuer.clone(),
        prefixes: profile.ids.clone(),
        subjects_of: profile.subjects_of.clone(),
        actors: profile.actor_names(),
    });
    let of_domains = domains.iter().map(|(domain, _)| {
        let prefix = smol_str::format_smolstr!("{}/", domain.issuer());
        let prefixes = vec![(domain.entity_type.clone(), prefix)];
        IssuerIds {
            issuer: domain.issuer(),
            prefixes,
            subjects_of: Vec::new(),
            actors: ActorNames::Spiffe,
        }
    });
    PrincipalIds::new(of_issuers.chain(of_domains).collect()).map_err(|error| {
        vec![format!(
            "{error}; give each another text before `{{sub}}` in `ids`"
        )]
    })
}
