//! Lists the names of claims that say who is a party: a client, an actor, whoever delegates.
//!
//! **Problem.** Issuers name clients, actors and delegations by many claims. A reader that knows
//! its own issuer's names alone decides as if the parties behind the others did not exist.
//! **Decision.** One table has all of these names, with the values by which each names somebody. A
//! member of such a name is read as a party, or whatever holds it is refused; that it is read for
//! another purpose does not make it one that is read as a party.
//! **Trade-off.** A claim of such a name that is mere data refuses the tokens that have it.
//!
//! INVARIANT: a name counts in any case, with any separators, in the plural, and behind the
//! namespace of whoever added it (`https://example.com/act`, `custom:client_id`).

use super::{Letters, Record, Value};
use smol_str::SmolStr;

/// What a claim says by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartyName {
    /// The id of a client, or of an agent, which is a client.
    Client,
    /// A client or an agent: by its id, or as an object.
    Holder,
    /// A party, if it is an object or a list. A text is a name for display, such as the `actor` of
    /// GitHub Actions.
    Party,
    /// Who acts or is acted for, or of which kind somebody is, whatever the value is.
    Delegation,
    /// The name or a number of a person.
    Person,
}

/// Defines the table; each name stands in it in the plural, too.
macro_rules! party_names {
    ($($kind:ident: $($name:literal)+;)+) => {
        const NAMES: &[(&str, &str, PartyName)] =
            &[$($(($name, concat!($name, "s"), PartyName::$kind),)+)+];
    };
}

party_names! {
    Client: "client_id" "azp" "authorized_party" "appid" "application_id" "cid" "agent_id";
    Holder: "client" "agent";
    Party: "actor" "user" "subject" "sub_id" "principal" "delegation";
    Delegation: "act" "act_chain" "acting_agent" "acting_for" "acting_party" "actor_chain"
        "delegate" "delegated_by" "delegation_chain" "delegator" "delegator_id" "impersonated_by"
        "impersonator" "impersonator_id" "impersonator_user_id" "obo" "on_behalf_of"
        "parent_agent" "parent_agent_id" "sub_profile" "client_profile";
    Person: "username" "preferred_username" "user_id" "uid" "oid" "upn" "unique_name" "name"
        "given_name" "family_name" "nickname" "login" "email" "phone_number";
}

impl PartyName {
    /// Returns what a claim of this name says of a party; `None` if it names nobody. A name with
    /// parts says what its last part does; one that begins with a delegation (`act.sub`) is a part
    /// of one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name
            .split(['/', ':', '#', '.'])
            .filter(|part| !part.is_empty());
        let first = parts.next()?;
        let last = parts.next_back().unwrap_or(first);
        let is_delegation = |of: &Self| *of == Self::Delegation;
        named(last).or_else(|| named(first).filter(is_delegation))
    }
}

fn named(name: &str) -> Option<PartyName> {
    let letters = Letters::of(name);
    let mut names = NAMES.iter();
    names
        .find(|(one, several, _)| letters.are_of(one) || letters.are_of(several))
        .map(|(_, _, of)| *of)
}

/// Iterates over the claims by which issuers name clients, in any spelling. Each issuer has some of
/// these names, and a name that an issuer's profile does not list may be overlooked.
pub fn clients_named(claims: &Record) -> impl Iterator<Item = (&SmolStr, &Value)> {
    claims.iter().filter(|(member, value)| {
        !value.is_null()
            && match PartyName::of(member) {
                Some(PartyName::Client) => true,
                Some(PartyName::Holder) => !is_of_parties(value),
                Some(PartyName::Party | PartyName::Delegation | PartyName::Person) | None => false,
            }
    })
}

/// Returns `true` if a value can say more of a party than a name.
#[must_use]
pub fn is_of_parties(value: &Value) -> bool {
    matches!(value, Value::Record(_) | Value::List(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_in_any_spelling_number_and_namespace() {
        for (name, of) in [
            ("client_id", Some(PartyName::Client)),
            ("clientIds", Some(PartyName::Client)),
            ("AppId", Some(PartyName::Client)),
            ("applicationId", Some(PartyName::Client)),
            ("custom:client_id", Some(PartyName::Client)),
            ("Agents", Some(PartyName::Holder)),
            ("https://example.com/act", Some(PartyName::Delegation)),
            ("https://example.com/claims#actors", Some(PartyName::Party)),
            ("acts", Some(PartyName::Delegation)),
            ("act.sub", Some(PartyName::Delegation)),
            ("client_profiles", Some(PartyName::Delegation)),
            ("cognito:username", Some(PartyName::Person)),
            ("ａｃｔｏｒｓ", Some(PartyName::Party)),
            ("may_act", None),
            ("actor_id", None),
            ("acr", None),
            ("cognito:groups", None),
            ("https://sts.amazonaws.com/", None),
            ("kubernetes.io", None),
            ("client.kind", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(PartyName::of(name), of, "{name}");
        }
    }
}
