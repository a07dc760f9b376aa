//! Turns the settings of one issuer into the profile by which its tokens are verified.

use super::smol;
use crate::config;
use crate::evidence::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, FactKind, FactRule, IntrospectionEndpoint,
    KeySource, Overage, Preset, Profile, Secret, SignedAnswers, Trust, asymmetric,
};
use crate::model::{DetailRule, MemberPath, Problem, shown_word};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Makes the profile of an issuer: the profile of its preset, with the changes in its settings.
pub(super) fn profile(settings: &config::IssuerSettings) -> Result<Profile, Problem> {
    let preset = preset(settings)?;
    let mut profile = preset.profile(&settings.issuer);
    let algorithms = algorithms(settings, &profile)?;
    let asked = settings.introspection.as_ref();
    profile.introspection = asked
        .map(|asked| introspection(asked, settings, preset, &algorithms))
        .transpose()?;
    profile.trust = trust(settings, preset, algorithms)?;
    set_audiences(&mut profile, settings);
    set_kinds(&mut profile, settings);
    if let Some(word) = &settings.overage {
        profile.overage = Overage::from_word(word).ok_or_else(|| {
            Problem::new(format!(
                "`{word}` in `overage` is neither `unknown` nor `refuse`"
            ))
            .help("write one of them")
        })?;
    }
    set_parties(&mut profile, settings, preset)?;
    set_claims(&mut profile, settings);
    profile.facts = settings.facts.iter().map(fact).collect::<Result<_, _>>()?;
    if let Some(word) = &settings.actor {
        profile.actor = ActorForm::from_word(word).ok_or_else(|| {
            Problem::new(format!("`{word}` is no form of `act`"))
                .help("there are `rfc8693`, `inverted`, `list`, `none`")
        })?;
    }
    profile.details = settings
        .details
        .iter()
        .map(detail)
        .collect::<Result<_, _>>()?;
    Ok(profile)
}

fn preset(settings: &config::IssuerSettings) -> Result<Preset, Problem> {
    let Some(word) = &settings.preset else {
        return Ok(Preset::default());
    };
    Preset::from_word(word).ok_or_else(|| {
        let known = Preset::WORDS
            .map(|(word, _)| format!("`{word}`"))
            .join(", ");
        Problem::new(format!("`{word}` is no preset")).help(format!("there are {known}"))
    })
}

/// Sets the audiences that the issuer's tokens may have.
fn set_audiences(profile: &mut Profile, settings: &config::IssuerSettings) {
    profile.audiences = smol(&settings.audiences);
    profile.client_ids = smol(&settings.client_ids);
    profile.id_token_audiences = smol(&settings.id_token_audiences);
    profile.caller_audiences = smol(&settings.caller_audiences);
}

/// Sets what distinguishes the kinds of the issuer's tokens, and how long they live.
fn set_kinds(profile: &mut Profile, settings: &config::IssuerSettings) {
    set(&mut profile.types, settings.types.clone());
    set(&mut profile.required, settings.required.as_ref().map(marks));
    set(
        &mut profile.id_tokens,
        settings.id_tokens.as_ref().map(marks),
    );
    profile.id_tokens_alone = settings.id_tokens_alone;
    set(
        &mut profile.leeway,
        settings.leeway_s.map(Duration::from_secs),
    );
    set(
        &mut profile.longest_life,
        settings.longest_life_s.map(Duration::from_secs),
    );
}

/// Sets which parties the issuer's tokens name, and by which ids.
fn set_parties(
    profile: &mut Profile,
    settings: &config::IssuerSettings,
    preset: Preset,
) -> Result<(), Problem> {
    profile.subjects_of = smol(&settings.subjects_of);
    profile.own_clients = smol(&settings.own_clients.0);
    if let Some(ids) = &settings.ids {
        profile.ids = ids
            .iter()
            .map(|(kind, form)| Ok((kind.as_str().into(), prefix(form)?)))
            .collect::<Result<_, Problem>>()?;
    }
    set(
        &mut profile.subject_type,
        settings.subject_type.as_deref().map(Into::into),
    );
    set(
        &mut profile.actor_type,
        settings.actor_type.as_deref().map(Into::into),
    );
    set(
        &mut profile.client_type,
        settings.client_type.as_deref().map(Into::into),
    );
    if preset == Preset::SharedSecret {
        // Such tokens name no actor, and no client other than the agent itself.
        profile.actor_type = profile.subject_type.clone();
        profile.client_type = profile.subject_type.clone();
    }
    set(
        &mut profile.autonomous,
        settings
            .autonomous
            .as_ref()
            .map(|claims| claims.iter().map(autonomous).collect()),
    );
    set(
        &mut profile.only_of_users,
        settings
            .only_of_users
            .as_ref()
            .map(|names| names.iter().map(ClaimPath::new).collect()),
    );
    set(
        &mut profile.accounts,
        settings
            .accounts
            .as_ref()
            .map(|names| names.iter().map(ClaimPath::new).collect()),
    );
    set(
        &mut profile.of_users,
        settings
            .of_users
            .as_ref()
            .map(|names| names.iter().map(ClaimPath::new).collect()),
    );
    Ok(())
}

