//! Handles claims that say that there is more than a token contains.
//!
//! Entra ID leaves groups out of a token that would have too many, and says so by `_claim_names`
//! (`OpenID` Connect Core section 5.6.2) or by `hasgroups`. Somebody with too many groups to list
//! is not somebody without groups.
//!
//! INVARIANT: a claim that the token says exists but does not contain is unknown, never empty: a
//! policy that forbids by it must apply also to those whose claims are incomplete.

use super::claims::bad_claim;
use super::profile::{ClaimPath, Profile};
use super::reading::{DECIDING, ProfileClaims};
use crate::model::{CredentialError, PartyName, Record, Value, alike, is_unknown_fact, shown};
use smol_str::SmolStr;

/// Members that say where omitted claims are: the names of the claims with their sources, and the
/// sources.
pub(super) const ELSEWHERE: [&str; 2] = ["_claim_names", "_claim_sources"];

/// The claim with groups, unless a profile names another.
const GROUPS: &str = "groups";

/// The claim that says that there are more groups.
pub(super) const HAS_GROUPS: &str = "hasgroups";

/// Refuses a token that omits a claim for which an unknown fact is not enough: it decides who is
/// named, what the token is bound to, or of which kind it is. Whoever is named by any other name of
/// a party would be overlooked, too.
pub(super) fn check(claims: &Record, profile: &Profile) -> Result<(), CredentialError> {
    for name in ELSEWHERE {
        if claims
            .get_present(name)
            .is_some_and(|value| value.as_record().is_none())
        {
            return Err(bad_claim(name));
        }
    }
    let reading = ProfileClaims::of(profile);
    let fixed = DECIDING.map(ClaimPath::new);
    match fixed
        .iter()
        .chain(reading.deciding())
        .find(|path| is_elsewhere(claims, path))
    {
        Some(path) => Err(elsewhere(path.name())),
        None => match claims_elsewhere(claims).find(|name| names_another(name)) {
            Some(name) => Err(elsewhere(name)),
            None => Ok(()),
        },
    }
}

fn elsewhere(name: &str) -> CredentialError {
    let name = shown(name);
    CredentialError::misfit(format!("the token has its claim `{name}` elsewhere"))
}

/// Returns `true` for the name of a party other than the person whom a token is about.
fn names_another(name: &str) -> bool {
    match PartyName::of(name) {
        Some(PartyName::Client | PartyName::Holder | PartyName::Party | PartyName::Delegation) => {
            true
        }
        Some(PartyName::Account | PartyName::Person) | None => false,
    }
}

/// Returns `true` if the token says that it has a person's name elsewhere.
pub(super) fn has_person(claims: &Record) -> bool {
    claims_elsewhere(claims).any(|name| PartyName::of(name).is_some_and(PartyName::is_of_person))
}

/// Iterates over the claims that the token says are elsewhere: those that it lists, and those with
/// the name of a source as their value.
fn claims_elsewhere(claims: &Record) -> impl Iterator<Item = &SmolStr> {
    let [names, sources] = lists(claims);
    let is_source = move |(_, value): &(&SmolStr, &Value)| {
        let text = value.as_text();
        sources.is_some_and(|sources| text.is_some_and(|text| sources.get(text).is_some()))
    };
    let listed = names.into_iter().flat_map(Record::iter);
    listed
        .chain(claims.iter().filter(is_source))
        .map(|(name, _)| name)
}

fn lists(claims: &Record) -> [Option<&Record>; 2] {
    ELSEWHERE.map(|name| claims.get_present(name).and_then(Value::as_record))
}

/// Returns the first of these claims that the token says it does not contain in full. A token says
/// of the claim `groups` that there are more, but this concerns every claim with groups: Entra ID
/// can write them into `roles`.
pub(super) fn partial<'a>(
    claims: &Record,
    paths: &'a [ClaimPath],
    profile: &Profile,
) -> Option<&'a ClaimPath> {
    let groups = ClaimPath::new(GROUPS);
    let has_groups = says_more(claims) || is_elsewhere(claims, &groups);
    let holds_groups = |path: &ClaimPath| *path == groups || profile.claims.groups.contains(path);
    paths
        .iter()
        .find(|path| is_elsewhere(claims, path) || (has_groups && holds_groups(path)))
}

/// Returns `true` if one of these claims is known to exist but its value is not known.
pub(super) fn is_unknown(claims: &Record, paths: &[ClaimPath]) -> bool {
    paths
        .iter()
        .any(|path| path.of(claims).is_some_and(is_unknown_fact))
}

/// Returns `true` if the token says that there are more groups.
pub(super) fn says_more(claims: &Record) -> bool {
    claims.get_present(HAS_GROUPS).is_some_and(|value| {
        !matches!(value, Value::Bool(false)) && value.as_text().is_none_or(|text| text != "false")
    })
}

/// Returns `true` if the claim is listed as being elsewhere, or has the name of a source as its
/// value. A list may name what a claim is in, or the claim by its whole path.
fn is_elsewhere(claims: &Record, path: &ClaimPath) -> bool {
    let [names, sources] = lists(claims);
    let is_path = |name: &str| {
        let first = name.split(['.', '/']).find(|part| !part.is_empty());
        let mut firsts = path.firsts();
        alike(name, path.name())
            || firsts
                .any(|known| alike(name, known) || first.is_some_and(|first| alike(first, known)))
    };
    let is_named = |names: &Record| names.iter().any(|(name, _)| is_path(name));
    let is_source = |sources: &Record| {
        path.firsts()
            .filter_map(|first| claims.get_present(first))
            .chain(path.of(claims))
            .filter_map(Value::as_text)
            .any(|text| sources.get(text).is_some())
    };
    names.is_some_and(is_named) || sources.is_some_and(is_source)
}
