//! Reads the parties that a token's claims name: its subject, its actors, and the client that it
//! was issued to.
//!
//! INVARIANT: a client that holds a user's token acts for the user and is in the chain, unless it
//! counts as the user's own.

use super::actors::{self, Kind};
use super::claims::{bad_claim, first_text};
use super::clients;
use super::marks::{MarkedToken, Marks};
use super::profile::{Profile, Trust};
use crate::model::{
    CredentialError, CredentialKind, EntityRef, KindFlaw, MAX_ACTORS, PrincipalIds, Record, Value,
    has_agents_client, shown,
};
use smol_str::SmolStr;

/// The parties of a token.
pub(super) struct TokenMembers {
    /// The subject, then the actors, then the client that the token was issued to.
    pub(super) chain: Vec<EntityRef>,
    /// The clients of an ID token, which act if it stands alone. If it accompanies another
    /// credential, that credential says who acts.
    pub(super) holders: Vec<EntityRef>,
}

/// Returns the parties that the token names.
pub(super) fn read(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<TokenMembers, CredentialError> {
    let client = clients::client(claims, kind, profile)?;
    let token = MarkedToken {
        claims,
        profile,
        client,
        subject: first_text(claims, &profile.claims.subject)?,
    };
    check_sub(&token)?;
    let granting = kind.grants();
    let marks = token.marks(granting)?;
    let said = actors::kind_of_subject(claims)?;
    let is_clients = marks.is_clients_own || matches!(said, Some(Kind::Client(_)));
    if is_clients && !granting {
        return Err(CredentialError::invalid(
            "the token is a client's own, and a client is nobody whom an ID token is about",
        ));
    }
    let (own_type, name) = own(&token, marks, said, granting)?;
    let subject = ids.entity(&profile.issuer, own_type, name);
    let subject =
        subject.map_err(|why| CredentialError::misfit(format!("the token names nobody: {why}")))?;
    let mut chain = actors::chain(
        claims,
        actors::TokenParties { subject, client },
        profile,
        ids,
    )?;
    let has_user = has_user(claims, marks, &chain, profile);
    check_clients(&token, has_user)?;
    if !chain
        .iter()
        .any(|member| member.kind == profile.subject_type)
    {
        token.check_accounts()?;
    }
    // A client counts as the user's own only in a token with a user, and only if it is not an
    // agent.
    let is_agents = is_agents(claims, client, has_user && granting)?;
    let is_free = has_user && !is_agents;
    let is_hand = |client: &str| is_free && profile.is_own_client(client);
    let mut holders = Vec::new();
    if granting {
        if let Some(client) = client.filter(|client| !is_hand(client)) {
            add_client(&mut chain, client, profile, ids)?;
        }
    } else if stands_alone(kind, profile) {
        let clients = clients::of_id_token(claims, client)?;
        for client in clients.iter().filter(|client| !is_hand(client)) {
            add_client(&mut holders, client, profile, ids)?;
        }
    }
    Ok(TokenMembers { chain, holders })
}

/// Returns `true` if the party whose authority is used is a person, of whom a client can be the own
/// hand. Where people and clients have one type, nothing shows that a subject is no client.
fn has_user(claims: &Record, marks: Marks, chain: &[EntityRef], profile: &Profile) -> bool {
    let lacks_act = profile.actor.begins_with_actor() && claims.get_present("act").is_none();
    let first = chain.first().map(|first| &first.kind);
    !marks.is_clients_own
        && !lacks_act
        && first == Some(&profile.subject_type)
        && profile.subject_type != profile.client_type
}

/// Refuses a token with a client that the profile does not read. Where it reads none, a token
/// without a user may name its subject as the client, in the way of any claim that it must have.
fn check_clients(token: &MarkedToken<'_>, has_user: bool) -> Result<(), CredentialError> {
    let MarkedToken {
        claims,
        profile,
        client,
        subject,
    } = *token;
    let mut same = Vec::new();
    if !has_user && profile.claims.client.is_empty() {
        same = clients::required_names(claims, profile);
        same.extend(subject);
    }
    clients::check_others(claims, client, &same, profile)
}

/// Refuses a token by a shared secret with another subject in `sub` than the one that is read:
/// there, nobody assigns a second name of it.
fn check_sub(token: &MarkedToken<'_>) -> Result<(), CredentialError> {
    let has_secret = matches!(token.profile.trust, Trust::Secret(_));
    match token.claims.get_present("sub") {
        Some(sub) if has_secret && sub.as_text() != token.subject => Err(CredentialError::misfit(
            "the token names somebody in `sub`, and its issuer's profile reads the subject \
             elsewhere: if that is whom the token is about, list `sub` in `claims.subject`",
        )),
        Some(_) | None => Ok(()),
    }
}

/// Returns `true` if the issuer says that the client is an agent, whatever the settings say. Where
/// it acts for a user (`is_needed`), it is named.
fn is_agents(
    claims: &Record,
    client: Option<&SmolStr>,
    is_needed: bool,
) -> Result<bool, CredentialError> {
    let is_agents = has_agents_client(claims).map_err(|flaw| match flaw {
        KindFlaw::NoText => bad_claim("client_profile"),
        KindFlaw::Unknown => CredentialError::misfit(
            "the claim `client_profile` has a word that is not known: beside `ai_agent`, it may be \
             `service`, `web_app`, `native_app`, `browser_app` or `device`, separated by single \
             spaces",
        ),
    })?;
    if is_agents && is_needed && client.is_none() {
        return Err(CredentialError::misfit(
            "the token's `client_profile` says that its client is an agent, and it names no client",
        ));
    }
    Ok(is_agents)
}

/// Returns `true` if a credential of this kind may be the only one of its subject. If an issuer
/// puts the actor into `sub`, it is not known whether its ID token is about a user.
pub(super) fn stands_alone(kind: CredentialKind, profile: &Profile) -> bool {
    kind.grants() || (profile.id_tokens_alone && !profile.actor.begins_with_actor())
}

/// Returns the type and the name of the party that the token is about.
fn own<'a>(
    token: &MarkedToken<'a>,
    marks: Marks,
    said: Option<Kind>,
    granting: bool,
) -> Result<(&'a SmolStr, &'a SmolStr), CredentialError> {
    let MarkedToken {
        claims,
        profile,
        client,
        subject,
    } = *token;
    let named = subject.ok_or_else(|| CredentialError::misfit("the token names no subject"));
    let acts = profile.actor.begins_with_actor();
    if marks.is_clients_own {
        if said == Some(Kind::Person) {
            return Err(CredentialError::misfit(
                "the token is a client's own, and its `sub_profile` says that it is a \
                 user's: it has marks of both",
            ));
        }
        if let Some(Kind::Client(kind)) = said {
            actors::client_type(kind, profile)?;
        }
        // The client acts for itself: taking its subject for a user would give the client a user's
        // rights.
        return match client {
            Some(client) if marks.is_account => Ok((&profile.client_type, client)),
            // If `sub` is the actor, it acts in addition to the client.
            Some(_) if acts => Ok((&profile.actor_type, named?)),
            Some(client) => Err(no_account(client, profile)),
            None => Ok((&profile.client_type, named?)),
        };
    }
    match said {
        Some(Kind::Client(kind)) => Ok((
            actors::client_type(kind, profile)?,
            client_named(token, marks, named?)?,
        )),
        Some(Kind::Person) if profile.subject_type == profile.client_type => {
            Err(CredentialError::misfit(format!(
                "the token's `sub_profile` says that it is a user's, and its issuer's subjects are \
                 of the type `{}`, as its clients are",
                profile.subject_type
            )))
        }
        // A token whose `act` was lost on the way is not about a user either. An ID token without
        // `act` is about somebody who has signed in.
        None if acts && (granting || claims.get_present("act").is_some()) => {
            Ok((&profile.actor_type, named?))
        }
        Some(Kind::Person) | None => Ok((&profile.subject_type, named?)),
    }
}

