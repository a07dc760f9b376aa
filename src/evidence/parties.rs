//! Whom the claims of a token name: its subject, its actors, and the client that it was issued to.
//!
//! INVARIANT: a client that holds a user's token acts, and stands in the chain, unless it is the
//! user's own hand.

use super::actors;
use super::claims::{bad_claim, first_text};
use super::profile::{ActorForm, Profile};
use crate::model::{
    CredentialKind, EntityRef, MAX_ACTORS, PrincipalIds, Record, Unproven, Value, alike,
};
use smol_str::SmolStr;

/// Returns whom the token names: its subject first, then its actors, then the client that it was
/// issued to.
pub(super) fn chain(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, Unproven> {
    let client = client(claims, profile)?;
    check_client_spelling(claims, client, profile)?;
    let sub = first_text(claims, &profile.claims.subject)?;
    let granting = kind != CredentialKind::IdToken;
    let names_client = is_subject(claims, client, sub) || is_autonomous(claims, client, profile)?;
    if names_client {
        check_user(claims, profile)?;
    }
    if names_client && !granting {
        return Err(Unproven::invalid(
            "the token is a client's own, and a client is nobody whom an ID token is about",
        ));
    }
    let own = match profile.actor {
        // The client acts for itself: whoever takes its subject for a user gives it a user's
        // rights.
        _ if names_client || (granting && lacks_user(claims, profile)) => {
            client.or(sub).map(|own| (&profile.client_type, own))
        }
        // Where `sub` is whoever acts, one whose `act` was lost on the way is no user either.
        ActorForm::Inverted | ActorForm::List if granting => {
            sub.map(|sub| (&profile.actor_type, sub))
        }
        _ => sub.map(|sub| (&profile.subject_type, sub)),
    };
    let (own_type, own_sub) = own.ok_or_else(|| Unproven::invalid("the token names no subject"))?;
    let subject = ids.entity(&profile.issuer, own_type, own_sub);
    let subject =
        subject.map_err(|why| Unproven::invalid(format!("the token names nobody: {why}")))?;
    let mut chain = actors::chain(claims, actors::Own { subject, client }, profile, ids)?;
    if let Some(client) = client.filter(|client| granting && !profile.is_own_client(client)) {
        add_client(&mut chain, client, profile, ids)?;
    }
    Ok(chain)
}

/// Adds the client as who acts last, unless the chain names it: whoever holds a user's token acts,
/// and is not its user.
fn add_client(
    chain: &mut Vec<EntityRef>,
    client: &str,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<(), Unproven> {
    let uid = ids.entity(&profile.issuer, &profile.client_type, client);
    let uid =
        uid.map_err(|why| Unproven::invalid(format!("the token's client is nobody: {why}")))?;
    // Somebody of another type is another, whatever the id.
    if chain.contains(&uid) {
        return Ok(());
    }
    if chain.len() > MAX_ACTORS {
        return Err(Unproven::invalid(format!(
            "the token names more than {MAX_ACTORS} actors, its client among them"
        )));
    }
    chain.push(uid);
    Ok(())
}

/// Returns the client that the token was issued to. Claims that name two clients are two truths.
pub(super) fn client<'a>(
    claims: &'a Record,
    profile: &Profile,
) -> Result<Option<&'a SmolStr>, Unproven> {
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

/// Refuses a token with a claim that is spelled like one that names its client, and says of the
/// client what that does not: who it is, or another.
fn check_client_spelling(
    claims: &Record,
    client: Option<&SmolStr>,
    profile: &Profile,
) -> Result<(), Unproven> {
    let paths = || profile.claims.client.iter();
    let like = |member: &SmolStr| {
        // A path that has been read is no misspelling of another.
        let is_read = client.is_some() && paths().any(|path| path.first() == member.as_str());
        paths().find(|path| !is_read && alike(path.first(), member))
    };
    let says_more =
        |value: &Value| !value.is_null() && (client.is_none() || value.as_text() != client);
    match claims
        .iter()
        .find_map(|(member, value)| like(member).filter(|_| says_more(value)))
    {
        Some(path) => Err(Unproven::invalid(format!(
            "the token names {}, and has a claim that is spelled like `{}` but for case or separators",
            if client.is_none() {
                "no client"
            } else {
                "a client"
            },
            path.name()
        ))),
        None => Ok(()),
    }
}

/// Returns `true` if the client is the token's subject (RFC 9068 section 2.2), by the claim that
/// the issuer gives out and by the one that names subjects here, which may be a name that people
/// choose.
fn is_subject(claims: &Record, client: Option<&SmolStr>, subject: Option<&SmolStr>) -> bool {
    client.is_some()
        && client == subject
        && client == claims.get_present("sub").and_then(Value::as_text)
}

/// Refuses a client's own token that has what only users' tokens have: as the client's alone its
/// user would be lost.
fn check_user(claims: &Record, profile: &Profile) -> Result<(), Unproven> {
    match profile
        .only_of_users
        .iter()
        .find(|claim| claim.of(claims).is_some())
    {
        Some(claim) => Err(Unproven::invalid(format!(
            "the token is a client's own, and has a user's claim `{}`: it has marks of both",
            claim.name()
        ))),
        None => Ok(()),
    }
}

/// Returns `true` if the token lacks what every user's token has: it is its client's own.
fn lacks_user(claims: &Record, profile: &Profile) -> bool {
    profile
        .of_users
        .iter()
        .any(|claim| claim.of(claims).is_none())
}

/// Returns `true` if the claims say that the client acts for itself. A claim that says so of
/// another client is a name that somebody chose.
///
/// INVARIANT: what the issuer controls says so: a claim of such tokens alone, or a name that people
/// may choose in a token without any claim that all of its users' tokens have ([`check_user`]). The
/// name alone only refuses.
fn is_autonomous(
    claims: &Record,
    client: Option<&SmolStr>,
    profile: &Profile,
) -> Result<bool, Unproven> {
    let mut by_issuer = false;
    let mut by_name = None;
    for autonomous in &profile.autonomous {
        let Some(text) = autonomous.claim.of(claims).and_then(Value::as_text) else {
            continue;
        };
        if !autonomous.of_client {
            by_issuer |= *text == autonomous.value || autonomous.value == "*";
            continue;
        }
        let Some(named) = autonomous.client_in(text) else {
            continue;
        };
        let is_own = client.is_some_and(|client| autonomous.is_of(client, named));
        // The id alone: any other text is somebody else's.
        let is_bare = autonomous.value.is_empty() && autonomous.after.is_empty();
        match (is_own, autonomous.is_chosen) {
            (true, true) => by_name = Some(autonomous.claim.name()),
            (true, false) => by_issuer = true,
            (false, _) if is_bare => {}
            (false, _) => {
                return Err(Unproven::invalid(
                    "the token has the name of a client's own, and is another client's",
                ));
            }
        }
    }
    match by_name {
        Some(_) if !profile.only_of_users.is_empty() => Ok(true),
        Some(claim) if !by_issuer => Err(Unproven::invalid(format!(
            "the token has the name of a client's own in `{claim}`, which a user could have chosen, and nothing else that \
             only such tokens have: have its issuer put that in"
        ))),
        _ => Ok(by_issuer),
    }
}
