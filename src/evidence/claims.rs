//! Claims of a token that is genuine, read into what it proves.
//!
//! One reading for JWTs and for what introspection says (RFC 9068 section 2.2, RFC 7662 section 2.2), so that a token
//! means the same however it was verified.
//!
//! INVARIANT: a claim that decides and is not of its form refuses the token: a scope or an audience that is overlooked
//! would let through what it was to keep out.

use super::actors;
use super::profile::{ActorForm, ClaimPath, Profile};
use crate::model::{CredentialKind, EntityRef, Number, PrincipalIds, Proven, Record, Timestamp, Unproven, Value};
use smol_str::SmolStr;
use std::time::Duration;

/// Claims that only ID tokens have (`OpenID` Connect Core section 2): an access token with one is an ID token of an
/// issuer that gives both the same type.
const OF_ID_TOKENS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// What a security event has (RFC 8417 section 2.2): a token with it tells of a log-out or the like, and nobody may use it,
/// whatever its issuer writes into the header.
const OF_EVENTS: &str = "events";

/// What a genuine token proves, before its holder has shown anything.
#[derive(Clone, Debug)]
pub(super) struct Genuine {
    pub(super) proven: Proven,
    pub(super) confirmation: Confirmation,
}

/// What a token is bound to (RFC 7800): a key, a certificate, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Confirmation {
    /// The thumbprint of the key that proofs are signed with (RFC 9449 section 6.1).
    pub(super) key: Option<SmolStr>,
    /// The hash of the client's certificate (RFC 8705 section 3.1).
    pub(super) certificate: Option<SmolStr>,
}

/// Reads the claims of a token of this kind, at this time. `longest` bounds how long it may be used where the claims do
/// not say when it ends.
pub(super) fn read(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
    now: Timestamp,
    longest: Option<Duration>,
) -> Result<Genuine, Unproven> {
    let implied = matches!(profile.trust, super::profile::Trust::Secret(_));
    match text(claims, "iss")? {
        Some(issuer) if implied || *issuer != profile.issuer => {
            return Err(Unproven::invalid("the token is of another issuer"));
        }
        None if !implied && longest.is_none() => return Err(Unproven::invalid("the token names no issuer")),
        _ => {}
    }
    let times = Times::check(claims, profile, now, longest)?;
    let audiences = audiences(claims, kind, profile, implied)?;
    check_kind(claims, kind, profile)?;
    let chain = chain(claims, kind, profile, ids)?;
    let granting = kind != CredentialKind::IdToken;
    let facts = granting.then(|| facts(claims, kind, profile, audiences, &times)).transpose()?;
    let details = match claims.get_present("authorization_details") {
        None => Vec::new(),
        Some(Value::List(items)) => items
            .iter()
            .map(|item| item.as_record().cloned())
            .collect::<Option<_>>()
            .ok_or_else(|| bad_claim("authorization_details"))?,
        Some(_) => return Err(bad_claim("authorization_details")),
    };
    let proven = Proven {
        kind,
        issuer: profile.issuer.clone(),
        chain,
        facts,
        details: if granting { details } else { Vec::new() },
        rules: profile.details.clone().into(),
        proof: None,
        until: Timestamp(times.until_ms),
    };
    Ok(Genuine { proven, confirmation: confirmation(claims)? })
}

/// When a token was issued and when it ends.
struct Times {
    issued: Option<i64>,
    expires: Option<i64>,
    until_ms: i64,
}

impl Times {
    fn check(claims: &Record, profile: &Profile, now: Timestamp, longest: Option<Duration>) -> Result<Self, Unproven> {
        let at = |name| match claims.get_present(name) {
            None => Ok(None),
            Some(value) => milliseconds(value).map(Some).ok_or_else(|| bad_claim(name)),
        };
        let (leeway, life) = (millis(profile.leeway), millis(profile.longest_life));
        let (issued, expires, begins) = (at("iat")?, at("exp")?, at("nbf")?);
        if begins.is_some_and(|begins| begins.saturating_sub(leeway) > now.0) {
            return Err(Unproven::invalid("the token is not valid yet"));
        }
        if issued.is_some_and(|issued| issued.saturating_sub(leeway) > now.0) {
            return Err(Unproven::invalid("the token was issued in the future"));
        }
        let until_ms = match (expires, longest) {
            (Some(expires), _) => {
                let until = expires.saturating_add(leeway);
                if until <= now.0 {
                    return Err(Unproven::expired("the token has expired: send a fresh one"));
                }
                if expires.saturating_sub(issued.unwrap_or(now.0)) > life {
                    return Err(Unproven::invalid("the token lives longer than its issuer's tokens may"));
                }
                until
            }
            (None, Some(longest)) => now.0.saturating_add(millis(longest)),
            (None, None) => return Err(Unproven::invalid("the token never expires")),
        };
        Ok(Self { issued, expires, until_ms })
    }
}

