//! Reads the claims of a genuine token into what it proves.
//!
//! JWTs and introspection answers are read by the same code (RFC 9068 section 2.2, RFC 7662 section
//! 2.2), so that a token means the same however it was verified.
//!
//! INVARIANT: a malformed claim that decides something refuses the token: overlooking a scope or an
//! audience would let through what it should keep out.

mod standard_facts;
mod token_kind;

pub(super) use token_kind::{check_use, says_bound};

use super::numeric_date::NumericDate;
use super::parties::{self, TokenMembers};
use super::profile::{ClaimPath, Profile, Trust};
use super::scope::CallerScope;
use super::{clients, lookalikes, overage, unread};
use crate::model::{
    CredentialError, CredentialKind, PrincipalIds, ProvenIdentity, Record, Timestamp, Value, alike,
    shown,
};
use smol_str::SmolStr;
use std::time::Duration;

/// Claims that restrict a token: without them, it would name fewer parties, be usable by anybody,
/// or be good at any time and for any service.
const NARROWING: [&str; 12] = [
    "act",
    "cnf",
    "authorization_details",
    "events",
    "_claim_names",
    "_claim_sources",
    "hasgroups",
    "aud",
    "exp",
    "iat",
    "iss",
    "nbf",
];

/// What a genuine token proves before its holder has proved possession.
#[derive(Clone, Debug)]
pub(super) struct GenuineToken {
    pub(super) proven: ProvenIdentity,
    pub(super) confirmation: Confirmation,
}

/// The key, the certificate, or both, to which a token is bound (RFC 7800).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmation {
    /// The thumbprint of the key that signs proofs (RFC 9449 section 6.1).
    pub(super) key: Option<SmolStr>,
    /// The hash of the client's certificate (RFC 8705 section 3.1).
    pub(super) certificate: Option<SmolStr>,
}

impl GenuineToken {
    /// The thumbprints of the key and of the certificate that it is bound to.
    pub(super) fn bound_to(&self) -> [Option<SmolStr>; 2] {
        [
            self.confirmation.key.clone(),
            self.confirmation.certificate.clone(),
        ]
    }
}

/// Reads the claims of a token of this kind, at this time. `longest` bounds how long it may be used
/// where the claims do not say when it ends.
pub(super) fn read(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
    now: Timestamp,
    longest: Option<Duration>,
    scope: Option<&CallerScope>,
) -> Result<GenuineToken, CredentialError> {
    let implied = matches!(profile.trust, Trust::Secret(_));
    check_spelling(claims)?;
    check_issuer(claims, profile, implied || longest.is_some())?;
    let times = TokenTimes::check(claims, profile, now, longest)?;
    let audiences = audiences(claims, kind, profile, implied)?;
    token_kind::check(claims, kind, profile)?;
    check_overlooked(claims, kind, profile)?;
    let TokenMembers { chain, holders } = parties::read(claims, kind, profile, ids)?;
    let granting = kind.grants();
    // What a token says to another service does not count for this caller.
    let is_ours = |audience: &&SmolStr| {
        profile.audiences.contains(*audience)
            && scope.is_none_or(|scope| scope.has_audience(audience))
    };
    let ours: Vec<SmolStr> = audiences.iter().filter(is_ours).cloned().collect();
    let facts = granting
        .then(|| standard_facts::facts(claims, kind, profile, (&audiences, &ours), &times))
        .transpose()?;
    let details = details(claims)?;
    let proven = ProvenIdentity {
        kind,
        issuer: profile.issuer.clone(),
        chain,
        audiences,
        holders,
        stands_alone: parties::stands_alone(kind, profile),
        facts,
        details: if granting { details } else { Vec::new() },
        rules: profile.details.clone().into(),
        proof: None,
        until: Timestamp(times.until_ms),
    };
    let confirmation = confirmation(claims)?;
    // A token whose binding was lost on the way does not become a bearer token.
    if says_bound(claims) && confirmation.key.is_none() {
        return Err(CredentialError::misfit(
            "the token says that it is bound to a key, and not to which",
        ));
    }
    Ok(GenuineToken {
        proven,
        confirmation,
    })
}

/// Refuses claims that would be overlooked, whatever else is read of a token of this kind.
pub(super) fn check_overlooked(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
) -> Result<(), CredentialError> {
    overage::check(claims, profile)?;
    let client = clients::client(claims, kind, profile)?;
    lookalikes::check(claims, client, profile)?;
    unread::check(claims, client, profile)?;
    if kind.grants() {
        check_use(claims, profile)?;
    }
    Ok(())
}

