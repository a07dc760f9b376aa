//! Compares a JWT with its issuer's introspection answer: two sources about one token.
//!
//! **Problem.** An issuer that is asked about a JWT may answer with fewer claims than the token
//! has: some omit `act` or `cnf`. A reader of the answer alone would take an agent's token for its
//! user's, and a bound token for a bearer token.
//! **Decision.** Both are read. The token's own claims are not verified, so they prove nothing, but
//! a claim that the answer omits must not widen what the token grants. Each claim of the token that
//! is read must be in the answer with the same value, or the token is refused. There are four
//! exceptions. Times that only the token has are added. A claim that the token says it omits counts
//! as omitted. A fact that answers often omit is unknown if only the token has it: a policy that
//! reads it denies. If the profile says that answers never contain `act`, the token's own adds its
//! actors.
//! **Trade-off.** An issuer whose answers omit scopes or groups that its tokens have cannot be
//! asked about them: its tokens are verified by its keys.
//!
//! INVARIANT: a claim that only the token has never adds a scope, a role, an audience, a proof or a
//! subject.

use super::claims::{self, bad_claim, texts};
use super::numeric_date::NumericDate;
use super::overage::{self, ELSEWHERE, HAS_GROUPS};
use super::profile::{ActorForm, ClaimPath, Profile};
use super::reading::{FACTS, ProfileClaims};
use super::{clients, lookalikes, unread};
use crate::model::{CredentialError, CredentialKind, Record, Value, unknown_fact};
use smol_str::SmolStr;

/// Claims with a point in time. One that only the token has restricts its use further.
const TIMES: [&str; 3] = ["exp", "nbf", "iat"];

/// Claims in a fixed form that must have the same value in both, apart from those with a comparison
/// of their own.
///
/// `sub` is among them because a client's own token is recognised by it, whichever claim names
/// people.
const FIXED: [&str; 5] = [
    "sub",
    "cnf",
    "authorization_details",
    "sub_profile",
    "client_profile",
];

/// Returns the claims that an answer proves, restricted by what the token says of itself.
pub(super) fn merge(
    mut answer: Record,
    token: &Record,
    profile: &Profile,
    carries_act: bool,
) -> Result<Record, CredentialError> {
    claims::check_spelling(token)?;
    check_claims(&answer, token, profile)?;
    let client = clients::client(token, CredentialKind::AccessToken, profile)?;
    lookalikes::check(token, client, profile)?;
    unread::check(token, client, profile)?;
    claims::check_use(token, profile)?;
    let reads_none = profile.claims.client.is_empty();
    let subject = claims::first_text(token, &profile.claims.subject)?;
    let subject: Vec<&SmolStr> = subject.into_iter().filter(|_| reads_none).collect();
    clients::check_others(token, client, &subject, profile)?;
    if token.get_present("events").is_some() {
        return Err(other_kind());
    }
    let adds_actors =
        !carries_act && profile.actor == ActorForm::Rfc8693 && answer.get_present("act").is_none();
    match token.get_present("act") {
        Some(act) if adds_actors => answer.insert("act", act.clone()),
        _ => same(&answer, token, &ClaimPath::new("act"), true)?,
    }
    if claims::says_bound(token) && answer.get_present("cnf").is_none() {
        return Err(lacks("cnf"));
    }
    add_times(&mut answer, token)?;
    add_missing(&mut answer, token)?;
    add_facts(&mut answer, token)?;
    Ok(answer)
}

/// Refuses a token if a claim that is read differs from the answer's.
fn check_claims(answer: &Record, token: &Record, profile: &Profile) -> Result<(), CredentialError> {
    // INVARIANT: every part of the list is compared with the answer.
    let ProfileClaims {
        subject,
        client,
        scopes,
        roles,
        groups,
        autonomous,
        of_users,
        accounts,
        only_of_users,
        required,
        id_tokens,
        facts,
    } = ProfileClaims::of(profile);
    let one = |value: &Value| Some(vec![value.as_text()?.clone()]);
    for path in subject {
        same(answer, token, path, false)?;
    }
    agree(&first(answer, subject), &first(token, subject), one)?;
    // Of these claims the first that is present is read: all of the token's must have the value of
    // the answer's first.
    for (paths, spaced) in [(client, false), (scopes, true)] {
        for found in all(token, paths) {
            let read = |value: &Value| {
                if spaced {
                    texts(Some(value), true)
                } else {
                    one(value)
                }
            };
            agree(&first(answer, paths), &[found], read)?;
        }
    }
    for paths in [roles, groups, &[ClaimPath::new("aud")]] {
        agree(&all(answer, paths), &all(token, paths), |value| {
            texts(Some(value), false)
        })?;
    }
    for path in FIXED
        .map(ClaimPath::new)
        .iter()
        .chain(autonomous)
        .chain(accounts)
        .chain(facts)
    {
        same(answer, token, path, true)?;
    }
    check_users(answer, token, of_users, only_of_users)?;
    for path in required {
        same(answer, token, path, false)?;
    }
    for mark in id_tokens {
        if mark.is_in(token)? {
            return Err(other_kind());
        }
    }
    Ok(())
}