/// The audiences, one of which must be the service's.
fn audiences(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    implied: bool,
) -> Result<Vec<SmolStr>, Unproven> {
    let found = texts(claims.get_present("aud"), false).ok_or_else(|| bad_claim("aud"))?;
    let wanted = if kind == CredentialKind::IdToken { &profile.id_token_audiences } else { &profile.audiences };
    if implied || found.iter().any(|audience| wanted.contains(audience)) {
        return Ok(found);
    }
    Err(Unproven::invalid("the token is for another audience"))
}

/// Whether the claims are those of this kind of token.
fn check_kind(claims: &Record, kind: CredentialKind, profile: &Profile) -> Result<(), Unproven> {
    if claims.get_present(OF_EVENTS).is_some() {
        return Err(Unproven::invalid("the token tells of an event, and is nobody's"));
    }
    if kind == CredentialKind::IdToken {
        return Ok(());
    }
    if OF_ID_TOKENS.iter().any(|name| claims.get_present(name).is_some()) {
        return Err(Unproven::invalid("the token is an ID token: it says who somebody is, and grants nothing"));
    }
    let missing = profile.required.iter().find(|(path, value)| match (path.of(claims), value) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(found), Some(value)) => found.as_text() != Some(value),
    });
    match missing {
        Some(_) => {
            Err(Unproven::invalid("the token is no access token of its issuer: a claim that they have is missing"))
        }
        None => Ok(()),
    }
}

/// Whom the token names.
fn chain(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    ids: &PrincipalIds,
) -> Result<Vec<EntityRef>, Unproven> {
    let client = first_text(claims, &profile.claims.client)?;
    let sub = first_text(claims, &profile.claims.subject)?;
    let sub = sub.ok_or_else(|| Unproven::invalid("the token names no subject"))?;
    let granting = kind != CredentialKind::IdToken;
    let alone = granting && (client == Some(sub) || is_autonomous(claims, client, profile)?);
    let delegated = claims.get_present("act").is_some();
    let (own_type, own_sub) = match profile.actor {
        ActorForm::Inverted | ActorForm::List if delegated => (&profile.actor_type, sub),
        // The client acts for itself: whoever takes its subject for a user gives it a user's rights.
        _ if alone => (&profile.client_type, client.unwrap_or(sub)),
        // Where `sub` is whoever acts, one whose `act` was lost on the way is no user either.
        ActorForm::Inverted | ActorForm::List if granting => (&profile.actor_type, sub),
        _ => (&profile.subject_type, sub),
    };
    let own = ids.entity(&profile.issuer, own_type, own_sub);
    let own = own.map_err(|why| Unproven::invalid(format!("the token names nobody: {why}")))?;
    actors::chain(claims, own, profile, ids)
}

fn facts(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    audiences: Vec<SmolStr>,
    times: &Times,
) -> Result<Record, Unproven> {
    let list = |paths: &[ClaimPath], spaced: bool| {
        let found = paths.iter().find_map(|path| path.of(claims));
        texts(found, spaced).map(of_texts).ok_or_else(|| bad_claim("scope, roles or groups"))
    };
    let mut facts = Record::new();
    facts.insert("kind", Value::text(kind.as_str()));
    facts.insert("issuer", Value::Text(profile.issuer.clone()));
    facts.insert("audiences", of_texts(audiences));
    facts.insert("scopes", list(&profile.claims.scopes, true)?);
    facts.insert("roles", list(&profile.claims.roles, false)?);
    facts.insert("groups", list(&profile.claims.groups, false)?);
    facts.insert("amr", texts(claims.get_present("amr"), false).map(of_texts).ok_or_else(|| bad_claim("amr"))?);
    if let Some(client) = first_text(claims, &profile.claims.client)? {
        facts.insert("client", Value::Text(client.clone()));
    }
    if let Some(acr) = text(claims, "acr")? {
        facts.insert("acr", Value::Text(acr.clone()));
    }
    let detailed = claims.get_present("authorization_details").is_some();
    facts.insert("detailed", Value::Bool(detailed));
    let auth_time = claims.get_present("auth_time").map(|at| milliseconds(at).ok_or_else(|| bad_claim("auth_time")));
    let named = [("issued", times.issued), ("expires", times.expires), ("auth_time", auth_time.transpose()?)];
    for (name, at) in named {
        if let Some(at) = at {
            facts.insert(name, datetime(at)?);
        }
    }
    Ok(facts)
}

