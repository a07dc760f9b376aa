//! Refuses claims that name a party where none is read.
//!
//! **Problem.** An issuer that says who acts by a claim, in a form or a place that its profile does
//! not read, says it in vain: the token of an agent counts as its user's own.
//! **Decision.** [`PartyName`] has the names. The whole token is searched for them: a party is read
//! at its place by the profile, or the token is refused. Claims that a policy reads as facts, roles
//! or marks are not read as a party.
//!
//! INVARIANT: every member of a token that could name somebody else is read as a party, names
//! nobody whom the token does not name already, or refuses the token.

use super::overage::ELSEWHERE;
use super::profile::{ClaimPath, Profile};
use super::reading::ProfileClaims;
use crate::model::{
    CredentialError, PartyName, Record, Value, alike, clients_named, is_of_parties,
    names_client_within, shown,
};
use smol_str::SmolStr;

/// Claims in a form of their own, which names nobody who acts.
const OF_THEIR_OWN: [&str; 5] = [
    "authorization_details",
    "cnf",
    "events",
    "_claim_names",
    "_claim_sources",
];

/// Members that say who acts, or of which kind somebody is, and that are read in a token and in
/// each party of its `act`.
const READ: [&str; 3] = ["act", "sub_profile", "client_profile"];

/// Members by which an object is somebody.
const IDS: [&str; 4] = ["sub", "id", "client_id", "azp"];

/// Refuses a token with a party that is not read. `client` is the client that the token names.
pub(super) fn check(
    claims: &Record,
    client: Option<&SmolStr>,
    profile: &Profile,
) -> Result<(), CredentialError> {
    let reading = ProfileClaims::of(profile);
    let subject = || claims.get_present("sub").and_then(Value::as_text);
    let token = PartyScope {
        named: client.or_else(subject).into_iter().collect(),
        read: reading.parties_in(claims).collect(),
    };
    let in_act = [
        reading.subject,
        reading.client,
        &profile.claims.actor_client,
    ]
    .concat();
    for (member, value) in present(claims) {
        let place = vec![member.clone()];
        if names_another(member, value) && !token.reads(&place) {
            return Err(CredentialError::misfit(format!(
                "the token names somebody in `{}`, which is not read: who acts stands in `act`",
                shown(member)
            )));
        }
        if member == "act" {
            check_act(value, &in_act)?;
        } else if !OF_THEIR_OWN.contains(&member.as_str()) {
            token.check(value, place)?;
        }
    }
    Ok(())
}

/// Refuses a party in `act` with members that name another one and are not read. `paths` are the
/// claims by which parties are read there.
fn check_act(act: &Value, paths: &[ClaimPath]) -> Result<(), CredentialError> {
    let act = match act {
        Value::List(items) => return items.iter().try_for_each(|act| check_act(act, paths)),
        Value::Record(act) => act,
        // What fits no form of `act` is refused where the parties are read.
        _ => return Ok(()),
    };
    let sub = act.get_present("sub").and_then(Value::as_text);
    let clients = clients_named(act).filter_map(|(_, value)| value.as_text());
    let actor = PartyScope {
        named: sub.into_iter().chain(clients).collect(),
        read: paths.iter().flat_map(|path| path.found_in(act)).collect(),
    };
    for (member, value) in present(act) {
        let place = vec![member.clone()];
        let is_unread = names_another(member, value) || is_elsewhere(member);
        // These are refused where the parties are read.
        let is_misspelt = || {
            ["act", "sub_profile"]
                .iter()
                .any(|name| alike(name, member))
        };
        if is_unread && !is_misspelt() && !actor.reads(&place) {
            return Err(CredentialError::misfit(format!(
                "`act.{}` names somebody, and would not be read there",
                shown(member)
            )));
        }
        if member == "act" {
            check_act(value, paths)?;
        } else {
            actor.check(value, place)?;
        }
    }
    Ok(())
}