/// Refuses a token of another issuer. `may_be_unnamed` says whether a token of this issuer may omit
/// its name.
fn check_issuer(
    claims: &Record,
    profile: &Profile,
    may_be_unnamed: bool,
) -> Result<(), CredentialError> {
    let has_no_name = matches!(profile.trust, Trust::Secret(_));
    match text(claims, "iss")? {
        Some(issuer) if has_no_name || *issuer != profile.issuer => {
            Err(CredentialError::misfit("the token is of another issuer"))
        }
        None if !may_be_unnamed => Err(CredentialError::misfit("the token names no issuer")),
        Some(_) | None => Ok(()),
    }
}

/// Returns what the token's details grant (RFC 9396 section 9.1).
fn details(claims: &Record) -> Result<Vec<Record>, CredentialError> {
    let items = match claims.get_present("authorization_details") {
        None => return Ok(Vec::new()),
        Some(Value::List(items)) => items.iter().map(|item| item.as_record().cloned()).collect(),
        Some(_) => None,
    };
    items.ok_or_else(|| bad_claim("authorization_details"))
}

/// Refuses a claim whose name differs only in case from one that restricts the token: whoever wrote
/// it meant that claim.
pub(super) fn check_spelling(claims: &Record) -> Result<(), CredentialError> {
    let is_like = |member: &SmolStr| {
        NARROWING
            .into_iter()
            .find(|name| alike(name, member) && member != name)
    };
    match claims.iter().find_map(|(member, _)| is_like(member)) {
        Some(name) => Err(CredentialError::misfit(format!(
            "the token has a claim that is spelled like `{name}` but for case or separators"
        ))),
        None => Ok(()),
    }
}

/// The times at which a token was issued, begins and expires.
struct TokenTimes {
    begins: Option<NumericDate>,
    issued: Option<NumericDate>,
    expires: Option<NumericDate>,
    until_ms: i64,
}

impl TokenTimes {
    fn check(
        claims: &Record,
        profile: &Profile,
        now: Timestamp,
        longest: Option<Duration>,
    ) -> Result<Self, CredentialError> {
        let at = |name| match claims.get_present(name) {
            None => Ok(None),
            Some(value) => NumericDate::read(value)
                .map(Some)
                .ok_or_else(|| bad_claim(name)),
        };
        let leeway = millis(profile.leeway);
        let life = millis(profile.longest_life);
        let (iat, exp, nbf) = (at("iat")?, at("exp")?, at("nbf")?);
        let issued = iat.map(NumericDate::milliseconds);
        let expires = exp.map(NumericDate::milliseconds);
        let begins = nbf.map(NumericDate::milliseconds_up);
        if begins.is_some_and(|begins| begins.saturating_sub(leeway) > now.0) {
            return Err(CredentialError::invalid("the token is not valid yet"));
        }
        if issued.is_some_and(|issued| issued.saturating_sub(leeway) > now.0) {
            return Err(CredentialError::invalid(
                "the token was issued in the future",
            ));
        }
        let until_ms = match (expires, longest) {
            (Some(expires), _) => {
                let until = expires.saturating_add(leeway);
                if until <= now.0 {
                    return Err(CredentialError::expired(
                        "the token has expired: send a fresh one",
                    ));
                }
                if expires.saturating_sub(issued.unwrap_or(now.0)) > life {
                    return Err(CredentialError::misfit(format!(
                        "the token lives longer than its issuer's tokens may, {} s: \
                         have it live shorter, or set `longest_life_s`",
                        profile.longest_life.as_secs()
                    )));
                }
                until
            }
            (None, Some(longest)) => now.0.saturating_add(millis(longest)),
            (None, None) => return Err(CredentialError::misfit("the token never expires")),
        };
        Ok(Self {
            begins: nbf,
            issued: iat,
            expires: exp,
            until_ms,
        })
    }
}

