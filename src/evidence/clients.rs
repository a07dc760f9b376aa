//! Reads every name of a client that a token has.
//!
//! **Problem.** Issuers name the client that a token was issued to by different claims. A reader
//! that knows one of them takes the token of an agent, named by another, for its user's own.
//! **Decision.** The profile lists the claims that mean the client, and in an ID token `azp` means
//! one, too (`OpenID` Connect Core section 2). A claim by which other issuers name clients says the
//! same, or the token is refused.
//!
//! INVARIANT: a client that a token names is the client that is read, the subject, or a reason to
//! refuse the token.

use super::claims::{bad_claim, texts};
use super::profile::{ClaimPath, Profile};
use super::reading::ProfileClaims;
use crate::model::{CredentialError, CredentialKind, Record, Value, clients_named, shown};
use smol_str::SmolStr;

/// The client of an ID token.
const AUTHORIZED_PARTY: &str = "azp";

/// Returns the client that a token of this kind was issued to. Refuses claims that name two
/// clients, also if both are at one path.
pub(super) fn client<'a>(
    claims: &'a Record,
    kind: CredentialKind,
    profile: &Profile,
) -> Result<Option<&'a SmolStr>, CredentialError> {
    let of_id_tokens = (kind == CredentialKind::IdToken).then(|| ClaimPath::new(AUTHORIZED_PARTY));
    let mut client: Option<&SmolStr> = None;
    for path in profile.claims.client.iter().chain(&of_id_tokens) {
        for value in path.all_of(claims) {
            let Value::Text(named) = value else {
                return Err(bad_claim(path.name()));
            };
            if client.is_some_and(|client| client != named) {
                return Err(CredentialError::misfit(format!(
                    "the token names two clients, one of them in `{}`",
                    path.name()
                )));
            }
            client = Some(named);
        }
    }
    Ok(client)
}

/// Refuses a token that names a client, other than the one that is read, in a claim that its
/// profile does not read. `same` are other names of the party that is the client.
pub(super) fn check_others(
    claims: &Record,
    client: Option<&SmolStr>,
    same: &[&SmolStr],
    profile: &Profile,
) -> Result<(), CredentialError> {
    let is_said = |value: &Value| {
        let named = value.as_text();
        named.is_some() && (named == client || same.iter().any(|same| named == Some(*same)))
    };
    let found = clients_named(claims).find(|(member, value)| {
        !is_said(value) && !is_read(claims, (member, value), client, profile)
    });
    let Some((member, _)) = found else {
        return Ok(());
    };
    let named = match client {
        Some(_) => "another client",
        None => "a client",
    };
    let member = shown(member);
    Err(CredentialError::misfit(format!(
        "the token names {named} in `{member}`, which its issuer's profile does not read: if that \
         is who holds the token, list `{member}` in `claims.client`"
    )))
}

/// Returns `true` if this claim is read in this token as a name of the client or of the subject, or
/// has the client's name in a form of the profile.
fn is_read(
    claims: &Record,
    (member, value): (&SmolStr, &Value),
    client: Option<&SmolStr>,
    profile: &Profile,
) -> bool {
    let reading = ProfileClaims::of(profile);
    let mut read = reading.parties_in(claims);
    let named = || value.as_text().zip(client);
    let mut forms = profile.autonomous.iter();
    read.any(|place| place.first() == Some(member))
        || forms.any(|form| {
            form.claim.name() == member
                && named().is_some_and(|(text, client)| {
                    form.client_in(text)
                        .is_some_and(|name| form.is_of(client, name))
                })
        })
}

/// Returns the texts of the claims that a profile requires, apart from those that name clients:
/// where it reads no client, they name the party that the token is about.
pub(super) fn required_names<'a>(claims: &'a Record, profile: &Profile) -> Vec<&'a SmolStr> {
    let is_clients = |name: &str| clients_named(claims).any(|(member, _)| member == name);
    let required = profile.required.iter().map(|mark| &mark.claim);
    required
        .filter(|claim| !is_clients(claim.name()))
        .filter_map(|claim| claim.of(claims)?.as_text())
        .collect()
}

/// Returns the clients for which an ID token was made: the one that it was issued to, and all of
/// its audiences.
pub(super) fn of_id_token(
    claims: &Record,
    client: Option<&SmolStr>,
) -> Result<Vec<SmolStr>, CredentialError> {
    let audiences = texts(claims.get_present("aud"), false).ok_or_else(|| bad_claim("aud"))?;
    Ok(client.into_iter().cloned().chain(audiences).collect())
}
