//! Settings of issuers turned into what verifies their credentials.

use crate::bundle::Bundle;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::evidence::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, FactKind, FactRule, HttpClient, Introspection, KeySource,
    Overage, Preset, Profile, Scope, Secret, SignedAnswers, Trust, TrustDomain, Verifier, asymmetric,
};
use crate::model::{DetailRule, Path, Problem, Problems};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Makes the verifier; none where no issuer and no trust domain is configured.
pub(super) fn make(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<Verifier>>, Problems> {
    if config.issuers.is_empty() && config.trust_domains.is_empty() {
        return Ok(None);
    }
    let mut problems = Vec::new();
    let mut profiles = Vec::new();
    for issuer in &config.issuers {
        match profile(issuer).and_then(|profile| Ok((profile, client(issuer.ca_file.as_deref())?))) {
            Ok(profile) => profiles.push(profile),
            Err(problem) => problems.push(describe(&format!("the issuer `{}`: {problem}", issuer.issuer))),
        }
    }
    let mut domains = Vec::new();
    for domain in &config.trust_domains {
        match trust_domain(domain).and_then(|settings| Ok((settings, client(domain.ca_file.as_deref())?))) {
            Ok(domain) => domains.push(domain),
            Err(problem) => problems.push(describe(&format!("the trust domain `{}`: {problem}", domain.name))),
        }
    }
    Problems(problems).into_result()?;
    match Verifier::start(profiles, domains, Arc::clone(clock)) {
        Ok(verifier) => Ok(Some(Arc::new(verifier))),
        Err(problems) => Err(Problems(problems.iter().map(|problem| describe(problem)).collect())),
    }
}

/// Which credentials a caller's requests may hold.
pub(super) fn scope(caller: &config::Caller) -> Scope {
    Scope { audiences: smol(&caller.audiences), issuers: smol(&caller.issuers) }
}

/// Warns of callers that may send tokens for any of several audiences: a token that was sent to one service would do at
/// another.
pub(super) fn warn(config: &Config) {
    if let Some(callers) = unbound(config) {
        tracing::warn!(
            ?callers,
            "a token that was sent to one service is good at another: issuers' tokens are for several audiences, and these \
             callers (none: anonymous ones) may send all of them; set `audiences` for each of `[[callers]]`"
        );
    }
}

/// Warns of issuers whose tokens name principals of types that the bundle does not declare: whoever is named so is denied.
pub(super) fn warn_types(config: &Config, bundle: &Bundle) {
    let vocabulary = &bundle.compiled().schema().vocabulary;
    let aliases = &bundle.carriers().aliases;
    for ((whose, kind), words) in principal_types(config) {
        let is_alias = aliases.iter().any(|(alias, _)| *alias == kind);
        if !is_alias && vocabulary.entity_type(&kind).is_none() {
            tracing::warn!(
                "credentials of {whose} name principals of the type `{kind}`, and {}: who is named so is denied; set {} in the \
                 settings, or an alias in `[types]` of `policies/bundle.toml`",
                vocabulary.no_type(&kind),
                words.join(" and ")
            );
        }
    }
}

/// The types of the principals that credentials name, each with whose credentials these are, and the settings that say so.
fn principal_types(config: &Config) -> BTreeMap<(String, smol_str::SmolStr), Vec<&'static str>> {
    let mut types: BTreeMap<_, Vec<&'static str>> = BTreeMap::new();
    let mut add = |whose: &str, kind: smol_str::SmolStr, word| {
        types.entry((whose.to_owned(), kind)).or_default().push(word);
    };
    for settings in &config.issuers {
        let Ok(profile) = profile(settings) else { continue };
        let whose = format!("the issuer `{}`", settings.issuer);
        add(&whose, profile.subject_type, "`subject_type`");
        if profile.actor != ActorForm::None {
            add(&whose, profile.actor_type, "`actor_type`");
        }
        add(&whose, profile.client_type, "`client_type`");
    }
    for domain in &config.trust_domains {
        add(&format!("the trust domain `{}`", domain.name), domain.entity_type.as_str().into(), "`entity_type`");
    }
    types
}

