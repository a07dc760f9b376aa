//! Refuses claims that would be overlooked: one that is spelled like another that is read, one of
//! two at the same path, and one that names somebody where no name is read.
//!
//! **Problem.** A mark, a session or a scope that is spelled otherwise than in the profile does not
//! exist for a reader that looks for the name. A user's token then counts as its client's own, or
//! an agent's as its user's.
//! **Decision.** The names are those of [`ProfileClaims`], at every level of their paths. A claim
//! that is alike one of them and has another value is refused.
//!
//! INVARIANT: two claims with one meaning have the same value, or the token is refused.

use super::claims::bad_claim;
use super::profile::{ClaimPath, Profile};
use super::reading::{DECIDING, FACTS, ProfileClaims};
use crate::model::{CredentialError, Record, Value, alike};
use smol_str::SmolStr;

/// Claims without a setting that say who the subject and its client are. Other claims whose form no
/// setting changes are refused before a profile is known.
const NAMING: [&str; 3] = ["sub", "sub_profile", "client_profile"];

/// Claims by which some issuers say who acts for whom, in a form that is not read here.
const ELSEWHERE_READ: [&str; 2] = ["on_behalf_of", "delegation_chain"];

/// Claims that say so where they hold an object or a list. A text there is a name for display, such
/// as the `actor` of GitHub Actions.
const PARTIES: [&str; 5] = ["actor", "actors", "agent", "user", "delegation"];

/// Refuses a token with a claim that this profile would overlook. `client` is the client that the
/// token names.
pub(super) fn check(
    claims: &Record,
    client: Option<&SmolStr>,
    profile: &Profile,
) -> Result<(), CredentialError> {
    let reading = ProfileClaims::of(profile);
    let names = ClaimNames { reading: &reading };
    for path in reading.but_clients().chain(reading.client) {
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
    let fixed = NAMING.into_iter().chain(FACTS).map(ClaimPath::new);
    for path in fixed
        .collect::<Vec<_>>()
        .iter()
        .chain(reading.but_clients())
    {
        if names.lookalike(claims, path, &|_| false) {
            return Err(CredentialError::misfit(format!(
                "the token has a claim that is spelled like `{}` but for case or separators",
                path.name()
            )));
        }
    }
    names.check_client(claims, client)?;
    names.check_others(claims)
}

/// The names of claims, at every level of their paths.
struct ClaimNames<'a> {
    reading: &'a ProfileClaims<'a>,
}

impl ClaimNames<'_> {
    /// Refuses a claim that is spelled like one that names the client, but names another client or
    /// one where the token names none.
    fn check_client(
        &self,
        claims: &Record,
        client: Option<&SmolStr>,
    ) -> Result<(), CredentialError> {
        let is_client = |value: &Value| client.is_some() && value.as_text() == client;
        let found = self
            .reading
            .client
            .iter()
            .find(|path| self.lookalike(claims, path, &is_client));
        let Some(path) = found else { return Ok(()) };
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

    /// Refuses a claim that says who acts in a form that is not read here.
    fn check_others(&self, claims: &Record) -> Result<(), CredentialError> {
        let is_one = |member: &str, value: &Value| {
            let is_alike = |names: &[&str]| names.iter().any(|name| alike(name, member));
            let is_party = is_of_parties(value) && is_alike(&PARTIES);
            (is_party || is_alike(&ELSEWHERE_READ)) && !self.is_known(&[], member)
        };
        let found = claims
            .iter()
            .find(|(member, value)| !value.is_null() && is_one(member, value));
        found.map_or(Ok(()), |(member, _)| {
            Err(CredentialError::misfit(format!(
                "the token names somebody in `{member}`, which is not read: \
                 who acts stands in `act`"
            )))
        })
    }

    /// Returns `true` if a member at some level of the path is spelled like the name that is read
    /// there and has another value. `is_said` recognises values that say nothing more.
    fn lookalike(
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

    /// Returns `true` if something on the way to the claim is no object, and is not read by itself:
    /// the claim would be in it, and not be read.
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
        let mut paths = self.reading.but_clients().chain(self.reading.client);
        paths.any(|path| path.places().any(|other| other == place))
    }

    /// Returns `true` if a member of this name is read below these names.
    fn is_known(&self, before: &[SmolStr], member: &str) -> bool {
        let is_fixed = || {
            let fixed = DECIDING.iter().chain(&FACTS).chain(&NAMING);
            before.is_empty() && fixed.into_iter().any(|name| *name == member)
        };
        let mut paths = self.reading.but_clients().chain(self.reading.client);
        is_fixed()
            || paths.any(|path| {
                path.places().any(|place| {
                    place.starts_with(before)
                        && place.get(before.len()).is_some_and(|name| name == member)
                })
            })
    }
}

/// Returns `true` if a value can say more of a party than a name.
pub(super) fn is_of_parties(value: &Value) -> bool {
    matches!(value, Value::Record(_) | Value::List(_))
}

/// Returns the value below these names.
fn end<'a>(value: &'a Value, names: &[SmolStr]) -> Option<&'a Value> {
    names
        .iter()
        .try_fold(value, |value, name| value.as_record()?.get_present(name))
}
