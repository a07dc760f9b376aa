//! Refuses claims that would be overlooked: one that is spelled like another that is read, and one
//! of two at the same path.
//!
//! **Problem.** A mark, a session or a scope that is spelled otherwise than in the profile does not
//! exist for a reader that looks for the name. A user's token then counts as its client's own, or
//! an agent's as its user's.
//! **Decision.** The names are those of [`ProfileClaims`], at every level of their paths. A claim
//! that is alike one of them and has another value is refused.
//!
//! INVARIANT: two claims with one meaning have the same value, or the token is refused. A claim
//! that is read for another purpose is refused as one that is not read.

use super::claims::bad_claim;
use super::profile::{ClaimPath, Profile};
use super::reading::{DECIDING, FACTS, ProfileClaims};
use crate::model::{CredentialError, Record, Value, alike};
use smol_str::SmolStr;

/// Claims without a setting that say of which kind the subject and its client are. Other claims
/// whose form no setting changes are refused before a profile is known.
const KINDS: [&str; 2] = ["sub_profile", "client_profile"];

/// Refuses a token with a claim that this profile would overlook. `client` is the client that the
/// token names.
pub(super) fn check(
    claims: &Record,
    client: Option<&SmolStr>,
    profile: &Profile,
) -> Result<(), CredentialError> {
    let purposes = ProfileClaims::of(profile).by_purpose();
    for paths in &purposes {
        check_paths(claims, paths)?;
    }
    let [subject, others @ .., facts, clients] = &purposes;
    let fixed = |names: &[&'static str]| -> Vec<ClaimPath> {
        names.iter().copied().map(ClaimPath::new).collect()
    };
    let sub = fixed(&["sub"]);
    let kinds = fixed(&KINDS);
    let standard = fixed(&FACTS);
    let subject: Vec<&ClaimPath> = sub.iter().chain(subject.iter().copied()).collect();
    let facts: Vec<&ClaimPath> = standard.iter().chain(facts.iter().copied()).collect();
    let kinds: Vec<&ClaimPath> = kinds.iter().collect();
    let named = [&subject, &kinds].into_iter().chain(others).chain([&facts]);
    for paths in named {
        // Those of the client have a message of their own.
        let mut paths = paths.clone();
        paths.retain(|path| !clients.contains(path));
        let names = ClaimNames { paths: &paths };
        if let Some(path) = names.lookalike(claims, &|_| false) {
            return Err(CredentialError::misfit(format!(
                "the token has a claim that is spelled like `{}` but for case or separators",
                path.name()
            )));
        }
    }
    check_client(claims, client, clients)
}

/// Refuses claims at these paths, all read for one purpose, that are in each other's way.
fn check_paths(claims: &Record, paths: &[&ClaimPath]) -> Result<(), CredentialError> {
    let names = ClaimNames { paths };
    for path in paths {
        if names.is_cut(claims, path) {
            return Err(bad_claim(path.name()));
        }
        let mut values = path.all_of(claims);
        let one = values.next();
        if values.any(|other| one != Some(other)) {
            return Err(CredentialError::misfit(format!(
                "the token has its claim `{}` twice: as a name with a dot, and as a member",
                path.name()
            )));
        }
    }
    Ok(())
}

/// Refuses a claim that is spelled like one that names the client, but names another client or one
/// where the token names none.
fn check_client(
    claims: &Record,
    client: Option<&SmolStr>,
    paths: &[&ClaimPath],
) -> Result<(), CredentialError> {
    let is_client = |value: &Value| client.is_some() && value.as_text() == client;
    let Some(path) = (ClaimNames { paths }).lookalike(claims, &is_client) else {
        return Ok(());
    };
    let named = match client {
        Some(_) => "a client",
        None => "no client",
    };
    Err(CredentialError::misfit(format!(
        "the token names {named}, and has a claim that is spelled like `{}` but \
         for case or separators",
        path.name()
    )))
}

/// The names of claims that are read for one purpose, at every level of their paths.
struct ClaimNames<'a> {
    paths: &'a [&'a ClaimPath],
}

impl<'a> ClaimNames<'a> {
    /// Returns the first path at which a member at some level is spelled like the name that is read
    /// there and has another value. `is_said` recognises values that say nothing more.
    fn lookalike(
        &self,
        claims: &Record,
        is_said: &dyn Fn(&Value) -> bool,
    ) -> Option<&'a ClaimPath> {
        let mut paths = self.paths.iter().copied();
        paths.find(|path| self.has_lookalike(claims, path, is_said))
    }

    fn has_lookalike(
        &self,
        claims: &Record,
        path: &ClaimPath,
        is_said: &dyn Fn(&Value) -> bool,
    ) -> bool {
        path.places().any(|place| {
            let mut at = claims;
            for (depth, name) in place.iter().enumerate() {
                let (before, rest) = place.split_at(depth);
                let says_more = |(member, value): (&SmolStr, &Value)| {
                    member != name
                        && !value.is_null()
                        && !path.is_audience(name)
                        && alike(name, member)
                        && !self.is_known(before, member)
                        && at.get_present(name) != Some(value)
                        && !end(value, rest.get(1..).unwrap_or_default()).is_some_and(is_said)
                };
                if at.iter().any(says_more) {
                    return true;
                }
                match at.get_present(name).and_then(Value::as_record) {
                    Some(within) => at = within,
                    None => return false,
                }
            }
            false
        })
    }

    /// Returns `true` if something on the way to the claim is no object, and is not read for the
    /// same purpose itself: the claim would be in it, and not be read.
    fn is_cut(&self, claims: &Record, path: &ClaimPath) -> bool {
        let is_cut = |place: &Vec<SmolStr>| {
            let mut at = claims;
            for depth in 1..place.len() {
                let (before, _) = place.split_at(depth);
                match before.last().and_then(|name| at.get_present(name)) {
                    None => return false,
                    Some(Value::Record(within)) => at = within,
                    Some(_) => return !self.is_place(before),
                }
            }
            false
        };
        path.places().any(is_cut)
    }

    /// Returns `true` if a claim is read at this place.
    fn is_place(&self, place: &[SmolStr]) -> bool {
        let mut places = self.paths.iter().flat_map(|path| path.places());
        places.any(|other| other == place)
    }

    /// Returns `true` if a member of this name is read below these names.
    fn is_known(&self, before: &[SmolStr], member: &str) -> bool {
        let mut places = self.paths.iter().flat_map(|path| path.places());
        (before.is_empty() && DECIDING.contains(&member))
            || places.any(|place| {
                place.starts_with(before)
                    && place.get(before.len()).is_some_and(|name| name == member)
            })
    }
}

/// Returns the value below these names.
fn end<'a>(value: &'a Value, names: &[SmolStr]) -> Option<&'a Value> {
    names
        .iter()
        .try_fold(value, |value, name| value.as_record()?.get_present(name))
}
