//! Turns the settings of issuers into the verifier of their credentials.

mod issuer;
mod renewal;

use crate::bundle::Bundle;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::evidence::{
    ActorForm, CallerScope, HttpClient, KeySource, Profile, TrustDomain, Verifier,
};
use crate::model::{Problem, Problems, shown_word};
use issuer::{fact, profile};
pub(super) use renewal::{HeldFacts, renew};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Makes the verifier; returns `None` if no issuer and no trust domain is configured.
pub(super) fn make(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Verifier>>, Problems> {
    let (profiles, domains) = read(config)?;
    if profiles.is_empty() && domains.is_empty() {
        return Ok(None);
    }
    Verifier::start(profiles, domains, Arc::clone(clock))
        .map(|verifier| Some(Arc::new(verifier)))
        .map_err(|problems| describe_all(&problems))
}

/// Issuers and trust domains, each with the client that reaches it.
type TrustedIssuers = (Vec<(Profile, HttpClient)>, Vec<(TrustDomain, HttpClient)>);

fn read(config: &Config) -> Result<TrustedIssuers, Problems> {
    let mut problems = Vec::new();
    let mut profiles = Vec::new();
    for issuer in &config.issuers {
        match profile(issuer).and_then(|profile| Ok((profile, client(issuer.ca_file.as_deref())?)))
        {
            Ok(profile) => profiles.push(profile),
            Err(problem) => problems.push(of_issuer(&issuer.issuer, problem)),
        }
    }
    let mut domains = Vec::new();
    for domain in &config.trust_domains {
        match trust_domain(domain)
            .and_then(|settings| Ok((settings, client(domain.ca_file.as_deref())?)))
        {
            Ok(domain) => domains.push(domain),
            Err(problem) => problems.push(Problem {
                message: format!("the trust domain `{}`: {}", domain.name, problem.message),
                ..problem
            }),
        }
    }
    Problems(problems).into_result()?;
    Ok((profiles, domains))
}

/// Returns which credentials a caller's requests may contain.
pub(super) fn scope(caller: &config::CallerSettings) -> CallerScope {
    CallerScope {
        audiences: smol(&caller.audiences),
        issuers: smol(&caller.issuers),
    }
}

/// Warns of callers that may send tokens for any of several audiences: a token that was sent to one
/// service would be accepted from another.
pub(super) fn warn(config: &Config) {
    if let Some(callers) = unbound(config) {
        tracing::warn!(
            ?callers,
            "a token that was sent to one service is good at another: \
             issuers' tokens are for several audiences, and these callers (none: \
             anonymous ones) may send all of them; set `audiences` for each of `[[callers]]`"
        );
    }
}

/// Warns of issuers whose tokens name principals of types that the bundle does not declare: such
/// principals are denied.
pub(super) fn warn_types(config: &Config, bundle: &Bundle) {
    let vocabulary = &bundle.policy_set().schema().vocabulary;
    let aliases = &bundle.carriers().aliases;
    for ((whose, kind), words) in principal_types(config) {
        let is_alias = aliases.iter().any(|(alias, _)| *alias == kind);
        if !is_alias && vocabulary.entity_type(&kind).is_none() {
            tracing::warn!(
                "credentials of {whose} name principals of the type `{kind}`, and {}: \
                 who is named so is denied; set {} in the settings, or an alias in `[types]` of \
                 `policies/bundle.toml`",
                vocabulary.no_type(&kind),
                words.join(" and ")
            );
        }
    }
}

/// Returns the types of the principals that credentials name, each with the issuer or trust domain
/// of these credentials, and the settings that name the type.
fn principal_types(config: &Config) -> BTreeMap<(String, smol_str::SmolStr), Vec<&'static str>> {
    let mut types: BTreeMap<_, Vec<&'static str>> = BTreeMap::new();
    let mut add = |whose: &str, kind: smol_str::SmolStr, word| {
        types
            .entry((whose.to_owned(), kind))
            .or_default()
            .push(word);
    };
    for settings in &config.issuers {
        let Ok(profile) = profile(settings) else {
            continue;
        };
        let whose = format!("the issuer `{}`", settings.issuer);
        add(&whose, profile.subject_type, "`subject_type`");
        if profile.actor != ActorForm::None {
            add(&whose, profile.actor_type, "`actor_type`");
        }
        add(&whose, profile.client_type, "`client_type`");
    }
    for domain in &config.trust_domains {
        add(
            &format!("the trust domain `{}`", domain.name),
            domain.entity_type.as_str().into(),
            "`entity_type`",
        );
    }
    types
}