/// Returns the name of a subject that is said to be a client, which is the name in `act`, too.
fn client_named<'a>(
    token: &MarkedToken<'a>,
    marks: Marks,
    subject: &'a SmolStr,
) -> Result<&'a SmolStr, CredentialError> {
    let MarkedToken {
        claims,
        profile,
        client,
        ..
    } = *token;
    if let Some(client) = client.filter(|_| marks.is_account) {
        return Ok(client);
    }
    let paths = &profile.claims.actor_client;
    let is_by_sub = paths.is_empty() || paths.iter().any(|path| path.name() == "sub");
    if is_by_sub && claims.get_present("sub").and_then(Value::as_text) == Some(subject) {
        return Ok(subject);
    }
    Err(CredentialError::misfit(
        "the token's `sub_profile` says that its subject is a client, \
         and it does not name that client as `act` would, so that one agent would have two ids: \
         have its issuer put the client's id into `sub`",
    ))
}

/// Explains why a client's own token does not show that its subject is that client.
fn no_account(client: &str, profile: &Profile) -> CredentialError {
    let subject = profile
        .claims
        .subject
        .first()
        .map_or("sub", |path| path.name());
    let mut marks = profile.autonomous.iter().filter(|mark| mark.of_account);
    let mark = marks.next().map_or_else(String::new, |mark| {
        format!("have its issuer put `{}` into it, or ", mark.claim.name())
    });
    CredentialError::misfit(format!(
        "the token has marks of its client's own, and its `{subject}` is not known to be \
         the account of `{}`: if it is, {mark}name in `autonomous` a claim that says so, \
         with `{{client}}` or `any_sub`",
        shown(client)
    ))
}

/// Adds the client as the last actor unless the chain names it: whoever holds a user's token acts,
/// and is not its user.
fn add_client(
    chain: &mut Vec<EntityRef>,
    client: &str,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<(), CredentialError> {
    let uid = ids.entity(&profile.issuer, &profile.client_type, client);
    let uid =
        uid.map_err(|why| CredentialError::misfit(format!("the token's client is nobody: {why}")))?;
    // An entity of another type is a different one, even with the same id.
    if chain.contains(&uid) {
        return Ok(());
    }
    if chain.len() > MAX_ACTORS {
        return Err(CredentialError::invalid(format!(
            "the token names more than {MAX_ACTORS} actors, its client among them"
        )));
    }
    chain.push(uid);
    Ok(())
}
