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
use crate::model::{CredentialError, Record, Value, alike, is_unknown_fact};

/// Members that say where omitted claims are: the names of the claims with their sources, and the
/// sources.
pub(super) const ELSEWHERE: [&str; 2] = ["_claim_names", "_claim_sources"];

/// The claim with groups, unless a profile names another.
const GROUPS: &str = "groups";

/// The claim that says that there are more groups.
pub(super) const HAS_GROUPS: &str = "hasgroups";

/// Refuses a token that omits a claim for which an unknown fact is not enough: it decides who is
/// named, what the token is bound to, or of which kind it is.
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
        Some(path) => Err(CredentialError::misfit(format!(
            "the token has its claim `{}` elsewhere",
            path.name()
        ))),
        None => Ok(()),
    }
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
/// value.
fn is_elsewhere(claims: &Record, path: &ClaimPath) -> bool {
    let [names, sources] =
        ELSEWHERE.map(|name| claims.get_present(name).and_then(Value::as_record));
    let is_named = |names: &Record| {
        names
            .iter()
            .any(|(name, _)| path.firsts().any(|first| alike(name, first)))
    };
    let is_source = |sources: &Record| {
        path.firsts()
            .filter_map(|first| claims.get_present(first))
            .chain(path.of(claims))
            .filter_map(Value::as_text)
            .any(|text| sources.get(text).is_some())
    };
    names.is_some_and(is_named) || sources.is_some_and(is_source)
}