fn confirmation(claims: &Record) -> Result<Confirmation, Unproven> {
    let mut confirmation = Confirmation::default();
    let Some(cnf) = claims.get_present("cnf") else { return Ok(confirmation) };
    let cnf = cnf.as_record().ok_or_else(|| bad_claim("cnf"))?;
    for (name, value) in cnf.iter().filter(|(_, value)| !value.is_null()) {
        let text = value.as_text().ok_or_else(|| bad_claim("cnf"))?;
        match name.as_str() {
            "jkt" => confirmation.key = Some(text.clone()),
            "x5t#S256" => confirmation.certificate = Some(text.clone()),
            _ => {
                return Err(Unproven::invalid(
                    "the token is bound in a way that cannot be checked: `cnf` has other members than `jkt` and `x5t#S256`",
                ));
            }
        }
    }
    if confirmation == Confirmation::default() {
        return Err(bad_claim("cnf"));
    }
    Ok(confirmation)
}

/// Whether the claims say, or lack what would deny, that the client acts for itself. One that says so of another client is a name that somebody chose.
fn is_autonomous(claims: &Record, client: Option<&SmolStr>, profile: &Profile) -> Result<bool, Unproven> {
    if profile.of_users.iter().any(|claim| claim.of(claims).is_none()) {
        return Ok(true);
    }
    for autonomous in &profile.autonomous {
        let Some(text) = autonomous.claim.of(claims).and_then(Value::as_text) else { continue };
        if !autonomous.of_client {
            if *text == autonomous.value {
                return Ok(true);
            }
            continue;
        }
        let Some(named) = text.strip_prefix(autonomous.value.as_str()) else { continue };
        return if client.is_some_and(|client| client.eq_ignore_ascii_case(named)) {
            Ok(true)
        } else {
            Err(Unproven::invalid("the token has the name of a client's own, and is another client's"))
        };
    }
    Ok(false)
}

pub(super) fn bad_claim(name: &str) -> Unproven {
    Unproven::invalid(format!("the claim `{name}` is not of its form"))
}

fn text<'a>(claims: &'a Record, name: &str) -> Result<Option<&'a SmolStr>, Unproven> {
    match claims.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(bad_claim(name)),
    }
}

fn first_text<'a>(claims: &'a Record, paths: &[ClaimPath]) -> Result<Option<&'a SmolStr>, Unproven> {
    match paths.iter().find_map(|path| path.of(claims)) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(bad_claim("sub or client_id")),
    }
}

/// A list of texts, or one text: with spaces between its parts where `spaced`. None for anything else.
fn texts(value: Option<&Value>, spaced: bool) -> Option<Vec<SmolStr>> {
    match value {
        None => Some(Vec::new()),
        Some(Value::Text(text)) if spaced => {
            Some(text.split(' ').filter(|part| !part.is_empty()).map(SmolStr::new).collect())
        }
        Some(Value::Text(text)) => Some(vec![text.clone()]),
        Some(Value::List(items)) => items.iter().map(|item| item.as_text().cloned()).collect(),
        Some(_) => None,
    }
}

fn of_texts(texts: Vec<SmolStr>) -> Value {
    Value::List(texts.into_iter().map(Value::Text).collect())
}

/// A `NumericDate` (RFC 7519 section 2) in milliseconds; none beyond the years that can be written.
pub(super) fn milliseconds(value: &Value) -> Option<i64> {
    const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
    let Value::Number(number) = value else { return None };
    let seconds = whole(number)?;
    (0..=LAST).contains(&seconds).then(|| seconds * 1_000)
}

/// The seconds, without a fraction: what ends within a second has ended.
fn whole(number: &Number) -> Option<i64> {
    number.to_i64().or_else(|| {
        let digits = number.digits();
        let fraction = digits.split_once('.')?;
        (!digits.contains(['e', 'E'])).then(|| fraction.0.parse().ok())?
    })
}

fn datetime(ms: i64) -> Result<Value, Unproven> {
    let at = jiff::Timestamp::from_millisecond(ms).map_err(|_| bad_claim("exp"))?;
    Ok(Value::text(at.to_string()))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
