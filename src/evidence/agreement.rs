//! A JWT, and what its issuer says of it: two sources about one token.
//!
//! **Problem.** An issuer that is asked about a JWT answers with fewer claims than the token has: some leave out `act` or
//! `cnf`. Whoever reads the answer alone takes an agent's token for its user's, and a bound one for a bearer's.
//! **Decision.** Both are read. What the token itself says is not verified, so it proves nothing; but what it says and its
//! issuer does not is no reason to give more. Of the claims that decide, each one in the token stands in the answer with
//! the same value, or the token is refused. Times that only the token has are kept. Where the profile says that answers
//! never carry `act`, the token's own adds its actors.
//! **Trade-off.** An issuer whose answers leave out scopes or groups that its tokens have cannot be asked about them: its
//! tokens are verified by its keys.
//!
//! INVARIANT: what the token alone says never adds a scope, a role, an audience, a proof or a subject.

use super::claims::{bad_claim, milliseconds, texts};
use super::profile::{ActorForm, ClaimPath, Profile};
use crate::model::{Record, Unproven, Value};
use smol_str::SmolStr;

/// Claims of a point in time. One that only the token has bounds its use further.
const TIMES: [&str; 3] = ["exp", "nbf", "iat"];

/// Claims that say that the token does not hold all of something.
const MORE: [&str; 2] = ["_claim_names", "hasgroups"];

/// Claims that must be equal where both have them. One that the answer leaves out is not there.
const FACTS: [&str; 4] = ["acr", "amr", "auth_time", "jti"];

/// Returns the claims that an answer proves, held to what the token says of itself.
pub(super) fn merge(
    mut answer: Record,
    token: &Record,
    profile: &Profile,
    carries_act: bool,
) -> Result<Record, Unproven> {
    let claims = &profile.claims;
    for paths in [&claims.subject, &claims.client] {
        agree(&answer, token, paths, |value| Some(vec![value.as_text()?.clone()]))?;
    }
    agree(&answer, token, &claims.scopes, |value| texts(Some(value), true))?;
    for paths in [&claims.roles, &claims.groups, &vec![ClaimPath::new("aud")]] {
        agree(&answer, token, paths, |value| texts(Some(value), false))?;
    }
    for name in ["cnf", "authorization_details"] {
        same(&answer, token, &ClaimPath::new(name), true)?;
    }
    for autonomous in &profile.autonomous {
        same(&answer, token, &autonomous.claim, true)?;
    }
    for path in profile.required.iter().map(|mark| mark.claim.clone()).chain(FACTS.map(ClaimPath::new)) {
        same(&answer, token, &path, false)?;
    }
    if profile.id_tokens.iter().any(|mark| mark.is_in(token)) || token.get_present("events").is_some() {
        return Err(Unproven::invalid("the token's own claims are not those of an access token"));
    }
    let adds_actors = !carries_act && profile.actor == ActorForm::Rfc8693 && answer.get_present("act").is_none();
    match token.get_present("act") {
        Some(act) if adds_actors => answer.insert("act", act.clone()),
        _ => same(&answer, token, &ClaimPath::new("act"), true)?,
    }
    for name in TIMES {
        let Some(value) = token.get_present(name) else { continue };
        let at = milliseconds(value).ok_or_else(|| bad_claim(name))?;
        match answer.get_present(name) {
            None => answer.insert(name, value.clone()),
            Some(other) if milliseconds(other) == Some(at) => {}
            Some(_) => return Err(differs(name)),
        }
    }
    for name in MORE {
        if let (Some(value), None) = (token.get_present(name), answer.get_present(name)) {
            answer.insert(name, value.clone());
        }
    }
    Ok(answer)
}

/// Refuses a claim of the token that its issuer's answer has with other members, or not at all.
fn agree(
    answer: &Record,
    token: &Record,
    paths: &[ClaimPath],
    read: impl Fn(&Value) -> Option<Vec<SmolStr>>,
) -> Result<(), Unproven> {
    let Some((path, value)) = found(token, paths) else { return Ok(()) };
    let of_token = read(value).ok_or_else(|| bad_claim(path.name()))?;
    let Some((_, value)) = found(answer, paths) else { return Err(lacks(path.name())) };
    let of_answer = read(value).ok_or_else(|| bad_claim(path.name()))?;
    let holds = |all: &[SmolStr], some: &[SmolStr]| some.iter().all(|one| all.contains(one));
    if holds(&of_answer, &of_token) && holds(&of_token, &of_answer) { Ok(()) } else { Err(differs(path.name())) }
}

/// Refuses a claim of the token that its issuer's answer has with another value, or not at all where it is `needed`.
fn same(answer: &Record, token: &Record, path: &ClaimPath, needed: bool) -> Result<(), Unproven> {
    match (path.of(token), path.of(answer)) {
        (Some(one), Some(other)) if one == other => Ok(()),
        (Some(_), Some(_)) => Err(differs(path.name())),
        (Some(_), None) if needed => Err(lacks(path.name())),
        (None, _) | (Some(_), None) => Ok(()),
    }
}

/// The first of these claims that is there.
fn found<'a>(claims: &'a Record, paths: &'a [ClaimPath]) -> Option<(&'a ClaimPath, &'a Value)> {
    paths.iter().find_map(|path| Some((path, path.of(claims)?)))
}

fn lacks(name: &str) -> Unproven {
    let remedy = match name {
        "act" => "have the issuer put it into its answers, or set `introspection.carries_act = false`",
        _ => "have the issuer put it into its answers, or verify its tokens by its keys",
    };
    Unproven::invalid(format!("the token has `{name}`, and its issuer's answer about it does not: {remedy}"))
}

fn differs(name: &str) -> Unproven {
    Unproven::invalid(format!("the token's `{name}` is another in its issuer's answer about it"))
}
