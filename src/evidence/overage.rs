//! Claims that say that there is more than a token holds.
//!
//! Entra ID leaves groups out of a token that would have too many, and says so by `_claim_names` (`OpenID` Connect Core
//! section 5.6.2) or by `hasgroups`. Who has too many groups to be listed is not somebody without groups.
//!
//! INVARIANT: what is not in a token although the token says that it exists is unknown, never none: a policy that forbids
//! by it must not hold for those whose claims are complete alone.

use super::profile::ClaimPath;
use crate::model::{Record, Unproven, Value};

/// Members that say where the claims are that a token leaves out.
const NAMES: &str = "_claim_names";

/// Claims that decide who is named and what is bound: a token that has them elsewhere is of no use.
const DECIDING: [&str; 9] = ["iss", "sub", "aud", "exp", "nbf", "act", "cnf", "authorization_details", "events"];

/// Refuses a token that leaves out a claim which no fact can be unknown for; `also` are such claims of its profile.
pub(super) fn check<'a>(claims: &Record, also: impl IntoIterator<Item = &'a ClaimPath>) -> Result<(), Unproven> {
    let elsewhere = match claims.get_present(NAMES) {
        None => return Ok(()),
        Some(Value::Record(names)) => names,
        Some(_) => return Err(super::claims::bad_claim(NAMES)),
    };
    let mut names = DECIDING.into_iter().chain(also.into_iter().map(ClaimPath::first));
    match names.find(|name| elsewhere.get(name).is_some()) {
        Some(name) => Err(Unproven::invalid(format!("the token has its claim `{name}` elsewhere, by `{NAMES}`"))),
        None => Ok(()),
    }
}

/// Returns the first of these claims of which the token says that it does not hold it whole.
pub(super) fn partial<'a>(claims: &Record, paths: &'a [ClaimPath]) -> Option<&'a ClaimPath> {
    let elsewhere = claims.get_present(NAMES).and_then(Value::as_record);
    let is_elsewhere = |path: &ClaimPath| {
        elsewhere.is_some_and(|names| [path.name(), path.first()].iter().any(|name| names.get(name).is_some()))
    };
    let has_groups = claims.get_present("hasgroups").is_some_and(|value| {
        !matches!(value, Value::Bool(false)) && value.as_text().is_none_or(|text| text != "false")
    });
    paths.iter().find(|path| is_elsewhere(path) || (has_groups && path.name() == "groups"))
}