/// The callers that may send tokens for any of several audiences; none where there is one audience, or each caller names
/// its own.
fn unbound(config: &Config) -> Option<Vec<&str>> {
    let of_issuers = config.issuers.iter().flat_map(|issuer| &issuer.audiences);
    let audiences: BTreeSet<&String> =
        of_issuers.chain(config.trust_domains.iter().flat_map(|domain| &domain.audiences)).collect();
    let open = config.callers.iter().filter(|caller| caller.audiences.is_empty());
    let callers: Vec<&str> = open.map(|caller| caller.name.as_str()).collect();
    (audiences.len() > 1 && (!callers.is_empty() || config.callers.is_empty())).then_some(callers)
}

/// A sentence, and its remedy after a semicolon.
fn describe(text: &str) -> Problem {
    match text.split_once("; ") {
        Some((problem, remedy)) => Problem::new(problem).help(remedy),
        None => Problem::new(text).help("see `[[issuers]]` in behest.example.toml"),
    }
}

fn client(authorities: Option<&std::path::Path>) -> Result<HttpClient, String> {
    HttpClient::new(authorities).map_err(|error| format!("{error}; correct `ca_file`"))
}

fn profile(settings: &config::Issuer) -> Result<Profile, String> {
    let preset = match &settings.preset {
        None => Preset::default(),
        Some(word) => Preset::from_word(word).ok_or_else(|| {
            let known = Preset::WORDS.map(|(word, _)| format!("`{word}`")).join(", ");
            format!("`{word}` is no preset; there are {known}")
        })?,
    };
    let mut profile = preset.profile(&settings.issuer);
    let algorithms = algorithms(settings, &profile)?;
    let asked = settings.introspection.as_ref();
    profile.introspection = asked.map(|asked| introspection(asked, settings, preset, &algorithms)).transpose()?;
    profile.trust = trust(settings, preset, algorithms)?;
    profile.audiences = smol(&settings.audiences);
    profile.client_ids = smol(&settings.client_ids);
    profile.id_token_audiences = smol(&settings.id_token_audiences);
    profile.caller_audiences = smol(&settings.caller_audiences);
    set(&mut profile.types, settings.types.clone());
    set(&mut profile.required, settings.required.as_ref().map(marks));
    set(&mut profile.id_tokens, settings.id_tokens.as_ref().map(marks));
    profile.id_tokens_alone = settings.id_tokens_alone;
    profile.subjects_of = smol(&settings.subjects_of);
    profile.own_clients = smol(&settings.own_clients.0);
    if let Some(word) = &settings.overage {
        profile.overage = Overage::from_word(word)
            .ok_or_else(|| format!("`{word}` in `overage` is neither `unknown` nor `refuse`; write one of them"))?;
    }
    set(&mut profile.leeway, settings.leeway_s.map(Duration::from_secs));
    set(&mut profile.longest_life, settings.longest_life_s.map(Duration::from_secs));
    if let Some(ids) = &settings.ids {
        profile.ids =
            ids.iter().map(|(kind, form)| Ok((kind.as_str().into(), prefix(form)?))).collect::<Result<_, String>>()?;
    }
    set(&mut profile.subject_type, settings.subject_type.as_deref().map(Into::into));
    set(&mut profile.actor_type, settings.actor_type.as_deref().map(Into::into));
    set(&mut profile.client_type, settings.client_type.as_deref().map(Into::into));
    if preset == Preset::SharedSecret {
        // Its tokens have no actor and no client but the agent itself.
        profile.actor_type = profile.subject_type.clone();
        profile.client_type = profile.subject_type.clone();
    }
    let paths = |names: &Option<Vec<config::ClaimName>>| names.as_ref().map(|names| names.iter().map(path).collect());
    set(&mut profile.claims.subject, paths(&settings.claims.subject));
    set(&mut profile.claims.client, paths(&settings.claims.client));
    set(&mut profile.claims.scopes, paths(&settings.claims.scopes));
    set(&mut profile.claims.roles, paths(&settings.claims.roles));
    set(&mut profile.claims.groups, paths(&settings.claims.groups));
    set(&mut profile.claims.actor_client, paths(&settings.claims.actor_client));
    set(&mut profile.autonomous, settings.autonomous.as_ref().map(|claims| claims.iter().map(autonomous).collect()));
    set(&mut profile.of_users, settings.of_users.as_ref().map(|names| names.iter().map(ClaimPath::new).collect()));
    profile.facts = settings.facts.iter().map(fact).collect::<Result<_, _>>()?;
    if let Some(word) = &settings.actor {
        profile.actor = ActorForm::from_word(word)
            .ok_or_else(|| format!("`{word}` is no form of `act`; there are `rfc8693`, `inverted`, `list`, `none`"))?;
    }
    profile.details = settings.details.iter().map(detail).collect::<Result<_, _>>()?;
    Ok(profile)
}

