//! The facts of every token that grants something, which policies see in `context.token`.
//!
//! INVARIANT: a claim that the token does not contain in full is not shown, and a policy that reads
//! it denies.

use super::{TokenTimes, bad_claim, first_text, text, texts};
use crate::evidence::numeric_date::NumericDate;
use crate::evidence::profile::{ClaimPath, Overage, Profile};
use crate::evidence::{facts, overage};
use crate::model::{CredentialError, CredentialKind, Record, Value, unknown_fact};
use smol_str::SmolStr;

/// Reads the facts of a token of this kind. `ours` are those of its audiences that belong to the
/// service.
pub(super) fn facts(
    claims: &Record,
    kind: CredentialKind,
    profile: &Profile,
    (audiences, ours): (&[SmolStr], &[SmolStr]),
    times: &TokenTimes,
) -> Result<Record, CredentialError> {
    let token = TokenClaims {
        claims,
        profile,
        ours,
    };
    let mut facts = Record::new();
    facts.insert("kind", Value::text(kind.as_str()));
    facts.insert("issuer", Value::Text(profile.issuer.clone()));
    facts.insert("audiences", of_texts(audiences.to_vec()));
    facts.insert("scopes", token.list(&profile.claims.scopes, true)?);
    facts.insert("roles", token.list(&profile.claims.roles, false)?);
    facts.insert("groups", token.list(&profile.claims.groups, false)?);
    facts.insert("amr", token.list(&[ClaimPath::new("amr")], false)?);
    if let Some(client) = first_text(claims, &profile.claims.client)? {
        facts.insert("client", Value::Text(client.clone()));
    }
    if let Some(subject) = first_text(claims, &profile.claims.subject)? {
        facts.insert("subject", Value::Text(subject.clone()));
    }
    for name in ["jti", "sid", "acr"] {
        if !token.is_whole(&[ClaimPath::new(name)])? {
            facts.insert(name, unknown_fact());
        } else if let Some(text) = text(claims, name)? {
            facts.insert(name, Value::Text(text.clone()));
        }
    }
    let detailed = claims.get_present("authorization_details").is_some();
    facts.insert("detailed", Value::Bool(detailed));
    token.add_times(times, &mut facts)?;
    facts::add(&mut facts, claims, &profile.facts, |path| {
        token.is_whole(std::slice::from_ref(path))
    })?;
    Ok(facts)
}

struct TokenClaims<'a> {
    claims: &'a Record,
    profile: &'a Profile,
    ours: &'a [SmolStr],
}

impl TokenClaims<'_> {
    /// Returns `true` if the token contains all of the claim at one of these paths.
    fn is_whole(&self, paths: &[ClaimPath]) -> Result<bool, CredentialError> {
        match (
            overage::partial(self.claims, paths, self.profile),
            self.profile.overage,
        ) {
            (None, _) => Ok(!overage::is_unknown(self.claims, paths)),
            (Some(_), Overage::Unknown) => Ok(false),
            (Some(path), Overage::Refuse) => Err(CredentialError::misfit(format!(
                "the token says that it does not hold all of its claim `{}`",
                path.name()
            ))),
        }
    }

    /// Returns the texts at these paths; if `spaced`, one text may contain several, separated by
    /// spaces.
    fn list(&self, paths: &[ClaimPath], spaced: bool) -> Result<Value, CredentialError> {
        if !self.is_whole(paths)? {
            return Ok(unknown_fact());
        }
        let paths = paths.iter().filter(|path| path.is_for(self.ours));
        let found = paths.filter_map(|path| Some((path, path.of(self.claims)?)));
        let mut all: Vec<SmolStr> = Vec::new();
        // Only the first claim with scopes counts, since two could contradict each other; roles may
        // be in several claims.
        for (path, value) in found.take(if spaced { 1 } else { usize::MAX }) {
            let more = texts(Some(value), spaced).ok_or_else(|| bad_claim(path.name()))?;
            all.extend(more);
        }
        Ok(of_texts(all))
    }

    fn add_times(&self, times: &TokenTimes, facts: &mut Record) -> Result<(), CredentialError> {
        let auth_time = if self.is_whole(&[ClaimPath::new("auth_time")])? {
            let at = self.claims.get_present("auth_time");
            at.map(|at| NumericDate::read(at).ok_or_else(|| bad_claim("auth_time")))
                .transpose()?
        } else {
            facts.insert("auth_time", unknown_fact());
            None
        };
        let named = [
            ("not_before", times.begins),
            ("issued", times.issued),
            ("expires", times.expires),
            ("auth_time", auth_time),
        ];
        for (name, at) in named {
            if let Some(at) = at
                && facts.get(name).is_none()
            {
                facts.insert(name, at.to_fact(name)?);
            }
        }
        Ok(())
    }
}

fn of_texts(texts: Vec<SmolStr>) -> Value {
    Value::List(texts.into_iter().map(Value::Text).collect())
}