/// Returns the callers that may send tokens for any of several audiences; `None` if there is only
/// one audience, or each caller names its own.
fn unbound(config: &Config) -> Option<Vec<&str>> {
    let of_issuers = config.issuers.iter().flat_map(|issuer| &issuer.audiences);
    let audiences: BTreeSet<&String> = of_issuers
        .chain(
            config
                .trust_domains
                .iter()
                .flat_map(|domain| &domain.audiences),
        )
        .collect();
    let open = config
        .callers
        .iter()
        .filter(|caller| caller.audiences.is_empty());
    let callers: Vec<&str> = open.map(|caller| caller.name.as_str()).collect();
    (audiences.len() > 1 && (!callers.is_empty() || config.callers.is_empty())).then_some(callers)
}

fn describe_all(problems: &[String]) -> Problems {
    Problems(problems.iter().map(|problem| describe(problem)).collect())
}

/// Splits a sentence at its semicolon into the problem and its remedy.
fn describe(text: &str) -> Problem {
    match text.split_once("; ") {
        Some((problem, remedy)) => Problem::new(problem).help(remedy),
        None => Problem::new(text).help("see `[[issuers]]` in behest.example.toml"),
    }
}

fn of_issuer(issuer: &str, problem: Problem) -> Problem {
    Problem {
        message: format!("the issuer `{issuer}`: {}", problem.message),
        ..problem
    }
}

fn client(authorities: Option<&Path>) -> Result<HttpClient, Problem> {
    HttpClient::new(authorities)
        .map_err(|error| Problem::new(error.to_string()).help("correct `ca_file`"))
}

fn trust_domain(settings: &config::TrustDomainSettings) -> Result<TrustDomain, Problem> {
    let bundle = match settings.bundle.split_once(':') {
        Some(("file", path)) => KeySource::File(path.into()),
        Some(("pem", path)) => KeySource::Pem(path.into()),
        Some(("http" | "https", _)) => KeySource::Jwks(settings.bundle.clone()),
        _ => {
            let shown = shown_word(&settings.bundle, &[]);
            return Err(Problem::new(format!("{shown} is no place of a bundle"))
                .help("write an address, `file:PATH` or `pem:PATH`"));
        }
    };
    Ok(TrustDomain {
        name: settings.name.as_str().into(),
        bundle,
        audiences: smol(&settings.audiences),
        entity_type: settings.entity_type.as_str().into(),
        longest_life: Duration::from_secs(settings.longest_life_s),
        leeway: Duration::from_secs(settings.leeway_s),
    })
}

/// Returns the members of `context.token` that the issuers' settings name, each with its Cedar
/// type.
pub(super) fn token_facts(
    config: &Config,
) -> Result<Vec<(smol_str::SmolStr, &'static str)>, Problem> {
    let mut facts: BTreeMap<smol_str::SmolStr, &'static str> = BTreeMap::new();
    for issuer in &config.issuers {
        for declared in &issuer.facts {
            let fact = fact(declared).map_err(|problem| of_issuer(&issuer.issuer, problem))?;
            let kind = fact.kind.as_str();
            let other = facts.entry(fact.name).or_insert(kind);
            if *other != kind {
                return Err(Problem::new(format!(
                    "two issuers give the fact `{}` two types: `{other}` and `{kind}`",
                    declared.0
                ))
                .help("give it one `type`, or two names, in `[[issuers]]`"));
            }
        }
    }
    Ok(facts.into_iter().collect())
}

fn smol(texts: &[String]) -> Vec<smol_str::SmolStr> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

#[cfg(test)]
mod tests;
