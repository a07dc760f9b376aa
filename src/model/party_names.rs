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
//! namespace of whoever added it (`https://example.com/act`, `custom:client_id`). That of a
//! delegation or a client counts wherever it stands in a longer one, and that of any party before
//! a word for its id, since an object of parties may be written flat (`actor.sub`).

use super::{Letters, Record, Value, alike};
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
    /// The account of a person at the issuer.
    Account,
    /// Another name or a number of a person, be it for display only.
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
    Delegation: "act" "act_chain" "acting_agent" "acting_as" "acting_client" "acting_for"
        "acting_party" "acting_user" "actor_chain" "delegate" "delegated_by" "delegated_to"
        "delegated_user" "delegation_chain" "delegator" "delegator_id" "impersonated_by"
        "impersonated_user" "impersonation" "impersonator" "impersonator_id"
        "impersonator_user_id" "obo" "on_behalf" "on_behalf_of"
        "parent_agent" "parent_agent_id" "sub_profile" "client_profile";
    Account: "username" "preferred_username" "user_id" "login" "login_name" "upn"
        "user_principal_name" "unique_name" "eppn" "sam_account_name";
    Person: "uid" "oid" "name" "given_name" "family_name" "nickname" "email" "phone_number";
}

impl PartyName {
    /// Returns what a claim of this name says of a party; `None` if it names nobody. A name with
    /// parts says what its last part does. Wherever a delegation stands in it, it is one: as a part
    /// (`act.sub`, `https://example.com/act/v1`), or behind words of whoever added it (`x-act`).
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.split(['/', ':', '#', '.']);
        let last = parts.rfind(|part| !part.is_empty())?;
        named(last).or_else(|| has_delegation(name).then_some(Self::Delegation))
    }

    /// Returns `true` if the name is that of a person.
    #[must_use]
    pub fn is_of_person(self) -> bool {
        match self {
            Self::Account | Self::Person => true,
            Self::Client | Self::Holder | Self::Party | Self::Delegation => false,
        }
    }
}

/// Names in which that of a client stands, and that name no party: the application from which an
/// agent's was made (Entra ID).
const NO_CLIENTS: [&str; 1] = ["xms_par_app_azp"];

/// Returns `true` if the name of a client stands among the words of a longer name (`x-azp`,
/// `client_id/v1`), or that of an agent or an actor before a word for its id (`agent.id`,
/// `actor_sub`). `actor_id` is a number for display (GitHub Actions).
fn has_client(name: &str) -> bool {
    let parts: Vec<&str> = parts_of(name).collect();
    let is_whole = |known: &str| parts.len() == 1 && alike(known, name);
    if NO_CLIENTS.iter().any(|known| is_whole(known)) || is_whole("actor_id") {
        return false;
    }
    let words = parts.iter().flat_map(|part| {
        let words = words_of(part).into_iter();
        words.filter_map(|(from, to)| part.get(from..to))
    });
    let words: Vec<&str> = words.collect();
    (0..words.len()).any(|first| {
        let rest = words.get(first..).unwrap_or_default();
        let is_client = |count: usize| {
            let run = rest.get(..count).map(|run| run.join("_"));
            run.is_some_and(|run| named(&run) == Some(PartyName::Client))
        };
        let is_of = |at: usize, names: &[&str]| {
            let word = rest.get(at);
            word.is_some_and(|word| names.iter().any(|name| alike(name, word)))
        };
        (1..=MAX_WORDS).any(is_client)
            || (is_of(0, &["agent", "actor"]) && is_of(1, &["id", "sub"]))
    })
}

/// Iterates over the parts of a name. The host of an address says nothing.
fn parts_of(name: &str) -> impl Iterator<Item = &str> {
    let path = name.split_once("://").map_or(name, |(_, rest)| {
        let end_of_host = rest.find(['/', '?', '#']);
        end_of_host
            .and_then(|at| rest.get(at..))
            .unwrap_or_default()
    });
    let is_mark = |c: char| !c.is_alphanumeric() && !c.is_whitespace() && !WORD_MARKS.contains(&c);
    path.split(is_mark).filter(|part| !part.is_empty())
}

/// Returns `true` if a part of the name is that of a delegation, or has it among its words.
fn has_delegation(name: &str) -> bool {
    parts_of(name).any(|part| {
        let words = words_of(part);
        (0..words.len()).any(|first| {
            // `may_act` says who may act, and not who does (RFC 8693 section 4.4).
            let before = first.checked_sub(1).and_then(|at| words.get(at));
            let is_permission = before.is_some_and(|(from, to)| {
                part.get(*from..*to).is_some_and(|word| alike(word, "may"))
            });
            !is_permission && begins_with_delegation(part, words.get(first..).unwrap_or_default())
        })
    })
}

/// Returns `true` if the first of these words of a name, or some of the first, are the name of a
/// delegation.
fn begins_with_delegation(part: &str, words: &[(usize, usize)]) -> bool {
    let from = words.first().map_or(0, |(from, _)| *from);
    words.iter().take(MAX_WORDS).any(|(_, to)| {
        let run = part.get(from..*to);
        run.is_some_and(|run| named(run) == Some(PartyName::Delegation))
    })
}