/// Refuses an answer without the claims of users' tokens that the token has.
fn check_users(
    answer: &Record,
    token: &Record,
    of_users: &[ClaimPath],
    only_of_users: &[ClaimPath],
) -> Result<(), CredentialError> {
    // A fact that answers often omit becomes unknown, and so counts as present.
    let only_of_users = only_of_users
        .iter()
        .filter(|path| !FACTS.contains(&path.name()));
    if let Some(path) = of_users
        .iter()
        .chain(only_of_users)
        .find(|path| path.of(token).is_some() && path.of(answer).is_none())
    {
        return Err(lacks(path.name()));
    }
    Ok(())
}

/// Adds times that only the token has.
fn add_times(answer: &mut Record, token: &Record) -> Result<(), CredentialError> {
    for name in TIMES {
        let Some(value) = token.get_present(name) else {
            continue;
        };
        let at = NumericDate::read(value).ok_or_else(|| bad_claim(name))?;
        match answer.get_present(name) {
            None => answer.insert(name, value.clone()),
            Some(other) if NumericDate::read(other) == Some(at) => {}
            Some(_) => return Err(differs(name)),
        }
    }
    Ok(())
}

/// Adds the token's statements that it omits claims.
fn add_missing(answer: &mut Record, token: &Record) -> Result<(), CredentialError> {
    for name in ELSEWHERE {
        let Some(value) = token.get_present(name) else {
            continue;
        };
        let more = value.as_record().ok_or_else(|| bad_claim(name))?;
        let mut both = match answer.get_present(name) {
            None => Record::new(),
            Some(value) => value.as_record().cloned().ok_or_else(|| bad_claim(name))?,
        };
        both.extend(
            more.iter()
                .map(|(claim, source)| (claim.clone(), source.clone())),
        );
        answer.insert(name, Value::Record(both));
    }
    if overage::says_more(token) {
        answer.insert(HAS_GROUPS, Value::Bool(true));
    }
    Ok(())
}

/// Makes facts unknown that answers often omit and that only the token has.
fn add_facts(answer: &mut Record, token: &Record) -> Result<(), CredentialError> {
    for name in FACTS {
        same(answer, token, &ClaimPath::new(name), false)?;
        if token.get_present(name).is_some() && answer.get_present(name).is_none() {
            answer.insert(name, unknown_fact());
        }
    }
    Ok(())
}

/// A claim with its path.
type ClaimAtPath<'a> = (&'a ClaimPath, &'a Value);

/// Refuses the token if the answer lacks these claims or has other elements in them.
fn agree(
    answer: &[ClaimAtPath<'_>],
    token: &[ClaimAtPath<'_>],
    read: impl Fn(&Value) -> Option<Vec<SmolStr>>,
) -> Result<(), CredentialError> {
    let Some((path, _)) = token.first() else {
        return Ok(());
    };
    if answer.is_empty() {
        return Err(lacks(path.name()));
    }
    let members = |found: &[ClaimAtPath<'_>]| {
        let mut members = Vec::new();
        for (path, value) in found {
            members.extend(read(value).ok_or_else(|| bad_claim(path.name()))?);
        }
        Ok(members)
    };
    let holds = |all: &[SmolStr], some: &[SmolStr]| some.iter().all(|one| all.contains(one));
    let of_answer = members(answer)?;
    let of_token = members(token)?;
    if holds(&of_answer, &of_token) && holds(&of_token, &of_answer) {
        Ok(())
    } else {
        Err(differs(path.name()))
    }
}

/// Refuses a claim of the token if the answer has another value, or none although it is `needed`.
fn same(
    answer: &Record,
    token: &Record,
    path: &ClaimPath,
    needed: bool,
) -> Result<(), CredentialError> {
    match (path.of(token), path.of(answer)) {
        (Some(one), Some(other)) if one == other => Ok(()),
        (Some(_), Some(_)) => Err(differs(path.name())),
        (Some(_), None) if needed => Err(lacks(path.name())),
        (None, _) | (Some(_), None) => Ok(()),
    }
}

/// Returns those of these claims that are present.
fn all<'a>(claims: &'a Record, paths: &'a [ClaimPath]) -> Vec<ClaimAtPath<'a>> {
    paths
        .iter()
        .filter_map(|path| Some((path, path.of(claims)?)))
        .collect()
}

/// Returns the first of these claims that is present.
fn first<'a>(claims: &'a Record, paths: &'a [ClaimPath]) -> Vec<ClaimAtPath<'a>> {
    let mut found = all(claims, paths);
    found.truncate(1);
    found
}

fn other_kind() -> CredentialError {
    CredentialError::invalid("the token's own claims are not those of an access token")
}

fn lacks(name: &str) -> CredentialError {
    let remedy = match name {
        "act" => {
            "have the issuer put it into its answers, or set `introspection.carries_act = false`"
        }
        _ => "have the issuer put it into its answers, or verify its tokens by its keys",
    };
    CredentialError::misfit(format!(
        "the token has `{name}`, and its issuer's answer about it does not: {remedy}"
    ))
}

fn differs(name: &str) -> CredentialError {
    CredentialError::misfit(format!(
        "the token's `{name}` is another in its issuer's answer about it"
    ))
}