fn algorithms(settings: &config::Issuer, profile: &Profile) -> Result<Vec<jsonwebtoken::Algorithm>, String> {
    match (&settings.algorithms, &profile.trust) {
        (None, Trust::Keys { algorithms, .. }) => Ok(algorithms.clone()),
        (None, Trust::Secret(_) | Trust::Introspection) => Ok(Vec::new()),
        (Some(names), _) => names
            .iter()
            .map(|name| {
                asymmetric(name).ok_or_else(|| {
                    format!("`{name}` is no algorithm of a published key; write for example `algorithms = [\"ES256\"]`")
                })
            })
            .collect(),
    }
}

fn trust(settings: &config::Issuer, preset: Preset, algorithms: Vec<jsonwebtoken::Algorithm>) -> Result<Trust, String> {
    let secret = settings.keys.as_deref().and_then(|keys| keys.strip_prefix("secret:"));
    match (settings.keys.as_deref(), secret, preset) {
        (_, Some(path), Preset::SharedSecret) => {
            let secret = Secret::read(std::path::Path::new(path)).map_err(|error| format!("{error}; correct `keys`"))?;
            if secret.has(config::is_guessable) {
                let problem = "its secret is common, repeats itself, or counts: anybody could try it";
                return Err(format!("{problem}; make one with `openssl rand -hex 32`"));
            }
            Ok(Trust::Secret(secret))
        }
        (_, None, Preset::SharedSecret) => {
            Err("its tokens are verified by a secret; set `keys = \"secret:PATH\"`".to_owned())
        }
        (_, Some(_), _) => Err("a shared secret verifies only tokens that are made with one; set `preset = \"shared-secret\"`, or publish keys".to_owned()),
        (Some("introspection"), ..) => Ok(Trust::Introspection),
        (keys, ..) => Ok(Trust::Keys { source: key_source(keys, settings)?, algorithms }),
    }
}

/// Where keys are; the issuer says so itself where nobody else does.
fn key_source(text: Option<&str>, settings: &config::Issuer) -> Result<KeySource, String> {
    let Some(text) = text.filter(|text| *text != "discovery") else {
        return Ok(KeySource::Discovery(settings.issuer.clone()));
    };
    match text.split_once(':') {
        Some(("file", path)) => Ok(KeySource::File(path.into())),
        Some(("http" | "https", _)) => Ok(KeySource::Jwks(text.to_owned())),
        _ => Err(format!(
            "`{text}` is no place of keys; write `discovery`, an address, `file:PATH`, `secret:PATH` or `introspection`"
        )),
    }
}

/// Answers are signed by the keys that the setting names, or by those of the issuer's tokens.
fn introspection(
    settings: &config::Introspection,
    issuer: &config::Issuer,
    preset: Preset,
    algorithms: &[jsonwebtoken::Algorithm],
) -> Result<Introspection, String> {
    let secret = settings.client_secret_file.as_deref().map(Secret::read).transpose();
    let of_tokens = issuer.keys.as_deref().filter(|keys| *keys != "introspection");
    let signed = settings.signed.then(|| {
        let keys = key_source(settings.keys.as_deref().or(of_tokens), issuer)?;
        Ok::<_, String>(SignedAnswers { keys, algorithms: algorithms.to_vec() })
    });
    Ok(Introspection {
        url: settings.url.clone(),
        client_id: settings.client_id.clone(),
        client_secret: secret.map_err(|error| format!("{error}; correct `introspection.client_secret_file`"))?,
        keep: Duration::from_millis(settings.keep_ms),
        signed: signed.transpose()?,
        carries_act: settings.carries_act.unwrap_or_else(|| preset.carries_act()),
    })
}