/// How many words the longest name of a delegation has.
const MAX_WORDS: usize = 3;

/// The marks between the words of one name.
const WORD_MARKS: [char; 2] = ['_', '-'];

/// Returns where the words of a name begin and end: at marks, white space, capitals and digits. Of
/// several capitals, the last begins a word if a small letter follows it (`OBOUser`).
fn words_of(part: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut begun: Option<usize> = None;
    let mut before = ' ';
    let mut letters = part.char_indices().peekable();
    while let Some((at, c)) = letters.next() {
        let is_between = WORD_MARKS.contains(&c) || c.is_whitespace();
        let ends_capitals =
            before.is_uppercase() && letters.peek().is_some_and(|(_, next)| next.is_lowercase());
        let begins = c.is_uppercase() && (before.is_lowercase() || ends_capitals)
            || before.is_numeric() != c.is_numeric();
        if (is_between || begins)
            && let Some(from) = begun.take()
        {
            words.push((from, at));
        }
        if !is_between && begun.is_none() {
            begun = Some(at);
        }
        before = c;
    }
    words.extend(begun.map(|from| (from, part.len())));
    words
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
                Some(
                    PartyName::Party
                    | PartyName::Delegation
                    | PartyName::Account
                    | PartyName::Person,
                ) => false,
                None => names_client_within(member, value),
            }
    })
}

/// Returns `true` if a value names a client by a longer name in which that of one stands. Such a
/// name is also that of an object of roles or of data, which names none.
#[must_use]
pub fn names_client_within(name: &str, value: &Value) -> bool {
    let is_id = match value {
        Value::Text(_) | Value::Number(_) => true,
        Value::List(items) => items.iter().any(|item| item.as_text().is_some()),
        Value::Record(_) | Value::Bool(_) | Value::Null => false,
    };
    is_id && has_client(name)
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
            ("corp.act.sub", Some(PartyName::Delegation)),
            ("urn:corp:act:v1", Some(PartyName::Delegation)),
            ("https://corp.example/act/v1", Some(PartyName::Delegation)),
            ("https://corp.example/act?v=1", Some(PartyName::Delegation)),
            ("https://corp.example#act.sub", Some(PartyName::Delegation)),
            ("corp|act", Some(PartyName::Delegation)),
            ("act[sub]", Some(PartyName::Delegation)),
            ("x-act", Some(PartyName::Delegation)),
            ("extension_0f1a_on_behalf_of", Some(PartyName::Delegation)),
            ("extAct", Some(PartyName::Delegation)),
            ("act_sub", Some(PartyName::Delegation)),
            ("act-v1", Some(PartyName::Delegation)),
            ("actV1", Some(PartyName::Delegation)),
            ("act2", Some(PartyName::Delegation)),
            ("OBOUser", Some(PartyName::Delegation)),
            ("corp\u{ff0f}act", Some(PartyName::Delegation)),
            ("act sub", Some(PartyName::Delegation)),
            ("onBehalfOfUser", Some(PartyName::Delegation)),
            ("obo_user", Some(PartyName::Delegation)),
            ("x_impersonator_user_id_v2", Some(PartyName::Delegation)),
            ("a\u{200b}ct", Some(PartyName::Delegation)),
            ("client_profiles", Some(PartyName::Delegation)),
            ("cognito:username", Some(PartyName::Account)),
            ("userPrincipalName", Some(PartyName::Account)),
            ("https://corp.example/emails", Some(PartyName::Person)),
            ("ａｃｔｏｒｓ", Some(PartyName::Party)),
            ("may_act", None),
            ("https://corp.example/may_act", None),
            ("mayAct", None),
            ("x_may_act", None),
            ("may_act_sub", None),
            ("job_workflow_ref", None),
            ("https://act.example/roles", None),
            ("contact", None),
            ("compact.form", None),
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

    #[test]
    fn a_client_counts_within_a_longer_name_and_as_an_object_written_flat() {
        for name in [
            "x-client-id",
            "x_agent_id",
            "ai_agent_id",
            "agent_client_id",
            "oauth_client_id",
            "requestingClientId",
            "x-azp",
            "client_id_v2",
            "client_id/v1",
            "https://c.example/client_id?v=1",
            "client_id.0",
            "client_id[0]",
            "azp2",
            "appid_v1",
            "client.id",
            "agent.id",
            "agent:sub",
            "https://c.example/agent/id",
            "urn:c:agent:id",
            "actor.sub",
            "actor_sub",
            "actor.id",
            "actorClientId",
        ] {
            assert!(
                names_client_within(name, &Value::Text("bot".into())),
                "{name}"
            );
            assert!(
                !names_client_within(name, &Value::Record(Record::new())),
                "{name}"
            );
        }
        for name in [
            "actor_id",
            "xms_par_app_azp",
            "azpacr",
            "appidacr",
            "clientHost",
            "client_address",
            "user_agent",
            "https://client-id.example/roles",
            "incident",
            "agent",
            "job_workflow_ref",
        ] {
            assert!(
                !names_client_within(name, &Value::Text("bot".into())),
                "{name}"
            );
        }
    }
}