/// Sets where in a token its claims are.
fn set_claims(profile: &mut Profile, settings: &config::IssuerSettings) {
    let paths = |names: &Option<Vec<config::ClaimName>>| {
        names.as_ref().map(|names| names.iter().map(path).collect())
    };
    set(&mut profile.claims.subject, paths(&settings.claims.subject));
    set(&mut profile.claims.client, paths(&settings.claims.client));
    set(&mut profile.claims.scopes, paths(&settings.claims.scopes));
    set(&mut profile.claims.roles, paths(&settings.claims.roles));
    set(&mut profile.claims.groups, paths(&settings.claims.groups));
    set(
        &mut profile.claims.actor_client,
        paths(&settings.claims.actor_client),
    );
}

fn algorithms(
    settings: &config::IssuerSettings,
    profile: &Profile,
) -> Result<Vec<jsonwebtoken::Algorithm>, Problem> {
    match (&settings.algorithms, &profile.trust) {
        (None, Trust::Keys { algorithms, .. }) => Ok(algorithms.clone()),
        (None, Trust::Secret(_) | Trust::Introspection) => Ok(Vec::new()),
        (Some(names), _) => names
            .iter()
            .map(|name| {
                asymmetric(name).ok_or_else(|| {
                    Problem::new(format!("`{name}` is no algorithm of a published key"))
                        .help("write for example `algorithms = [\"ES256\"]`")
                })
            })
            .collect(),
    }
}

fn trust(
    settings: &config::IssuerSettings,
    preset: Preset,
    algorithms: Vec<jsonwebtoken::Algorithm>,
) -> Result<Trust, Problem> {
    let secret = settings
        .keys
        .as_deref()
        .and_then(|keys| keys.strip_prefix("secret:"));
    match (settings.keys.as_deref(), secret, preset) {
        (_, Some(path), Preset::SharedSecret) => {
            let secret = Secret::read(Path::new(path))
                .map_err(|error| Problem::new(error.to_string()).help("correct `keys`"))?;
            secret
                .shared(guessable)
                .map(Trust::Secret)
                .map_err(|error| {
                    Problem::new(error.to_string()).help("make one with `openssl rand -hex 32`")
                })
        }
        (_, None, Preset::SharedSecret) => Err(Problem::new("its tokens are verified by a secret")
            .help("set `keys = \"secret:PATH\"`")),
        (_, Some(_), _) => Err(Problem::new(
            "a shared secret verifies only tokens that are made with one",
        )
        .help("set `preset = \"shared-secret\"`, or publish keys")),
        (Some("introspection"), ..) => Ok(Trust::Introspection),
        (keys, ..) => Ok(Trust::Keys {
            source: key_source(keys, settings)?,
            algorithms,
        }),
    }
}

/// Returns what is wrong with a secret that is easy to guess.
fn guessable(secret: &[u8]) -> Option<&'static str> {
    config::is_guessable(secret)
        .then_some("its secret is common, repeats itself, or counts: anybody could try it")
}

/// The words that `keys` can be.
const KEY_PLACES: [&str; 2] = ["discovery", "introspection"];

/// Returns where the issuer's keys are; by default the issuer's own discovery document says so.
fn key_source(text: Option<&str>, settings: &config::IssuerSettings) -> Result<KeySource, Problem> {
    let Some(text) = text.filter(|text| *text != "discovery") else {
        return Ok(KeySource::Discovery(settings.issuer.clone()));
    };
    match text.split_once(':') {
        Some(("file", path)) => Ok(KeySource::File(path.into())),
        Some(("http" | "https", _)) => Ok(KeySource::Jwks(text.to_owned())),
        _ => {
            let shown = shown_word(text, &KEY_PLACES);
            Err(Problem::new(format!("{shown} is no place of keys")).help(
                "write `discovery`, an address, `file:PATH`, `secret:PATH` or `introspection`",
            ))
        }
    }
}