/// Returns `true` for a member of a token or of an actor that names another party. Which of its
/// clients is the party itself is known where they are read.
fn names_another(member: &str, value: &Value) -> bool {
    match PartyName::of(member) {
        Some(PartyName::Delegation) => !READ.contains(&member),
        Some(PartyName::Holder | PartyName::Party) => is_of_parties(value),
        Some(PartyName::Client | PartyName::Account | PartyName::Person) | None => false,
    }
}

/// A token or an actor, with the party that it is about.
struct PartyScope<'a> {
    /// The names of the party.
    named: Vec<&'a SmolStr>,
    /// The places where parties are read.
    read: Vec<&'a Vec<SmolStr>>,
}

impl PartyScope<'_> {
    /// Returns `true` if a party is read at this place, or in the object there.
    fn reads(&self, place: &[SmolStr]) -> bool {
        self.read.iter().any(|read| read.starts_with(place))
    }

    /// Refuses another party below this place, where a party is read only by a path of the profile.
    fn check(&self, value: &Value, place: Vec<SmolStr>) -> Result<(), CredentialError> {
        let mut rest = vec![(value, place)];
        while let Some((value, place)) = rest.pop() {
            let within = match value {
                Value::List(items) => {
                    rest.extend(items.iter().map(|item| (item, place.clone())));
                    continue;
                }
                Value::Record(within) => within,
                _ => continue,
            };
            for (member, value) in present(within) {
                let place = [place.as_slice(), std::slice::from_ref(member)].concat();
                if self.is_another(member, value) && !self.reads(&place) {
                    return Err(CredentialError::misfit(format!(
                        "the token names somebody in `{}`, which is not read",
                        shown(&place.join("."))
                    )));
                }
                if is_of_parties(value) {
                    rest.push((value, place));
                }
            }
        }
        Ok(())
    }

    /// Returns `true` for a member that names another party deep in a claim. There, names of
    /// parties are also those of roles and services, which have no id.
    fn is_another(&self, member: &str, value: &Value) -> bool {
        let is_said = || {
            let text = value.as_text();
            text.is_some_and(|text| self.named.contains(&text))
        };
        match PartyName::of(member) {
            Some(PartyName::Delegation) => !is_of_roles(value),
            Some(PartyName::Holder) if is_of_parties(value) => {
                has_member(value, &|name| is_id(name) || names_somebody(name))
            }
            Some(PartyName::Party) => has_member(value, &is_id),
            Some(PartyName::Client) => !is_said(),
            Some(PartyName::Holder | PartyName::Account | PartyName::Person) => {
                is_elsewhere(member)
            }
            None => is_elsewhere(member) || (names_client_within(member, value) && !is_said()),
        }
    }
}

fn present(record: &Record) -> impl Iterator<Item = (&SmolStr, &Value)> {
    record.iter().filter(|(_, value)| !value.is_null())
}

/// Returns `true` for a member that says that others are elsewhere. Only a token as a whole is read
/// with them.
fn is_elsewhere(member: &str) -> bool {
    ELSEWHERE.iter().any(|name| alike(name, member))
}

/// Returns `true` for an object with a member of such a name, and for a list with one.
fn has_member(value: &Value, is_such: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Record(party) => present(party).any(|(name, _)| is_such(name)),
        Value::List(items) => items.iter().any(|item| has_member(item, is_such)),
        _ => false,
    }
}

/// Returns `true` for the name of a member by which an object is somebody.
fn is_id(name: &str) -> bool {
    IDS.iter().any(|id| alike(id, name))
}

fn names_somebody(name: &str) -> bool {
    PartyName::of(name).is_some()
}

/// Returns `true` for the roles that a token grants at a service, whose name may be any.
fn is_of_roles(value: &Value) -> bool {
    let Value::Record(granted) = value else {
        return false;
    };
    let mut members = present(granted);
    members.all(|(name, value)| name == "roles" && value.as_list().is_some_and(is_of_texts))
}

fn is_of_texts(items: &[Value]) -> bool {
    items.iter().all(|item| item.as_text().is_some())
}
