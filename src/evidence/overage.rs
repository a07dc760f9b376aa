//! Claims that say that there is more than a token holds.
//!
//! Entra ID leaves groups out of a token that would have too many, and says so by `_claim_names`
//! (`OpenID` Connect Core section 5.6.2) or by `hasgroups`. Who has too many groups to be listed is
//! not somebody without groups.
//!
//! INVARIANT: what is not in a token although the token says that it exists is unknown, never none:
//! a policy that forbids by it must not hold for those whose claims are complete alone.

use super::claims::bad_claim;
use super::profile::{ClaimPath, Profile};
use super::reading::{DECIDING, Reading};
use crate::model::{Record, Unproven, Value, alike, is_unknown_fact};

/// Members that say where the claims are that a token leaves out: claims by the names of sources,
/// and the sources.
pub(super) const ELSEWHERE: [&str; 2] = ["_claim_names", "_claim_sources"];

/// Where groups are, unless a profile says otherwise.
const GROUPS: &str = "groups";

/// What says that there are more groups.
pub(super) const HAS_GROUPS: &str = "hasgroups";

/// Refuses a token that leaves out a claim which no fact can be unknown for: it decides who is
/// named, what is bound, or of which kind the token is.
pub(super) fn check(claims: &Record, profile: &Profile) -> Result<(), Unproven> {
    for name in ELSEWHERE {
        if claims
            .get_present(name)
            .is_some_and(|value| value.as_record().is_none())
        {
            return Err(bad_claim(name));
        }
    }
    let reading = Reading::of(profile);
    let fixed = DECIDING.map(ClaimPath::new);
    match fixed
        .iter()
        .chain(reading.deciding())
        .find(|path| is_elsewhere(claims, path))
    {
        Some(path) => Err(Unproven::invalid(format!(
            "the token has its claim `{}` elsewhere",
            path.name()
        ))),
        None => Ok(()),
    }
}

/// Returns the first of these claims of which the token says that it does not hold it whole. That
/// there are more groups is said of the claim `groups`, and meant of wherever the issuer puts them:
/// Entra ID can write them into `roles`.
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

/// Returns `true` if one of these claims is known to be there, and not what it is.
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

/// Whether the claim is named as one that is elsewhere, or has the name of a source in its place.
fn is_elsewhere(claims: &Record, path: &ClaimPath) -> bool {
    let [names, sources] =
        ELSEWHERE.map(|name| claims.get_present(name).and_then(Value::as_record));
    let is_named = |names: &Record| {
        names
            .iter()
            .any(|(name, _)| alike(name, path.name()) || alike(name, path.first()))
    };
    let is_source = |sources: &Record| {
        let places = [path.of(claims), claims.get_present(path.first())];
        places
            .into_iter()
            .flatten()
            .filter_map(Value::as_text)
            .any(|text| sources.get(text).is_some())
    };
    names.is_some_and(is_named) || sources.is_some_and(is_source)
}