/// Makes the settings of introspection. Answers are signed by the keys that the setting names, or
/// else by those of the issuer's tokens.
fn introspection(
    settings: &config::IntrospectionSettings,
    issuer: &config::IssuerSettings,
    preset: Preset,
    algorithms: &[jsonwebtoken::Algorithm],
) -> Result<IntrospectionEndpoint, Problem> {
    let secret = settings
        .client_secret_file
        .as_deref()
        .map(Secret::read)
        .transpose();
    let of_tokens = issuer
        .keys
        .as_deref()
        .filter(|keys| *keys != "introspection");
    let signed = settings.signed.then(|| {
        let keys = key_source(settings.keys.as_deref().or(of_tokens), issuer)?;
        Ok::<_, Problem>(SignedAnswers {
            keys,
            algorithms: algorithms.to_vec(),
        })
    });
    Ok(IntrospectionEndpoint {
        url: settings.url.clone(),
        client_id: settings.client_id.clone(),
        client_secret: secret.map_err(|error| {
            Problem::new(error.to_string()).help("correct `introspection.client_secret_file`")
        })?,
        keep: Duration::from_millis(settings.keep_ms),
        signed: signed.transpose()?,
        carries_act: settings.carries_act.unwrap_or_else(|| preset.carries_act()),
    })
}

fn detail(settings: &config::DetailSettings) -> Result<DetailRule, Problem> {
    let path = |text: &str| {
        MemberPath::parse(text).ok_or_else(|| {
            Problem::new(format!("`{text}` is no path")).help("write names with dots between them")
        })
    };
    let pairs = |members: &BTreeMap<String, String>| {
        members
            .iter()
            .map(|(ours, asked)| Ok((path(ours)?, path(asked)?)))
            .collect::<Result<Vec<_>, Problem>>()
    };
    Ok(DetailRule {
        kind: settings.r#type.as_str().into(),
        resource_type: settings.resource_type.as_str().into(),
        locations: smol(&settings.locations),
        actions: settings
            .actions
            .iter()
            .map(|(word, names)| (word.as_str().into(), smol(names)))
            .collect(),
        without_actions: smol(&settings.without_actions),
        equal: pairs(&settings.equal)?,
        at_most: pairs(&settings.at_most)?,
        ignored: settings
            .ignored
            .iter()
            .map(|text| path(text))
            .collect::<Result<_, _>>()?,
    })
}

/// Makes the rule of a fact that the settings declare.
pub(super) fn fact(
    (name, settings): (&String, &config::FactSettings),
) -> Result<FactRule, Problem> {
    let (claim, kind) = match settings {
        config::FactSettings::Text(claim) => (claim, FactKind::default()),
        config::FactSettings::Typed(typed) => {
            let kind = FactKind::from_word(&typed.r#type).ok_or_else(|| {
                let known = FactKind::WORDS
                    .map(|(word, _)| format!("`{word}`"))
                    .join(", ");
                Problem::new(format!("`{}` is no type of a fact", typed.r#type))
                    .help(format!("there are {known}"))
            })?;
            (&typed.claim, kind)
        }
    };
    Ok(FactRule {
        name: name.as_str().into(),
        claim: path(claim),
        kind,
    })
}

fn path(name: &config::ClaimName) -> ClaimPath {
    match name {
        config::ClaimName::Dotted(name) => ClaimPath::new(name),
        config::ClaimName::Names(names) => ClaimPath::exact(names.iter().map(String::as_str)),
    }
}

/// Returns the text before the subject in a form such as `acme|{sub}`.
fn prefix(form: &str) -> Result<smol_str::SmolStr, Problem> {
    let prefix = form
        .strip_suffix("{sub}")
        .filter(|prefix| !prefix.contains(['{', '}']));
    prefix.map(Into::into).ok_or_else(|| {
        Problem::new(format!("`{form}` is no form of an id")).help("write for example `acme|{sub}`")
    })
}

fn autonomous((claim, mark): (&String, &config::Mark)) -> AutonomousClaim {
    let (value, of_account) = match mark {
        config::Mark::Value(value) => (value, false),
        config::Mark::Of(of) => (&of.value, of.any_sub),
    };
    let (value, after) = value
        .split_once("{client}")
        .map_or((value.as_str(), None), |(before, after)| {
            (before, Some(after))
        });
    match after {
        Some(after) => AutonomousClaim::client(claim, value, after),
        None if of_account => AutonomousClaim::account(claim, value),
        None => AutonomousClaim::value(claim, value),
    }
}

fn marks(claims: &BTreeMap<String, config::WordList>) -> Vec<ClaimMark> {
    let values = |words: &config::WordList| {
        words
            .0
            .iter()
            .filter(|word| !word.is_empty())
            .map(Into::into)
            .collect()
    };
    claims
        .iter()
        .map(|(claim, words)| ClaimMark {
            claim: ClaimPath::new(claim),
            values: values(words),
        })
        .collect()
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