/// Returns the audiences, one of which must be the service's.
fn audiences(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    implied: bool,
) -> Result<Vec<SmolStr>, CredentialError> {
    let found = texts(claims.get_present("aud"), false).ok_or_else(|| bad_claim("aud"))?;
    if implied && !found.is_empty() {
        return Err(CredentialError::misfit(
            "the token names an audience, and tokens by a shared secret have none",
        ));
    }
    let wanted = match kind {
        CredentialKind::IdToken => &profile.id_token_audiences,
        CredentialKind::AccessToken | CredentialKind::JwtSvid | CredentialKind::X509Svid => {
            &profile.audiences
        }
    };
    if kind == CredentialKind::AccessToken && !profile.client_ids.is_empty() {
        check_client(claims, profile)?;
        // The listed clients take the place of an audience, and the token names no other audience.
        if wanted.is_empty() && found.is_empty() {
            return Ok(found);
        }
    }
    if kind == CredentialKind::IdToken && found.len() > 1 {
        // OpenID Connect Core section 3.1.3.7: of several audiences, the one to which the token was
        // issued counts.
        let party = text(claims, "azp")?;
        if !party.is_some_and(|party| wanted.contains(party)) {
            return Err(CredentialError::invalid(
                "the ID token is for several clients, and was issued to none of ours (`azp`)",
            ));
        }
    }
    if implied || found.iter().any(|audience| wanted.contains(audience)) {
        return Ok(found);
    }
    if found.is_empty() {
        return Err(CredentialError::for_another(
            "the token has no `aud`: have its issuer put this service's audience into it",
        ));
    }
    let remedy = if wanted.is_empty() {
        "the settings name none for such tokens".to_owned()
    } else {
        format!(
            "ask its issuer for one with this service's, {}",
            spelled(wanted)
        )
    };
    Err(CredentialError::for_another(format!(
        "the token is for another audience, {}: {remedy}",
        spelled(&found)
    )))
}

/// Lists the first few of these names for a message.
fn spelled(names: &[SmolStr]) -> String {
    const MOST: usize = 3;
    let few: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    format!(
        "{}{}",
        few.join(", "),
        if names.len() > MOST { ", …" } else { "" }
    )
}

/// Refuses a token of a client that the profile does not list.
fn check_client(claims: &Record, profile: &Profile) -> Result<(), CredentialError> {
    match clients::client(claims, CredentialKind::AccessToken, profile)? {
        Some(client) if profile.client_ids.contains(client) => Ok(()),
        Some(_) => Err(CredentialError::for_another(
            "the token was issued to a client that is not listed in `client_ids`",
        )),
        None => Err(CredentialError::for_another(
            "the token names no client, and its issuer's profile lists some in `client_ids`",
        )),
    }
}

fn confirmation(claims: &Record) -> Result<Confirmation, CredentialError> {
    let mut confirmation = Confirmation::default();
    let Some(cnf) = claims.get_present("cnf") else {
        return Ok(confirmation);
    };
    let cnf = cnf.as_record().ok_or_else(|| bad_claim("cnf"))?;
    for (name, value) in cnf.iter().filter(|(_, value)| !value.is_null()) {
        let text = value.as_text().ok_or_else(|| bad_claim("cnf"))?;
        match name.as_str() {
            "jkt" => confirmation.key = Some(text.clone()),
            "x5t#S256" => confirmation.certificate = Some(text.clone()),
            _ => {
                return Err(CredentialError::misfit(
                    "the token is bound in a way that cannot be checked: \
                     `cnf` has other members than `jkt` and `x5t#S256`",
                ));
            }
        }
    }
    if confirmation == Confirmation::default() {
        return Err(bad_claim("cnf"));
    }
    Ok(confirmation)
}

pub(super) fn bad_claim(name: &str) -> CredentialError {
    CredentialError::misfit(format!("the claim `{name}` is not of its form"))
}

pub(super) fn text<'a>(
    claims: &'a Record,
    name: &str,
) -> Result<Option<&'a SmolStr>, CredentialError> {
    match claims.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(bad_claim(name)),
    }
}

pub(super) fn first_text<'a>(
    claims: &'a Record,
    paths: &[ClaimPath],
) -> Result<Option<&'a SmolStr>, CredentialError> {
    match paths.iter().find_map(|path| Some((path, path.of(claims)?))) {
        None => Ok(None),
        Some((_, Value::Text(text))) => Ok(Some(text)),
        Some((path, _)) => Err(bad_claim(path.name())),
    }
}

/// Returns the texts of a list, or of one text, which is split at spaces if `spaced`. Returns
/// `None` for anything else.
pub(super) fn texts(value: Option<&Value>, spaced: bool) -> Option<Vec<SmolStr>> {
    match value {
        None => Some(Vec::new()),
        Some(Value::Text(text)) if spaced => Some(
            text.split(' ')
                .filter(|part| !part.is_empty())
                .map(SmolStr::new)
                .collect(),
        ),
        Some(Value::Text(text)) => Some(vec![text.clone()]),
        Some(Value::List(items)) => items.iter().map(|item| item.as_text().cloned()).collect(),
        Some(_) => None,
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