fn detail(settings: &config::Detail) -> Result<DetailRule, String> {
    let path = |text: &str| {
        Path::parse(text).ok_or_else(|| format!("`{text}` is no path; write names with dots between them"))
    };
    let pairs = |members: &BTreeMap<String, String>| {
        members.iter().map(|(ours, asked)| Ok((path(ours)?, path(asked)?))).collect::<Result<Vec<_>, String>>()
    };
    Ok(DetailRule {
        kind: settings.r#type.as_str().into(),
        resource_type: settings.resource_type.as_str().into(),
        locations: smol(&settings.locations),
        actions: settings.actions.iter().map(|(word, names)| (word.as_str().into(), smol(names))).collect(),
        without_actions: smol(&settings.without_actions),
        equal: pairs(&settings.equal)?,
        at_most: pairs(&settings.at_most)?,
        ignored: settings.ignored.iter().map(|text| path(text)).collect::<Result<_, _>>()?,
    })
}

fn trust_domain(settings: &config::TrustDomain) -> Result<TrustDomain, String> {
    let bundle = match settings.bundle.split_once(':') {
        Some(("file", path)) => KeySource::File(path.into()),
        Some(("pem", path)) => KeySource::Pem(path.into()),
        Some(("http" | "https", _)) => KeySource::Jwks(settings.bundle.clone()),
        _ => {
            return Err(format!(
                "`{}` is no place of a bundle; write an address, `file:PATH` or `pem:PATH`",
                settings.bundle
            ));
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

/// The members of `context.token` that the issuers' settings name, each with its Cedar type.
pub(super) fn token_facts(config: &Config) -> Result<Vec<(smol_str::SmolStr, &'static str)>, Problem> {
    let mut facts: BTreeMap<smol_str::SmolStr, &'static str> = BTreeMap::new();
    for issuer in &config.issuers {
        for declared in &issuer.facts {
            let fact =
                fact(declared).map_err(|problem| describe(&format!("the issuer `{}`: {problem}", issuer.issuer)))?;
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

fn fact((name, settings): (&String, &config::Fact)) -> Result<FactRule, String> {
    let (claim, kind) = match settings {
        config::Fact::Text(claim) => (claim, FactKind::default()),
        config::Fact::Typed(typed) => {
            let kind = FactKind::from_word(&typed.r#type).ok_or_else(|| {
                let known = FactKind::WORDS.map(|(word, _)| format!("`{word}`")).join(", ");
                format!("`{}` is no type of a fact; there are {known}", typed.r#type)
            })?;
            (&typed.claim, kind)
        }
    };
    Ok(FactRule { name: name.as_str().into(), claim: path(claim), kind })
}

fn path(name: &config::ClaimName) -> ClaimPath {
    match name {
        config::ClaimName::Dotted(name) => ClaimPath::new(name),
        config::ClaimName::Names(names) => ClaimPath::exact(names.iter().map(String::as_str)),
    }
}

/// `acme|{sub}`: what stands before the subject.
fn prefix(form: &str) -> Result<smol_str::SmolStr, String> {
    let prefix = form.strip_suffix("{sub}").filter(|prefix| !prefix.contains(['{', '}']));
    prefix.map(Into::into).ok_or_else(|| format!("`{form}` is no form of an id; write for example `acme|{{sub}}`"))
}

fn autonomous((claim, value): (&String, &String)) -> AutonomousClaim {
    let (value, after) =
        value.split_once("{client}").map_or((value.as_str(), None), |(before, after)| (before, Some(after)));
    AutonomousClaim {
        claim: ClaimPath::new(claim),
        value: value.into(),
        of_client: after.is_some(),
        after: after.unwrap_or_default().into(),
    }
}

fn marks(claims: &BTreeMap<String, config::Words>) -> Vec<ClaimMark> {
    let values = |words: &config::Words| words.0.iter().filter(|word| !word.is_empty()).map(Into::into).collect();
    claims.iter().map(|(claim, words)| ClaimMark { claim: ClaimPath::new(claim), values: values(words) }).collect()
}

fn smol(texts: &[String]) -> Vec<smol_str::SmolStr> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests;
