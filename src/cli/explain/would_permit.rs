//! Finds which tuple more, or less, would have permitted what is denied.
//!
//! **Problem.** Whoever sees a denial asks next what would change it, and guesses tuples.
//! **Decision.** The relations that the denied legs looked up are the ones that policies asked
//! about. Each is tried as if the tuple were there, or, where a relation held, as if the tuples
//! that show it were not. What permits is told, and first that by which the fewest relations hold:
//! it gives the least away. If no single tuple does, one for each denied leg is tried together. The
//! decisions are the engine's own, here or at a service.
//! **Trade-off.** A relation that follows from others has no tuple of its own, and is not tried;
//! neither is what needs two tuples for one leg.

use super::ExplainedDecision;
use super::assumed_tuples::AssumedTuples;
use crate::model::{Decision, Explanation, LegExplanation, RelationLookup, Tuple, TupleKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// LIMIT: assumptions that are tried: each is a decision, and at a service a request.
const MAX_TRIED: usize = 24;

/// LIMIT: how long is tried: whoever asks waits, and a service may be slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// LIMIT: assumptions that are told.
const MAX_TOLD: usize = 3;

/// An assumption, and the denied legs that it permits.
struct Remedy {
    assumed: AssumedTuples,
    legs: Vec<usize>,
}

/// Returns what would have permitted a denial, the tuples that would be added first. `ask` decides
/// the same question under more assumptions; `None` if it cannot.
pub(super) fn would_permit(
    denied: &ExplainedDecision,
    ask: &mut dyn FnMut(&AssumedTuples) -> Option<ExplainedDecision>,
) -> Vec<AssumedTuples> {
    let Some(explanation) = denied
        .explanation
        .as_ref()
        .filter(|_| denied.decision == Decision::Deny)
    else {
        return Vec::new();
    };
    let denied_legs = denied_legs(explanation);
    let mut found: Vec<(usize, AssumedTuples)> = Vec::new();
    let mut partial: Vec<Remedy> = Vec::new();
    let until = Instant::now() + PATIENCE;
    for assumed in candidates(explanation).into_iter().take(MAX_TRIED) {
        if Instant::now() > until {
            break;
        }
        let Some(answer) = ask(&assumed) else {
            continue;
        };
        if answer.decision == Decision::Permit {
            found.push((held(&answer), assumed));
        } else if let Some(explanation) = &answer.explanation {
            let still = self::denied_legs(explanation);
            let legs = denied_legs.iter().filter(|leg| !still.contains(leg));
            partial.push(Remedy {
                assumed,
                legs: legs.copied().collect(),
            });
        }
    }
    found.sort_by_key(|(held, _)| *held);
    let mut found: Vec<_> = found.into_iter().map(|(_, assumed)| assumed).collect();
    found.truncate(MAX_TOLD);
    if found.is_empty() {
        let together = together(&denied_legs, &partial);
        let permits = |all: &AssumedTuples| {
            ask(all).is_some_and(|answer| answer.decision == Decision::Permit)
        };
        found.extend(together.filter(permits));
    }
    found
}

/// Returns how many of the relations that were looked up hold.
fn held(answer: &ExplainedDecision) -> usize {
    let legs = answer.explanation.iter().flat_map(|it| &it.legs);
    legs.flat_map(|leg| &leg.relations)
        .filter(|lookup| lookup.held)
        .count()
}

/// Returns the positions of the legs that are denied.
fn denied_legs(explanation: &Explanation) -> Vec<usize> {
    let legs = explanation.legs.iter().enumerate();
    legs.filter(|(_, leg)| leg.outcome.decision() == Decision::Deny)
        .map(|(at, _)| at)
        .collect()
}

/// Returns the first remedy of each denied leg, together; `None` if some leg has none.
fn together(denied: &[usize], partial: &[Remedy]) -> Option<AssumedTuples> {
    let mut all = AssumedTuples::default();
    for leg in denied {
        let remedy = partial.iter().find(|remedy| remedy.legs.contains(leg))?;
        let is_known = remedy
            .assumed
            .tuples
            .iter()
            .all(|it| all.tuples.contains(it))
            && remedy
                .assumed
                .without
                .iter()
                .all(|it| all.without.contains(it));
        if !is_known {
            all = all.with(&remedy.assumed);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// Returns what is tried: a tuple for each relation that did not hold on a denied leg, then each
/// tuple by which one held.
fn candidates(explanation: &Explanation) -> Vec<AssumedTuples> {
    let denied = |leg: &&LegExplanation| leg.outcome.decision() == Decision::Deny;
    let lookups = || {
        let legs = explanation.legs.iter().filter(denied);
        legs.flat_map(|leg| &leg.relations)
    };
    let mut found: Vec<AssumedTuples> = Vec::new();
    let more = lookups()
        .filter(|lookup| !lookup.held)
        .filter_map(key_of)
        .map(|key| AssumedTuples {
            tuples: vec![Tuple::from(key)],
            without: Vec::new(),
        });
    let less = lookups()
        .flat_map(|lookup| &lookup.witness)
        .filter_map(|tuple| tuple.parse().ok())
        .map(|key| AssumedTuples {
            tuples: Vec::new(),
            without: vec![key],
        });
    for assumed in more.chain(less) {
        if !found.contains(&assumed) {
            found.push(assumed);
        }
    }
    found
}

/// Returns the tuple that says directly what was looked up; `None` if a part of it is secret.
fn key_of(lookup: &RelationLookup) -> Option<TupleKey> {
    let (object, relation) = lookup.userset.rsplit_once('#')?;
    TupleKey::parse_shown(&lookup.user, relation, object).ok()
}

/// Returns the line about one way to permit.
pub(super) fn line(assumed: &AssumedTuples) -> String {
    format!("would permit: {}", names(assumed).join(" and "))
}

fn names(assumed: &AssumedTuples) -> Vec<String> {
    let more = assumed.tuples.iter().map(|tuple| tuple.key.to_string());
    let less = assumed.without.iter().map(|key| format!("without {key}"));
    more.chain(less).collect()
}

/// Returns all ways as JSON.
pub(super) fn json(all: &[AssumedTuples]) -> Value {
    let one = |assumed: &AssumedTuples| {
        let tuples: Vec<String> = assumed
            .tuples
            .iter()
            .map(|tuple| tuple.key.to_string())
            .collect();
        let without: Vec<String> = assumed.without.iter().map(ToString::to_string).collect();
        json!({"assume": tuples, "without": without})
    };
    all.iter().map(one).collect()
}
