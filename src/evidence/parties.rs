//! Whom the claims of a token name: its subject, its actors, and the client that it was issued to.
//!
//! INVARIANT: a client that holds a user's token acts, and stands in the chain, unless it is the user's own hand.

use super::actors;
use super::claims::{bad_claim, first_text};
use super::profile::{ActorForm, Profile};
use crate::model::{CredentialKind, EntityRef, MAX_ACTORS, PrincipalIds, Record, Unproven, Value, alike};
use smol_str::SmolStr;

/// Returns whom the token names: its subject first, then its actors, then the client that it was issued to.
pub(super) fn chain(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, Unproven> {
    let client = client(claims, profile)?;
    if client.is_none() {
        check_client_spelling(claims, profile)?;
    }
    let sub = first_text(claims, &profile.claims.subject)?;
    let granting = kind != CredentialKind::IdToken;
    let names_client = (client.is_some() && client == sub) || is_autonomous(claims, client, profile)?;
    if names_client && !granting {
        return Err(Unproven::invalid("the token is a client's own, and a client is nobody whom an ID token is about"));
    }
    let own = match profile.actor {
        // The client acts for itself: whoever takes its subject for a user gives it a user's rights.
        _ if names_client || (granting && lacks_user(claims, profile)) => {
            client.or(sub).map(|own| (&profile.client_type, own))
        }
        // Where `sub` is whoever acts, one whose `act` was lost on the way is no user either.
        ActorForm::Inverted | ActorForm::List if granting => sub.map(|sub| (&profile.actor_type, sub)),
        _ => sub.map(|sub| (&profile.subject_type, sub)),
    };
    let (own_type, own_sub) = own.ok_or_else(|| Unproven::invalid("the token names no subject"))?;
    let subject = ids.entity(&profile.issuer, own_type, own_sub);
    let subject = subject.map_err(|why| Unproven::invalid(format!("the token names nobody: {why}")))?;
    let mut chain = actors::chain(claims, actors::Own { subject, client }, profile, ids)?;
    if let Some(client) = client.filter(|client| granting && !profile.is_own_client(client)) {
        add_client(&mut chain, client, profile, ids)?;
    }
    Ok(chain)
}

/// Adds the client as who acts last, unless the chain names it: whoever holds a user's token acts, and is not its user.
fn add_client(chain: &mut Vec<EntityRef>, client: &str, profile: &Profile, ids: &PrincipalIds) -> Result<(), Unproven> {
    let named = |kind: &SmolStr| ids.entity(&profile.issuer, kind, client);
    let uid = named(&profile.client_type);
    let uid = uid.map_err(|why| Unproven::invalid(format!("the token's client is nobody: {why}")))?;
    let as_actor = named(&profile.actor_type).ok();
    if chain.iter().any(|member| *member == uid || Some(member) == as_actor.as_ref()) {
        return Ok(());
    }
    if chain.len() > MAX_ACTORS {
        return Err(Unproven::invalid(format!("the token names more than {MAX_ACTORS} actors, its client among them")));
    }
    chain.push(uid);
    Ok(())
}

/// Returns the client that the token was issued to. Claims that name two clients are two truths.
pub(super) fn client<'a>(claims: &'a Record, profile: &Profile) -> Result<Option<&'a SmolStr>, Unproven> {
    let paths = &profile.claims.client;
    let client = first_text(claims, paths)?;
    for path in paths {
        match (path.of(claims), client) {
            (Some(Value::Text(other)), Some(client)) if other != client => {
                return Err(Unproven::invalid(format!(
                    "the token names two clients, one of them in `{}`",
                    path.name()
                )));
            }
            (Some(Value::Text(_)) | None, _) => {}
            (Some(_), _) => return Err(bad_claim(path.name())),
        }
    }
    Ok(client)
}

/// Refuses a token that names no client, but has a claim that is spelled like one that would.
fn check_client_spelling(claims: &Record, profile: &Profile) -> Result<(), Unproven> {
    let like = |member: &SmolStr| profile.claims.client.iter().find(|path| alike(path.first(), member));
    match claims.iter().find_map(|(member, value)| like(member).filter(|_| !value.is_null())) {
        Some(path) => Err(Unproven::invalid(format!(
            "the token names no client, and has a claim that is spelled like `{}` but for case or separators",
            path.name()
        ))),
        None => Ok(()),
    }
}

/// Returns `true` if the token lacks what every user's token has: it is its client's own.
fn lacks_user(claims: &Record, profile: &Profile) -> bool {
    profile.of_users.iter().any(|claim| claim.of(claims).is_none())
}

/// Returns `true` if the claims say that the client acts for itself. A claim that says so of another client is a name that
/// somebody chose.
fn is_autonomous(claims: &Record, client: Option<&SmolStr>, profile: &Profile) -> Result<bool, Unproven> {
    for autonomous in &profile.autonomous {
        let Some(text) = autonomous.claim.of(claims).and_then(Value::as_text) else { continue };
        if !autonomous.of_client {
            if *text == autonomous.value || autonomous.value == "*" {
                return Ok(true);
            }
            continue;
        }
        let named = text.strip_prefix(autonomous.value.as_str());
        let Some(named) = named.and_then(|named| named.strip_suffix(autonomous.after.as_str())) else { continue };
        return if client.is_some_and(|client| client.eq_ignore_ascii_case(named)) {
            Ok(true)
        } else if autonomous.value.is_empty() && autonomous.after.is_empty() {
            // The id alone: any other text is somebody else's.
            continue;
        } else {
            Err(Unproven::invalid("the token has the name of a client's own, and is another client's"))
        };
    }
    Ok(false)
}
