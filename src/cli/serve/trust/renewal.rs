//! Makes the verifier of settings that were read again.
//!
//! INVARIANT: tokens have the facts with which the live bundle was checked. A fact that the
//! settings do not name any more stays until a restart, since a policy that forbids by it would go
//! silent; and a new one is left out until then.

use super::{describe_all, read, token_facts};
use crate::clock::Clock;
use crate::config::Config;
use crate::evidence::{FactRule, Profile, Verifier};
use crate::model::{Problem, Problems};
use smol_str::SmolStr;
use std::sync::Arc;

/// The facts that the live bundle knows, and those of each issuer.
#[derive(Clone, Debug)]
pub(in crate::cli::serve) struct HeldFacts {
    known: Vec<(SmolStr, &'static str)>,
    of_issuers: Vec<(SmolStr, Vec<FactRule>)>,
}

/// The verifier of new settings.
pub(in crate::cli::serve) struct RenewedTrust {
    pub(in crate::cli::serve) verifier: Option<Arc<Verifier>>,
    pub(in crate::cli::serve) facts: HeldFacts,
    /// Whether the facts differ from those that the live bundle knows.
    pub(in crate::cli::serve) needs_restart: bool,
}

impl HeldFacts {
    /// Returns the facts with which the service starts.
    pub(in crate::cli::serve) fn of(config: &Config) -> Result<Self, Problem> {
        let of_issuer = |issuer: &crate::config::IssuerSettings| {
            let facts = issuer.facts.iter().map(super::fact);
            let facts = facts.collect::<Result<_, Problem>>()?;
            Ok((SmolStr::new(&issuer.issuer), facts))
        };
        Ok(Self {
            known: token_facts(config)?,
            of_issuers: config
                .issuers
                .iter()
                .map(of_issuer)
                .collect::<Result<_, Problem>>()?,
        })
    }

    /// Gives an issuer the facts that it can have now. `read` are all that the new settings name.
    fn hold(&self, profile: &mut Profile, read: &[(SmolStr, &'static str)]) {
        let is_in = |all: &[(SmolStr, &'static str)], fact: &FactRule| {
            all.iter()
                .any(|(name, kind)| *name == fact.name && *kind == fact.kind.as_str())
        };
        profile.facts.retain(|fact| is_in(&self.known, fact));
        let before = self
            .of_issuers
            .iter()
            .find(|(issuer, _)| *issuer == profile.issuer);
        for fact in before.into_iter().flat_map(|(_, facts)| facts) {
            let is_there = profile.facts.iter().any(|other| other.name == fact.name);
            if !is_there && !is_in(read, fact) {
                profile.facts.push(fact.clone());
            }
        }
    }
}

/// Makes the verifier of new settings, which takes over what is the same in the one `before`.
pub(in crate::cli::serve) fn renew(
    config: &Config,
    held: &HeldFacts,
    before: Option<&Arc<Verifier>>,
    clock: &Arc<dyn Clock>,
) -> Result<RenewedTrust, Problems> {
    let read_facts = token_facts(config)?;
    let (mut profiles, domains) = read(config)?;
    for (profile, _) in &mut profiles {
        held.hold(profile, &read_facts);
    }
    let of_issuers = profiles.iter();
    let facts = HeldFacts {
        known: held.known.clone(),
        of_issuers: of_issuers
            .map(|(profile, _)| (profile.issuer.clone(), profile.facts.clone()))
            .collect(),
    };
    let verifier = if profiles.is_empty() && domains.is_empty() {
        None
    } else {
        let made = match before {
            Some(before) => before.renew(profiles, domains),
            None => Verifier::start(profiles, domains, Arc::clone(clock)),
        };
        let made = Arc::new(made.map_err(|problems| describe_all(&problems))?);
        // What it knows of tokens already is worth keeping.
        let same = before.filter(|before| before.is_like(&made));
        Some(same.map_or(made, Arc::clone))
    };
    Ok(RenewedTrust {
        verifier,
        needs_restart: read_facts != facts.known,
        facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(facts: serde_json::Value) -> Config {
        let issuer = serde_json::json!({
            "issuer": "https://login.example", "audiences": ["a"], "facts": facts,
        });
        serde_json::from_value(serde_json::json!({"issuers": [issuer]})).unwrap()
    }

    #[test]
    fn tokens_keep_the_facts_that_the_bundle_was_checked_with() {
        let held = HeldFacts::of(&config(
            serde_json::json!({"banned": {"claim": "banned", "type": "Bool"}}),
        ))
        .unwrap();
        for (facts, expected, names) in [
            (
                serde_json::json!({"banned": {"claim": "banned", "type": "Bool"}}),
                false,
                "banned",
            ),
            (
                serde_json::json!({"banned": {"claim": "b", "type": "Bool"}}),
                false,
                "b",
            ),
            (serde_json::json!({}), true, "banned"),
            (serde_json::json!({"banned": "banned"}), true, "banned"),
            (serde_json::json!({"tenant": "tid"}), true, "banned"),
        ] {
            let config = config(facts);
            let read_facts = token_facts(&config).unwrap();
            let mut profile = super::super::profile(&config.issuers[0]).unwrap();
            held.hold(&mut profile, &read_facts);
            assert_eq!(read_facts != held.known, expected, "{config:?}");
            let claims: Vec<_> = profile.facts.iter().map(|fact| &fact.claim).collect();
            assert_eq!(claims, [&crate::evidence::ClaimPath::new(names)]);
            assert_eq!(profile.facts[0].kind.as_str(), "Bool");
        }
    }
}
